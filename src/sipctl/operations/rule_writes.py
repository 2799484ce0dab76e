"""Writing dispatch rules: create, update, delete, and undo any of them."""

import asyncio
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sipctl.command_line import CommandLine
from sipctl.errors import (
    ChangedError,
    ConflictError,
    NotFoundError,
    PartialError,
    PoisonPairError,
    RetiredPinError,
    SipctlError,
    surely_without_effect,
)
from sipctl.operations.audit import utc_now
from sipctl.operations.change import Change, Writer, unchanged
from sipctl.operations.rules import get_rule
from sipctl.operations.trunks import inbound_trunk_ids
from sipctl.telephony.commands import restore_change, restore_rule
from sipctl.telephony.linting.fault import CLASH, REFUSED
from sipctl.telephony.linting.lints import faults_of
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.naming import describe_rule
from sipctl.telephony.ownership import is_open, serves
from sipctl.telephony.pins import check_pin
from sipctl.telephony.ruleset import rule_conflicts, rule_keys
from sipctl.telephony.site import Site

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

CREATE_TRIES: Final = 3
PUT_BACK: Final = "put-back"
"""The audit's word for a rule that was created again in the same breath: undoing the deletion covers it."""

NEW: Final = "SDR_new"
"""Stands for the id that a rule does not have yet."""

_PAUSE_S: Final = (0.05, 0.5)
_SETTLED: Final = timedelta(seconds=10)


async def create_requested_rule(writer: Writer, rule: DispatchRule) -> Change:
    """Store a rule that a person asks for; its `trunk_ids` may be names or numbers of trunks, too.

    Raises:
        NotFoundError, UsageError: there is no such inbound trunk, or several.
        SafeguardError, ConflictError, UsageError: as `create_rule`.
    """
    return await create_rule(writer, replace(rule, trunk_ids=await inbound_trunk_ids(writer.client, rule.trunk_ids)))


async def update_requested_rule(writer: Writer, reference: str, edits: Mapping[str, Any]) -> Change:
    """Change a rule as a person asks for; `trunk_ids` may be names or numbers of trunks, too.

    Raises:
        NotFoundError, UsageError: there is no such inbound trunk, or several.
        SafeguardError, ChangedError, ConflictError: as `update_rule`.
    """
    if "trunk_ids" in edits:
        edits = {**edits, "trunk_ids": await inbound_trunk_ids(writer.client, edits["trunk_ids"])}
    return await update_rule(writer, reference, edits)


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
        await _refuse_clash(writer.client, stamped)
        if not as_it_was:
            await _refuse_faults(writer, None, stamped)
        return _creation(stamped) if writer.permit.dry_run else await create_alone(writer, stamped)
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
            await _refuse_clash(client, rule)
            if poison := poison_pair(await client.list_rules()):
                raise poison from None
        else:
            twin = await _twin_of(client, replace(rule, sip_dispatch_rule_id=made.id))
            if twin is None:
                return made
            await _withdraw(writer, made, twin, required=not is_put_back)
            await _refuse_clash(client, rule)
        await _pause()
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
        return next(iter(_clashes(await client.list_rules(), created)), None)
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


class EqualRuleExistsError(ConflictError):
    """A rule of equal content exists already: what was wanted is there."""

    def __init__(self, rule: DispatchRule) -> None:
        super().__init__(f"rule {rule.sip_dispatch_rule_id} is equal already")
        self.rule = rule


def _clashes(stored: Iterable[DispatchRule], rule: DispatchRule) -> list[DispatchRule]:
    """The other stored rules that take calls of this one."""
    keys = set(rule_keys(rule))
    others = (other for other in stored if other.sip_dispatch_rule_id != rule.sip_dispatch_rule_id)
    return [other for other in others if not keys.isdisjoint(rule_keys(other))]


async def _refuse_clash(client: "LiveKitClient", rule: DispatchRule) -> None:
    clashes: list[DispatchRule] = []
    for _ in range(CREATE_TRIES):
        clashes = _clashes(await client.list_rules(), rule)
        equal = next((other for other in clashes if without_marks(other) == without_marks(rule)), None)
        if equal is None:
            break
        if await _stays(client, equal):
            raise EqualRuleExistsError(equal)
    if clashes:
        show = CommandLine.of("rules", "show").on(clashes[0].sip_dispatch_rule_id)
        raise ConflictError(
            f"rule {clashes[0].sip_dispatch_rule_id} ({clashes[0].name or 'unnamed'}, room {clashes[0].room_name!r})"
            " already takes calls with this trunk, number and PIN",
            hint=(show, " shows it; choose another PIN, or delete it"),
        )


