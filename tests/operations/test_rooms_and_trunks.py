"""Rooms and trunks: writes, their safeguards, and rooms whose node is gone."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from sipctl.config.model import Settings
from sipctl.errors import ConflictError, NotFoundError, RejectedError, SafeguardError, UsageError
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.rooms import ProbedRoom, create_room, delete_room, find_ghosts, get_room, probe_rooms
from sipctl.operations.rules.find import Criteria, list_rules
from sipctl.operations.trunks import create_trunk, delete_trunk, get_trunk, list_trunks
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule, InboundTrunk, Room
from sipctl.telephony.secret import Secret
from tests.support.desk import Desk
from tests.support.needs import need_real_server
from tests.support.peers.livekit import RealLiveKit, running_livekit

ROOM = Room(name="demo", empty_timeout=60, departure_timeout=30, max_participants=5, metadata="about")
PASSWORD = "hunter2-hunter2"
TRUNK = InboundTrunk(
    name="provider", numbers=("+1 555 0100",), auth_username="user", auth_password=Secret(PASSWORD), metadata="about"
)


@pytest.fixture
def desk(livekit: Sandbox | RealLiveKit, tmp_path: Path) -> Desk:
    return Desk(server=livekit, folder=tmp_path)


def listed(desk: Desk, *, probe: bool) -> list[ProbedRoom]:
    async def read(client: LiveKitClient) -> list[ProbedRoom]:
        return await probe_rooms(client, await client.list_rooms(), probe=probe)

    return desk.ask(read)


def _rooms(desk: Desk) -> list[Room]:
    return [probed.room for probed in listed(desk, probe=False)]


def test_create_room(desk: Desk) -> None:
    change = desk.write(lambda writer: create_room(writer, ROOM))
    assert (change.action, change.id, change.applied) == ("create", "demo", True)
    (room,) = _rooms(desk)
    assert room.sid.startswith("RM_")
    assert (room.empty_timeout, room.departure_timeout, room.max_participants, room.metadata) == (60, 30, 5, "about")


def test_a_live_room_stays_as_it_is(desk: Desk) -> None:
    desk.write(lambda writer: create_room(writer, ROOM))
    before = _rooms(desk)
    change = desk.write(lambda writer: create_room(writer, replace(ROOM, metadata="other", empty_timeout=1)))
    assert (change.action, change.applied) == ("none", False)
    assert _rooms(desk) == before


@pytest.mark.parametrize("name", ["", "x" * 257, "é" * 129])
def test_a_room_name_that_livekit_would_refuse(desk: Desk, name: str) -> None:
    with pytest.raises(UsageError):
        desk.write(lambda writer: create_room(writer, Room(name=name)))
    assert (_rooms(desk), desk.audit()) == ([], [])


@pytest.mark.parametrize("name", ["x" * 256, "é" * 128, "a/b c\n"])
def test_a_room_name_that_livekit_takes(desk: Desk, name: str) -> None:
    desk.write(lambda writer: create_room(writer, Room(name=name)))
    assert [room.name for room in _rooms(desk)] == [name]


@pytest.mark.parametrize("by", ["name", "sid"])
def test_delete_an_empty_room(desk: Desk, by: str) -> None:
    desk.write(lambda writer: create_room(writer, ROOM))
    (room,) = _rooms(desk)
    change = desk.write(lambda writer: delete_room(writer, getattr(room, by)))
    assert (change.action, change.id, change.applied) == ("delete", "demo", True)
    assert _rooms(desk) == []


def test_delete_no_room(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        desk.write(lambda writer: delete_room(writer, "demo"))


def test_a_room_with_people_in_it_needs_the_word(desk: Desk) -> None:
    desk.server.join("demo", "alice")
    desk.server.join("demo", "caller", kind="SIP")
    with pytest.raises(SafeguardError, match="2 in it, 1 of them by phone") as refused:
        desk.write(lambda writer: delete_room(writer, "demo"))
    assert refused.value.code == "rail-live-room"
    assert [room.name for room in _rooms(desk)] == ["demo"]
    desk.write(lambda writer: delete_room(writer, "demo"), allow={"live-room"})
    assert _rooms(desk) == []


@pytest.mark.parametrize("by", ["name", "sid"])
def test_a_room_on_the_protect_list_needs_the_word(desk: Desk, by: str) -> None:
    desk.write(lambda writer: create_room(writer, ROOM))
    desk.settings["protect"] = (getattr(_rooms(desk)[0], by),)
    with pytest.raises(SafeguardError) as refused:
        desk.write(lambda writer: delete_room(writer, "demo"))
    assert refused.value.code == "rail-protected"
    assert desk.write(lambda writer: delete_room(writer, "demo"), allow={"protected"}).applied


def test_a_protected_profile_wants_its_name_for_rooms_and_trunks(desk: Desk) -> None:
    desk.settings["protected"] = True
    with pytest.raises(SafeguardError):
        desk.write(lambda writer: create_room(writer, ROOM))
    with pytest.raises(SafeguardError):
        desk.write(lambda writer: create_trunk(writer, TRUNK))
    assert (_rooms(desk), desk.ask(list_trunks), desk.audit()) == ([], [], [])
    desk.write(lambda writer: create_room(writer, ROOM), confirm="test")
    desk.write(lambda writer: create_trunk(writer, TRUNK), confirm="test")
    with pytest.raises(SafeguardError):
        desk.write(lambda writer: delete_room(writer, "demo"))
    with pytest.raises(SafeguardError):
        desk.write(lambda writer: delete_trunk(writer, "provider"))


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    assert desk.write(lambda writer: create_room(writer, ROOM), dry_run=True).action == "create"
    assert desk.write(lambda writer: create_trunk(writer, TRUNK), dry_run=True).action == "create"
    assert (_rooms(desk), desk.ask(list_trunks), desk.audit()) == ([], [], [])


def test_a_room_with_its_people_and_rules(desk: Desk) -> None:
    rule = desk.store(DispatchRule(name="SIP_demo", room_name="demo", pin="123456"))
    desk.store(DispatchRule(name="SIP_other", room_name="other", pin="654321"))
    desk.server.join("demo", "caller", kind="SIP", name="Caller")
    details = desk.ask(lambda client: get_room(client, "demo"))
    assert [(person.identity, person.name, person.is_phone) for person in details.participants] == [
        ("caller", "Caller", True)
    ]
    assert details.rules == (rule,)


def test_a_living_room_is_no_ghost(desk: Desk) -> None:
    desk.write(lambda writer: create_room(writer, ROOM))
    desk.server.join("attended", "alice")
    probed = listed(desk, probe=True)
    assert [(room.room.name, room.ghost) for room in probed] == [("attended", False), ("demo", False)]


def _check_can_be_ended(desk: Desk) -> None:
    """No one answers for a ghost, and those listed in it are long gone: no safeguard, and one command ends it."""
    assert desk.write(lambda writer: delete_room(writer, "ghost"), dry_run=True).action == "delete"
    change = desk.write(lambda writer: delete_room(writer, "ghost"))
    assert change.applied
    assert "its node was gone" in change.note
    assert [entry.result for entry in desk.audit()[-2:]] == ["", "done"]
    assert "ghost" not in [room.name for room in _rooms(desk)]


def test_a_ghost_of_the_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    for name in ("alive", "ghost"):
        sandbox.join(name, "alice")
    sandbox.store.rooms["ghost"].ghost = True
    desk = Desk(server=sandbox, folder=tmp_path)
    probed = listed(desk, probe=True)
    assert [(room.room.name, room.ghost) for room in probed] == [("alive", False), ("ghost", True)]
    _check_can_be_ended(desk)


def test_a_ghost_comes_to_life_when_it_is_made_again(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.join("ghost", "alice")
    sandbox.store.rooms["ghost"].ghost = True
    desk = Desk(server=sandbox, folder=tmp_path)
    change = desk.write(lambda writer: create_room(writer, Room(name="ghost")))
    assert (change.action, change.applied) == ("create", True)
    assert not sandbox.store.rooms["ghost"].ghost


def test_a_room_that_ends_while_it_is_probed_is_no_ghost(sandbox: Sandbox, tmp_path: Path) -> None:
    desk = Desk(server=sandbox, folder=tmp_path)
    assert desk.ask(lambda client: find_ghosts(client, ["just-ended"])) == frozenset()


@pytest.mark.real
def test_a_ghost_of_the_real_server(tmp_path: Path) -> None:
    need_real_server()
    with running_livekit(tmp_path) as server:
        desk = Desk(server=server, folder=tmp_path)
        server.join("ghost", "alice")
        server.crash()
        assert server.redis
        server.redis.command(b"DEL", b"nodes")  # or the next server gives rooms to the dead node for some seconds
        server.start_server()
        (probed,) = listed(desk, probe=True)
        assert (probed.room.name, probed.ghost) == ("ghost", True)
        assert len(desk.ask(lambda client: client.list_participants("ghost"))) == 1
        _check_can_be_ended(desk)


def test_create_trunk(desk: Desk) -> None:
    change = desk.write(lambda writer: create_trunk(writer, TRUNK))
    assert (change.action, change.applied) == ("create", True)
    (stored,) = desk.ask(lambda client: client.list_inbound_trunks())
    assert stored.sip_trunk_id == change.id
    assert stored.auth_password.reveal() == PASSWORD
    assert replace(stored, sip_trunk_id="", media=None) == TRUNK
    assert PASSWORD not in repr(change)


def test_an_equal_trunk_is_success(desk: Desk) -> None:
    first = desk.write(lambda writer: create_trunk(writer, TRUNK))
    again = desk.write(lambda writer: create_trunk(writer, TRUNK))
    assert (again.action, again.applied, again.id) == ("none", False, first.id)
    assert len(desk.ask(list_trunks)) == 1
    assert PASSWORD not in repr(again)


@pytest.mark.parametrize(
    "other",
    [
        replace(TRUNK, name="other"),
        replace(TRUNK, auth_password=Secret("another-password")),
        replace(TRUNK, name="other", numbers=("+15550199", "+15550100")),
    ],
)
def test_a_trunk_for_the_same_number_conflicts(desk: Desk, other: InboundTrunk) -> None:
    desk.write(lambda writer: create_trunk(writer, TRUNK))
    with pytest.raises(ConflictError) as refused:
        desk.write(lambda writer: create_trunk(writer, other))
    assert other.auth_password.reveal() not in f"{refused.value.message} {refused.value.hint}"
    assert [trunk.name for trunk in desk.ask(list_trunks)] == ["provider"]
    assert desk.audit()[-1].result == "failed"


def test_a_trunk_that_anyone_could_use_is_rejected(desk: Desk) -> None:
    with pytest.raises(RejectedError):
        desk.write(lambda writer: create_trunk(writer, InboundTrunk(name="anyone")))
    assert desk.ask(list_trunks) == []


@pytest.mark.parametrize("by", ["id", "provider", "+1 555 0100", "+15550100"])
def test_delete_trunk(desk: Desk, by: str) -> None:
    created = desk.write(lambda writer: create_trunk(writer, TRUNK))
    change = desk.write(lambda writer: delete_trunk(writer, created.id if by == "id" else by), allow={"in-use"})
    assert (change.action, change.id, change.applied) == ("delete", created.id, True)
    assert desk.ask(list_trunks) == []


def test_delete_an_outbound_trunk(desk: Desk) -> None:
    from livekit.protocol.sip import CreateSIPOutboundTrunkRequest, SIPOutboundTrunkInfo

    info = SIPOutboundTrunkInfo(name="out", address="sip.example.org", numbers=["+15550100"], auth_password=PASSWORD)
    desk.ask(lambda client: client._api.sip.create_outbound_trunk(CreateSIPOutboundTrunkRequest(trunk=info)))
    change = desk.write(lambda writer: delete_trunk(writer, "out"))
    assert change.applied
    assert PASSWORD not in repr(change)
    assert desk.ask(list_trunks) == []


def test_no_trunk_and_one_of_two(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        desk.write(lambda writer: delete_trunk(writer, "provider"))
    first = desk.write(lambda writer: create_trunk(writer, TRUNK))
    desk.write(lambda writer: create_trunk(writer, replace(TRUNK, numbers=("+15550199",))))
    with pytest.raises(UsageError, match="names 2 trunks"):
        desk.write(lambda writer: delete_trunk(writer, "provider"))
    assert desk.ask(lambda client: get_trunk(client, "+15550100")).sip_trunk_id == first.id
    assert len(desk.ask(list_trunks)) == 2


def test_a_trunk_that_rules_name_needs_the_word(desk: Desk) -> None:
    trunk = desk.write(lambda writer: create_trunk(writer, TRUNK))
    desk.store(DispatchRule(name="SIP_any", room_name="any", pin="654321"))
    rule = desk.store(DispatchRule(name="SIP_demo", room_name="demo", pin="123456", trunk_ids=("ST_x", trunk.id)))
    with pytest.raises(SafeguardError, match=f"named by rules {rule.sip_dispatch_rule_id}$") as refused:
        desk.write(lambda writer: delete_trunk(writer, "provider"))
    assert refused.value.code == "rail-in-use"
    assert len(desk.ask(list_trunks)) == 1
    assert desk.write(lambda writer: delete_trunk(writer, "provider"), allow={"in-use"}).applied
    assert desk.ask(list_trunks) == []
    assert rule in desk.rules()


def test_a_trunk_on_the_protect_list_needs_the_word(desk: Desk) -> None:
    desk.write(lambda writer: create_trunk(writer, TRUNK))
    desk.settings["protect"] = ("provider",)
    with pytest.raises(SafeguardError) as refused:
        desk.write(lambda writer: delete_trunk(writer, "provider"))
    assert refused.value.code == "rail-protected"
    assert desk.write(lambda writer: delete_trunk(writer, "provider"), allow={"protected", "in-use"}).applied


def test_rules_are_listed_by_whatever_a_person_calls_their_trunk(desk: Desk) -> None:
    trunk = InboundTrunk(name="provider", numbers=("+33123456789",))
    trunk_id = desk.write(lambda writer: create_trunk(writer, trunk)).id
    stored = [
        DispatchRule(name=name, room_name=name, pin=pin, trunk_ids=(to,))
        for name, pin, to in (("here", "4821930571", trunk_id), ("gone", "7703158264", "ST_gone"))
    ]
    desk.ask(lambda client: asyncio.gather(*map(client.create_rule, stored)))

    def names(reference: str) -> list[str]:
        criteria = Criteria(trunk=reference)
        return [rule.name for rule in desk.ask(lambda client: list_rules(client, Settings(), criteria))]

    assert [names(word) for word in (trunk_id, "provider", "+33123456789")] == [["here"]] * 3
    assert names("ST_gone") == ["gone"]
    with pytest.raises(NotFoundError, match="no inbound trunk 'nobody'"):
        names("nobody")
