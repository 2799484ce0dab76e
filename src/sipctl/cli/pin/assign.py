"""`sipctl pin assign`."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Final, TypedDict

import typer

from sipctl.cli.command import WritingCommand
from sipctl.cli.inputs import check_stdin, read_lines, read_pin
from sipctl.cli.options import Confirm
from sipctl.cli.pin.common import NoLive, Rooms, Stdin, ask_livekit, pin_registry
from sipctl.cli.rows import cells, shown_pin
from sipctl.cli.session import Session
from sipctl.command_line import CommandLine, prose_text
from sipctl.errors import UsageError
from sipctl.operations.pins import Assigned, assign, assign_chosen, policy_of, rooms_to_assign, would_assign
from sipctl.operations.safeguards import check_profile, check_sole_issuer
from sipctl.operations.snapshot import Live
from sipctl.output.formats import Listing
from sipctl.telephony.behind import behind_by
from sipctl.telephony.ownership import Ownership

if TYPE_CHECKING:
    from sipctl.registry.store import Registry


class AssignedPin(TypedDict):
    """A room and its PIN; `result` says whether that is news."""

    room: str
    pin: str
    result: str


PRINTS: Final = {"pins-assigned": list[AssignedPin]}
KIND: Final = WritingCommand


def run(
    ctx: typer.Context,
    rooms: Rooms = None,
    stdin: Stdin = False,
    missing: Annotated[bool, typer.Option("--missing", help="Every known room without a PIN.")] = False,
    live: Annotated[bool, typer.Option("--live", help="With --missing: live rooms of this backend, too.")] = False,
    no_live: NoLive = False,
    pin_stdin: Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN of one room from stdin.")] = False,
    confirm: Confirm = "",
) -> None:
    """Give rooms a PIN; a room that has one keeps it.

    A PIN is unique among those in use, those in quarantine, and those that live dispatch rules carry. Of live rooms
    whose rule does not carry it yet the command is printed that makes it so.

    \b
    Examples:
      sipctl pin assign standup retro
      sipctl pin assign --missing --live
      sipctl pin assign --stdin < rooms.txt
      echo 4821930571 | sipctl pin assign standup --pin-stdin
    """
    session = Session.of(ctx)
    permit, settings = session.permit(None, confirm), session.settings
    named = rooms or []
    _check_options(named, stdin=stdin, missing=missing, live=live, ask=not no_live, pin_stdin=pin_stdin)
    check_profile(settings, permit)
    observed = ask_livekit(session, ask=not no_live)
    with pin_registry(session) as registry:
        if observed:
            check_sole_issuer(registry, settings.mark, observed)
        read = chain(named, read_lines("room") if stdin else ())
        meant = rooms_to_assign(registry, settings, read, observed if live else None, missing=missing)
        done = _assigned(session, registry, meant, observed, pin_stdin=pin_stdin)
        if len(named) == 1 and not (stdin or missing):
            done = list(done)
        behind: dict[str, str] = {}
        shown = _noting(done, observed, settings.mark, behind) if observed else iter(done)
        session.emit(_view(shown, show_pins=session.options.show_pins, applied=not permit.dry_run))
        deque(shown, maxlen=0)  # rooms whose line no one reads get their PINs, too
    _say_what_is_behind(session, behind)
    if isinstance(done, list) and done[0].is_new and not permit.dry_run:
        session.streams.note(f"undo: {session.paste(CommandLine.of('pin', 'release').on(done[0].room))}")


def _check_options(rooms: Sequence[str], *, stdin: bool, missing: bool, live: bool, ask: bool, pin_stdin: bool) -> None:
    check_stdin({"--stdin": stdin, "--pin-stdin": pin_stdin}, "name the room")
    if not (rooms or stdin or missing):
        raise UsageError("no room named", hint="name rooms, or give --stdin or --missing")
    if pin_stdin and (missing or len(rooms) != 1):
        raise UsageError("--pin-stdin is for one room", hint="name one room")
    if live and not (missing and ask):
        raise UsageError(
            "--live goes with --missing, and asks LiveKit",
            hint=(CommandLine.of("pin", "assign", "--missing", "--live"),),
        )


def _assigned(
    session: Session, registry: "Registry", rooms: Iterable[str], live: Live | None, *, pin_stdin: bool
) -> Iterable[Assigned]:
    """The rooms with their PINs, each once it is stored; a dry run stores none."""
    settings = session.settings
    taken = live.pins if live else frozenset()
    journal = None if session.options.dry_run else session.journal
    if pin_stdin:
        (room,) = rooms
        return [assign_chosen(registry, room, read_pin(), taken, journal)]
    if journal is None:
        return would_assign(registry, rooms)
    draws = settings.telephony.pin_max_retries
    return _counted(session, assign(registry, rooms, policy_of(settings), journal, draws=draws, taken=taken))


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


def _noting(done: Iterable[Assigned], live: Live, mark: Ownership, behind: dict[str, str]) -> Iterator[Assigned]:
    """The same; live rooms that their PIN does not open are put into `behind`, with the reason."""
    behind_of = behind_by(live.rules, live.rooms, mark)
    for one in done:
        if why := behind_of(one.room, one.pin):
            behind[one.room] = why
        yield one


def _say_what_is_behind(session: Session, behind: Mapping[str, str]) -> None:
    if not behind:
        return
    room, why = next(iter(behind.items()))
    sync = CommandLine.of("rules", "sync")
    if len(behind) == 1:
        described, command = f"room {room!r} is live, and {why}", sync.having("--room", room, "--apply")
    else:
        described, command = f"{len(behind)} rooms are live, and their rules do not carry their PINs", sync
    session.note(prose_text((f"note: {described}: ", session.options.again(command), " puts that right")))


def _view(done: Iterable[Assigned], *, show_pins: bool, applied: bool) -> Listing[Assigned]:
    """Who has which PIN now, and whether that is news."""
    new = "assigned" if applied else "would be assigned"

    def record(one: Assigned) -> AssignedPin:
        pin = shown_pin(one.pin, show=show_pins)
        return AssignedPin(room=one.room, pin=pin, result=new if one.is_new else "kept")

    return Listing(
        schema="sipctl/pins-assigned/v1",
        things="rooms to give a PIN",
        items=done,
        columns=("room", "pin", "result"),
        row=lambda one: cells(record(one)),
        record=record,
        name=lambda one: one.room,
    )
