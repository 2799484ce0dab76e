"""Phone numbers by the rules of their country."""

import importlib
from functools import cache
from typing import Any


@cache
def _library() -> Any:  # noqa: ANN401 - a module
    """The library phonenumbers, once a number is read: it takes longer to load than most commands take to run."""
    return importlib.import_module("phonenumbers")


def _parsed(number: str, region: str | None = None) -> Any | None:  # noqa: ANN401 - the library's own object
    """The number as the library reads it, dialled in this ISO 3166 region; None if it cannot be one."""
    try:
        return _library().parse(number, None if region is None else region.upper())
    except _library().NumberParseException:
        return None


def to_e164(number: str, region: str) -> str | None:
    """The number in E.164 ("+33123456789"), read as dialled in this ISO 3166 region; None if it cannot be one."""
    parsed = _parsed(number, region)
    return None if parsed is None else str(_library().format_number(parsed, _library().PhoneNumberFormat.E164))


def is_e164(number: str) -> bool:
    """Whether the text is a possible number in E.164, exactly as a provider sends it."""
    return number.startswith("+") and to_e164(number, "ZZ") == number


def is_valid(number: str, region: str) -> bool:
    """Whether the number is one that its country assigns."""
    parsed = _parsed(number, region)
    return parsed is not None and bool(_library().is_valid_number(parsed))


def has_extension(number: str, region: str) -> bool:
    """Whether the text names an extension behind the number."""
    parsed = _parsed(number, region)
    return parsed is not None and bool(parsed.extension)


def is_region(code: str) -> bool:
    """Whether numbers exist for this ISO 3166 code, in either case."""
    return code.upper() in _library().SUPPORTED_REGIONS


def region_of(number: str) -> str | None:
    """The ISO 3166 region of a number in E.164; None if it is none, or of no one country."""
    parsed = _parsed(number)
    return None if parsed is None else _library().region_code_for_number(parsed)
