"""Names of someone who wants a shell, a terminal, XML or a spreadsheet to do something else."""

from typing import Final

from hypothesis import strategies as st

HOSTILE: Final = (
    "", " ", "a b", " a ", "; touch x", "$(touch x)", "`touch x`", "&& touch x", "| touch x", "> x", "< x", "&", "it's",
    'say "hi"', "'", '"', "-rf", "--apply", "--", "-", "=ls", "=", "~root", "a=~", "*", "?", "[a]", "{a,b}", "#x", "!!",
    "!x'!y", "a!", "^a^b", "\\", "\\\\", "a\\'b", "a\\nb", "%s", "%%", "100%", "a\nb", "a\n\nb", "\n-x", "a'\nb",
    "a\rb", "\t", "\x1b[31m", "\x7f", "\x9b2J", "\u200b", "\u202emoor", "\u2028", "\ufeff", "\ufffe", "\uffff",
    "%\x1b%", "\\\x1b\\", "-\x1b", "a\x1b1", "!\x1b!", "é", "é\u202e", "🎉", "\U000e0001", "'\x1b'", "$(x)\n`y`",
    "$'x'", "=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "'=1", "''=1", "\uff1d1", "a;=1", "a,b", "]]>", "<a/>",
    "&lt;",
    "<!--", "\x01", "\x0b", "\x85",
)  # fmt: skip
"""Each of them is valid UTF-8 and without NUL, as the words of a command line are."""

WORDS: Final = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.text("\\%'\"\n\r\x1b!-$`a7 ;=,\u202e", max_size=8),
)
"""What a word of a command line can be."""

ANY_TEXT: Final = st.one_of(WORDS, st.text(st.characters(), max_size=12))
"""What Python can hold, lone surrogates and NUL too."""
