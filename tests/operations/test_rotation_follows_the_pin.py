"""Every rule that carries the old PIN and leads to the room is part of its rotation, whoever wrote it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sipctl.errors import PartialError, SafeguardError, UncheckedError
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.rotate import Rotator
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule, RuleKind
from tests.support.desk import Desk
from tests.support.homes import ROOMS, Home, opened
from tests.support.peers.livekit import RealLiveKit
from tests.support.rotating import pins, rotate, work

A, B = ROOMS[:2]
OLD, NEW = "482193", "502846"


def rule_of(room: str, pin: str, **fields: Any) -> DispatchRule:
    return replace(DispatchRule(name=f"SIP_{room}", room_name=room, pin=pin), **fields)


def foreign_rule(room: str, pin: str, **fields: Any) -> DispatchRule:
    return rule_of(room, pin, **{"name": "of another backend", "trunk_ids": ("ST_other",), **fields})


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with opened("sqlite", tmp_path, None) as one:
        yield one


@pytest.fixture
def desk(livekit: Sandbox | RealLiveKit, tmp_path: Path) -> Desk:
    return Desk(server=livekit, folder=tmp_path)


def by_name(desk: Desk) -> dict[str, str]:
    return {rule.name: rule.pin for rule in desk.rules()}


def test_a_foreign_rule_that_carries_the_old_pin_refuses_and_nothing_changes(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD), (B, "111222")])
    desk.store(rule_of(A, OLD))
    stored = desk.store(foreign_rule(A, OLD))
    done = {one.room: one for one in rotate(desk, home)}
    refused = done[A].error
    assert isinstance(refused, SafeguardError)
    assert stored.sip_dispatch_rule_id in refused.message
    assert "--allow foreign" in refused.hint
    assert done[B].error is None
    assert by_name(desk) == {f"SIP_{A}": OLD, "of another backend": OLD}
    assert pins(home)[A] == OLD
    assert home.registry.unfinished() == []


def test_allowed_it_gets_the_new_pin_too(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    ids = {desk.store(rule).sip_dispatch_rule_id for rule in (rule_of(A, OLD), foreign_rule(A, OLD))}
    (done,) = rotate(desk, home, chosen={A: NEW}, allow={"foreign"})
    assert (done.error, set(done.rules)) == (None, ids)
    assert by_name(desk) == {f"SIP_{A}": NEW, "of another backend": NEW}
    assert home.registry.unfinished() == []
    lines = [entry.resource for entry in desk.audit() if entry.phase == "intent"]
    assert sorted(lines) == sorted([f"room {A}", *(f"rule {one}" for one in ids)])


def test_a_rule_that_leads_the_pin_to_another_room_keeps_it(desk: Desk, home: Home) -> None:
    """It is the PIN of that room, too: its callers would be shut out, and ours let in there."""
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    desk.store(foreign_rule(B, OLD))
    (done,) = rotate(desk, home, chosen={A: NEW}, allow={"foreign"})
    assert done.error is None
    assert by_name(desk) == {f"SIP_{A}": NEW, "of another backend": OLD}


class Appearing(LiveKitClient):
    """A server on which a rule appears right after the first list of rules."""

    rule: DispatchRule | None = None

    async def list_rules(self, ids: Iterable[str] = ()) -> Iterator[DispatchRule]:
        listed = list(await super().list_rules(ids))
        if Appearing.rule:
            appearing, Appearing.rule = Appearing.rule, None
            await self.create_rule(appearing)
        return iter(listed)


def test_a_foreign_rule_that_appears_during_the_run_is_named(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    Appearing.rule, desk.client_class = foreign_rule(A, OLD), Appearing
    (done,) = rotate(desk, home, chosen={A: NEW})
    appeared = next(rule.sip_dispatch_rule_id for rule in desk.rules() if rule.name == "of another backend")
    assert isinstance(done.error, PartialError)
    assert f"still accepts the old PIN: {appeared}" in done.error.message
    assert "pin rotate --recover --allow foreign --apply" in done.error.hint
    assert by_name(desk) == {f"SIP_{A}": NEW, "of another backend": OLD}
    (again,) = work(desk, home, Rotator.recover)
    assert isinstance(again.error, PartialError)
    (recovered,) = work(desk, home, Rotator.recover, allow={"foreign"})
    assert recovered.error is None
    assert by_name(desk) == {f"SIP_{A}": NEW, "of another backend": NEW}
    assert home.registry.unfinished() == []


def test_an_owned_rule_that_appears_during_the_run_is_part_of_it(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    Appearing.rule, desk.client_class = rule_of(A, OLD, trunk_ids=("ST_late",)), Appearing
    (done,) = rotate(desk, home, chosen={A: NEW})
    assert done.error is None
    assert len(done.rules) == 2
    assert [rule.pin for rule in desk.rules()] == [NEW, NEW]


def test_what_accepts_the_old_pin_cannot_be_listed_at_the_end(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))

    class FailsLater(LiveKitClient):
        lists = 0

        async def list_rules(self, ids: Iterable[str] = ()) -> Iterator[DispatchRule]:
            FailsLater.lists += 1
            if FailsLater.lists > 1:
                raise UncheckedError("no answer")
            return await super().list_rules(ids)

    desk.client_class = FailsLater
    (done,) = rotate(desk, home, chosen={A: NEW})
    assert isinstance(done.error, PartialError)
    desk.client_class = LiveKitClient
    (recovered,) = work(desk, home, Rotator.recover)
    assert (recovered.error, desk.rule().pin, pins(home)) == (None, NEW, {A: NEW})


def test_a_rule_that_makes_rooms_is_part_of_it_if_its_calls_can_land_there(desk: Desk, home: Home) -> None:
    home.registry.give([("call_1", OLD)])
    desk.store(foreign_rule("call", OLD, kind=RuleKind.CALLEE, name="makes rooms"))
    (done,) = rotate(desk, home)
    assert isinstance(done.error, SafeguardError)
