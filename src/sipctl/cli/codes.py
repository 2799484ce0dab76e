"""What the codes of findings mean, for people and programs."""

from collections.abc import Iterable
from typing import Final, TypedDict

from sipctl.command_line import CommandLine, prose_text
from sipctl.errors import NotFoundError
from sipctl.findings.codes import CODES
from sipctl.findings.record import Code, page_of
from sipctl.output.formats import Listing, Text


class CodeRow(TypedDict):
    """What a code means; `page` is its page in the documentation."""

    code: str
    level: str
    title: str
    cause: str
    callers: str
    fix: str
    page: str


PRINTS: Final = {"codes": list[CodeRow], "code": CodeRow}


def codes_view(codes: Iterable[str]) -> Listing[Code]:
    """What these codes mean, a line each."""
    return Listing(
        schema="sipctl/codes/v1",
        things="checks",
        items=[CODES[code] for code in codes],
        columns=("code", "level", "what is checked"),
        row=lambda code: (code.code, code.level.value, code.title),
        record=_code_row,
        name=lambda code: code.code,
    )


def code_named(word: str) -> Code:
    """The code that a person means.

    Raises:
        NotFoundError: there is none.
    """
    code = CODES.get(word.upper())
    if code is None:
        raise NotFoundError(f"there is no code {word!r}", hint=(CommandLine.of("doctor", "--list"), " lists them"))
    return code


def code_view(code: Code) -> Text:
    """What one code means."""
    record = _code_row(code)
    text = (
        f"{code.code}: {code.title}\n\n"
        f"Level: {code.level.value}. This finding appears when the statement in its title is not true.\n\n"
        f"Cause: {code.cause}\n\nCallers hear: {code.callers}\n\nFix: {record['fix']}.\n"
    )
    return Text(schema="sipctl/code/v1", text=text, record=record, name=code.code)


def _code_row(code: Code) -> CodeRow:
    return CodeRow(
        code=code.code, level=code.level.value, title=code.title, cause=code.cause, callers=code.callers,
        fix=prose_text(code.fix), page=page_of(code.code),
    )  # fmt: skip
