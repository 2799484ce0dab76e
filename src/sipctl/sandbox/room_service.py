"""RoomService: rooms and the people in them (livekit/livekit pkg/service/roomservice.go)."""

from typing import Any, Final

from livekit.protocol.models import DisconnectReason, ParticipantInfo, Room
from livekit.protocol.room import (
    CreateRoomRequest,
    DeleteRoomRequest,
    DeleteRoomResponse,
    ListParticipantsRequest,
    ListParticipantsResponse,
    ListRoomsRequest,
    ListRoomsResponse,
    MuteRoomTrackRequest,
    MuteRoomTrackResponse,
    RemoveParticipantResponse,
    RoomParticipantIdentity,
    SendDataRequest,
    SendDataResponse,
    UpdateParticipantRequest,
    UpdateRoomMetadataRequest,
)

from sipctl.sandbox.auth import require
from sipctl.sandbox.claims import Claims
from sipctl.sandbox.method import Permission, Service
from sipctl.sandbox.store import LiveRoom, Store
from sipctl.sandbox.twirp import PREFIX, TwirpError, invalid
from sipctl.telephony.room_names import NAME_BYTES

ROOMS: Final = Service(needs_redis=False)

_NONCE_BYTES: Final = 16


def _grant(flag: str) -> Permission[Any]:
    return lambda claims, _request: require(claims, "video", flag)


def _room_admin(claims: Claims | None, request: Any) -> None:  # noqa: ANN401 - any request that names a room
    require(claims, "video", "roomAdmin", room=request.room)


def _no_room() -> TwirpError:
    return TwirpError("not_found", f"{PREFIX}requested room does not exist")


def _no_person() -> TwirpError:
    return TwirpError("not_found", f"{PREFIX}participant does not exist")


def _no_answer() -> TwirpError:
    """What the API says when the room's node is silent. A real server takes 3 s to say so."""
    return TwirpError("unavailable", f"{PREFIX}no response from servers")


@ROOMS.method("CreateRoom", CreateRoomRequest, _grant("roomCreate"))
def create_room(store: Store, request: CreateRoomRequest) -> Room:
    """Make a room; an existing one is answered as it is, a ghost becomes a living room again."""
    if len(request.name.encode()) > NAME_BYTES:
        raise invalid(f"{PREFIX}room name length exceeds limits: max length {NAME_BYTES}")
    if request.node_id:
        raise TwirpError("unknown", "could not find object")
    store.reach_redis("could not get node for room: ")
    if store.redis == "none" and request.HasField("egress"):
        raise TwirpError("canceled", f"{PREFIX}request canceled")
    is_new = request.name not in store.rooms
    room = store.open_room(request.name, request.empty_timeout, request.departure_timeout)
    if is_new:
        room.info.max_participants, room.info.metadata = request.max_participants, request.metadata
    return room.info


@ROOMS.method("ListRooms", ListRoomsRequest, _grant("roomList"))
def list_rooms(store: Store, request: ListRoomsRequest) -> ListRoomsResponse:
    """The rooms of these names, or all; with redis a name given twice brings its room twice.

    The counters are exact; a real server's lag by up to 5 s.
    """
    store.reach_redis("could not get rooms: ")
    names = request.names if store.redis == "connected" else dict.fromkeys(request.names)
    rooms = [store.rooms[name] for name in names if name in store.rooms] if names else store.rooms.values()
    return ListRoomsResponse(rooms=[room.info for room in rooms])


@ROOMS.method("DeleteRoom", DeleteRoomRequest, _grant("roomCreate"))
def delete_room(store: Store, request: DeleteRoomRequest) -> DeleteRoomResponse:
    """End a room for everyone."""
    store.reach_redis()
    room = store.rooms.get(request.room)
    if room is None:
        raise _no_room()
    _refuse_ghost(room)
    store.end_room(request.room)
    return DeleteRoomResponse()


def _refuse_ghost(room: LiveRoom) -> None:
    if room.ghost:
        raise _no_answer()


@ROOMS.method("UpdateRoomMetadata", UpdateRoomMetadataRequest, _room_admin)
def update_metadata(store: Store, request: UpdateRoomMetadataRequest) -> Room:
    """Write a room's metadata."""
    room = store.rooms.get(request.room)
    if room is None:
        raise _no_room()
    _refuse_ghost(room)
    room.info.metadata = request.metadata
    return room.info


@ROOMS.method("ListParticipants", ListParticipantsRequest, _room_admin)
def list_participants(store: Store, request: ListParticipantsRequest) -> ListParticipantsResponse:
    """Who is in a room; no one where there is no room."""
    store.reach_redis()
    room = store.rooms.get(request.room)
    return ListParticipantsResponse(participants=room.people.values() if room else ())


def _person(store: Store, room_name: str, identity: str) -> tuple[LiveRoom, ParticipantInfo]:
    room = store.rooms.get(room_name)
    if room is None or identity not in room.people:
        raise _no_person()
    return room, room.people[identity]


@ROOMS.method("GetParticipant", RoomParticipantIdentity, _room_admin)
def get_participant(store: Store, request: RoomParticipantIdentity) -> ParticipantInfo:
    """One person in a room."""
    return _person(store, request.room, request.identity)[1]


@ROOMS.method("RemoveParticipant", RoomParticipantIdentity, _room_admin)
def remove_participant(store: Store, request: RoomParticipantIdentity) -> RemoveParticipantResponse:
    """Put someone out of a room."""
    room, _ = _person(store, request.room, request.identity)
    _refuse_ghost(room)
    store.leave(request.room, request.identity, DisconnectReason.PARTICIPANT_REMOVED)
    return RemoveParticipantResponse()


@ROOMS.method("UpdateParticipant", UpdateParticipantRequest, _room_admin)
def update_participant(store: Store, request: UpdateParticipantRequest) -> ParticipantInfo:
    """Write someone's name, metadata and attributes."""
    room, person = _person(store, request.room, request.identity)
    _refuse_ghost(room)
    person.name = request.name or person.name
    person.metadata = request.metadata or person.metadata
    for key, value in request.attributes.items():
        person.attributes.pop(key, None)
        if value:
            person.attributes[key] = value
    person.version += 1
    return person


@ROOMS.method("MutePublishedTrack", MuteRoomTrackRequest, _room_admin)
def mute(_store: Store, _request: MuteRoomTrackRequest) -> MuteRoomTrackResponse:
    """No one in the sandbox publishes a track, which LiveKit answers like a silent node."""
    raise _no_answer()


@ROOMS.method("SendData", SendDataRequest, _room_admin)
def send_data(store: Store, request: SendDataRequest) -> SendDataResponse:
    """Data for people in a room: 200, also without participants, 503 without a living room."""
    if len(request.nonce) not in {0, _NONCE_BYTES}:
        raise invalid(f"nonce should be 16-bytes or not present, got: {len(request.nonce)} bytes")
    room = store.rooms.get(request.room)
    if room is None or room.ghost:
        raise _no_answer()
    return SendDataResponse()
