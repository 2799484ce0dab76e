"""What stops a write of a rule: faults that it would bring about, and safeguards."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sipctl.errors import ConflictError
from sipctl.operations.change import Writer
from sipctl.telephony.linting.fault import CLASH, REFUSED
from sipctl.telephony.linting.lints import faults_of
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import serves
from sipctl.telephony.site import Site

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

NEW: Final = "SDR_new"
"""Stands for the id that a rule does not have yet."""


async def refuse_faults(writer: Writer, before: DispatchRule | None, after: DispatchRule) -> None:
    """Lint what the rules would be, and stop at a fault that they do not have now.

    LiveKit checks an update only against the rules of its new trunks, and never whether a rule can win.

    Raises:
        SafeguardError, ConflictError: there is one, and its code is not allowed.
    """
    rules, trunks = list(await writer.client.list_rules()), await writer.client.list_inbound_trunks()
    kept = [rule for rule in rules if before is None or rule.sip_dispatch_rule_id != before.sip_dispatch_rule_id]
    written = replace(after, sip_dispatch_rule_id=after.sip_dispatch_rule_id or NEW)
    now, then = (Site(lists=WholeLists(trunks, some), mark=writer.settings.mark) for some in (rules, [*kept, written]))
    known = {fault.identity for fault in faults_of(now, REFUSED)}
    for fault in faults_of(then, REFUSED):
        if fault.identity in known:
            continue
        if fault.code == CLASH and CLASH not in writer.permit.allow:
            raise ConflictError(fault.detail, hint="choose another PIN, trunk or number")
        writer.refuse_unless(fault.code, fault.detail)


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
