"""What a server held at one moment, out of LiveKit's own JSON: a snapshot, or the answers of its list methods."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from sipctl.errors import UsageError
from sipctl.telephony.limits import MAX_ITEMS, check_objects, too_many
from sipctl.telephony.livekit_reading import INBOUND, OUTBOUND, ROOM, RULE, read_document, read_objects
from sipctl.telephony.model import DispatchRule, InboundTrunk, OutboundTrunk, Room

_HINT: Final = (
    'a snapshot is {"trunks": […], "rules": […], "rooms": […]} of LiveKit\'s own objects, or one of its lists'
)
_PARTS: Final = ("trunks", "rules", "rooms")
_HEAD: Final = "sipctl"
"""Where an export says what it is; LiveKit has no such name."""

SCHEMA: Final = "sipctl/snapshot/v1"
REAL: Final = "real"
SWAPPED: Final = "swapped"
"""What the head says of the PINs."""

_OURS: Final = frozenset({"sipctl", "turn_password"})
"""What sipctl adds to LiveKit's objects, and what it never reads."""

_MASK: Final = "•"


@dataclass(frozen=True, slots=True)
class Origin:
    """What the head of an export says: of which server it is ("" = it does not say), and whether its PINs are real.

    `is_known` = this version understands the head.
    """

    server: str
    has_real_pins: bool
    is_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Trunks, rules and rooms; None = the snapshot does not say, and has no `origin`.

    `unknown` are the names of fields that this version does not know, and passes over.
    """

    trunks: tuple[InboundTrunk, ...] | None = None
    outbound: tuple[OutboundTrunk, ...] | None = None
    rules: tuple[DispatchRule, ...] | None = None
    rooms: tuple[Room, ...] | None = None
    unknown: tuple[str, ...] = ()
    origin: Origin | None = None


def snapshot_of(value: object) -> Snapshot:
    """One document that is JSON already.

    Raises:
        UsageError: as `read_snapshot`.
    """
    return _merged([_parts(value)])


def read_snapshot(texts: Iterable[str], limit: int = MAX_ITEMS) -> Snapshot:
    """Read documents that together are one snapshot: `{trunks, rules, rooms}`, or answers of LiveKit's list methods.

    Any part may be missing, rooms may be bare names. An empty list answer says that what no other one holds is empty.

    Raises:
        UsageError: one is not JSON or no snapshot, holds what LiveKit would not, its PINs are masked, or there are more
            than `limit` rules, trunks or rooms.
    """
    return _merged((_parts(_json(text, limit)) for text in texts), limit)


def _json(text: str, limit: int) -> object:
    check_objects(text, limit, "items in the snapshot")
    try:
        return read_document(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the snapshot is not JSON: {error}", hint=_HINT) from None


def _merged(documents: Iterable[Iterable[tuple[str, list[Any]]]], limit: int = MAX_ITEMS) -> Snapshot:
    parts: dict[str, list[Any]] = {}
    for name, items in chain.from_iterable(documents):
        if len(parts.setdefault(name, [])) + len(items) > limit:
            raise too_many(limit, f"{name or 'items'} in the snapshot")
        parts[name] += items
    if "" in parts:
        parts = {"trunks": [], "rules": [], **parts}
    return _snapshot(parts)


def _parts(value: object) -> Iterable[tuple[str, list[Any]]]:
    """The lists of one document by their names; "" for an empty list that has none."""
    if not isinstance(value, dict):
        raise UsageError("this is no snapshot", hint=_HINT)
    if "items" in value:
        return _named(value["items"])
    if not value.keys() & set(_PARTS):
        raise UsageError("this is no snapshot", hint=_HINT)
    head = [(_HEAD, [value[_HEAD]])] if _HEAD in value else []
    return [*head, *((name, _list(value[name], name)) for name in _PARTS if value.get(name) is not None)]


def _named(items: Any) -> list[tuple[str, list[Any]]]:  # noqa: ANN401 - any JSON value
    """A list answer under the name of what it holds: each kind of object has an id of its own."""
    first = next(iter(_list(items, "items")), None)
    if first is None:
        return [("", [])]
    if isinstance(first, DispatchRule) and first.sip_dispatch_rule_id:
        return [("rules", items)]
    keys = {key.replace("_", "").lower() for key in first} if isinstance(first, Mapping) else set()
    for key, name in (("sipdispatchruleid", "rules"), ("siptrunkid", "trunks"), ("emptytimeout", "rooms")):
        if key in keys:
            return [(name, items)]
    raise UsageError("the list holds neither dispatch rules, nor trunks, nor rooms", hint=_HINT)


def _list(value: Any, name: str) -> list[Any]:  # noqa: ANN401 - any JSON value
    if not isinstance(value, list):
        raise UsageError(f"{name} of the snapshot is no list", hint=_HINT)
    return value


def _snapshot(parts: Mapping[str, list[Any]]) -> Snapshot:
    unknown: set[str] = set()
    trunks, rules, rooms = (parts.get(name) for name in _PARTS)
    outbound = [one for one in trunks or () if isinstance(one, Mapping) and "address" in one]
    inbound = trunks and [one for one in trunks if not (isinstance(one, Mapping) and "address" in one)]
    snapshot = Snapshot(
        trunks=None if inbound is None else read_objects(inbound, INBOUND, unknown),
        outbound=read_objects(outbound, OUTBOUND, unknown) or None,
        rules=None if rules is None else read_objects(rules, RULE, unknown),
        rooms=None if rooms is None else read_objects(list(map(_room, rooms)), ROOM, unknown),
        unknown=tuple(sorted(unknown - _OURS)),
        origin=next(map(_origin, parts.get(_HEAD, ())), None),
    )
    if any(_MASK in rule.pin for rule in snapshot.rules or ()):
        raise UsageError("the PINs of the snapshot are masked", hint="write it with --show-pins")
    return snapshot


def _origin(head: Any) -> Origin:  # noqa: ANN401 - any JSON value
    says = head if isinstance(head, Mapping) else {}
    schema, pins, server = (says.get(key) for key in ("schema", "pins", "server"))
    is_known = schema == SCHEMA and pins in {REAL, SWAPPED} and isinstance(server or "", str)
    return Origin(server=server or "" if is_known else "", has_real_pins=pins == REAL, is_known=is_known)


def _room(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return {"name": value} if isinstance(value, str) else value
