"""`sipctl rules restore`."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sipctl.cli.acting import acts, say_how_to_act
from sipctl.cli.command import WritingCommand
from sipctl.cli.endings import finish, shortfall
from sipctl.cli.inputs import EXPORT_LIMIT, named, read_document
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.rows import utc_text
from sipctl.cli.rules.plan_options import MaxDelete, span_of
from sipctl.cli.rules.restore_view import RestoreShape, RestoreView
from sipctl.cli.session import Session
from sipctl.command_line import CommandLine
from sipctl.config.urls import same_server
from sipctl.errors import SafeguardError, SipctlError, UsageError
from sipctl.operations.audit import Entry, utc_now
from sipctl.operations.batch import Attempt, StopSwitch, stopping_on_signals
from sipctl.operations.change import Change, Writer
from sipctl.operations.export import check_origin
from sipctl.operations.history import last_run
from sipctl.operations.restore import (
    Present,
    RestoreAction,
    Step,
    check_steps,
    entries_of,
    plan_restore,
    plan_undo,
    refusals,
    restore,
    rules_before,
)
from sipctl.operations.safeguards import Permit, check_profile
from sipctl.operations.snapshot import rules_then_rooms
from sipctl.telephony.linting.fault import REFUSED
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.naming import counted
from sipctl.telephony.returning import Returning, as_of_today
from sipctl.telephony.snapshot import read_snapshot

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient


ALLOWS: Final = ("foreign", "foreign-export", "live-room", "open", "protected", "retired-pin", *REFUSED)
PRINTS: Final = {"restore": RestoreShape}
KIND: Final = WritingCommand

_LEFT: Final = frozenset({RestoreAction.SKIP, RestoreAction.REFUSE})
"""What a restore leaves as it is."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is restored: changes of the audit by their ids, by their runs, as the last ones of rules; or an export.

    `is_last` = the changes of the last run.
    """

    items: Sequence[str]
    runs: Sequence[str]
    rules: Sequence[str]
    export: Path | None
    is_last: bool

    @property
    def is_one(self) -> bool:
        """Whether it is one change that is named."""
        return len(self.items) + len(self.rules) == 1 and not (self.runs or self.export or self.is_last)

    def check(self) -> None:
        """Refuse what is nothing, or two kinds of things.

        Raises:
            UsageError: it is.
        """
        named = bool(self.items or self.runs or self.rules)
        if [named, bool(self.export), self.is_last].count(True) != 1:
            described = "--last and --from-export go with no other" if named or self.export else "nothing to restore"
            raise UsageError(described, hint="name changes, or give --run, --id, --last or --from-export (one of them)")


def run(
    ctx: typer.Context,
    item: Annotated[
        list[str] | None, typer.Argument(metavar="ITEM", help="Changes to undo, as their `undo` lines name them.")
    ] = None,
    run: Annotated[list[str] | None, typer.Option("--run", metavar="ID", help="Undo a whole run; repeatable.")] = None,
    last: Annotated[bool, typer.Option("--last", help="Undo the last run at this server.")] = False,
    rule: Annotated[
        list[str] | None, typer.Option("--id", metavar="RULE", help="Undo the last change of this rule; repeatable.")
    ] = None,
    from_export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Create what an export holds and LiveKit lacks; - for stdin.")
    ] = None,
    trunk: Annotated[
        list[str] | None, typer.Option("--trunk", metavar="OLD=NEW", help="A trunk that was made again; repeatable.")
    ] = None,
    hold: Annotated[
        str, typer.Option("--hold", metavar="TIME", help="How long purge spares what comes back stale; 0 = not at all.")
    ] = "24h",
    max_delete: MaxDelete = None,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Undo changes of dispatch rules from the audit, or bring back what an export holds.

    One change, or the last one of one rule, is undone at once; of anything else the plan is shown, and --apply carries
    it out. What a run deleted is created again, what it created is deleted, what it changed is changed back; what has
    changed since stays. A write whose outcome no one knows is looked up. A rule comes back with the PIN that its room
    has today; with a PIN that was taken away, or given to another room, it does not (`--allow retired-pin`). An export
    of another server is refused (`--allow foreign-export`), and one whose PINs are swapped always. What comes back
    though its room is not live is spared by purge for a day (`--hold`).

    \b
    Examples:
      sipctl rules restore 5f0c9a7be21d-1
      sipctl rules restore --run 5f0c9a7be21d --apply
      sipctl rules restore --last
      sipctl rules restore --from-export rules.json --trunk ST_old=ST_new
    """
    session = Session.of(ctx)
    permit = session.permit(allow, confirm)
    wanted = _Wanted(item or (), run or (), rule or (), from_export, is_last=last)
    wanted.check()
    mapped, span = _mapped(trunk or ()), span_of("--hold", hold)
    limit = session.settings.purge.max_delete if max_delete is None else max_delete
    applies = acts(session, on_one=wanted.is_one)
    if applies:
        check_profile(session.settings, permit)
    done: list[Attempt[Step, Change]] = []
    with session.lock() if applies else nullcontext():  # no rotation may come between the plan and what it does
        steps = _planned(session, wanted, permit, mapped)
        if applies:
            check_steps(steps, limit)
            done = _carry_out(session, steps, permit)
    run_id = session.journal.run if done else ""
    held_until = _hold_stale(session, done, span) if applies else None
    session.emit(RestoreView(steps, done, run_id, held_until, session.options.show_pins, session.paste))
    if not applies and any(step.action not in _LEFT for step in steps):
        say_how_to_act(session)
    finish(session, _shortfall(done, refusals(steps)) if applies else None)


