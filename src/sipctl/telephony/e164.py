"""Phone numbers by the rules of their country."""

import phonenumbers


def to_e164(number: str, region: str) -> str | None:
    """The number in E.164 ("+33123456789"), read as dialled in this ISO 3166 region; None if it cannot be one."""
    try:
        parsed = phonenumbers.parse(number, region.upper())
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def is_e164(number: str) -> bool:
    """Whether the text is a possible number in E.164, exactly as a provider sends it."""
    return number.startswith("+") and to_e164(number, "ZZ") == number


def is_valid(number: str, region: str) -> bool:
    """Whether the number is one that its country assigns."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region.upper()))
    except phonenumbers.NumberParseException:
        return False


def has_extension(number: str, region: str) -> bool:
    """Whether the text names an extension behind the number."""
    try:
        return bool(phonenumbers.parse(number, region.upper()).extension)
    except phonenumbers.NumberParseException:
        return False


def is_region(code: str) -> bool:
    """Whether numbers exist for this ISO 3166 code, in either case."""
    return code.upper() in phonenumbers.SUPPORTED_REGIONS


def region_of(number: str) -> str | None:
    """The ISO 3166 region of a number in E.164; None if it is none, or of no one country."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return None
