"""Creating a rule: exactly one, also while others create the same, and again if its room is live."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sipctl.command_line import CommandLine
from sipctl.errors import ConflictError, NotFoundError, PartialError, SipctlError, UsageError
from sipctl.operations.audit import utc_now
from sipctl.operations.change import Change, Writer, unchanged
from sipctl.operations.rules.checks import refuse_faults
from sipctl.operations.rules.clash import (
    CREATE_TRIES,
    EqualRuleExistsError,
    clashing,
    pause,
    poison_pair,
    refuse_clash,
    timestamp,
)
from sipctl.operations.trunks import inbound_trunk_ids
from sipctl.telephony.commands import restore_change
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.naming import describe_rule
from sipctl.telephony.ownership import is_open
from sipctl.telephony.pins import check_pin

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

PUT_BACK: Final = "put-back"
"""The audit's word for a rule that was created again in the same breath: undoing the deletion covers it."""


async def create_requested_rule(writer: Writer, rule: DispatchRule) -> Change:
    """Store a rule that a person asks for; its `trunk_ids` may be names or numbers of trunks, too.

    Raises:
        NotFoundError, UsageError: there is no such inbound trunk, or several, or the rule leads to no room.
        SafeguardError, ConflictError, UsageError: as `create_rule`.
    """
    if rule.kind is None or (rule.kind is RuleKind.DIRECT and not rule.room_name):
        raise UsageError(
            "the rule has no room to send callers to",
            hint="give `--room NAME`, or write rule.dispatchRuleDirect.roomName",
        )
    return await create_rule(writer, replace(rule, trunk_ids=await inbound_trunk_ids(writer.client, rule.trunk_ids)))


async def create_rule(writer: Writer, rule: DispatchRule, *, as_it_was: bool = False) -> Change:
    """Store a rule; what exists with equal content is success. Ends with exactly one such rule, or an error.

    LiveKit checks and stores without a lock, so two simultaneous creates can both be stored, and every call then
    fails (livekit/livekit pkg/service/sip.go). After a create the rules are listed again; a rule that clashes takes
    the own one back, and it is tried again once no clash is left.

    `as_it_was` = the rule existed before: neither its PIN nor what lint says of it is anything new.

    Raises:
        SafeguardError: the rule has no PIN and `open` is not allowed; it shadows another one or is shadowed.
        ConflictError: another rule takes the same calls.
        UsageError: the PIN is none that a caller can type.
    """
    writer.check_profile()
    if not as_it_was:
        check_pin(rule.pin)
    if is_open(rule):
        writer.refuse_unless("open", f"a rule without a PIN lets every caller into {rule.room_name!r}")
    stamped = replace(rule, created_at=rule.created_at or timestamp(utc_now()))
    try:
        await refuse_clash(writer.client, stamped)
        warnings = () if as_it_was else await refuse_faults(writer, None, stamped)
        made = _creation(stamped) if writer.permit.dry_run else await create_alone(writer, stamped)
        return replace(made, warnings=warnings)
    except EqualRuleExistsError as found:
        return unchanged("rule", found.rule.sip_dispatch_rule_id, rule_to_json(found.rule), "already there")


def _creation(rule: DispatchRule) -> Change:
    return Change(action="create", kind="rule", id="", after=rule_to_json(rule))


async def create_alone(writer: Writer, rule: DispatchRule, *, is_put_back: bool = False) -> Change:
    """Store a rule and make sure that no twin slipped in beside it.

    `is_put_back` = it was deleted though its room is live. A full disk does not keep a live room from its rule: what
    the audit cannot hold is done all the same.

    Raises:
        EqualRuleExistsError: it exists already.
        PoisonPairError: two other rules clash.
        ConflictError: another rule takes the same calls.
        PartialError: it was stored, and then something failed.
    """
    client = writer.client
    for _ in range(CREATE_TRIES):
        try:
            made = await writer.carry_out(
                _creation(rule),
                lambda: _stored(client, rule),
                action=PUT_BACK if is_put_back else "",
                required=not is_put_back,
            )
        except ConflictError:
            await refuse_clash(client, rule)
            if poison := poison_pair(await client.list_rules()):
                raise poison from None
        else:
            twin = await _twin_of(client, replace(rule, sip_dispatch_rule_id=made.id))
            if twin is None:
                return made
            await _withdraw(writer, made, twin, required=not is_put_back)
            await refuse_clash(client, rule)
        await pause()
    raise ConflictError(
        f"gave up after {CREATE_TRIES} tries: others keep creating rules for the same calls",
        hint=(CommandLine.of("rules", "list"), " shows what there is"),
    )


async def _stored(client: "LiveKitClient", rule: DispatchRule) -> tuple[str, Mapping[str, Any]]:
    stored = await client.create_rule(rule)
    return stored.sip_dispatch_rule_id, rule_to_json(stored)


async def _twin_of(client: "LiveKitClient", created: DispatchRule) -> DispatchRule | None:
    """A rule that takes calls of the one that was just created, if there is one.

    Raises:
        PartialError: the rules cannot be listed.
    """
    try:
        return next(iter(clashing(await client.list_rules(), created)), None)
    except SipctlError as error:
        raise PartialError(
            f"rule {created.sip_dispatch_rule_id} was created, and whether another rule takes the same calls is not"
            f" known: {error.message}",
            code="not-checked",
            hint=(CommandLine.of("rules", "lint"), " shows it"),
        ) from error


async def _withdraw(writer: Writer, made: Change, twin: DispatchRule, *, required: bool) -> None:
    """Take back a rule that was just created.

    Raises:
        PartialError: it cannot be taken back.
    """
    try:
        with writer.journal.recorded("withdraw", f"rule {made.id}", made.after, required=required):
            await writer.client.delete_rule(made.id)
    except NotFoundError:
        return
    except SipctlError as error:
        raise PartialError(
            f"rule {made.id} was created beside {describe_rule(twin)}, which takes the same calls, and not taken back:"
            f" {error.message}",
            code="not-withdrawn",
            hint=(restore_change(made.item), " takes it back"),
        ) from error


async def put_back(writer: Writer, rule: DispatchRule) -> str:
    """Create a rule again that was deleted though its room is live; the id of the rule that serves it now.

    Its PIN is the one that its room has today.

    Raises:
        RetiredPinError: the room has none, and the rule's was taken away or is another room's.
        SipctlError: it cannot be made.
    """
    rule = writer.as_of_today(rule)
    stamped = replace(rule, sip_dispatch_rule_id="", created_at=rule.created_at or timestamp(utc_now()))
    try:
        return (await create_alone(writer, stamped, is_put_back=True)).id
    except EqualRuleExistsError as found:
        return found.rule.sip_dispatch_rule_id
