"""`sipctl rules restore`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypedDict

import typer

from sipctl.cli.acting import acts, say_how_to_act
from sipctl.cli.command import WritingCommand
from sipctl.cli.endings import finish, shortfall
from sipctl.cli.inputs import EXPORT_LIMIT, named, read_document
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.rows import shown_pin
from sipctl.cli.rules.plan_options import MaxDelete
from sipctl.cli.session import Session
from sipctl.command_line import CommandLine
from sipctl.config.urls import same_server
from sipctl.errors import PartialError, SafeguardError, SipctlError, UsageError, surely_without_effect
from sipctl.operations.audit import Entry
from sipctl.operations.batch import Attempt, StopSwitch, stopping_on_signals
from sipctl.operations.change import Change, Writer
from sipctl.operations.export import check_origin
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
from sipctl.output.formats import Listing, encode_json
from sipctl.output.streams import Streams
from sipctl.telephony.commands import restore_run
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.returning import Returning, as_of_today
from sipctl.telephony.snapshot import read_snapshot

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient


class RestoreItem(TypedDict):
    """A rule that is restored; `result` is "" for what was only planned, skipped, or refused."""

    action: Literal["create", "delete", "update", "skip", "refuse"]
    sip_dispatch_rule_id: str
    room: str
    pin: str
    why: str
    result: str


class RestoreShape(TypedDict):
    """A restore; `run` is its id in the audit, "" if it only planned."""

    schema: Literal["sipctl/restore/v1"]
    run: str
    undo: str
    items: list[RestoreItem]


PRINTS: Final = {"restore": RestoreShape}
KIND: Final = WritingCommand

_LEFT: Final = frozenset({RestoreAction.SKIP, RestoreAction.REFUSE})
"""What a restore leaves as it is."""


def run(
    ctx: typer.Context,
    item: Annotated[
        list[str] | None, typer.Argument(metavar="[ITEM]...", help="Changes to undo, as their `undo` lines name them.")
    ] = None,
    run: Annotated[list[str] | None, typer.Option("--run", metavar="ID", help="Undo a whole run; repeatable.")] = None,
    rule: Annotated[
        list[str] | None, typer.Option("--id", metavar="RULE", help="Undo the last change of this rule; repeatable.")
    ] = None,
    from_export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Create what an export holds and LiveKit lacks; - for stdin.")
    ] = None,
    trunk: Annotated[
        list[str] | None, typer.Option("--trunk", metavar="OLD=NEW", help="A trunk that was made again; repeatable.")
    ] = None,
    max_delete: MaxDelete = None,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Undo changes of dispatch rules from the audit, or bring back what an export holds.

    One change, or the last one of one rule, is undone at once; of anything else the plan is shown, and --apply carries
    it out. What a run deleted is created again, what it created is deleted, what it changed is changed back; what has
    changed since stays. A write whose outcome no one knows is looked up. A rule comes back with the PIN that its room
    has today; with a PIN that was taken away, or given to another room, it does not (`--allow retired-pin`). An export
    of another server is refused (`--allow foreign-export`), and one whose PINs are swapped always.

    \b
    Examples:
      sipctl rules restore 5f0c9a7be21d-1
      sipctl rules restore --run 5f0c9a7be21d --apply
      sipctl rules restore --from-export rules.json --trunk ST_old=ST_new
    """
    session = Session.of(ctx)
    permit = session.permit(allow, confirm)
    if bool(item or run or rule) == bool(from_export):
        described = "--from-export goes with no change of the audit" if from_export else "nothing to restore"
        raise UsageError(described, hint="name changes, or give --run, --id or --from-export (one of them)")
    mapped = _mapped(trunk or ())
    limit = session.settings.purge.max_delete if max_delete is None else max_delete
    applies = acts(session, on_one=_names_one(items=item or (), rules=rule or (), others=run or from_export))
    if applies:
        check_profile(session.settings, permit)
    done: list[Attempt[Step, Change]] = []
    with session.lock() if applies else nullcontext():  # no rotation may come between the plan and what it does
        if from_export:
            exported = _exported(session, from_export, permit)
            steps = plan_restore(exported, _present(session, exported, permit, mapped))
        else:
            entries = _entries(session, runs=run or (), items=item or (), rules=rule or ())
            steps = plan_undo(entries, _present(session, rules_before(entries), permit, mapped))
        if applies:
            check_steps(steps, limit)
            done = _carry_out(session, steps, permit)
    session.emit(
        _RestoreView(steps, done, session.journal.run if done else "", session.options.show_pins, session.paste)
    )
    if not applies and any(step.action not in _LEFT for step in steps):
        say_how_to_act(session)
    finish(session, _shortfall(done, refusals(steps)) if applies else None)


