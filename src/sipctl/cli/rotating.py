"""What `pin rotate` and `pin import` do: a plan, then registry and live rules together, alone and audited."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sipctl.cli.endings import finish, shortfall
from sipctl.cli.inputs import EXPORT_LIMIT, read_document, read_lines
from sipctl.cli.pins import ask_livekit
from sipctl.cli.session import Session
from sipctl.cli.views.registry import holdings_view, import_view, rotated_view, rotation_plan_view
from sipctl.command_line import CommandLine, quoted
from sipctl.errors import ExitCode, NotFoundError, PartialError, SipctlError, UsageError, surely_without_effect
from sipctl.files import write_private
from sipctl.operations.executing import Brake, braking_on_signals
from sipctl.operations.journal import utc_now
from sipctl.operations.live import Live
from sipctl.operations.pin_import import Item, State, add_pins, plan_import, read_row_lines, read_rows, unless_failed
from sipctl.operations.pins import check_one_truth, policy_of
from sipctl.operations.rotate import Rotated, RotationPlan, Rotator, plan_rotation, spared_by
from sipctl.operations.rotation_lists import list_lines, list_of, remove_old_lists
from sipctl.operations.writing import Permit, check_profile, rail
from sipctl.registry.store import Registry
from sipctl.telephony.naming import counted
from sipctl.telephony.registered import Holding

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

_RAILS: Final = {
    "live": ("live-room", "it is live, and somebody may be dialling"),
    "protected": ("protected", "it is on the profile's protect list"),
}
"""The word that lifts a rail, and what is told, by the reason for which a room is left out."""

Work = Callable[[Rotator], Awaitable[list[Rotated]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotating:
    """What the options of `pin rotate` say."""

    rooms: Sequence[str]
    everything: bool
    stdin: bool
    recover: bool
    ask_live: bool
    apply: bool

    @property
    def is_set(self) -> bool:
        """Whether the command works on a set, so that it needs `--apply`."""
        return self.everything or self.stdin or len(self.rooms) > 1


def rotate_rooms(session: Session, wanted: Rotating, permit: Permit) -> None:
    """`pin rotate`."""
    ways = [bool(wanted.rooms or wanted.stdin), wanted.everything, wanted.recover].count(True)
    if ways != 1:
        told = "rooms, --all and --recover do not go together" if ways else "no room named"
        raise UsageError(told, hint="name rooms, or give --stdin, --all or --recover (one of them)")
    check_profile(session.settings, permit)
    with session.registry() as registry:
        if wanted.recover:
            _recover(session, registry, permit, ask_live=wanted.ask_live)
            return
        live = ask_livekit(session, ask=wanted.ask_live)
        plan = _plan(session, registry, wanted, permit, live)
        if permit.dry_run or (wanted.is_set and not wanted.apply):
            session.emit(rotation_plan_view(plan, show_pins=session.options.show_pins))
            return
        for holding, reason in plan.left_out:
            session.streams.note(
                f"note: room {holding.room!r} is left out: {reason}; `{quoted('--allow', _RAILS[reason][0])}`"
            )
        with session.lock():
            undo = _keep_old_pins(session, plan.rooms, permit, live)
            with _offering(session, undo):
                done = _rotate(session, registry, plan.rooms, {}, live)
        if _changed(one.error for one in done):
            session.streams.note(undo)
        _finish(session, done)


def _recover(session: Session, registry: Registry, permit: Permit, *, ask_live: bool) -> None:
    if permit.dry_run:
        rooms = tuple(Holding(room=one.room, pin=one.old_pin) for one in registry.unfinished())
        session.emit(rotation_plan_view(RotationPlan(rooms), show_pins=session.options.show_pins))
        return
    with session.lock():
        done = _work(session, registry, Rotator.recover, ask_live=ask_live)
    _finish(session, done)


def _plan(session: Session, registry: Registry, wanted: Rotating, permit: Permit, live: Live | None) -> RotationPlan:
    """Which rooms are rotated.

    Raises:
        NotFoundError: a room that was named alone has no PIN.
        RailError: it is live or protected, or another backend hands out PINs.
    """
    if live:
        check_one_truth(registry, session.settings.mark, live)
    named = chain(wanted.rooms, read_lines("room") if wanted.stdin else ())
    meant = registry.holdings() if wanted.everything else registry.find_all(named)
    held = [holding for holding in dict.fromkeys(meant) if holding.pin]
    if not held and not wanted.is_set:
        raise NotFoundError(
            f"room {wanted.rooms[0]!r} has no PIN",
            hint=(CommandLine.of("pin", "assign").on(wanted.rooms[0]), " gives it one"),
        )
    plan = plan_rotation(held, spared_by(session.settings, live, permit.allow))
    if plan.left_out and not wanted.is_set:
        ((holding, reason),) = plan.left_out
        word, told = _RAILS[reason]
        raise rail(word, f"will not rotate the PIN of room {holding.room!r}: {told}")
    return plan


@contextmanager
def _offering(session: Session, undo: str) -> Iterator[None]:
    """Say how to undo what a failure may have left half-way."""
    try:
        yield
    except BaseException as error:
        if not surely_without_effect(error):
            session.streams.note(undo)
        raise


def _changed(errors: Iterable[SipctlError | None]) -> bool:
    """Whether some room may have another PIN now."""
    return not all(error is not None and surely_without_effect(error) for error in errors)


def _keep_old_pins(session: Session, rooms: Sequence[Holding], permit: Permit, live: Live | None) -> str:
    """Write the old PINs down before anything changes, so that they can be imported again; lists of long ago go.

    The line that says how to import them; "" where there are none.
    """
    if not rooms:
        return ""
    folder = session.journal.folder
    file = list_of(folder, session.journal.run)
    write_private(file, list_lines(rooms))
    lifted = [] if live or session.settings.connection_or_none is None else ["--no-live"]
    lifted += [word for rail in sorted(permit.allow) for word in ("--allow", rail)]
    undo = CommandLine.of("pin", "import").on(str(file)).having("--apply", *lifted)
    try:
        remove_old_lists(folder, utc_now())
    except OSError as error:
        session.streams.note(f"note: a list of old PINs in {folder} cannot be removed: {error.strerror}")
    return f"undo: {session.paste(undo)}"


def _rotate(
    session: Session, registry: Registry, rooms: Sequence[Holding], chosen: Mapping[str, str], live: Live | None
) -> list[Rotated]:
    if not rooms:
        return []
    taken = frozenset(rule.pin for rule in live.rules) if live else frozenset()

    async def work(rotator: Rotator) -> list[Rotated]:
        return await rotator.rotate(rooms)

    return _work(session, registry, work, ask_live=live is not None, chosen=chosen, taken=taken)


def _work(
    session: Session,
    registry: Registry,
    work: Work,
    *,
    ask_live: bool,
    chosen: Mapping[str, str] = MappingProxyType({}),
    taken: frozenset[str] = frozenset(),
) -> list[Rotated]:
    """Let a rotator work; a signal stops it between two rooms. Whoever calls holds the lock."""
    settings = session.settings
    policy = policy_of(settings)
    connection = settings.connection_or_none if ask_live else None
    brake = Brake(check_lock=session.check_lock)

    async def rotated(client: "LiveKitClient | None") -> list[Rotated]:
        rotator = Rotator(
            registry,
            client,
            settings,
            session.journal,
            draw=lambda: policy.draw(secrets.randbelow),
            chosen=chosen,
            taken=taken,
            brake=brake,
        )
        with braking_on_signals(brake):
            return await work(rotator)

    done = session.livekit(rotated) if connection else asyncio.run(rotated(None))
    session.stopped_by = brake.signal_number
    return done


def _finish(session: Session, done: Sequence[Rotated]) -> None:
    """Show what was done, and end with what was not."""
    session.emit(rotated_view(done, show_pins=session.options.show_pins))
    finish(session, shortfall([one.error for one in done if one.error], len(done), "rooms"))


def export_pins(session: Session, file: Path | None, *, raw: bool) -> None:
    """`pin export`.

    Raises:
        UsageError: the file names no format, or `raw` goes with none but csv.
    """
    style = _export_style(session, file)
    if raw and style != "csv":
        raise UsageError("--raw is for csv alone", hint="add `-o csv`")
    with session.registry() as registry:
        if file is None:
            session.emit(holdings_view(registry.holdings(), show_pins=session.options.show_pins, raw=raw))
            return
        view = holdings_view(registry.holdings(), show_pins=True, raw=raw)
        write_private(file, view.render(style, session.streams.into_file()))
    session.streams.note(f"wrote {file}, readable by you alone: it holds PINs in full")


def _export_style(session: Session, file: Path | None) -> str:
    style = session.options.output
    if file is None:
        return style
    style = style if style != "table" else file.suffix.removeprefix(".")
    if style not in {"csv", "json", "jsonl"}:
        raise UsageError(f"{file} names no format", hint="call it .csv, .json or .jsonl, or give -o")
    return style


@dataclass(frozen=True, slots=True, kw_only=True)
class Importing:
    """What the options of `pin import` say."""

    file: Path
    ask_live: bool
    apply: bool


def import_pins(session: Session, wanted: Importing, permit: Permit) -> None:
    """`pin import`."""
    settings = session.settings
    check_profile(settings, permit)
    rows, passed_over = _read_rows(session, wanted.file)
    live = ask_livekit(session, ask=wanted.ask_live)
    spared = spared_by(settings, live, permit.allow)
    carried = {rule.pin: rule.room_name for rule in live.rules if rule.pin} if live else {}
    applied = wanted.apply and not permit.dry_run
    failed: Mapping[str, SipctlError] = {}
    with session.registry() as registry:
        items = plan_import(registry, rows, settings.telephony.pin_length, spared, carried)
        if applied:
            with session.lock():
                items, failed = _import(session, registry, items, permit, live)
    session.emit(import_view(items, applied=applied, show_pins=session.options.show_pins))
    is_refused = any(item.state in {State.CONFLICTING, State.UNKNOWN} for item in items)
    code = ExitCode.RAIL if is_refused else ExitCode.PARTIAL if passed_over else ExitCode.DONE
    finish(session, _shortfall(failed), code)


def _shortfall(failed: Mapping[str, SipctlError]) -> SipctlError | None:
    """What an import ends with that left rooms as they were, for these reasons."""
    first = next(iter(failed.values()), None)
    told = f"{counted(len(failed), 'room')} did not go well: "
    return PartialError(told + first.message, hint=first.advice) if first else None


def _read_rows(session: Session, file: Path) -> tuple[list[tuple[int, str, str]], int]:
    """The rows of the file; of one with an object a line, such as a rotation leaves, also how many were passed over."""
    limit = session.options.max_items
    if file.suffix != ".jsonl":
        return read_rows(read_document(file, EXPORT_LIMIT), limit), 0
    rows, passed_over = read_row_lines(read_document(file, EXPORT_LIMIT, errors="surrogateescape"), limit)
    if passed_over:
        lines = counted(passed_over, "line")
        session.streams.note(f"note: {lines} of {file} passed over: damaged, or no object with room and pin")
    return rows, passed_over


def _import(
    session: Session, registry: Registry, items: Sequence[Item], permit: Permit, live: Live | None
) -> tuple[list[Item], Mapping[str, SipctlError]]:
    """Add what is new, and rotate the rooms to which the file gives another PIN; the items, and the errors of rooms."""
    chosen = {item.room: item.pin for item in items if item.state is State.CHANGED}
    rooms = list(registry.known(chosen).values())
    undo = _keep_old_pins(session, rooms, permit, live)
    added = add_pins(registry, items, session.journal)
    try:
        done = _rotate(session, registry, rooms, chosen, live)
    except SipctlError as error:
        failed = dict.fromkeys(chosen, error)
    else:
        failed = {one.room: one.error for one in done if one.error}
    if undo and _changed(failed.get(room) for room in chosen):
        session.streams.note(undo)
    return unless_failed(added, failed), failed
