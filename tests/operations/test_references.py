"""What starts as an id does is an id: nothing else that is merely named so is ever meant."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sipctl.config.model import Settings
from sipctl.errors import NotFoundError
from sipctl.operations.change import Writer
from sipctl.operations.rooms import create_room, delete_room, get_room
from sipctl.operations.rules.create import create_requested_rule
from sipctl.operations.rules.delete import delete_rule
from sipctl.operations.rules.find import Criteria, list_rules
from sipctl.operations.rules.update import update_rule
from sipctl.operations.trunks import create_trunk, delete_trunk, update_trunk
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule, InboundTrunk, Room
from tests.support.desk import Desk
from tests.support.peers.livekit import RealLiveKit
from tests.support.yard import owned

GONE_RULE, GONE_TRUNK, GONE_ROOM = "SDR_goneGoneGone", "ST_goneGoneGone", "RM_goneGoneGone"
Act = Callable[[Writer], Awaitable[Any]]


@pytest.fixture
def desk(livekit: Sandbox | RealLiveKit, tmp_path: Path) -> Desk:
    return Desk(server=livekit, folder=tmp_path)


@pytest.mark.parametrize(
    "act",
    [lambda writer: delete_rule(writer, GONE_RULE), lambda writer: update_rule(writer, GONE_RULE, {"metadata": "x"})],
    ids=["delete", "update"],
)
@pytest.mark.parametrize(
    "namesake",
    [DispatchRule(name=GONE_RULE, room_name="demo", pin="123456"), owned(GONE_RULE, "123456")],
    ids=["by name", "by room"],
)
def test_the_id_of_a_rule_that_is_gone(desk: Desk, act: Act, namesake: DispatchRule) -> None:
    stored = desk.store(namesake)
    with pytest.raises(NotFoundError) as refused:
        desk.write(act, allow={"foreign"})
    assert stored.sip_dispatch_rule_id in refused.value.hint
    assert desk.rule() == stored


@pytest.mark.parametrize(
    "act",
    [lambda writer: delete_trunk(writer, GONE_TRUNK), lambda writer: update_trunk(writer, GONE_TRUNK, {"name": "x"})],
    ids=["delete", "update"],
)
def test_the_id_of_a_trunk_that_is_gone(desk: Desk, act: Act) -> None:
    made = desk.write(lambda writer: create_trunk(writer, InboundTrunk(name=GONE_TRUNK, numbers=("+33199000001",))))
    with pytest.raises(NotFoundError) as refused:
        desk.write(act)
    assert made.id in refused.value.hint


def test_a_rule_for_a_trunk_that_is_gone(desk: Desk) -> None:
    desk.write(lambda writer: create_trunk(writer, InboundTrunk(name=GONE_TRUNK, numbers=("+33199000001",))))
    wanted = owned("demo", "123456", trunk_ids=(GONE_TRUNK,))
    with pytest.raises(NotFoundError):
        desk.write(lambda writer: create_requested_rule(writer, wanted))
    with pytest.raises(NotFoundError):
        desk.ask(lambda client: list_rules(client, Settings(), Criteria(trunk=GONE_TRUNK)))
    assert desk.rules() == []


def test_the_id_of_a_room_that_is_gone(desk: Desk) -> None:
    desk.write(lambda writer: create_room(writer, Room(name=GONE_ROOM)))
    with pytest.raises(NotFoundError) as refused:
        desk.write(lambda writer: delete_room(writer, GONE_ROOM))
    (sid,) = desk.ask(_sids)
    assert sid in refused.value.hint
    assert desk.ask(lambda client: get_room(client, sid)).room.name == GONE_ROOM


def test_a_room_may_be_named_a_little_like_an_id(desk: Desk) -> None:
    desk.write(lambda writer: create_room(writer, Room(name="RM_101")))
    desk.write(lambda writer: delete_room(writer, "RM_101"))
    assert desk.ask(_sids) == []


async def _sids(client: Any) -> list[str]:
    return [room.sid for room in await client.list_rooms()]
