"""What stops a write of a rule: faults that it would bring about, and safeguards."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from sipctl.config.model import Settings
from sipctl.operations.advertised import advertised_number
from sipctl.operations.change import Writer
from sipctl.operations.faults import judge
from sipctl.telephony.linting.fault import DESCRIBED, REFUSED
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.naming import describe_rule
from sipctl.telephony.ownership import serves
from sipctl.telephony.pins import weakness
from sipctl.telephony.site import Site

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

NEW: Final = "SDR_new"
"""Stands for the id that a rule does not have yet."""


async def refuse_faults(writer: Writer, before: DispatchRule | None, after: DispatchRule) -> tuple[str, ...]:
    """Lint what the rules would be, and stop at an error that they do not have now; the warnings, a line each.

    LiveKit checks an update only against the rules of its new trunks, and never whether a rule can win.

    Raises:
        SafeguardError, ConflictError: there is one, and its code is not allowed.
    """
    rules, trunks = list(await writer.client.list_rules()), await writer.client.list_inbound_trunks()
    kept = [rule for rule in rules if before is None or rule.sip_dispatch_rule_id != before.sip_dispatch_rule_id]
    written = replace(after, sip_dispatch_rule_id=after.sip_dispatch_rule_id or NEW)
    number = advertised_number(writer.settings)
    now, then = (
        Site(lists=WholeLists(trunks, some), mark=writer.settings.mark, number=number)
        for some in (rules, [*kept, written])
    )
    warnings = [*judge(writer, now, then, (*REFUSED, *DESCRIBED)), *_unlike_the_policy(writer.settings, before, after)]
    if before is None and (beside := await _beside(writer.client, rules, after)):
        warnings.append(beside)
    return tuple(warnings)


def _unlike_the_policy(settings: Settings, before: DispatchRule | None, after: DispatchRule) -> Iterator[str]:
    """What the settings say against a new PIN that a person chose."""
    pin, telephony, registry = after.pin, settings.telephony, settings.registry
    if not pin or (before and before.pin == pin):
        return
    if "ROOM_TELEPHONY_PIN_LENGTH" in telephony.given and len(pin) != telephony.pin_length:
        yield f"PIN502: the PIN has {len(pin)} digits, and ROOM_TELEPHONY_PIN_LENGTH is {telephony.pin_length}"
    if not registry.leading_zero and pin.startswith("0"):
        yield "the PIN begins with 0, which registry.leading_zero = false rules out: some carriers swallow it"
    if not registry.doubles and any(one == other for one, other in pairwise(pin)):
        yield "the PIN repeats a digit, which registry.doubles = false rules out: some carriers swallow one"
    if reason := weakness(pin, telephony.phone_number or ""):
        yield f"PIN507: the PIN is easy to guess: {reason}"


async def _beside(client: "LiveKitClient", rules: Iterable[DispatchRule], rule: DispatchRule) -> str:
    """That a live room has a rule already; "" = it has none, or is not live."""
    same = (one for one in rules if serves(one, rule.room_name) and rule.kind is RuleKind.DIRECT)
    other = next(same, None)
    if other is None or not await live_room_of(client, rule):
        return ""
    return f"RUL411: room {rule.room_name!r} is live, and {describe_rule(other)} leads there already"


async def check_safeguards(writer: Writer, rule: DispatchRule, verb: str) -> None:
    """Stop before the rule of a live room, a foreign or a protected one.

    Raises:
        SafeguardError: it is one of these, and its word is not allowed.
    """
    identifier = rule.sip_dispatch_rule_id
    writer.check_protected(f"{verb} rule {identifier}", identifier, rule.name, rule.room_name)
    if not writer.settings.mark.owns(rule):
        writer.refuse_unless(
            "foreign", f"will not {verb} rule {identifier}: its name {rule.name!r} is not this profile's mark"
        )
    if "live-room" not in writer.permit.allow and (room := await live_room_of(writer.client, rule)):
        writer.refuse_unless("live-room", f"will not {verb} rule {identifier}: room {room!r} is live")


async def live_room_of(client: "LiveKitClient", rule: DispatchRule) -> str | None:
    """The first live room that a rule serves; None if there is none."""
    rooms = sorted(room.name for room in await client.list_rooms() if serves(rule, room.name))
    return rooms[0] if rooms else None
