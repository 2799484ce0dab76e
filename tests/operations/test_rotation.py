"""Registry and live rule get a new PIN together or neither, whatever fails, and whenever the run is killed."""

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from livekit.protocol.sip import UpdateSIPDispatchRuleRequest

from sipctl.errors import ConflictError, DeniedError, PartialError, SipctlError, UncheckedError
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.batch import StopSwitch
from sipctl.operations.rotate import Rotated, Rotator
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.registered import Holding
from tests.support.desk import Desk
from tests.support.homes import ROOMS, Home, opened
from tests.support.peers.livekit import RealLiveKit
from tests.support.relay import Relay
from tests.support.rotating import pins, rotate, work

A, B, C = ROOMS[:3]
OLD, NEW = "482193", "502846"


def rule_of(room: str, pin: str) -> DispatchRule:
    return DispatchRule(name=f"SIP_{room}", room_name=room, pin=pin)


@pytest.fixture(params=["sqlite", "meet"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    postgres = request.getfixturevalue("postgres") if request.param == "meet" else None
    with opened(request.param, tmp_path, postgres) as one:
        yield one


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path) -> Desk:
    return Desk(server=sandbox, folder=tmp_path)


def test_a_signal_while_livekit_does_not_answer_gives_every_room_its_old_pin_back(desk: Desk, home: Home) -> None:
    switch = StopSwitch()

    class Hanging(LiveKitClient):
        async def list_rules(self, ids: object = ()) -> Any:
            switch.stop(signal.SIGTERM)
            await asyncio.Event().wait()

    home.registry.give([(A, OLD), (B, "111222")])
    desk.client_class = Hanging
    done = rotate(desk, home, switch=switch)
    assert [(one.room, one.new_pin, one.error and one.error.code) for one in done] == [
        (A, "", "not-begun"), (B, "", "not-begun"),
    ]  # fmt: skip
    assert pins(home) == {A: OLD, B: "111222"}
    assert home.registry.unfinished() == []


def test_both_change_and_the_old_pin_rests(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD), (B, "111222")])
    desk.store(replace(rule_of(A, OLD), metadata="kept"))
    done = rotate(desk, home, A, chosen={A: NEW})
    rule = desk.rule()
    assert done == [Rotated(A, NEW, (rule.sip_dispatch_rule_id,))]
    assert (rule.pin, rule.metadata) == (NEW, "kept")
    assert pins(home) == {A: NEW, B: "111222"}
    assert home.registry.holders([OLD])[OLD].state == "retired"
    assert home.registry.unfinished() == []
    assert [entry.result for entry in desk.audit()] == ["", "", "done", "done"]


def test_foreign_rules_and_rules_of_other_pins_stay(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    for rule in (replace(rule_of(A, OLD), name="someone else's"), rule_of(A, "999999"), rule_of(B, "888888")):
        desk.store(rule)
    (done,) = rotate(desk, home, chosen={A: NEW})
    assert done.rules == ()
    assert sorted(rule.pin for rule in desk.rules()) == sorted([OLD, "999999", "888888"])


def test_many_rooms_need_one_list_of_rules(desk: Desk, home: Home, sandbox: Sandbox) -> None:
    home.registry.give([(room, f"77{at:04}") for at, room in enumerate(ROOMS)])
    done = rotate(desk, home)
    assert sorted(one.room for one in done if not one.error) == sorted(ROOMS)
    assert len(set(pins(home).values())) == len(ROOMS)
    assert [call.method for call in sandbox.calls] == ["ListSIPDispatchRule"]


def test_a_pin_that_is_not_free_is_not_taken(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD), (B, NEW)])
    (done,) = rotate(desk, home, A, chosen={A: NEW})
    assert isinstance(done.error, ConflictError)
    assert pins(home) == {A: OLD, B: NEW}
    assert home.registry.unfinished() == []


@pytest.mark.parametrize("fault", ["status=502@ListSIPDispatchRule", "redis-lost"])
def test_livekit_does_not_answer_and_the_registry_is_as_before(
    desk: Desk, home: Home, sandbox: Sandbox, fault: str
) -> None:
    home.registry.give([(A, OLD), (B, "111222")])
    desk.store(rule_of(A, OLD))
    sandbox.fault(fault)
    done = rotate(desk, home)
    assert all(isinstance(one.error, UncheckedError) for one in done)
    sandbox.lift_faults()
    assert pins(home) == {A: OLD, B: "111222"}
    assert home.registry.unfinished() == []
    assert desk.rule().pin == OLD