async def _refuse_faults(writer: Writer, before: DispatchRule | None, after: DispatchRule) -> None:
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


def poison_pair(rules: Iterable[DispatchRule]) -> PoisonPairError | None:
    """What keeps LiveKit from storing any rule: two that clash, for it checks all of them at each create.

    See livekit/protocol sip/sip.go.
    """
    conflict = next(rule_conflicts(sorted(rules, key=lambda rule: rule.sip_dispatch_rule_id)), None)
    if conflict is None:
        return None
    first, second = (
        f"{rule.sip_dispatch_rule_id} (room {rule.room_name!r})" for rule in (conflict.first, conflict.second)
    )
    return PoisonPairError(
        f"the stored rules {first} and {second} take the same calls: LiveKit refuses every new rule until one goes",
        hint=(CommandLine.of("rules", "sync"), " shows what puts them right; or delete one of them"),
    )


async def _stays(client: "LiveKitClient", rule: DispatchRule) -> bool:
    """Whether a rule is there for good: one that was made just now may be taken back by the run that made it."""
    if rule.created_at and rule.created_at < timestamp(utc_now() - _SETTLED):
        return True
    await _pause()
    return any(await client.list_rules([rule.sip_dispatch_rule_id]))


async def _pause() -> None:
    await asyncio.sleep(random.uniform(*_PAUSE_S))  # noqa: S311 - a pause, not a secret


def without_marks(rule: DispatchRule) -> DispatchRule:
    """What makes two rules the same: all but the id, the times, and the empty `media` that LiveKit adds."""
    trunk_ids = tuple(sorted(rule.trunk_ids))
    return replace(rule, sip_dispatch_rule_id="", trunk_ids=trunk_ids, media=None, created_at=None, updated_at=None)


def timestamp(when: datetime) -> str:
    """A time as LiveKit's JSON has it, to the second."""
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


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
    after = replace(before, **edits)
    identifier = before.sip_dispatch_rule_id
    if after == before:
        return unchanged("rule", identifier, rule_to_json(before), "nothing to change")
    if not as_it_was:
        check_pin(after.pin)
    if is_open(after) and not is_open(before):
        writer.refuse_unless("open", f"without its PIN, rule {identifier} lets every caller into {after.room_name!r}")
    await _check_safeguards(writer, before, "update")
    if not as_it_was:
        await _refuse_faults(writer, before, after)
    change = Change(action="update", kind="rule", id=identifier, before=rule_to_json(before), after=rule_to_json(after))

    async def write() -> tuple[str, Mapping[str, Any]]:
        stored = await writer.client.replace_rule(before, after)
        return identifier, rule_to_json(stored)

    return await writer.carry_out(change, write)


async def delete_rule(writer: Writer, reference: str) -> Change:
    """Delete one rule. Should its room become live in that moment, the rule is put back.

    Raises:
        SafeguardError: the rule serves a live room, is foreign or protected.
        ChangedError: the room became live, and the rule was put back.
        PartialError: the rule was deleted, and then something failed.
    """
    rule = await get_rule(writer.client, reference)
    await _check_safeguards(writer, rule, "delete")
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
        live = await _live_room_of(writer.client, rule)
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


async def _check_safeguards(writer: Writer, rule: DispatchRule, verb: str) -> None:
    identifier = rule.sip_dispatch_rule_id
    writer.check_protected(f"{verb} rule {identifier}", identifier, rule.name, rule.room_name)
    if not writer.settings.mark.owns(rule):
        writer.refuse_unless(
            "foreign", f"will not {verb} rule {identifier}: its name {rule.name!r} is not this profile's mark"
        )
    if "live-room" not in writer.permit.allow and (room := await _live_room_of(writer.client, rule)):
        writer.refuse_unless("live-room", f"will not {verb} rule {identifier}: room {room!r} is live")


async def _live_room_of(client: "LiveKitClient", rule: DispatchRule) -> str | None:
    rooms = sorted(room.name for room in await client.list_rooms() if serves(rule, room.name))
    return rooms[0] if rooms else None