def _hold_stale(session: Session, done: Sequence[Attempt[Step, Change]], span: timedelta | None) -> datetime | None:
    """Let purge spare the rules that came back stale, and say until when; None = there are none, or it does not."""
    ids = [one.result.id for one in done if one.item.is_stale and one.result]
    if not (ids and span):
        return None
    until = utc_now() + span
    try:
        with closing(session.observations()) as observations:
            observations.hold(ids, until)
    except SipctlError as error:
        session.note(f"note: rules came back whose rooms are not live, and purge may take them again: {error.message}")
        return None
    session.note(
        f"note: {counted(len(ids), 'rule')} came back without a live room: purge spares them until {utc_text(until)}"
    )
    return until


def _shortfall(done: Sequence[Attempt[Step, Change]], refused: Sequence[SafeguardError]) -> SipctlError | None:
    """What the run ends with if some rules were not restored."""
    if refused and not done:
        return _together(refused)
    failed = [one.error for one in done if one.error or not one.begun]
    return shortfall([*failed, *refused], len(done) + len(refused), "steps")


def _together(refused: Sequence[SafeguardError]) -> SafeguardError:
    first = refused[0]
    more = f", and {len(refused) - 1} more" if len(refused) > 1 else ""
    return SafeguardError(f"{first.message}{more}", code=first.code, hint=first.advice)


def _mapped(words: Sequence[str]) -> Mapping[str, str]:
    pairs = [word.partition("=") for word in words]
    wrong = next((old + between + new for old, between, new in pairs if not (old and new)), None)
    if wrong is not None:
        raise UsageError(f"--trunk {wrong!r} is not OLD=NEW", hint="such as --trunk ST_old=ST_new")
    return {old: new for old, _, new in pairs}


def _planned(session: Session, wanted: _Wanted, permit: Permit, mapped: Mapping[str, str]) -> list[Step]:
    """What brings back what is wanted."""
    if wanted.export:
        exported = _exported(session, wanted.export, permit)
        return plan_restore(exported, _present(session, exported, permit, mapped))
    runs = [last_run(session.journal.entries(), session.journal.url)] if wanted.is_last else wanted.runs
    entries = _entries(session, runs=runs, items=wanted.items, rules=wanted.rules)
    return plan_undo(entries, _present(session, rules_before(entries), permit, mapped))


def _present(session: Session, rules: Iterable[DispatchRule], permit: Permit, mapped: Mapping[str, str]) -> Present:
    """What the plan is made against: what exists now, and with which PINs these rules may return."""
    today = session.pins_today([*rules])

    def returning(rule: DispatchRule) -> Returning:
        found = as_of_today(rule, today, session.settings.mark)
        return Returning(rule) if found.objection and "retired-pin" in permit.allow else found

    async def ask(client: "LiveKitClient") -> Present:
        stored, rooms = await rules_then_rooms(client)
        live = frozenset(room.name for room in rooms)
        trunk_ids = [trunk.sip_trunk_id for trunk in await client.list_inbound_trunks()]
        return Present(stored, trunk_ids, mapped, returning, lambda rule: session.settings.mark.is_stale(rule, live))

    return session.livekit(ask)


def _entries(session: Session, *, runs: Sequence[str], items: Sequence[str], rules: Sequence[str]) -> list[Entry]:
    """The writes to undo, all of them made on this server."""
    url = session.settings.connection.url
    entries = entries_of(session.journal.entries(), runs=runs, items=items, rules=rules)
    if elsewhere := next((entry for entry in entries if not same_server(entry.url, url)), None):
        raise UsageError(
            f"change {elsewhere.item} was made at {elsewhere.url}, and this is {url}",
            hint=f"it was profile {elsewhere.profile!r}",
        )
    return entries


def _exported(session: Session, path: Path, permit: Permit) -> Sequence[DispatchRule]:
    """The rules of an export that may be restored here; fields that cannot be written back would be lost."""
    snapshot = read_snapshot([read_document(path, EXPORT_LIMIT)], session.options.max_items)
    note = check_origin(snapshot.origin, named(path), session.settings.connection.url, permit.allow)
    if note:
        session.streams.note(f"note: {note}")
    if snapshot.rules is None:
        raise UsageError(
            f"{path} holds no rules", hint=("it should be what ", CommandLine.of("rules", "export"), " wrote")
        )
    if snapshot.unknown:
        raise UsageError(f"{path} has fields that this version cannot write back: {', '.join(snapshot.unknown)}")
    return snapshot.rules


def _carry_out(session: Session, steps: Sequence[Step], permit: Permit) -> list[Attempt[Step, Change]]:
    settings, switch = session.settings, StopSwitch(check_lock=session.check_lock)

    async def carry(client: "LiveKitClient") -> list[Attempt[Step, Change]]:
        with stopping_on_signals(switch):
            return await restore(Writer(client, settings, permit, session.journal, session.pins_today), steps, switch)

    done = session.livekit(carry)
    session.stopped_by = switch.signal_number
    return done
