"""What a run puts back carries the PIN that its room has today, never one that was taken away meanwhile."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from sipctl.errors import ChangedError, PartialError, SipctlError, UncheckedError
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.rules.delete import delete_rule
from sipctl.operations.sync.result import Result
from sipctl.registry.store import Registry
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.plan import Part
from tests.support.yard import Yard, owned, results

OLD, NEW = "482193", "770315"


def rotated(registry: Registry) -> None:
    registry.give([("gone", OLD)])
    assert registry.begin_rotation("gone", OLD, NEW)


def released(registry: Registry) -> None:
    registry.give([("gone", OLD)])
    registry.retire(registry.find("gone"))


def given_away(registry: Registry) -> None:
    registry.give([("other", OLD)])


def registry_of(yard: Yard) -> Registry:
    assert yard.registry
    return yard.registry


def becomes_live(sandbox: Sandbox, meanwhile: Callable[[], object] = lambda: None) -> type[LiveKitClient]:
    """A client behind whose back the room of a rule comes alive as it is deleted."""

    class Raced(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            await super().delete_rule(identifier)
            sandbox.join("gone", "alice")
            await asyncio.to_thread(meanwhile)

    return Raced


class TestWithinARun:
    @pytest.fixture
    def stale(self, sandboxed: Yard) -> Yard:
        sandboxed.desk.store(owned("gone", OLD))
        sandboxed.run(Part.PURGE)
        sandboxed.wait()
        return sandboxed

    def test_a_rotated_pin_does_not_come_back(self, stale: Yard, sandbox: Sandbox) -> None:
        stale.desk.client_class = becomes_live(sandbox, lambda: rotated(registry_of(stale)))
        assert results(stale.run(Part.PURGE)) == [("gone", Result.PUT_BACK)]
        assert stale.pins() == {"gone": NEW}

    def test_a_rule_that_has_todays_pin_already_is_enough(self, stale: Yard, sandbox: Sandbox) -> None:
        rotated(registry_of(stale))
        right = stale.desk.store(owned("gone", NEW, metadata="by a backend"))
        stale.desk.client_class = becomes_live(sandbox)
        (one, *_) = stale.run(Part.PURGE).done
        assert (one.result, one.rule_id) == (Result.PUT_BACK, right.sip_dispatch_rule_id)
        assert stale.desk.rules() == [right]

    @pytest.mark.parametrize("change", [released, given_away])
    def test_a_pin_without_a_room_does_not_come_back(
        self, stale: Yard, sandbox: Sandbox, change: Callable[[Registry], None]
    ) -> None:
        stale.desk.client_class = becomes_live(sandbox, lambda: change(registry_of(stale)))
        outcome = stale.run(Part.PURGE)
        assert results(outcome) == [("gone", Result.LEFT_OUT)]
        assert "its PIN" in outcome.done[0].message
        assert OLD not in outcome.done[0].message
        assert not outcome.done[0].failed
        assert stale.pins() == {}

    def test_a_registry_that_cannot_be_asked_keeps_every_rule(self, stale: Yard) -> None:
        def fails(_rules: object) -> None:
            raise UncheckedError("the registry cannot be used", code="registry")

        stale.desk.pins_today = fails
        (one,) = stale.run(Part.PURGE).done
        assert (one.result, one.message) == (Result.FAILED, "failed: the registry cannot be used")
        assert stale.pins() == {"gone": OLD}


class TestAfterAKill:
    @pytest.fixture
    def left(self, sandboxed: Yard, sandbox: Sandbox) -> Yard:
        """What a run deleted that was killed right then, of a room that was live."""

        class Killed(BaseException):
            pass

        class Dying(LiveKitClient):
            async def delete_rule(self, identifier: str) -> None:
                await super().delete_rule(identifier)
                raise Killed

        sandboxed.moment = datetime.now(UTC)
        sandboxed.desk.store(owned("gone", OLD))
        sandboxed.run(Part.PURGE)
        sandboxed.wait()
        sandboxed.desk.client_class = Dying
        with pytest.raises((Killed, BaseExceptionGroup)):
            sandboxed.run(Part.PURGE)
        sandbox.join("gone", "alice")
        sandboxed.desk.client_class = LiveKitClient
        return sandboxed

    def test_a_rotated_pin_does_not_come_back(self, left: Yard) -> None:
        rotated(registry_of(left))
        assert left.run(Part.PURGE).put_back == ["gone"]
        assert left.pins() == {"gone": NEW}

    @pytest.mark.parametrize("change", [released, given_away])
    def test_a_pin_without_a_room_does_not_come_back(self, left: Yard, change: Callable[[Registry], None]) -> None:
        change(registry_of(left))
        outcome = left.run(Part.PURGE)
        assert (outcome.put_back, results(outcome)) == ([], [("gone", Result.LEFT_OUT)])
        assert left.pins() == {}
        assert left.run(Part.PURGE).done == []

    def test_a_pin_that_no_one_knows_comes_back(self, left: Yard) -> None:
        assert left.run(Part.PURGE).put_back == ["gone"]
        assert left.pins() == {"gone": OLD}


class TestOneRule:
    def delete(self, yard: Yard, allow: set[str] | None = None) -> SipctlError:
        yard.desk.store(owned("gone", OLD))
        with pytest.raises(SipctlError) as ended:
            yard.desk.write(lambda writer: delete_rule(writer, "gone"), allow=allow or set())
        return ended.value

    def test_a_rotated_pin_does_not_come_back(self, sandboxed: Yard, sandbox: Sandbox) -> None:
        rotated(registry_of(sandboxed))
        sandboxed.desk.client_class = becomes_live(sandbox)
        assert isinstance(self.delete(sandboxed), ChangedError)
        assert sandboxed.pins() == {"gone": NEW}

    def test_a_pin_that_was_taken_away_does_not_come_back_unless_allowed(
        self, sandboxed: Yard, sandbox: Sandbox
    ) -> None:
        released(registry_of(sandboxed))
        sandboxed.desk.client_class = becomes_live(sandbox)
        error = self.delete(sandboxed)
        assert isinstance(error, PartialError)
        assert "was deleted, and not put back" in error.message
        assert "--allow retired-pin" in error.hint
        assert sandboxed.pins() == {}
        sandbox.store.rooms.pop("gone")
        assert isinstance(self.delete(sandboxed, {"retired-pin"}), ChangedError)
        assert sandboxed.pins() == {"gone": OLD}
