"""Rooms: which are live, who is in them, and the writes."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sipctl.command_line import CommandLine
from sipctl.errors import PartialError, SipctlError
from sipctl.operations.change import Change, Json, Writer, unchanged
from sipctl.operations.references import pick_one
from sipctl.telephony import ids
from sipctl.telephony.commands import room_reference
from sipctl.telephony.livekit_json import room_to_json
from sipctl.telephony.model import DispatchRule, Participant, Room
from sipctl.telephony.ownership import serves
from sipctl.telephony.room_names import checked_room_name

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

_PROBES_AT_ONCE = 64
"""A ghost takes 6 s to find, in which its connection does nothing; aiohttp keeps 100 open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedRoom:
    """A listed room; `ghost` tells whether its node is gone, None if that was not asked."""

    room: Room
    ghost: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomDetails:
    """A room with the people in it and the dispatch rules that lead there."""

    room: Room
    participants: tuple[Participant, ...]
    rules: tuple[DispatchRule, ...]


async def probe_rooms(client: "LiveKitClient", listed: Iterable[Room], *, probe: bool) -> list[ProbedRoom]:
    """These listed rooms by name; with `probe` each is asked whether its node still answers."""
    rooms = sorted(listed, key=lambda room: room.name)
    if not probe:
        return [ProbedRoom(room=room) for room in rooms]
    ghosts = await find_ghosts(client, [room.name for room in rooms])
    return [ProbedRoom(room=room, ghost=room.name in ghosts) for room in rooms]


async def find_ghosts(client: "LiveKitClient", names: Iterable[str]) -> frozenset[str]:
    """Those of these listed rooms whose node is gone. A room that ended meanwhile, which is as silent, is none."""
    gate = asyncio.Semaphore(_PROBES_AT_ONCE)

    async def probed(name: str) -> tuple[str, bool]:
        async with gate:
            return name, await client.is_ghost(name)

    silent = [name for name, is_ghost in await asyncio.gather(*map(probed, names)) if is_ghost]
    return frozenset(room.name for room in await client.list_rooms(silent)) if silent else frozenset()


async def get_room(client: "LiveKitClient", name: str) -> RoomDetails:
    """A live room by its sid or its name, with everything that hangs on it.

    Raises:
        NotFoundError: LiveKit lists no such room.
    """
    room = await _find_room(client, name)
    participants = await client.list_participants(room.name)
    rules = [rule for rule in await client.list_rules() if serves(rule, room.name)]
    return RoomDetails(room=room, participants=tuple(participants), rules=tuple(rules))


async def _find_room(client: "LiveKitClient", name: str) -> Room:
    rooms, names = list(await client.list_rooms()), (lambda room: (room.sid,), lambda room: (room.name,))
    is_sid = ids.has_id_shape(name, ids.ROOM)  # a prefix alone does not make one: a room may well be called RM_101
    return pick_one("live room", name, rooms, names, "room", is_id=is_sid)


async def create_room(writer: Writer, room: Room) -> Change:
    """Make a room, which fires `room_started`; a room that is live already is success and stays as it is.

    A ghost comes to life by it.

    Raises:
        UsageError: the name is empty or over LiveKit's 256 bytes.
    """
    writer.check_profile()
    existing = await writer.client.list_rooms([checked_room_name(room.name)])
    if existing and not await find_ghosts(writer.client, [room.name]):
        return unchanged("room", room.name, room_to_json(existing[0]), "already live")
    note = "its node was gone; it lives on another one now" if existing else ""
    change = Change(action="create", kind="room", id=room.name, after=_wanted(room), note=note)

    async def write() -> tuple[str, Json]:
        made = await writer.client.create_room(room)
        return room_reference(made.name, made.sid), _wanted(made)

    return await writer.carry_out(change, write)


def _wanted(room: Room) -> Json:
    """The part of a room that its creator chooses."""
    chosen = ("name", "empty_timeout", "departure_timeout", "max_participants", "metadata")
    return {key: value for key, value in room_to_json(room).items() if key in chosen}


async def delete_room(writer: Writer, name: str) -> Change:
    """End a room for everyone in it, which fires `room_finished`.

    A ghost, for which no one answers, is made again first; the people that LiveKit lists in it are long gone.

    Raises:
        NotFoundError: LiveKit lists no such room.
        SafeguardError: someone is in it, or it is protected.
    """
    room = await _find_room(writer.client, name)
    writer.check_protected(f"delete room {room.name!r}", room.name, room.sid)
    people = await writer.client.list_participants(room.name)
    is_ghost = bool(await find_ghosts(writer.client, [room.name]))
    if people and not is_ghost:
        writer.refuse_unless("live-room", f"will not delete room {room.name!r}: {_headcount(people)}")
    if is_ghost:
        await _revive(writer, room)
    note = "its node was gone: it was made again, then ended" if is_ghost else ""
    change = Change(action="delete", kind="room", id=room.name, before=_wanted(room), note=note)

    async def write() -> tuple[str, Json | None]:
        await writer.client.delete_room(room.name)
        return "", None

    try:
        return await writer.carry_out(change, write)
    except SipctlError as error:
        if not is_ghost:
            raise
        raise PartialError(
            f"room {room.name!r} was made again, and not ended: {error.message}",
            code="not-ended",
            hint=(CommandLine.of("room", "delete").on(room.name), " ends it"),
        ) from error


async def _revive(writer: Writer, room: Room) -> None:
    """Make a ghost again, for no one answers for it."""

    async def write() -> tuple[str, Json]:
        return room.name, _wanted(await writer.client.create_room(Room(name=room.name)))

    await writer.carry_out(Change(action="create", kind="room", id=room.name), write)


def _headcount(people: Iterable[Participant]) -> str:
    phones = [person.is_phone for person in people]
    return f"{len(phones)} in it, {sum(phones)} of them by phone"
