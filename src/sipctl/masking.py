"""Secrets masked in text that may be shown: in addresses, and in what libraries and servers say."""

import re
from typing import Final

MASK: Final = "********"

_BEFORE_HOST: Final = re.compile(r"^([^/@]*//)?.*@", re.DOTALL)
_AFTER_PATH: Final = re.compile(r"[?#].+", re.DOTALL)
_WORD: Final = re.compile(r"\S+")
_SCHEME: Final = re.compile(r"[A-Za-z0-9+.-]*\Z")
_PUNCTUATION: Final = "\"'`),.;:]>}"
"""Between an address and the next word it belongs to the sentence."""
_NAMED: Final = re.compile(
    r"((?:password|passwd|passphrase|secret|token|api[_-]?key|authorization|credential)[\w-]{0,30}[\"']?\s{0,8}[=:]\s{0,8})"
    r"(?:(?:bearer|basic)\s+)?(?:\"[^\"]*\"?|'[^']*'?|[^\s,;&}\])]+)",
    re.IGNORECASE,
)
"""A value behind the name of a secret, as `password=x`, `"token": "x"` and `Authorization: Bearer x` have it."""
_TOKEN: Final = re.compile(r"\beyJ[\w-]+(?:\.[\w-]*)*")
"""A JSON Web Token, or the start of one."""
_LONGEST: Final = 300


def shown_url(text: str) -> str:
    """An address as it may be shown: nothing before an @, and no query or fragment.

    A password may hold whatever an address has elsewhere, if no one escaped it, so the last @ of all counts.
    """
    return _AFTER_PATH.sub(lambda rest: f"{rest[0][0]}{MASK}", _BEFORE_HOST.sub(rf"\g<1>{MASK}@", text))


def shown_urls(text: str) -> str:
    """A text of ours, each address in it as `shown_url` shows it."""
    return _WORD.sub(lambda word: _from_scheme(word[0]), text) if "://" in text else text


def shown_words(text: str) -> str:
    """What a server or a library says, as it may be shown: short, and without what it tells of logins and secrets."""
    described = _WORD.sub(lambda word: _with_login(word[0]), shown_urls(text))
    described = _NAMED.sub(rf"\g<1>{MASK}", _TOKEN.sub(MASK, described))
    return described if len(described) <= _LONGEST else f"{described[: _LONGEST - 1]}…"


def _from_scheme(word: str) -> str:
    before, mark, behind = word.partition("://")
    found = _SCHEME.search(before)
    if not (mark and found):
        return word
    address = f"{found[0]}://{behind}"
    kept = address.rstrip(_PUNCTUATION)
    return f"{before[: found.start()]}{shown_url(kept)}{address[len(kept) :]}"


def _with_login(word: str) -> str:
    """A word that is `user:password@host`."""
    return shown_url(word) if "://" not in word and ":" in word.rpartition("@")[0] else word
