"""Purge and sync against a server: what they do, and every safeguard around them."""

import asyncio
import signal
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sipctl.errors import ConfigError, PoisonPairError, SafeguardError, UncheckedError
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.batch import StopSwitch
from sipctl.operations.rules.create import create_rule
from sipctl.operations.sync.result import Result
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule, Room
from sipctl.telephony.plan import Action, Part, Reason, pending
from tests.support.peers.livekit import RealLiveKit
from tests.support.yard import GRACE, Yard, owned, plant, results

MANY = [f"room-{at:02}" for at in range(30)]


# --- purge ---


def test_a_stale_rule_goes_after_its_grace(yard: Yard) -> None:
    (rule,) = plant(yard, "gone")
    first = yard.run(Part.PURGE)
    assert [item.reason for item in first.items] == [Reason.FIRST_OBSERVATION]
    yard.wait(9)
    assert [item.reason for item in yard.run(Part.PURGE).items] == [Reason.WAITING]
    yard.wait(2)
    second = yard.run(Part.PURGE)
    assert results(second) == [("gone", Result.DONE)]
    assert yard.desk.rules() == []
    before = next(entry.before for entry in yard.desk.audit() if entry.action == "delete")
    assert before
    assert before["sip_dispatch_rule_id"] == rule.sip_dispatch_rule_id
    assert pending(yard.run(Part.PURGE).items) == []


def test_a_stale_rule_says_since_when_and_when_it_may_go(yard: Yard) -> None:
    plant(yard, "gone")
    began = yard.moment
    for minutes in (9, 0):
        (item,) = (one for one in yard.run(Part.PURGE).items if one.before)
        assert (item.idle_since, item.may_go_at) == (began, began + GRACE)
        yard.wait(minutes)
    made = DispatchRule(name="SIP_late", room_name="late", pin="736150", created_at=yard.moment.isoformat())
    yard.desk.store(made)
    (item,) = (one for one in yard.run(Part.PURGE).items if one.room == "late")
    assert item.may_go_at == yard.moment + GRACE


def test_a_dry_run_remembers_its_observation_and_writes_nothing_else(yard: Yard) -> None:
    plant(yard, "gone")
    yard.run(Part.PURGE, apply=False)
    yard.wait()
    planned = yard.run(Part.PURGE, apply=False)
    assert [item.action for item in planned.items] == [Action.DELETE]
    assert len(yard.desk.rules()) == 1
    assert yard.desk.audit() == []


def test_a_room_that_was_live_in_between_begins_anew(yard: Yard) -> None:
    plant(yard, "back")
    yard.run(Part.PURGE)
    yard.open_room("back")
    yard.wait()
    yard.run(Part.PURGE)
    yard.end_room("back")
    yard.wait()
    assert [item.reason for item in yard.run(Part.PURGE).items] == [Reason.FIRST_OBSERVATION]


def test_a_rule_that_was_changed_in_between_begins_anew(yard: Yard) -> None:
    (rule,) = plant(yard, "gone")
    yard.run(Part.PURGE)
    yard.wait()
    yard.desk.ask(lambda client: client.replace_rule(rule, replace(rule, metadata="new")))
    assert [item.reason for item in yard.run(Part.PURGE).items] == [Reason.FIRST_OBSERVATION]


def test_foreign_protected_and_live_rules_stay(yard: Yard) -> None:
    yard.policy["protect"] = frozenset({"lobby"})
    yard.desk.store(replace(owned("gone", "1111"), name="theirs"))
    plant(yard, "lobby", "other")
    yard.purge()
    assert sorted(rule.room_name for rule in yard.desk.rules()) == ["gone", "lobby", "other"]


def test_the_grace_of_nothing_is_explicit(yard: Yard) -> None:
    plant(yard, "gone")
    yard.policy["grace"] = timedelta()
    assert results(yard.run(Part.PURGE)) == [("gone", Result.DONE)]


def test_looking_twice_in_one_run_needs_no_memory(yard: Yard) -> None:
    plant(yard, "gone")
    yard.observations = None
    yard.policy["grace"] = timedelta(milliseconds=1)
    assert pending(yard.run(Part.PURGE).items) == []
    assert yard.desk.ask(lambda client: _twice(yard, client)) == [("gone", Result.DONE)]


