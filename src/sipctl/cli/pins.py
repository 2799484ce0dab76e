"""What the commands of `sipctl pin` do with the registry: opened, LiveKit asked where it matters, one view."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from sipctl.cli.inputs import check_stdin, read_lines, read_secret_line
from sipctl.cli.session import Session
from sipctl.cli.views.registry import assigned_view, card_view, holdings_view, released_view, whereabouts_view
from sipctl.command_line import CommandLine
from sipctl.errors import UsageError
from sipctl.operations.live import Live, look
from sipctl.operations.pins import (
    Assigned,
    assign,
    assign_chosen,
    card,
    check_one_truth,
    check_release,
    lookup,
    policy_of,
    release,
    rooms_to_assign,
    would_assign,
)
from sipctl.operations.writing import Permit, check_profile
from sipctl.registry.store import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigning:
    """What the options of `pin assign` say."""

    rooms: Sequence[str]
    stdin: bool
    missing: bool
    live: bool
    ask_live: bool
    pin_stdin: bool


def ask_livekit(session: Session, *, ask: bool) -> Live | None:
    """LiveKit's rules and live rooms; None if nobody wants to know, or no LiveKit is configured."""
    if not ask:
        return None
    if session.settings.connection_or_none is None:
        session.streams.note("note: no LiveKit is configured, so only the registry is looked at")
        return None
    return session.livekit(look)


def assign_rooms(session: Session, wanted: Assigning, permit: Permit) -> None:
    """`pin assign`."""
    settings = session.settings
    _check_wanted(wanted)
    check_profile(settings, permit)
    live = ask_livekit(session, ask=wanted.ask_live)
    with session.registry() as registry:
        if live:
            check_one_truth(registry, settings.mark, live)
        named = chain(wanted.rooms, read_lines("room") if wanted.stdin else ())
        rooms = rooms_to_assign(registry, settings, named, live if wanted.live else None, missing=wanted.missing)
        done = _assigned(session, registry, rooms, wanted, permit, live)
        if len(wanted.rooms) == 1 and not (wanted.stdin or wanted.missing):
            done = list(done)
        session.emit(assigned_view(done, show_pins=session.options.show_pins, applied=not permit.dry_run))
        deque(done, maxlen=0)  # the rooms of which nobody reads get their PINs, too
    if isinstance(done, list) and done[0].is_new and not permit.dry_run:
        session.streams.note(f"undo: {session.paste(CommandLine.of('pin', 'release').on(done[0].room))}")


def _check_wanted(wanted: Assigning) -> None:
    check_stdin({"--stdin": wanted.stdin, "--pin-stdin": wanted.pin_stdin}, "name the room")
    if not (wanted.rooms or wanted.stdin or wanted.missing):
        raise UsageError("no room named", hint="name rooms, or give --stdin or --missing")
    if wanted.pin_stdin and (wanted.missing or len(wanted.rooms) != 1):
        raise UsageError("--pin-stdin is for one room", hint="name one room")
    if wanted.live and not (wanted.missing and wanted.ask_live):
        raise UsageError(
            "--live goes with --missing, and asks LiveKit",
            hint=(CommandLine.of("pin", "assign", "--missing", "--live"),),
        )


def _assigned(
    session: Session,
    registry: Registry,
    rooms: Iterable[str],
    wanted: Assigning,
    permit: Permit,
    live: Live | None,
) -> Iterable[Assigned]:
    taken = frozenset(rule.pin for rule in live.rules) if live else frozenset()
    journal = None if permit.dry_run else session.journal
    if wanted.pin_stdin:
        (room,) = rooms
        return [assign_chosen(registry, room, read_secret_line("PIN"), taken, journal)]
    if journal is None:
        return would_assign(registry, rooms)
    draws = session.settings.telephony.pin_max_retries
    done = assign(registry, rooms, policy_of(session.settings), journal, draws=draws, taken=taken)
    return _counted(session, done)


def _counted(session: Session, done: Iterator[Assigned]) -> Iterator[Assigned]:
    """The same, with a bar for people who wait, and a word on how far it came if it is interrupted."""
    count, ended = 0, False
    try:
        for one in session.streams.counted(done, "assigning PINs"):
            count += 1
            yield one
        ended = True
    finally:
        if count and not ended:
            session.streams.note(f"note: {count} rooms were done, and each of them has its PIN; run it again to go on")


def show_room(session: Session, reference: str, *, ask_live: bool) -> None:
    """`pin show`."""
    with session.registry() as registry:
        holding = registry.find(reference)
    shown = card(session.settings, holding, ask_livekit(session, ask=ask_live))
    session.emit(card_view(shown, show_pins=session.options.show_pins))


def list_rooms(session: Session, *, missing: bool) -> None:
    """`pin list`."""
    with session.registry() as registry:
        holdings = (one for one in registry.holdings() if not (missing and one.pin))
        session.emit(holdings_view(holdings, show_pins=session.options.show_pins))


def look_up(session: Session, *, ask_live: bool) -> None:
    """`pin lookup`."""
    pin = read_secret_line("PIN")
    live = ask_livekit(session, ask=ask_live)
    with session.registry() as registry:
        found = lookup(registry, pin, live)
    session.emit(whereabouts_view(found))


def release_room(session: Session, reference: str, permit: Permit, *, ask_live: bool) -> None:
    """`pin release`."""
    check_profile(session.settings, permit)
    live = ask_livekit(session, ask=ask_live)
    with session.registry() as registry:
        holding = registry.find(reference)
        check_release(session.settings, holding, live, permit.allow)
        if not permit.dry_run:
            release(registry, holding, session.journal)
    again = CommandLine.of("pin", "assign", "--pin-stdin").on(holding.room)
    undo = "" if permit.dry_run else session.paste(again)
    session.emit(released_view(holding, undo, show_pins=session.options.show_pins))
