"""Calls out of what people and files write."""

import re
from collections.abc import Mapping
from typing import Any, Final

from sipctl.errors import UsageError
from sipctl.telephony.matching.call import Call

_URI: Final = re.compile(r"(?P<scheme>sips?|tel):(?P<rest>.*)\Z", re.IGNORECASE | re.DOTALL)
_BRACKETED: Final = re.compile(r"[^<]*<([^<>]*)>.*\Z", re.DOTALL)
_FIELDS: Final = {
    "id": "id", "to": "to_user", "to_host": "to_host", "from": "from_user", "from_host": "from_host",
    "source_ip": "source_ip", "pin": "pin",
}  # fmt: skip
"""What a file of calls calls the fields of a call."""


def user_and_host(text: str) -> tuple[str, str]:
    """The user and the host of a `sip:`, `sips:` or `tel:` address (RFC 3261 19.1.1, RFC 3966); else all is the user.

    Nothing inside the user is touched: LiveKit compares it byte for byte.
    """
    bracketed = _BRACKETED.match(text)
    uri = _URI.match(bracketed[1] if bracketed else text)
    if uri is None:
        return text, ""
    if uri["scheme"].lower() == "tel":
        return uri["rest"].partition(";")[0], ""
    user, at, host = uri["rest"].rpartition("@")
    bare = re.split(r"[;?]", host, maxsplit=1)[0]
    return user if at else "", re.sub(r":[0-9]*\Z", "", bare)


def call_from_json(row: object, called: str | None = None) -> Call:
    """A call of a file: `to` (default: `called`), `from`, `to_host`, `from_host`, `source_ip`, `pin`, `id`.

    Raises:
        UsageError: it is no object, has another key, or a value is no text.
    """
    if not isinstance(row, Mapping):
        raise UsageError("a call is a JSON object")
    unknown = sorted(str(name) for name in row.keys() - _FIELDS.keys())
    if unknown:
        raise UsageError(f"a call has no {unknown[0]!r}", hint=f"it has {', '.join(_FIELDS)}")
    given: dict[str, Any] = {_FIELDS[name]: value for name, value in row.items() if value is not None}
    wrong = next((name for name, value in row.items() if not isinstance(value, str | None)), None)
    if wrong is not None:
        raise UsageError(f"{wrong} of the call is no text", hint="write numbers and PINs in quotes")
    if "to_user" not in given and called is None:
        raise UsageError("the call has no `to`")
    return Call(**({"to_user": called or ""} | given))