async def _twice(yard: Yard, client: LiveKitClient) -> list[tuple[str, Result]]:
    """The clock goes on while the run waits."""
    run = asyncio.create_task(yard._run(client, (Part.PURGE,), {"look_twice": timedelta(milliseconds=20)}))
    while not run.done():
        yard.moment += timedelta(milliseconds=10)  # however slowly this loop turns, the grace passes in it
        await asyncio.sleep(0.001)
    return results(await run)


# --- safeguards ---


def test_an_empty_list_of_rooms_is_believed_the_second_time(yard: Yard) -> None:
    plant(yard, "gone")
    yard.end_room("other")
    for minutes in (0, 9):
        yard.wait(minutes)
        with pytest.raises(SafeguardError, match="lists no room at all") as refused:
            yard.run(Part.PURGE)
        assert refused.value.code == "rail-empty-list"
    assert len(yard.desk.rules()) == 1
    yard.wait(2)
    assert results(yard.run(Part.PURGE)) == [("gone", Result.DONE)]


def test_an_empty_list_without_stale_rules_is_no_fault(yard: Yard) -> None:
    yard.end_room("other")
    assert yard.run(Part.PURGE).items == []


def test_a_list_of_rooms_that_is_empty_once_deletes_nothing(sandboxed: Yard, sandbox: Sandbox) -> None:
    plant(sandboxed, "other")
    sandboxed.policy["grace"] = timedelta()
    sandbox.fault("empty-list@ListRooms", times=1)
    with pytest.raises(SafeguardError, match="lists no room at all"):
        sandboxed.run(Part.PURGE)
    assert len(sandboxed.desk.rules()) == 1


def test_a_list_that_turns_empty_before_the_deletion_deletes_nothing(sandboxed: Yard) -> None:
    plant(sandboxed, "gone")

    class Emptied(LiveKitClient):
        observations = 0

        async def list_rooms(self, names: object = ()) -> list[object]:  # type: ignore[override]
            Emptied.observations += 1
            return [] if Emptied.observations == 2 else await super().list_rooms()  # type: ignore[return-value]

    sandboxed.run(Part.PURGE)
    sandboxed.wait()
    sandboxed.desk.client_class = Emptied
    assert results(sandboxed.run(Part.PURGE)) == [("gone", Result.FAILED)]
    assert len(sandboxed.desk.rules()) == 1


@pytest.mark.parametrize("fault", ["status=503@ListRooms", "cut@ListRooms", "status=403@ListRooms", "redis-lost"])
def test_a_list_that_fails_stops_the_run(sandboxed: Yard, sandbox: Sandbox, fault: str) -> None:
    plant(sandboxed, "gone")
    sandboxed.run(Part.PURGE)
    sandboxed.wait()
    sandbox.fault(fault)
    with pytest.raises(Exception, match=r"answered|broke off|redis|keeps us out"):
        sandboxed.run(Part.PURGE)
    sandbox.lift_faults()
    assert len(sandboxed.desk.rules()) == 1
    assert results(sandboxed.run(Part.PURGE)) == [("gone", Result.DONE)]


def test_many_deletions_need_a_number(sandboxed: Yard) -> None:
    plant(sandboxed, *MANY)
    for room in MANY[5:]:
        sandboxed.open_room(room)
    sandboxed.run(Part.PURGE)
    for room in MANY[5:]:
        sandboxed.end_room(room)
    sandboxed.run(Part.PURGE)
    sandboxed.wait()
    with pytest.raises(SafeguardError) as refused:
        sandboxed.run(Part.PURGE)
    assert refused.value.message == (
        "would delete 30 of 30 owned rules (100 %), more than max_delete 20 and max_delete_percent 30"
    )
    assert "--max-delete 30 --max-delete-percent 100" in refused.value.hint
    with pytest.raises(SafeguardError, match="more than max_delete_percent 30"):
        sandboxed.run(Part.PURGE, max_delete=30)
    with pytest.raises(SafeguardError, match="more than max_delete 20"):
        sandboxed.run(Part.PURGE, max_delete_percent=100)
    planned = sandboxed.run(Part.PURGE, apply=False)
    assert planned.would_refuse
    assert len(sandboxed.desk.rules()) == 30
    assert len(sandboxed.run(Part.PURGE, max_delete=30, max_delete_percent=100).done) == 30
    assert sandboxed.desk.rules() == []


