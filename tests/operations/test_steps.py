"""A write of several steps is judged step by step: after its first effect no error says that it failed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sipctl.command_line import prose_text
from sipctl.errors import ChangedError, ConflictError, ExitCode, PartialError, UncheckedError
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.audit import AUDIT_FILE
from sipctl.operations.batch import StopSwitch
from sipctl.operations.change import Writer
from sipctl.operations.restore import RestoreAction, Step, entries_of, plan_undo, restore
from sipctl.operations.rooms import delete_room
from sipctl.operations.rules.create import create_rule
from sipctl.operations.rules.delete import delete_rule
from sipctl.operations.sync.result import Result
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule, Room
from sipctl.telephony.plan import Part
from tests.support.desk import Desk, present
from tests.support.full_disk import full_after
from tests.support.yard import Yard, plant, results

RULE = DispatchRule(name="SIP_demo", room_name="demo", pin="123456", created_at="2020-01-02T03:04:05Z")


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path) -> Desk:
    return Desk(server=sandbox, folder=tmp_path)


def steps_of(desk: Desk) -> list[tuple[str, str]]:
    """The writes of the audit, in order: the action, and what came of it."""
    return [(entry.action, entry.result) for entry in desk.audit() if entry.phase == "outcome"]


def undo(desk: Desk, *, rule: str = "", item: str = "") -> list[Step]:
    """Carry out what restoring this rule, or this change, plans; the steps."""

    async def carry(writer: Writer) -> list[Step]:
        entries = entries_of(desk.audit(), rules=[rule] if rule else (), items=[item] if item else ())
        planned = plan_undo(entries, present(await writer.client.list_rules()))
        for attempt in await restore(writer, planned, StopSwitch()):
            assert attempt.result, attempt.error
        return planned

    return desk.write(carry, allow={"live-room"})


def as_it_was(desk: Desk) -> None:
    assert replace(desk.rule(), sip_dispatch_rule_id="", media=None) == RULE


def failing_after(method: str, *faults: str) -> type[LiveKitClient]:
    """A client after whose call of this method the sandbox strikes with these faults."""

    class Struck(LiveKitClient):
        server: Sandbox

    async def struck(self: LiveKitClient, *words: object) -> object:
        answer = await getattr(LiveKitClient, method)(self, *words)
        for fault in faults:
            Struck.server.fault(fault)
        return answer

    setattr(Struck, method, struck)
    return Struck


@contextmanager
def striking(desk: Desk, method: str, *faults: str) -> Iterator[None]:
    """While the body runs, these faults strike from the first call of the method on."""
    kind = failing_after(method, *faults)
    kind.server = desk.server  # type: ignore[attr-defined]
    desk.client_class = kind
    try:
        yield
    finally:
        desk.client_class = LiveKitClient
        assert isinstance(desk.server, Sandbox)
        desk.server.lift_faults()


# --- a deletion ---


@pytest.mark.parametrize(
    ("fault", "described", "outcome"),
    [
        ("status=403", "was deleted, and not put back: ", "failed"),
        ("status=502", "was deleted, and whether it was put back is not known: ", "unknown"),
    ],
)
def test_a_rule_that_was_deleted_and_not_put_back(
    desk: Desk, sandbox: Sandbox, fault: str, described: str, outcome: str
) -> None:
    planted = desk.store(RULE)
    sandbox.fault("comes-alive@DeleteSIPDispatchRule")
    sandbox.fault(f"{fault}@CreateSIPDispatchRule")
    with pytest.raises(PartialError) as partly:
        desk.write(lambda writer: delete_rule(writer, "demo"))
    sandbox.lift_faults()
    assert partly.value.exit_code is ExitCode.PARTIAL
    assert f"rule {planted.sip_dispatch_rule_id} of live room 'demo' {described}" in partly.value.message
    assert f"sipctl rules restore --id {planted.sip_dispatch_rule_id} --apply" in partly.value.hint
    assert steps_of(desk) == [("delete", "done"), ("put-back", outcome)]
    (step,) = undo(desk, rule=planted.sip_dispatch_rule_id)
    assert step.action is RestoreAction.CREATE
    as_it_was(desk)


def test_a_rule_that_was_deleted_and_its_room_not_looked_at_again(desk: Desk) -> None:
    planted = desk.store(RULE)
    with striking(desk, "delete_rule", "status=503@ListRooms"), pytest.raises(PartialError) as partly:
        desk.write(lambda writer: delete_rule(writer, "demo"))
    assert "was deleted, and whether its room became live meanwhile is not known: " in partly.value.message
    assert f"sipctl rules restore --id {planted.sip_dispatch_rule_id} --apply" in partly.value.hint
    assert steps_of(desk) == [("delete", "done")]
    undo(desk, rule=planted.sip_dispatch_rule_id)
    as_it_was(desk)


def test_a_deletion_without_an_answer_is_looked_at_again(desk: Desk, sandbox: Sandbox) -> None:
    desk.store(RULE)
    sandbox.fault("comes-alive@DeleteSIPDispatchRule")
    sandbox.fault("cut@DeleteSIPDispatchRule")
    with pytest.raises(ChangedError, match="became live"):
        desk.write(lambda writer: delete_rule(writer, "demo"))
    as_it_was(desk)
    assert steps_of(desk) == [("delete", "unknown"), ("put-back", "done")]


def test_a_deletion_of_which_no_one_knows_says_so(desk: Desk, sandbox: Sandbox) -> None:
    planted = desk.store(RULE)
    sandbox.fault("cut@DeleteSIPDispatchRule")
    with pytest.raises(UncheckedError) as unknown:
        desk.write(lambda writer: delete_rule(writer, "demo"))
    assert "whether it was done is not known" in unknown.value.message
    sandbox.lift_faults()
    undo(desk, rule=planted.sip_dispatch_rule_id)
    as_it_was(desk)


def test_what_a_put_back_made_is_not_undone_with_the_deletion(desk: Desk, sandbox: Sandbox) -> None:
    """The run deleted the rule and put it back: there is nothing to undo."""
    planted = desk.store(RULE)
    sandbox.fault("comes-alive@DeleteSIPDispatchRule")
    with pytest.raises(ChangedError):
        desk.write(lambda writer: delete_rule(writer, "demo"))
    sandbox.lift_faults()
    back = desk.rule()
    steps = plan_undo(entries_of(desk.audit(), runs=[desk.audit()[0].run]), present([back]))
    assert [(step.action, step.why) for step in steps] == [(RestoreAction.SKIP, "there already")]
    assert planted.sip_dispatch_rule_id != back.sip_dispatch_rule_id


def test_a_result_that_only_a_newer_version_knows_is_looked_up(desk: Desk) -> None:
    planted = desk.store(RULE)
    desk.write(lambda writer: delete_rule(writer, "demo"))
    entries = [
        replace(entry, result="half") for entry in entries_of(desk.audit(), rules=[planted.sip_dispatch_rule_id])
    ]
    (step,) = plan_undo(entries, present([]))
    assert (step.action, step.why) == (RestoreAction.CREATE, "no answer came; it was deleted")


# --- a creation ---


def test_a_rule_that_was_created_and_not_looked_at_again(desk: Desk) -> None:
    with striking(desk, "create_rule", "status=503@ListSIPDispatchRule"), pytest.raises(PartialError) as partly:
        desk.write(lambda writer: create_rule(writer, RULE))
    stored = desk.rule()
    assert f"rule {stored.sip_dispatch_rule_id} was created, and whether another rule" in partly.value.message
    assert steps_of(desk) == [("create", "done")]
    (step,) = undo(desk, item=desk.audit()[-1].item)
    assert step.action is RestoreAction.DELETE
    assert desk.rules() == []


class Twinned(LiveKitClient):
    """Another host creates a rule for the same calls at the same moment: both are stored."""

    async def create_rule(self, rule: DispatchRule) -> DispatchRule:
        stored = await super().create_rule(rule)
        Twinned.server.fault("conflict-pair")
        return stored

    server: Sandbox


@pytest.mark.parametrize(("fault", "outcome"), [("status=403", "failed"), ("cut", "unknown")])
def test_a_rule_that_was_created_beside_another_and_not_taken_back(
    desk: Desk, sandbox: Sandbox, fault: str, outcome: str
) -> None:
    Twinned.server, desk.client_class = sandbox, Twinned
    sandbox.fault(f"{fault}@DeleteSIPDispatchRule")
    with pytest.raises(PartialError) as partly:
        desk.write(lambda writer: create_rule(writer, RULE))
    sandbox.lift_faults()
    created = next(entry for entry in desk.audit() if entry.result == "done")
    assert partly.value.message.startswith(f"{created.resource} was created beside SDR_")
    assert f"sipctl rules restore {created.item} --apply" in partly.value.hint
    assert steps_of(desk) == [("create", "done"), ("withdraw", outcome)]
    undo(desk, item=created.item)
    assert created.resource not in {f"rule {rule.sip_dispatch_rule_id}" for rule in desk.rules()}


def test_a_rule_that_was_taken_back_needs_no_undo(desk: Desk, sandbox: Sandbox) -> None:
    desk.store(replace(RULE, pin="654321"))

    class Rivalled(LiveKitClient):
        async def create_rule(self, rule: DispatchRule) -> DispatchRule:
            stored = await super().create_rule(rule)
            sandbox.fault("conflict-pair")
            rival = next(reversed(sandbox.store.rules.values()))
            rival.rule.CopyFrom(sandbox.store.rules[stored.sip_dispatch_rule_id].rule)
            rival.rule.dispatch_rule_direct.room_name = "another"
            return stored

    desk.client_class = Rivalled
    with pytest.raises(ConflictError, match="already takes calls"):
        desk.write(lambda writer: create_rule(writer, RULE))
    assert steps_of(desk) == [("create", "done"), ("withdraw", "done")]
    desk.client_class = LiveKitClient
    before = desk.rules()
    steps = plan_undo(entries_of(desk.audit(), runs=[desk.audit()[0].run]), present(before))
    assert [step.action for step in steps] == [RestoreAction.SKIP]


# --- a ghost that is ended ---


def test_a_room_that_was_made_again_and_not_ended(desk: Desk, sandbox: Sandbox) -> None:
    desk.ask(lambda client: client.create_room(Room(name="ghost")))
    sandbox.fault("dead-node")
    sandbox.fault("status=403@DeleteRoom")
    with pytest.raises(PartialError, match="was made again, and not ended: ") as partly:
        desk.write(lambda writer: delete_room(writer, "ghost"))
    assert "sipctl room delete ghost" in partly.value.hint
    assert steps_of(desk) == [("create", "done"), ("delete", "failed")]


# --- a purge ---


def _stale_for_long(yard: Yard) -> DispatchRule:
    (rule,) = plant(yard, "gone")
    yard.run(Part.PURGE)
    yard.wait()
    return rule


def test_a_purge_that_cannot_put_back_says_what_it_did(sandboxed: Yard) -> None:
    yard, sandbox = sandboxed, sandboxed.desk.server
    assert isinstance(sandbox, Sandbox)
    rule = _stale_for_long(yard)
    sandbox.fault("comes-alive@DeleteSIPDispatchRule")
    sandbox.fault("status=403@CreateSIPDispatchRule")
    outcome = yard.run(Part.PURGE)
    sandbox.lift_faults()
    assert results(outcome) == [("gone", Result.NOT_PUT_BACK)]
    (done,) = outcome.done
    assert done.failed
    assert f"sipctl rules restore --id {rule.sip_dispatch_rule_id} --apply" in prose_text(done.advice)
    assert steps_of(yard.desk)[:2] == [("delete", "done"), ("put-back", "failed")]
    (step,) = undo(yard.desk, rule=rule.sip_dispatch_rule_id)
    assert step.action is RestoreAction.CREATE
    assert yard.pins() == {"gone": rule.pin}


def test_a_purge_that_cannot_look_again_says_what_it_did(sandboxed: Yard) -> None:
    yard = sandboxed
    rule = _stale_for_long(yard)
    with striking(yard.desk, "delete_rule", "status=503@ListRooms"):
        outcome = yard.run(Part.PURGE)
    assert results(outcome) == [("gone", Result.NOT_CHECKED)]
    assert f"sipctl rules restore --id {rule.sip_dispatch_rule_id} --apply" in prose_text(outcome.done[0].advice)


def test_a_deletion_that_surely_failed_puts_nothing_back(sandboxed: Yard) -> None:
    yard, sandbox = sandboxed, sandboxed.desk.server
    assert isinstance(sandbox, Sandbox)
    _stale_for_long(yard)
    sandbox.fault("status=403@DeleteSIPDispatchRule")
    with striking(yard.desk, "list_rooms", "latency=0"):
        outcome = yard.run(Part.PURGE)
    assert results(outcome) == [("gone", Result.FAILED)]


def test_what_was_put_back_is_reported_though_the_run_then_fails(sandboxed: Yard) -> None:
    """A killed run took a rule away; this one puts it back, and then LiveKit fails."""
    yard, desk = sandboxed, sandboxed.desk
    _stale_for_long(yard)
    yard.run(Part.PURGE)
    assert yard.observations
    run = desk.audit()[-1].run
    yard.observations.settle([run])
    yard.observations.begin_run(run)
    desk.server.join("gone", "alice")
    with striking(desk, "create_rule", "status=503@ListRooms"), pytest.raises(PartialError) as partly:
        yard.run(Part.PURGE)
    assert "the rule of room 'gone' was put back" in partly.value.message
    assert [rule.room_name for rule in desk.rules()] == ["gone"]


def test_a_rule_that_is_back_is_not_called_lost(sandboxed: Yard) -> None:
    """Whether another one takes the same calls could not be looked up any more."""
    yard, sandbox = sandboxed, sandboxed.desk.server
    assert isinstance(sandbox, Sandbox)
    rule = _stale_for_long(yard)
    sandbox.fault("comes-alive@DeleteSIPDispatchRule")
    with striking(yard.desk, "create_rule", "status=503@ListSIPDispatchRule"):
        outcome = yard.run(Part.PURGE)
    assert results(outcome) == [("gone", Result.PUT_BACK)]
    assert isinstance(outcome.done[0].error, PartialError)
    assert outcome.done[0].failed
    assert yard.pins() == {"gone": rule.pin}


def test_what_was_put_back_is_reported_though_the_memory_of_runs_then_fails(sandboxed: Yard, tmp_path: Path) -> None:
    yard, desk = sandboxed, sandboxed.desk
    _stale_for_long(yard)
    yard.run(Part.PURGE)
    assert yard.observations
    run = desk.audit()[-1].run
    yard.observations.settle([run])
    yard.observations.begin_run(run)
    desk.server.join("gone", "alice")

    class Losing(LiveKitClient):
        async def create_rule(self, rule: DispatchRule) -> DispatchRule:
            with closing(sqlite3.connect(tmp_path / "looks.db")) as memory, memory:
                memory.execute("ALTER TABLE sipctl_run RENAME TO away")
            return await super().create_rule(rule)

    desk.client_class = Losing
    with pytest.raises(PartialError, match="the rule of room 'gone' was put back"):
        yard.run(Part.PURGE)
    assert [rule.room_name for rule in desk.rules()] == ["gone"]


# --- the audit is full in the middle ---


@contextmanager
def filling(desk: Desk) -> Iterator[None]:
    """The disk is full as soon as a rule was deleted."""

    class Filling(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            await super().delete_rule(identifier)
            full.__enter__()

    full = full_after(0)
    desk.client_class = Filling
    try:
        yield
    finally:
        full.__exit__(None, None, None)
        desk.client_class = LiveKitClient


def test_a_full_disk_does_not_keep_a_live_room_from_its_rule(desk: Desk, sandbox: Sandbox) -> None:
    desk.store(RULE)
    sandbox.fault("comes-alive@DeleteSIPDispatchRule")
    with filling(desk), pytest.raises(ChangedError, match="became live"):
        desk.write(lambda writer: delete_rule(writer, "demo"))
    as_it_was(desk)
    assert (desk.folder / AUDIT_FILE).read_bytes().count(b"\n") == 1


def test_a_deletion_that_the_audit_does_not_tell_was_made(desk: Desk) -> None:
    planted = desk.store(RULE)
    with (
        filling(desk),
        pytest.raises(PartialError, match=r"delete of rule SDR_\w+ was done, and the audit does not say so"),
    ):
        desk.write(lambda writer: delete_rule(writer, "demo"))
    assert desk.rules() == []
    undo(desk, rule=planted.sip_dispatch_rule_id)
    as_it_was(desk)


def test_a_purge_whose_audit_is_full_puts_back_all_the_same(sandboxed: Yard) -> None:
    yard, sandbox = sandboxed, sandboxed.desk.server
    assert isinstance(sandbox, Sandbox)
    rule = _stale_for_long(yard)
    sandbox.fault("comes-alive@DeleteSIPDispatchRule")
    with filling(yard.desk):
        outcome = yard.run(Part.PURGE)
    assert results(outcome) == [("gone", Result.PUT_BACK)]
    assert outcome.done[0].failed
    assert yard.pins() == {"gone": rule.pin}