def test_livekit_refuses_the_change_and_the_old_pin_is_back(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    desk.store(replace(rule_of(B, NEW), name="someone else's"))
    (done,) = rotate(desk, home, A, chosen={A: NEW})
    assert isinstance(done.error, ConflictError)
    assert pins(home) == {A: OLD}
    assert home.registry.unfinished() == []
    assert sorted(rule.pin for rule in desk.rules()) == sorted([OLD, NEW])
    assert desk.audit()[-1].result == "failed"


@pytest.mark.parametrize("fault", ["cut", "status=502", "status=504"])
def test_no_one_knows_whether_the_rule_was_changed_and_the_next_run_makes_sure(
    desk: Desk, home: Home, sandbox: Sandbox, fault: str
) -> None:
    """A proxy that got no answer in time does not say what became of the request."""
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    sandbox.fault(f"{fault}@UpdateSIPDispatchRule")
    (done,) = rotate(desk, home, A, chosen={A: NEW})
    assert isinstance(done.error, PartialError)
    assert "pin rotate --recover" in done.error.hint
    sandbox.lift_faults()
    assert len(home.registry.unfinished()) == 1
    (recovered,) = work(desk, home, Rotator.recover)
    assert recovered.error is None
    assert (desk.rule().pin, pins(home)) == (NEW, {A: NEW})
    assert home.registry.unfinished() == []


@pytest.mark.parametrize("fault", ["status=403@UpdateSIPDispatchRule", "status=502@ListSIPDispatchRule"])
def test_a_recovery_that_fails_gives_nothing_up(desk: Desk, home: Home, sandbox: Sandbox, fault: str) -> None:
    """The rule may carry the new PIN already."""
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    assert home.registry.begin_rotation(A, OLD, NEW)
    sandbox.fault(fault)
    (failed,) = work(desk, home, Rotator.recover)
    sandbox.lift_faults()
    assert failed.error
    assert (pins(home), len(home.registry.unfinished())) == ({A: NEW}, 1)
    (recovered,) = work(desk, home, Rotator.recover)
    assert recovered.error is None
    assert (desk.rule().pin, home.registry.unfinished()) == (NEW, [])


def test_a_refusal_after_the_first_rule_gives_nothing_up(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    for trunk in ("ST_1", "ST_2"):
        desk.store(replace(rule_of(A, OLD), trunk_ids=(trunk,)))

    class Refusing(LiveKitClient):
        updates = 0

        async def replace_rule(self, before: DispatchRule, after: DispatchRule) -> DispatchRule:
            Refusing.updates += 1
            if Refusing.updates == 2:
                raise DeniedError("no")
            return await super().replace_rule(before, after)

    desk.client_class = Refusing
    (failed,) = rotate(desk, home, A, chosen={A: NEW})
    assert isinstance(failed.error, PartialError)
    assert (pins(home), len(home.registry.unfinished())) == ({A: NEW}, 1)
    (recovered,) = work(desk, home, Rotator.recover)
    assert recovered.error is None
    assert [rule.pin for rule in desk.rules()] == [NEW, NEW]


def test_five_failures_in_a_row_stop_the_run(desk: Desk, home: Home, sandbox: Sandbox) -> None:
    home.registry.give([(room, f"77{at:04}") for at, room in enumerate(ROOMS)])
    before = pins(home)
    for room in ROOMS:
        desk.store(rule_of(room, before[room]))
    sandbox.fault("status=403@UpdateSIPDispatchRule")
    switch = StopSwitch(limit=3)
    done = rotate(desk, home, switch=switch)
    sandbox.lift_faults()
    assert switch.is_on
    assert all(one.error for one in done)
    assert pins(home) == before
    assert home.registry.unfinished() == []


def test_a_signal_leaves_the_rest_as_it_was(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD), (B, "111222")])
    done = rotate(desk, home, switch=StopSwitch(signal_number=signal.SIGINT))
    assert [one.error.code for one in done if one.error] == ["not-begun", "not-begun"]
    assert pins(home) == {A: OLD, B: "111222"}


def test_a_rule_that_went_with_its_meeting_is_no_failure(desk: Desk, home: Home, sandbox: Sandbox) -> None:
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))

    class Ending(LiveKitClient):
        async def replace_rule(self, before: DispatchRule, after: DispatchRule) -> DispatchRule:
            sandbox.store.rules.clear()
            return await super().replace_rule(before, after)

    desk.client_class = Ending
    (done,) = rotate(desk, home, A, chosen={A: NEW})
    assert (done.error, pins(home)) == (None, {A: NEW})
    assert home.registry.unfinished() == []


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from sipctl.config.model import Connection, Settings
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.audit import Journal
from sipctl.operations.rotate import Rotator
from sipctl.registry.database import open_engine
from sipctl.registry.store import Registry
from sipctl.telephony.secret import Secret