def test_under_ten_rules_a_percentage_says_nothing(sandboxed: Yard) -> None:
    plant(sandboxed, *MANY[:9])
    assert len(sandboxed.purge().done) == 9


def test_one_failure_does_not_stop_the_others(sandboxed: Yard) -> None:
    plant(sandboxed, *MANY[:5])

    class Failing(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            (rule,) = await self.list_rules([identifier])
            if rule.room_name == MANY[2]:
                raise UncheckedError("cannot be")
            await super().delete_rule(identifier)

    sandboxed.run(Part.PURGE)
    sandboxed.wait()
    sandboxed.desk.client_class = Failing
    outcome = sandboxed.run(Part.PURGE)
    assert [result for _, result in results(outcome)].count(Result.DONE) == 4
    assert [one.error.message for one in outcome.done if one.error] == ["cannot be"]
    assert [rule.room_name for rule in sandboxed.desk.rules()] == [MANY[2]]


def test_failures_in_a_row_stop_the_run(sandboxed: Yard, sandbox: Sandbox) -> None:
    plant(sandboxed, *MANY)
    sandboxed.run(Part.PURGE)
    sandboxed.wait()
    sandbox.fault("status=503@DeleteSIPDispatchRule")
    outcome = sandboxed.run(Part.PURGE, max_delete=30, max_delete_percent=100)
    counted = [result for _, result in results(outcome)]
    assert counted.count(Result.FAILED) < 30
    assert counted.count(Result.NOT_BEGUN) > 0
    sandbox.lift_faults()
    assert len(sandboxed.desk.rules()) == 30


def test_a_signal_lets_what_is_in_flight_finish(sandboxed: Yard) -> None:
    plant(sandboxed, *MANY)
    switch = sandboxed.switch

    class Signalled(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            switch.signal_number = signal.SIGTERM
            await super().delete_rule(identifier)

    sandboxed.run(Part.PURGE)
    sandboxed.wait()
    sandboxed.desk.client_class = Signalled
    outcome = sandboxed.run(Part.PURGE, max_delete=30, max_delete_percent=100)
    counted = [result for _, result in results(outcome)]
    assert 1 <= counted.count(Result.DONE) <= 16
    assert counted.count(Result.DONE) + counted.count(Result.NOT_BEGUN) == 30
    assert len(sandboxed.desk.rules()) == counted.count(Result.NOT_BEGUN)


def test_a_killed_run_is_finished_by_the_next(yard: Yard) -> None:
    """Killed after the deletion, before it could check whether a room became live."""
    (rule,) = plant(yard, "gone")
    yard.run(Part.PURGE)
    yard.wait()
    server = yard.desk.server

    class Killed(BaseException):
        pass

    class Dying(LiveKitClient):
        dead = False

        async def delete_rule(self, identifier: str) -> None:
            await super().delete_rule(identifier)
            Dying.dead = True
            raise Killed

    yard.desk.client_class = Dying
    with pytest.raises((Killed, BaseExceptionGroup)):
        yard.run(Part.PURGE)
    server.join("gone", "alice")
    yard.desk.client_class = LiveKitClient
    outcome = yard.run(Part.PURGE)
    assert outcome.put_back == ["gone"]
    assert yard.desk.rule().pin == rule.pin
    assert yard.run(Part.PURGE).put_back == []


def test_all_the_rules_that_a_killed_run_took_from_a_room_are_put_back(sandboxed: Yard, sandbox: Sandbox) -> None:
    """One for each trunk: the room needs both."""
    for trunk in ("ST_fr", "ST_de"):
        sandboxed.desk.store(owned("gone", "100001", trunk_ids=(trunk,)))
    sandboxed.run(Part.PURGE)
    sandboxed.wait()

    class KilledError(BaseException):
        pass

    class Dying(LiveKitClient):
        deleted = 0

        async def delete_rule(self, identifier: str) -> None:
            await super().delete_rule(identifier)
            Dying.deleted += 1
            if Dying.deleted == 2:
                sandbox.join("gone", "alice")
                raise KilledError

    sandboxed.desk.client_class = Dying
    with pytest.raises(BaseExceptionGroup):
        sandboxed.run(Part.PURGE)
    sandboxed.desk.client_class = LiveKitClient
    assert sandboxed.run(Part.PURGE).put_back == ["gone"]
    assert sorted(rule.trunk_ids for rule in sandboxed.desk.rules()) == [("ST_de",), ("ST_fr",)]


class TestWhatAnEarlierRunLeft:
    """A list of rooms can lag, so the next run looks once more at what the one before deleted."""

    class Late(LiveKitClient):
        """Someone enters at the deletion, and no list of this run shows it."""

        server: Sandbox | RealLiveKit

        async def list_rooms(self, names: Iterable[str] = ()) -> list[Room]:
            return [room for room in await super().list_rooms(names) if room.name != "gone"]

        async def delete_rule(self, identifier: str) -> None:
            self.server.join("gone", "alice")
            await super().delete_rule(identifier)

    @pytest.fixture
    def left(self, yard: Yard) -> Yard:
        self.Late.server = yard.desk.server
        plant(yard, "gone")
        yard.moment = datetime.now(UTC)
        yard.run(Part.PURGE)
        yard.wait()
        yard.desk.client_class = self.Late
        assert results(yard.run(Part.PURGE)) == [("gone", Result.DONE)]
        yard.desk.client_class = LiveKitClient
        return yard

    def test_is_put_back(self, left: Yard) -> None:
        assert left.run(Part.PURGE).put_back == ["gone"]
        assert left.pins() == {"gone": "000000"}
        assert left.run(Part.PURGE).put_back == []

    def test_a_plan_alone_changes_nothing(self, left: Yard) -> None:
        assert left.run(Part.PURGE, apply=False).put_back == []
        assert left.pins() == {}
        assert left.run(Part.PURGE).put_back == ["gone"]

    def test_another_host_leaves_it_to_the_one_that_has_the_audit(self, left: Yard, tmp_path: Path) -> None:
        own_folder, left.desk.folder = left.desk.folder, tmp_path / "another-host"
        assert left.run(Part.PURGE).put_back == []
        left.desk.folder = own_folder
        assert left.run(Part.PURGE).put_back == ["gone"]

    def test_what_no_audit_tells_is_over_in_a_day(self, left: Yard, tmp_path: Path) -> None:
        assert left.observations
        left.desk.folder = tmp_path / "another-host"
        left.wait(minutes=25 * 60)
        left.run(Part.PURGE)
        assert left.observations.unsettled_runs() == {}

    def test_a_room_that_began_later_is_the_backends(self, left: Yard) -> None:
        assert left.observations
        (run,) = left.observations.unsettled_runs()
        left.moment -= timedelta(hours=2)
        left.observations.end_run(run)
        assert left.run(Part.PURGE).put_back == []
        assert left.pins() == {}


class TestPoisonPair:
    """While two stored rules clash LiveKit stores no rule, so nothing that was deleted could be put back."""

    @pytest.fixture
    def poisoned(self, sandboxed: Yard) -> Yard:
        store = sandboxed.desk.server.store  # type: ignore[union-attr]
        plant(sandboxed, "gone", "live")
        twin = deepcopy(next(rule for rule in store.rules.values() if rule.name == "SIP_live"))
        twin.sip_dispatch_rule_id = "SDR_twin"
        store.rules[twin.sip_dispatch_rule_id] = twin
        sandboxed.open_room("live")
        return sandboxed

    def test_purge_keeps_off_the_others(self, poisoned: Yard) -> None:
        outcome = poisoned.purge()
        assert results(outcome) == [("gone", Result.FAILED)]
        (done,) = outcome.done
        assert isinstance(done.error, PoisonPairError)
        assert "SDR_twin" in done.error.message
        assert sorted(poisoned.pins()) == ["gone", "live"]

    def test_sync_takes_the_twin_first(self, poisoned: Yard) -> None:
        assert poisoned.registry
        poisoned.registry.give([("live", "000001")])
        poisoned.run(apply=False)
        poisoned.wait()
        assert results(poisoned.run()) == [("gone", Result.DONE), ("live", Result.DONE)]
        assert [rule.room_name for rule in poisoned.desk.rules()] == ["live"]

    def test_a_create_names_the_two(self, poisoned: Yard) -> None:
        with pytest.raises(PoisonPairError, match=r"SDR_twin.*take the same calls"):
            poisoned.desk.write(lambda writer: create_rule(writer, owned("new", "777777")))


def test_a_state_that_a_newer_sipctl_made(sandboxed: Yard, tmp_path: Path) -> None:
    from sqlalchemy import text

    from sipctl.registry.database import open_engine
    from sipctl.registry.observations import Observations

    engine = open_engine(f"sqlite:///{tmp_path / 'looks.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE sipctl_schema SET version = 99"))
    with pytest.raises(ConfigError, match="schema 99"):
        Observations(engine, "http://x")
    engine.dispose()


def test_a_state_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    from sqlalchemy import inspect, text

    from sipctl.registry.database import open_engine
    from sipctl.registry.observations import Observations

    engine = open_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE sipctl_schema (version INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO sipctl_schema VALUES (1)"))
    Observations(engine, "http://x")
    assert {"sipctl_look", "sipctl_sighting", "sipctl_run"} <= set(inspect(engine).get_table_names())
    engine.dispose()


def test_a_clock_that_jumped_back_begins_anew(sandboxed: Yard) -> None:
    plant(sandboxed, "gone")
    sandboxed.run(Part.PURGE)
    sandboxed.wait(-60)
    assert [item.reason for item in sandboxed.run(Part.PURGE).items] == [Reason.FIRST_OBSERVATION]
    sandboxed.wait()
    assert results(sandboxed.run(Part.PURGE)) == [("gone", Result.DONE)]


DAY = 24 * 60


@pytest.mark.parametrize(
    ("grace_hours", "pause_minutes", "begins_anew"),
    [(1, DAY - 1, False), (1, DAY + 1, True), (12, 36 * 60 - 1, False), (12, 36 * 60 + 1, True)],
)
def test_observations_that_lie_far_apart_begin_anew(
    sandboxed: Yard, grace_hours: int, pause_minutes: int, *, begins_anew: bool
) -> None:
    """Nothing is known of the time in between: more than a day, or than three times the grace."""
    sandboxed.policy["grace"] = timedelta(hours=grace_hours)
    plant(sandboxed, "gone")
    sandboxed.run(Part.PURGE)
    sandboxed.wait(pause_minutes)
    outcome = sandboxed.run(Part.PURGE)
    assert outcome.earlier.pause == (timedelta(minutes=pause_minutes) if begins_anew else None)
    assert [item.reason for item in outcome.items] == [Reason.FIRST_OBSERVATION if begins_anew else Reason.STALE]
    sandboxed.wait(grace_hours * 60 + 1)
    sandboxed.run(Part.PURGE)
    assert sandboxed.desk.rules() == []


def test_an_empty_list_of_rooms_long_ago_counts_for_nothing(sandboxed: Yard) -> None:
    plant(sandboxed, "gone")
    sandboxed.end_room("other")
    for pause in (0, DAY + 1):
        sandboxed.wait(pause)
        with pytest.raises(SafeguardError, match="lists no room at all"):
            sandboxed.run(Part.PURGE)
    sandboxed.wait()
    assert results(sandboxed.run(Part.PURGE)) == [("gone", Result.DONE)]


def test_what_was_observed_by_a_clock_that_was_off_counts_for_nothing(sandboxed: Yard, sandbox: Sandbox) -> None:
    """The clock of this host is an hour late: set right, it would seem that an hour went by since the observation."""
    plant(sandboxed, "gone")
    sandbox.join("elsewhere", "bob")
    sandbox.advance(3600)
    sandboxed.wait(-60)
    late = sandboxed.run(Part.PURGE)
    assert [item.reason for item in late.items] == [Reason.CLOCK_OFF]
    assert late.earlier.skew_s == pytest.approx(3600, abs=5)
    sandbox.advance(-3600)
    sandboxed.wait(60)
    assert [item.reason for item in sandboxed.run(Part.PURGE).items] == [Reason.FIRST_OBSERVATION]
    sandboxed.wait()
    assert results(sandboxed.run(Part.PURGE)) == [("gone", Result.DONE)]


def test_a_clock_that_is_off_makes_no_grace_go_by(sandboxed: Yard, sandbox: Sandbox) -> None:
    """It went forward by twenty seconds, and the grace is ten."""
    sandboxed.policy["grace"] = timedelta(seconds=10)
    plant(sandboxed, "gone")
    sandboxed.run(Part.PURGE)
    sandbox.advance(-20)
    sandboxed.wait(20 / 60)
    assert [item.reason for item in sandboxed.run(Part.PURGE).items] == [Reason.CLOCK_OFF]
    assert len(sandboxed.desk.rules()) == 1


def test_a_run_that_ends_by_a_late_clock_ended_when_livekit_says(sandboxed: Yard, sandbox: Sandbox) -> None:
    """Rooms have LiveKit's times: by the clock of this host the room would have begun after the run."""
    plant(sandboxed, "gone")
    sandbox.join("elsewhere", "bob")

    class Late(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            await super().delete_rule(identifier)
            sandbox.join("gone", "alice")
            sandbox.fault("lagging-list@ListRooms", times=2)

    sandbox.advance(3600)
    sandboxed.policy["grace"] = timedelta()
    sandboxed.moment = datetime.now(UTC)
    sandboxed.desk.client_class = Late
    assert results(sandboxed.run(Part.PURGE)) == [("gone", Result.DONE)]
    sandboxed.desk.client_class = LiveKitClient
    assert sandboxed.run(Part.PURGE).put_back == ["gone"]


def test_redis_that_comes_back_empty_costs_no_rule(sandboxed: Yard, sandbox: Sandbox) -> None:
    """Its rooms live on, but are not listed any more; its rules are gone with it, and backends write new ones."""
    sandbox.join("meeting", "alice")
    plant(sandboxed, "meeting")
    sandboxed.run(Part.PURGE)
    sandbox.store.rooms.clear()
    sandboxed.wait()
    with pytest.raises(SafeguardError, match="lists no room at all"):
        sandboxed.run(Part.PURGE)
    assert len(sandboxed.desk.rules()) == 1


def test_the_rule_of_a_ghost_stays(sandboxed: Yard, sandbox: Sandbox) -> None:
    sandbox.join("ghost", "alice")
    plant(sandboxed, "ghost")
    sandbox.store.rooms["ghost"].ghost = True
    assert pending(sandboxed.purge().items) == []


# --- sync ---


def test_missing_drifted_and_double_rules(yard: Yard) -> None:
    assert yard.registry
    server = yard.desk.server
    yard.registry.give([("missing", "100001"), ("drifted", "100002"), ("double", "100003"), ("quiet", "100004")])
    for room in ("missing", "drifted", "double"):
        server.join(room, "alice")
    yard.open_room("quiet")
    yard.desk.store(owned("drifted", "None"))
    yard.desk.store(owned("double", "100003"))
    yard.desk.store(owned("double", "100003", trunk_ids=("ST_2",)))
    assert results(yard.run()) == [("drifted", Result.DONE), ("missing", Result.DONE)]
    yard.wait()
    assert results(yard.run()) == [("double", Result.DONE)]
    assert yard.pins() == {"missing": "100001", "drifted": "100002", "double": "100003"}
    assert len(yard.desk.rules()) == 3
    assert pending(yard.run().items) == []
    yard.policy["unattended"] = True
    assert results(yard.run()) == [("quiet", Result.DONE)]


def test_rules_of_one_room_for_other_trunks_are_both_needed(yard: Yard) -> None:
    assert yard.registry
    yard.registry.give([("a", "100001")])
    yard.desk.server.join("a", "alice")
    for trunk in ("ST_fr", "ST_de"):
        yard.desk.store(owned("a", "100001", trunk_ids=(trunk,)))
    yard.run(apply=False)
    yard.wait()
    assert pending(yard.run().items) == []
    assert len(yard.desk.rules()) == 2


class TestDuplicate:
    """A duplicate waits, counts and comes back as any rule that is deleted."""

    @pytest.fixture
    def double(self, sandboxed: Yard, sandbox: Sandbox) -> Yard:
        assert sandboxed.registry
        sandboxed.registry.give([("a", "100001")])
        sandbox.join("a", "alice")
        sandboxed.desk.store(owned("a", "100001"))
        sandboxed.desk.store(owned("a", "100001", trunk_ids=("ST_fr",)))
        return sandboxed

    def reasons(self, yard: Yard, *parts: Part) -> list[Reason]:
        return sorted(item.reason for item in yard.run(*parts).items if item.room == "a")

    def test_it_waits_for_the_grace(self, double: Yard) -> None:
        assert self.reasons(double) == [Reason.DUPLICATE_WAITING, Reason.LIVE]
        double.wait(9)
        assert self.reasons(double) == [Reason.DUPLICATE_WAITING, Reason.LIVE]
        double.wait(2)
        assert results(double.run()) == [("a", Result.DONE)]
        assert double.desk.rule().trunk_ids == ()

    def test_a_purge_in_between_forgets_nothing(self, double: Yard) -> None:
        self.reasons(double)
        double.wait(5)
        self.reasons(double, Part.PURGE)
        double.wait(6)
        assert results(double.run()) == [("a", Result.DONE)]

    def test_it_begins_anew_when_it_was_changed(self, double: Yard) -> None:
        self.reasons(double)
        double.wait()
        (narrow,) = [rule for rule in double.desk.rules() if rule.trunk_ids]
        double.desk.ask(lambda client: client.replace_rule(narrow, replace(narrow, trunk_ids=("ST_de",))))
        assert self.reasons(double) == [Reason.DUPLICATE_WAITING, Reason.LIVE]

    def test_it_counts_as_a_deletion(self, double: Yard) -> None:
        self.reasons(double)
        double.wait()
        with pytest.raises(SafeguardError, match="would delete 1 of 2"):
            double.run(max_delete=0)

    def test_twice_in_one_run_is_enough(self, double: Yard) -> None:
        double.observations, double.policy["grace"] = None, timedelta(seconds=0.1)
        double.orders["look_twice"] = timedelta(seconds=0.1)
        clock = iter(range(100))
        double.now = lambda: double.moment + timedelta(seconds=next(clock))  # type: ignore[method-assign]
        assert results(double.run()) == [("a", Result.DONE)]


def test_a_room_with_phone_callers_alone_gets_no_rule(yard: Yard) -> None:
    assert yard.registry
    yard.registry.give([("lonely", "100001")])
    yard.desk.server.join("lonely", "sip_+33612345678", kind="SIP")
    assert [item.reason for item in yard.run().items if item.room == "lonely"] == [Reason.UNATTENDED]


def test_two_rules_change_places_and_neither_is_ever_open(yard: Yard) -> None:
    assert yard.registry
    for room in ("a", "b"):
        yard.desk.server.join(room, "alice")
    yard.registry.give([("a", "100001"), ("b", "100002")])
    yard.desk.store(owned("a", "100002"))
    yard.desk.store(owned("b", "100001"))
    seen: list[str] = []

    class Watched(LiveKitClient):
        async def replace_rule(self, before: DispatchRule, after: DispatchRule) -> DispatchRule:
            stored = await super().replace_rule(before, after)
            seen.extend(rule.pin for rule in await self.list_rules())
            return stored

    yard.desk.client_class = Watched
    yard.run()
    assert yard.pins() == {"a": "100001", "b": "100002"}
    assert len(seen) == 6
    assert all(len(pin) in {6, 16} for pin in seen)


def test_two_systems_never_hand_out_pins_together(yard: Yard) -> None:
    yard.desk.server.join("a", "alice")
    yard.desk.store(owned("a", "999999"))
    with pytest.raises(SafeguardError, match="another backend, probably Meet"):
        yard.run()


def test_parts_and_rooms(sandboxed: Yard, sandbox: Sandbox) -> None:
    assert sandboxed.registry
    for room in ("a", "b"):
        sandbox.join(room, "alice")
    sandboxed.registry.give([("a", "100001"), ("b", "100002")])
    sandboxed.policy["rooms"] = frozenset({"b"})
    assert results(sandboxed.run()) == [("b", Result.DONE)]


def test_an_outcome_is_all_right_only_if_nothing_failed(sandboxed: Yard) -> None:
    plant(sandboxed, "gone")
    outcome = sandboxed.purge()
    assert outcome.run
    assert not any(one.failed for one in outcome.done)
    assert StopSwitch().limit == 5
    assert timedelta(minutes=10) == GRACE
