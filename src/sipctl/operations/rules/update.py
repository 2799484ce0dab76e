"""Changing a rule: named fields, all others kept."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sipctl.operations.change import Change, Writer, unchanged
from sipctl.operations.rules.checks import check_safeguards, refuse_faults
from sipctl.operations.rules.find import get_rule
from sipctl.operations.trunks import inbound_trunk_ids
from sipctl.telephony.amendment import amended_fields
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.ownership import is_open
from sipctl.telephony.pins import check_pin


async def update_requested_rule(writer: Writer, reference: str, edits: Mapping[str, Any]) -> Change:
    """Change a rule as a person asks for; `trunk_ids` may be names or numbers of trunks, too.

    Raises:
        NotFoundError, UsageError: there is no such inbound trunk, or several.
        SafeguardError, ChangedError, ConflictError: as `update_rule`.
    """
    if "trunk_ids" in edits:
        edits = {**edits, "trunk_ids": await inbound_trunk_ids(writer.client, edits["trunk_ids"])}
    return await update_rule(writer, reference, edits)


async def update_rule(writer: Writer, reference: str, edits: Mapping[str, Any], *, as_it_was: bool = False) -> Change:
    """Change the named fields of one rule: read, merge, write the whole, so that nothing else is lost.

    `as_it_was` = the rule was so before: neither its PIN nor what lint says of it is anything new.

    Raises:
        SafeguardError: the rule serves a live room, is foreign or protected, would lose its PIN, or would clash with
            another one, shadow it or be shadowed.
        ChangedError: the rule changed meanwhile.
        ConflictError: another rule takes the same calls.
    """
    before = await get_rule(writer.client, reference)
    after = replace(before, **amended_fields(edits, before))
    identifier = before.sip_dispatch_rule_id
    if after == before:
        return unchanged("rule", identifier, rule_to_json(before), "nothing to change")
    if not as_it_was:
        check_pin(after.pin)
    if is_open(after) and not is_open(before):
        writer.refuse_unless("open", f"without its PIN, rule {identifier} lets every caller into {after.room_name!r}")
    await check_safeguards(writer, before, "update")
    warnings = () if as_it_was else await refuse_faults(writer, before, after)
    change = Change(action="update", kind="rule", id=identifier, before=rule_to_json(before), after=rule_to_json(after))

    async def write() -> tuple[str, Mapping[str, Any]]:
        stored = await writer.client.replace_rule(before, after)
        return identifier, rule_to_json(stored)

    return replace(await writer.carry_out(change, write), warnings=warnings)