def _names_one(*, items: Sequence[str], rules: Sequence[str], others: object) -> bool:
    """Whether one change is undone that is named: by its id, or as the last one of a rule."""
    return len(items) + len(rules) == 1 and not others


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


def _present(session: Session, rules: Iterable[DispatchRule], permit: Permit, mapped: Mapping[str, str]) -> Present:
    """What the plan is made against: what exists now, and with which PINs these rules may return."""
    today = session.pins_today([*rules])

    def returning(rule: DispatchRule) -> Returning:
        found = as_of_today(rule, today, session.settings.mark)
        return Returning(rule) if found.objection and "retired-pin" in permit.allow else found

    async def ask(client: "LiveKitClient") -> Present:
        stored = await client.list_rules()
        trunk_ids = [trunk.sip_trunk_id for trunk in await client.list_inbound_trunks()]
        return Present(tuple(stored), trunk_ids, mapped, returning)

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


@dataclass(frozen=True, slots=True)
class _RestoreView:
    """The steps of a restore and what became of those that were carried out; `run` is the audit's id of that run."""

    steps: Sequence[Step]
    done: Sequence[Attempt[Step, Change]]
    run: str
    show_pins: bool
    paste: Callable[[CommandLine], str]

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The restore as text."""
        listing = Listing(
            schema="sipctl/restore/v1",
            items=self.steps,
            columns=("action", "rule", "room", "pin", "why", "result"),
            row=lambda step: tuple(map(str, self._record(step).values())),
            record=self._record,
            name=lambda step: step.rule.sip_dispatch_rule_id or step.rule.name,
        )
        if style == "json":
            items = list(map(self._record, self.steps))
            whole = RestoreShape(schema="sipctl/restore/v1", run=self.run, undo=self._undo, items=items)
            yield f"{encode_json(whole, indent=2)}\n"
            return
        if style == "table" and not self.steps:
            yield "Nothing to do.\n"
            return
        yield from listing.render(style, streams)
        if style == "table":
            actions = {step.action for step in self.steps}
            yield from [f"\nundo: {self._undo}\n"] if self._undo else []
            yield from ["\nwhat is refused: add --allow retired-pin\n"] if RestoreAction.REFUSE in actions else []

    @property
    def _undo(self) -> str:
        """The command that undoes the restore; "" if it surely changed nothing."""
        changed = any(one.begun and not (one.error and surely_without_effect(one.error)) for one in self.done)
        return self.paste(restore_run(self.run)) if self.run and changed else ""

    def _record(self, step: Step) -> RestoreItem:
        attempt = next((one for one in self.done if one.item is step), None)
        change = attempt.result if attempt else None
        return RestoreItem(
            action=step.action.value,
            sip_dispatch_rule_id=(change.id if change else "") or step.rule.sip_dispatch_rule_id,
            room=step.rule.room_name,
            pin=shown_pin(step.rule.pin, show=self.show_pins),
            why=step.why,
            result=_result(attempt),
        )


def _result(attempt: Attempt[Step, Change] | None) -> str:
    if attempt is None:
        return ""
    if attempt.error:
        return f"{'partly done' if isinstance(attempt.error, PartialError) else 'failed'}: {attempt.error.message}"
    return "done" if attempt.begun else "not begun"
