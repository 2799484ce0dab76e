"""What a line of an event file means: an event, something else of a recording, or nothing.

Bodies are kept as the bytes that they are: a signature is over bytes, and JSON that is written anew has other ones.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NotRequired, TypedDict

from sipctl.errors import UsageError
from sipctl.webhooks.event import Event, head_of, read_head

_OF_LOGS: Final = frozenset({"server_log", "action", "scenario", "msg", "level", "forwarded", "left_out"})
"""Keys of lines that are about something else: the actions and logs of a recording, and LiveKit's own log."""


class EventLine(TypedDict):
    """A delivery, a line of a file; `body` alone is needed.

    `body` is the exact text, `body_base64` takes its place where it is not UTF-8. `received_at` is RFC 3339 UTC,
    `t_offset_ms` counts from the start of the recording. `verified` is "ok", or the step at which it was refused.
    """

    n: NotRequired[int]
    received_at: NotRequired[str]
    t_offset_ms: NotRequired[float]
    method: NotRequired[str]
    path: NotRequired[str]
    peer: NotRequired[str]
    verified: NotRequired[str]
    headers: NotRequired[dict[str, str]]
    body: NotRequired[str]
    body_base64: NotRequired[str]


def read_line(text: bytes, place: str) -> Event | None:
    """The event of a line; None for a line about something else.

    Raises:
        UsageError: the line is no JSON object, or no event although it has a body.
    """
    try:
        value = json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"not UTF-8 (byte {error.start})") from None
    except ValueError as error:
        raise UsageError(f"not JSON: {error}") from None
    except RecursionError:
        raise UsageError("not JSON: nested too deep") from None
    return read_value(value, text.strip().removeprefix(b"\xef\xbb\xbf"), place)


def read_value(value: Any, text: bytes, place: str) -> Event | None:  # noqa: ANN401 - any JSON
    """The event of a JSON value that a file holds as this `text`; None for one about something else.

    Raises:
        UsageError: as of a line.
    """
    if not isinstance(value, dict):
        raise UsageError("no JSON object")
    if "body" in value or "body_base64" in value:
        return _recorded(value, place)
    if _OF_LOGS & value.keys():
        return None
    head = read_head(value)
    if head is None:
        raise UsageError("neither an event nor a line of a recording")
    return Event(body=text, head=head, place=place)


def _recorded(line: Mapping[str, Any], place: str) -> Event | None:
    if str(line.get("method", "POST")).upper() != "POST":
        return None  # what a redirect made of a POST has no body
    body = _body(line)
    head = head_of(body)
    if head is None:
        raise UsageError("its body is no event")
    return Event(
        body=body,
        head=head,
        place=place,
        authorization=_authorization(line.get("headers")),
        received_at=_time(line.get("received_at")),
        offset_s=_seconds(line.get("t_offset_ms")),
        number=line["n"] if isinstance(line.get("n"), int) else None,
    )


def _body(line: Mapping[str, Any]) -> bytes:
    if isinstance(line.get("body"), str):
        try:
            return str(line["body"]).encode()
        except UnicodeEncodeError:
            raise UsageError("its body is no Unicode text") from None
    try:
        return base64.b64decode(line["body_base64"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise UsageError("its body is no text, so its exact bytes are not known") from None


def _authorization(headers: Any) -> str:  # noqa: ANN401 - any JSON
    """The token of a line's headers, whatever the case of their names; "" = none."""
    pairs = headers.items() if isinstance(headers, dict) else ()
    return next((value for name, value in pairs if name.lower() == "authorization" and isinstance(value, str)), "")


def _time(value: Any) -> float | None:  # noqa: ANN401 - any JSON
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.timestamp() if moment.tzinfo else None


def _seconds(value: Any) -> float | None:  # noqa: ANN401 - any JSON
    return value / 1000 if isinstance(value, int | float) and abs(value) < 1e15 else None
