"""The state changes while a run is at work: between its readings, before its writes, behind its back."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.sync import livekit as by_livekit
from sipctl.operations.sync.result import Result
from sipctl.telephony.model import DispatchRule, Room
from sipctl.telephony.plan import Part
from tests.support.yard import Yard, before_the_list, intents, owned, plant, results


def before_the_delete(act: Callable[[DispatchRule], object]) -> type[LiveKitClient]:
    """A client in whose back something happens right before each deletion."""

    class Meddled(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            (rule,) = await self.list_rules([identifier])
            await asyncio.to_thread(act, rule)
            await super().delete_rule(identifier)

    return Meddled


def stale_for_long(yard: Yard) -> None:
    yard.run(Part.PURGE)
    yard.wait()


def test_a_room_that_becomes_live_gets_its_rule_back(yard: Yard) -> None:
    (rule,) = plant(yard, "gone")
    stale_for_long(yard)
    server = yard.desk.server
    yard.desk.client_class = before_the_delete(lambda one: server.join(one.room_name, "alice"))
    outcome = yard.run(Part.PURGE)
    assert results(outcome) == [("gone", Result.PUT_BACK)]
    back = yard.desk.rule()
    assert replace(back, sip_dispatch_rule_id=rule.sip_dispatch_rule_id, created_at=None) == rule
    assert outcome.done[0].rule_id == back.sip_dispatch_rule_id
    assert intents(yard) == ["run", "delete", "put-back"]


def test_what_others_deleted_is_not_this_runs_to_undo(yard: Yard) -> None:
    plant(yard, "gone")
    stale_for_long(yard)

    class Backend(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            await super().delete_rule(identifier)
            await super().delete_rule(identifier)

    yard.desk.client_class = Backend
    assert results(yard.run(Part.PURGE)) == [("gone", Result.GONE)]
    (outcome,) = [entry for entry in yard.desk.audit() if entry.action == "delete" and entry.phase == "outcome"]
    assert (outcome.result, outcome.error) == ("failed", "gone already")


def test_it_is_put_back_before_the_next_batch(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_livekit, "BATCH", 1)
    plant(yard, "first", "second")
    stale_for_long(yard)
    server = yard.desk.server
    yard.desk.client_class = before_the_delete(
        lambda rule: server.join("first", "alice") if rule.room_name == "first" else None
    )
    assert sorted(results(yard.run(Part.PURGE))) == [("first", Result.PUT_BACK), ("second", Result.DONE)]
    assert intents(yard) == ["run", "delete", "put-back", "delete"]


def test_a_backend_that_was_quicker_keeps_its_rule(yard: Yard) -> None:
    plant(yard, "gone")
    stale_for_long(yard)
    server = yard.desk.server

    class Backend(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            await super().delete_rule(identifier)
            await asyncio.to_thread(server.join, "gone", "alice")
            await self.create_rule(owned("gone", "555555"))

    yard.desk.client_class = Backend
    assert results(yard.run(Part.PURGE)) == [("gone", Result.PUT_BACK)]
    assert yard.desk.rule().pin == "555555"


def test_what_became_live_or_changed_since_the_plan_is_left_alone(yard: Yard) -> None:
    alive, changed, _ = plant(yard, "alive", "changed", "gone")
    stale_for_long(yard)
    server = yard.desk.server

    async def meddle(client: LiveKitClient) -> None:
        await asyncio.to_thread(server.join, "alive", "alice")
        await client.replace_rule(changed, replace(changed, metadata="new"))

    yard.desk.client_class = before_the_list(2, meddle)
    assert results(yard.run(Part.PURGE)) == [
        ("alive", Result.ALIVE),
        ("changed", Result.CHANGED),
        ("gone", Result.DONE),
    ]
    assert alive in yard.desk.rules()


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_duplicate_stays_if_the_rule_beside_it_does_not(yard: Yard, *, is_deleted: bool) -> None:
    """Else its room would be left without a rule, or with one that no one checked."""
    assert yard.registry
    yard.registry.give([("other", "100001")])
    keeper, double = (yard.desk.store(owned("other", "100001", trunk_ids=trunks)) for trunks in ((), ("ST_1",)))
    yard.run(Part.REPAIR, apply=False)
    yard.wait()

    async def meddle(client: LiveKitClient) -> None:
        if is_deleted:
            await client.delete_rule(keeper.sip_dispatch_rule_id)
        else:
            await client.replace_rule(keeper, replace(keeper, pin="200002"))

    yard.desk.client_class = before_the_list(2, meddle)
    assert results(yard.run(Part.REPAIR)) == [("other", Result.CHANGED)]
    assert double in yard.desk.rules()


def test_a_duplicate_whose_cover_goes_at_the_deletion_is_put_back(yard: Yard) -> None:
    assert yard.registry
    yard.registry.give([("other", "100001")])
    keeper, double = (yard.desk.store(owned("other", "100001", trunk_ids=trunks)) for trunks in ((), ("ST_1",)))
    yard.run(Part.REPAIR, apply=False)
    yard.wait()

    class Meddled(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            await super().delete_rule(keeper.sip_dispatch_rule_id)
            await super().delete_rule(identifier)

    yard.desk.client_class = Meddled
    assert results(yard.run(Part.REPAIR)) == [("other", Result.NEEDED)]
    assert yard.desk.rule().trunk_ids == double.trunk_ids


def test_each_rule_of_a_room_that_becomes_live_is_put_back(yard: Yard) -> None:
    """One of them takes no calls of the other."""
    for trunk in ("ST_fr", "ST_de"):
        yard.desk.store(owned("gone", "100001", trunk_ids=(trunk,)))
    stale_for_long(yard)
    server = yard.desk.server
    yard.desk.client_class = before_the_delete(lambda one: server.join(one.room_name, "alice"))
    assert results(yard.run(Part.PURGE)) == [("gone", Result.PUT_BACK)] * 2
    assert sorted(rule.trunk_ids for rule in yard.desk.rules()) == [("ST_de",), ("ST_fr",)]


def test_a_rule_that_the_backend_made_meanwhile_is_success(yard: Yard) -> None:
    assert yard.registry
    yard.desk.server.join("a", "alice")
    yard.registry.give([("a", "100001")])
    yard.desk.client_class = before_the_list(2, lambda client: client.create_rule(owned("a", "100001")))
    assert results(yard.run()) == [("a", Result.THERE)]
    assert len(yard.desk.rules()) == 1


def test_a_room_that_ended_meanwhile_gets_no_rule(yard: Yard) -> None:
    assert yard.registry
    yard.desk.server.join("a", "alice")
    yard.registry.give([("a", "100001")])
    yard.desk.client_class = before_the_list(2, lambda client: client.delete_room("a"))
    assert results(yard.run()) == [("a", Result.ENDED)]
    assert yard.desk.rules() == []


def test_a_room_that_begins_while_the_run_looks_is_not_stale(yard: Yard) -> None:
    """Rules are listed first: a rule that is listed has a room that is listed, too."""

    class Beginning(LiveKitClient):
        lists = 0

        async def list_rules(self, ids: object = ()) -> object:  # type: ignore[override]
            return await self._then_begin(await super().list_rules(ids))  # type: ignore[arg-type]

        async def list_rooms(self, names: object = ()) -> object:  # type: ignore[override]
            return await self._then_begin(await super().list_rooms(names))  # type: ignore[arg-type]

        async def _then_begin(self, listed: object) -> object:
            Beginning.lists += 1
            if Beginning.lists == 1:
                await self.create_room(Room(name="new"))
                await self.create_rule(owned("new", "100001"))
            return listed

    yard.desk.client_class = Beginning
    assert [item for item in yard.run(Part.PURGE, apply=False).items if item.room == "new"] == []
