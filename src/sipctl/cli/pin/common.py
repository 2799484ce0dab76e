"""What commands on PINs share."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final, TypedDict, TypeVar

import typer

from sipctl.cli.rows import cells, shown_pin
from sipctl.cli.session import Session
from sipctl.command_line import CommandLine
from sipctl.errors import surely_without_effect
from sipctl.operations.batch import StopSwitch, stopping_on_signals
from sipctl.operations.old_pins import write_old_pins
from sipctl.operations.pins import drawn_by
from sipctl.operations.rotate import Rotated, Rotator, may_have_changed
from sipctl.operations.safeguards import check_home
from sipctl.operations.snapshot import Live, read_live
from sipctl.output.formats import Listing
from sipctl.telephony.registered import Holding

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient
    from sipctl.registry.store import Registry

Rooms = Annotated[list[str] | None, typer.Argument(metavar="ROOM", help="Rooms; in Meet UUID, slug or name.")]
Room = Annotated[str, typer.Argument(metavar="ROOM", help="A room; in Meet's layout its UUID, slug or name.")]
Stdin = Annotated[bool, typer.Option("--stdin", help="Read rooms from stdin, one a line.")]
NoLive = Annotated[bool, typer.Option("--no-live", help="Do not ask LiveKit.")]

T = TypeVar("T")

LIVE_WORDS: Final = {None: "not asked", True: "yes", False: "no"}


@contextmanager
def pin_registry(session: Session) -> Iterator["Registry"]:
    """The registry of the profile; a file of our own is none beside a Meet.

    Raises:
        SafeguardError: it is one.
        ConfigError, UncheckedError: it cannot be opened.
    """
    check_home(session.settings)
    with session.registry() as registry:
        yield registry


def ask_livekit(session: Session, *, ask: bool) -> Live | None:
    """LiveKit's rules and live rooms; None if that is not wanted, or no LiveKit is configured."""
    return ask_livekit_for(session, read_live) if ask else None


def ask_livekit_for(session: Session, use_case: "Callable[[LiveKitClient], Awaitable[T]]") -> T | None:
    """What LiveKit says; None if none is configured."""
    if session.settings.connection_or_none is None:
        session.streams.note("note: no LiveKit is configured, so only the registry is looked at")
        return None
    return session.livekit(use_case)


class HeldPin(TypedDict):
    """A room that the registry knows, and its PIN ("" if it has none); `called` is Meet's name for it, else null."""

    room: str
    pin: str
    state: str
    assigned_at: str
    called: str | None


_COLUMNS: Final = ("room", "pin", "state", "assigned_at")


def pins_view(
    holdings: Iterable[Holding], *, show_pins: bool, raw: bool = False, columns: tuple[str, ...] = _COLUMNS
) -> Listing[Holding]:
    """Rooms and their PINs; as csv the very columns that an import reads, `raw` = no cell is kept from formulas."""

    def record(one: Holding) -> HeldPin:
        return HeldPin(
            room=one.room,
            pin=shown_pin(one.pin, show=show_pins),
            state="active" if one.pin else "none",
            assigned_at=one.assigned_at,
            called=one.name or one.slug or None,
        )

    return Listing(
        schema="sipctl/pins/v1",
        things="rooms with a PIN",
        items=holdings,
        columns=columns,
        row=lambda one: cells(record(one))[: len(columns)],
        record=record,
        name=lambda one: one.room,
        raw=raw,
    )


def keep_old_pins(session: Session, rooms: Sequence[Holding], live: Live | None, allow: Iterable[str]) -> str:
    """Write the old PINs down before anything changes; the command that imports them, "" if there are none."""
    if not rooms:
        return ""
    file = write_old_pins(session.journal, rooms)
    lifted = [] if live or session.settings.connection_or_none is None else ["--no-live"]
    lifted += [word for safeguard in sorted(allow) for word in ("--allow", safeguard)]
    return session.paste(CommandLine.of("pin", "import").on(str(file)).having("--apply", *lifted))


def rotate_rooms(
    session: Session,
    registry: "Registry",
    rooms: Sequence[Holding],
    live: Live | None,
    allow: frozenset[str],
    undo: str,
    chosen: Mapping[str, str] = MappingProxyType({}),
) -> list[Rotated]:
    """Give rooms another PIN, drawn or chosen, and say how to undo what may have changed. The caller holds the lock."""
    if not rooms:
        return []
    taken = live.pins if live else frozenset()

    async def work(rotator: Rotator) -> list[Rotated]:
        return await rotator.rotate(rooms)

    try:
        done = with_rotator(session, registry, work, allow, ask=live is not None, chosen=chosen, taken=taken)
    except BaseException as error:
        if not surely_without_effect(error):
            session.streams.note(f"undo: {undo}")
        raise
    if may_have_changed(done):
        session.streams.note(f"undo: {undo}")
    return done


def with_rotator(
    session: Session,
    registry: "Registry",
    work: Callable[[Rotator], Awaitable[list[Rotated]]],
    allow: frozenset[str],
    *,
    ask: bool,
    chosen: Mapping[str, str] = MappingProxyType({}),
    taken: frozenset[str] = frozenset(),
) -> list[Rotated]:
    """Let a rotator work; a signal stops it between two rooms. The caller holds the lock."""
    settings, journal = session.settings, session.journal
    draw, stop = drawn_by(settings), StopSwitch(check_lock=session.check_lock)

    async def rotated(client: "LiveKitClient | None") -> list[Rotated]:
        with stopping_on_signals(stop):
            return await work(Rotator(registry, client, settings, journal, draw, chosen, taken, allow, switch=stop))

    is_asked = ask and settings.connection_or_none is not None
    done = session.livekit(rotated) if is_asked else asyncio.run(rotated(None))
    session.stopped_by = stop.signal_number
    return done