home, notes, url, secret, folder, room, new, moment = sys.argv[1:]
notes_engine = open_engine(notes)
registry = Registry(open_engine(home) if home != notes else notes_engine, notes_engine, in_meet=home != notes)
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if moment == "noted":
    registry._swap = die
if moment == "before finish":
    registry.finish = die
on_step = lambda step: die() if step == moment else None

async def main():
    async with LiveKitClient(Connection(url=url, api_key="devkey", api_secret=Secret(secret)), timeout_s=20) as client:
        journal = Journal(Path(folder), "sipctl test", "test", url)
        rotator = Rotator(registry, client, Settings(), journal, lambda: new, on_step=on_step)
        await rotator.rotate([registry.find(room)])

asyncio.run(main())
"""


def urls_of(home: Home, tmp_path: Path) -> tuple[str, str]:
    notes = f"sqlite:///{tmp_path / 'notes.db'}"
    return (home.engine.url.render_as_string(hide_password=False) if home.in_meet else notes), notes


@pytest.mark.parametrize("moment", ["noted", "begun", "rule", "before finish", "finished"])
def test_killed_after_each_step(livekit: Sandbox | RealLiveKit, home: Home, tmp_path: Path, moment: str) -> None:
    desk = Desk(server=livekit, folder=tmp_path)
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    source = str(Path(__file__).parents[2] / "src")
    with Relay(livekit.url) as relay:
        words = [*urls_of(home, tmp_path), relay.url, livekit.api_secret.reveal(), str(tmp_path), A, NEW, moment]
        ended = subprocess.run([sys.executable, "-c", KILLED, *words], env={"PYTHONPATH": source}, check=False)
        assert ended.returncode == -signal.SIGKILL
        unfinished = home.registry.unfinished()
        assert [one.room for one in unfinished] == ([] if moment == "finished" else [A])
        recovered = work(desk, home, Rotator.recover)
        assert [one.error for one in recovered] == [None] * len(unfinished)
        written = [body for path, body in relay.requests if path.endswith("UpdateSIPDispatchRule")]
    assert desk.rule().pin == NEW
    assert pins(home) == {A: NEW}
    assert home.registry.unfinished() == []
    assert home.registry.holders([OLD])[OLD].state == "retired"
    for body in written:
        request = UpdateSIPDispatchRuleRequest.FromString(body)
        assert request.replace.rule.dispatch_rule_direct.pin == NEW
    assert not work(desk, home, Rotator.recover)


def test_any_mix_of_failures_keeps_registry_and_rules_together(desk: Desk, home: Home, sandbox: Sandbox) -> None:
    """After recovery every room's rule carries its PIN, and no two rooms ever share one."""
    entropy = random.Random(7)
    faults = [
        "",
        *(f"{one}@UpdateSIPDispatchRule" for one in ("cut", "status=502", "status=403")),
        "status=503@ListSIPDispatchRule",
    ]
    home.registry.give([(room, f"77{at:04}") for at, room in enumerate(ROOMS)])
    for room, pin in pins(home).items():
        desk.store(rule_of(room, pin))
    for turn in range(12):
        if fault := entropy.choice(faults):
            sandbox.fault(fault, times=entropy.randint(1, 4))
        chosen = {room: f"{turn + 10}{at:04}" for at, room in enumerate(ROOMS)}
        rotate(desk, home, *entropy.sample(ROOMS, 4), chosen=chosen)
        sandbox.lift_faults()
        for one in work(desk, home, Rotator.recover):
            assert one.error is None
        assert {rule.room_name: rule.pin for rule in desk.rules()} == pins(home)
        assert len(set(pins(home).values())) == len(ROOMS)


def test_without_livekit_the_registry_alone_changes(home: Home) -> None:
    import asyncio

    from sipctl.config.model import Settings

    home.registry.give([(A, OLD)])
    rotator = Rotator(home.registry, None, Settings(), home.journal, lambda: NEW)
    (done,) = asyncio.run(rotator.rotate([Holding(room=A, pin=OLD)]))
    assert (done.new_pin, pins(home)) == (NEW, {A: NEW})
    (refused,) = asyncio.run(rotator.rotate([Holding(room=B)]))
    assert isinstance(refused.error, SipctlError)
