"""The commands that undo a change or a deletion of an inbound trunk, out of what it was, in LiveKit's JSON shape."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sipctl.command_line import CommandLine

_LISTS: Final = {"numbers": "number", "allowed_addresses": "allowed-address", "allowed_numbers": "caller"}
_TEXTS: Final = {"name": "name", "auth_username": "auth-username"}
_MARKS: Final = frozenset({"sip_trunk_id", "created_at", "updated_at", "auth_password", "media"})
"""What LiveKit gives a trunk itself, and what no one may read."""
_DEFAULTS: Final = ("SIP_NO_HEADERS", "SIP_STATUS_UNKNOWN", "SIP_MEDIA_ENCRYPT_DISABLE")


def undo_update(before: Mapping[str, Any], after: Mapping[str, Any]) -> CommandLine | None:
    """Changes the trunk back; None if an option is missing for it. A password is no one's to give back."""
    changed = [name for name in {**before, **after}.keys() - _MARKS if before.get(name) != after.get(name)]
    if not changed or not set(changed) <= _LISTS.keys() | _TEXTS.keys():
        return None
    words = [word for name in sorted(changed) for word in _words(name, before[name], clears=True)]
    return CommandLine.of("trunk", "update").on(str(before["sip_trunk_id"])).having(*words)


def undo_delete(before: Mapping[str, Any]) -> CommandLine | None:
    """Makes an equal trunk, with a new id; None if an option is missing for it. Its password is asked for."""
    if "allowed_addresses" not in before:
        return None  # calls go out by it
    others = before.keys() - _MARKS - _LISTS.keys() - _TEXTS.keys()
    if any(before[name] and before[name] not in _DEFAULTS for name in others):
        return None
    words = [word for name in (*_TEXTS, *_LISTS) for word in _words(name, before[name], clears=False)]
    password = ("--password-stdin",) if before["auth_password"] else ()
    return CommandLine.of("trunk", "create").having(*words, *password)


def _words(name: str, value: Any, *, clears: bool) -> Iterator[str]:  # noqa: ANN401 - a text or a list of texts
    """The options that give a field this value; one that is empty needs an option only where it `clears` another."""
    if name in _TEXTS:
        if value or clears:
            yield from (f"--{_TEXTS[name]}", value)
        return
    for one in value:
        yield from (f"--{_LISTS[name]}", one)
    if not value and clears:
        yield f"--any-{_LISTS[name]}"
