"""Deleting a rule, and putting it back if its room became live in that moment."""

from sipctl.errors import ChangedError, PartialError, RetiredPinError, SipctlError, surely_without_effect
from sipctl.operations.change import Change, Writer
from sipctl.operations.rules.checks import check_safeguards, live_room_of
from sipctl.operations.rules.create import put_back
from sipctl.operations.rules.find import get_rule
from sipctl.telephony.commands import restore_rule
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.model import DispatchRule


async def delete_rule(writer: Writer, reference: str) -> Change:
    """Delete one rule. Should its room become live in that moment, the rule is put back.

    Raises:
        SafeguardError: the rule serves a live room, is foreign or protected.
        ChangedError: the room became live, and the rule was put back.
        PartialError: the rule was deleted, and then something failed.
    """
    rule = await get_rule(writer.client, reference)
    await check_safeguards(writer, rule, "delete")
    change = Change(action="delete", kind="rule", id=rule.sip_dispatch_rule_id, before=rule_to_json(rule))

    async def write() -> tuple[str, None]:
        await writer.client.delete_rule(rule.sip_dispatch_rule_id)
        return "", None

    if writer.permit.dry_run:
        return change
    try:
        change = await writer.carry_out(change, write)
    except SipctlError as error:
        if not surely_without_effect(error):
            await _put_back_if_live(writer, rule, "may have been deleted")
        raise
    await _put_back_if_live(writer, rule, "was deleted")
    return change


async def _put_back_if_live(writer: Writer, rule: DispatchRule, state: str) -> None:
    """Look once more at the room of a rule that is gone, or may be.

    Raises:
        ChangedError: it became live, and the rule was put back.
        PartialError: that cannot be looked up, or not be done.
    """
    if "live-room" in writer.permit.allow:
        return
    named = f"rule {rule.sip_dispatch_rule_id}"
    restore = restore_rule(rule.sip_dispatch_rule_id)
    try:
        live = await live_room_of(writer.client, rule)
    except SipctlError as error:
        unknown = f"{named} {state}, and whether its room became live meanwhile is not known: {error.message}"
        raise PartialError(unknown, code="not-checked", hint=(restore, " puts it back")) from error
    if live is None:
        return
    try:
        await put_back(writer, rule)
    except SipctlError as error:
        what = "not put back" if surely_without_effect(error) else "whether it was put back is not known"
        lost = f"{named} of live room {live!r} {state}, and {what}: {error.message}"
        lifted = restore.having("--allow", "retired-pin") if isinstance(error, RetiredPinError) else restore
        raise PartialError(lost, code="not-put-back", hint=(lifted, " puts it back")) from error
    raise ChangedError(f"room {live!r} became live: its rule was put back under a new id")
