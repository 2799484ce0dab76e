"""Dispatch rules as they are: which exist, and which one a person means."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sipctl.config.model import Settings
from sipctl.operations.references import pick_one
from sipctl.operations.snapshot import rules_then_rooms
from sipctl.operations.trunks import inbound_trunk_ids
from sipctl.telephony import ids
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import Ownership, is_open

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

SORT_KEYS: Final[Mapping[str, Callable[[DispatchRule], Any]]] = {
    "id": lambda rule: rule.sip_dispatch_rule_id,
    "name": lambda rule: rule.name,
    "room": lambda rule: rule.room_name,
    "created": lambda rule: rule.created_at or "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Which rules to list; everything named must hold. `trunk` keeps the rules that serve calls of that trunk."""

    room: str | None = None
    name: str | None = None
    trunk: str | None = None
    open_only: bool = False
    stale_only: bool = False
    owned_only: bool = False
    foreign_only: bool = False
    sort: str = "id"


async def list_rules(client: "LiveKitClient", settings: Settings, criteria: Criteria) -> Iterator[DispatchRule]:
    """The rules that meet the criteria, in the order asked for.

    Raises:
        NotFoundError, UsageError: no rule has the trunk's id, and there is no such inbound trunk, or several.
    """
    rules: Iterable[DispatchRule]
    rules, rooms = await rules_then_rooms(client) if criteria.stale_only else (await client.list_rules(), [])
    if criteria.trunk is not None:
        rules = list(rules)
        criteria = replace(criteria, trunk=await _trunk_id(client, criteria.trunk, rules))
    chosen = filter(_test(criteria, settings.mark, {room.name for room in rooms}), rules)
    return chosen if criteria.sort == "id" else iter(sorted(chosen, key=SORT_KEYS[criteria.sort]))


async def _trunk_id(client: "LiveKitClient", reference: str, rules: Iterable[DispatchRule]) -> str:
    """The id of a trunk that a person means; rules may have the id of one that is gone."""
    if any(reference in rule.trunk_ids for rule in rules):
        return reference
    return (await inbound_trunk_ids(client, [reference]))[0]


def _test(criteria: Criteria, mark: Ownership, live_rooms: set[str]) -> Callable[[DispatchRule], bool]:
    """One test out of the criteria that are set, so that a plain list of many rules costs nothing more."""
    tests: list[Callable[[DispatchRule], bool]] = []
    if criteria.room is not None:
        tests.append(lambda rule: rule.room_name == criteria.room)
    if criteria.name is not None:
        tests.append(lambda rule: rule.name == criteria.name)
    if criteria.trunk is not None:
        tests.append(lambda rule: not rule.trunk_ids or criteria.trunk in rule.trunk_ids)
    if criteria.open_only:
        tests.append(is_open)
    if criteria.owned_only:
        tests.append(mark.owns)
    if criteria.foreign_only:
        tests.append(lambda rule: not mark.owns(rule))
    if criteria.stale_only:
        tests.append(lambda rule: mark.is_stale(rule, live_rooms))
    return lambda rule: all(test(rule) for test in tests)


async def get_rule(client: "LiveKitClient", reference: str) -> DispatchRule:
    """The one rule with this id; for what does not start as an id does the one with this name, else this room.

    Raises:
        NotFoundError: none.
        UsageError: several.
    """
    names = (
        lambda rule: (rule.sip_dispatch_rule_id,),
        lambda rule: (rule.name,),
        lambda rule: (rule.room_name,),
    )
    rules = list(await client.list_rules())
    return pick_one("dispatch rule", reference, rules, names, "rules", is_id=reference.startswith(ids.RULE))
