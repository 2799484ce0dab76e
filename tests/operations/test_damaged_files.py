"""One bad record never spoils a file: what is cut, foreign or no text is passed over, counted, and reported once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sipctl.errors import UncheckedError
from sipctl.operations.audit import AUDIT_FILE, read_audit
from sipctl.operations.restore import entries_of, plan_undo
from sipctl.operations.rules.create import create_rule
from sipctl.operations.rules.delete import delete_rule
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.plan import Part
from tests.support.desk import Desk, present
from tests.support.full_disk import full_after
from tests.support.yard import Yard, owned

RULE = DispatchRule(name="SIP_demo", room_name="demo", pin="123456")


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path) -> Desk:
    return Desk(server=sandbox, folder=tmp_path)


def _damaged(line: bytes) -> dict[str, bytes]:
    """What a line of ours may become, and lines that never were ours."""
    fields = json.loads(line)
    without = {name: value for name, value in fields.items() if name != "before"}
    rule = {**fields["after"], "rule": {"dispatch_rule_direct": {"room_name": 5, "pin": None}}}
    return {
        "cut": line[:-20],
        "its end": line[20:],
        "zeros": b"\0" * 512,
        "zeros before it": b"\0\0" + line,
        "not UTF-8": line.replace(b"demo", b"d\xffmo"),
        "UTF-16": line.decode().encode("utf-16"),
        "empty": b"",
        "no JSON": b"nonsense",
        "deep": b"[" * 100_000,
        "a list": b"[]",
        "an object": b"{}",
        "a key too few": json.dumps(without).encode(),
        "a phase that is none": json.dumps({**fields, "phase": "rumour"}).encode(),
        "a number for a text": json.dumps({**fields, "run": 7}).encode(),
        "a list for a rule": json.dumps({**fields, "before": []}).encode(),
        "no rule": json.dumps({**fields, "before": {"rule": 1}}).encode(),
        "numbers in a rule": json.dumps({**fields, "after": rule}).encode(),
    }


KINDS = list(_damaged(b'{"after": {"rule": {}}, "demo": 1}'))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_record_of_ours_is_passed_over(desk: Desk, kind: str) -> None:
    change = desk.write(lambda writer: create_rule(writer, RULE))
    deleted = desk.write(lambda writer: delete_rule(writer, "demo"))
    path = desk.folder / AUDIT_FILE
    lines = path.read_bytes().splitlines()
    bad = _damaged(lines[1])[kind].replace(b"\n", b"")
    path.write_bytes(b"\n".join([bad, *lines[:2], bad, *lines[2:], bad]) + b"\n")
    described: list[str] = []
    entries = list(read_audit(desk.folder, described.append))
    assert [entry.item for entry in entries] == [change.item] * 2 + [deleted.item] * 2
    (note,) = described
    assert note.startswith("3 lines of ")
    (step,) = plan_undo(entries_of(entries, items=[deleted.item]), present(()))
    assert step.then
    assert replace(step.then, created_at=None, media=None) == RULE


def test_an_audit_without_damage_is_read_in_silence(desk: Desk) -> None:
    desk.write(lambda writer: create_rule(writer, RULE))
    described: list[str] = []
    assert len(list(read_audit(desk.folder, described.append))) == 2
    assert described == []


def test_what_a_newer_version_writes_besides_is_no_damage(desk: Desk) -> None:
    desk.write(lambda writer: create_rule(writer, RULE))
    before = desk.audit()
    path = desk.folder / AUDIT_FILE
    newer = [json.dumps({"trace": {"id": 1}, **json.loads(line)}) for line in path.read_text().splitlines()]
    path.write_text("\n".join(newer))
    assert desk.audit() == before


def test_a_name_that_is_no_unicode_can_be_written_down(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the environment may hold one: Python reads what is not UTF-8 as lone surrogates."""
    monkeypatch.setenv("LOGNAME", "ren\udce9")
    desk.write(lambda writer: create_rule(writer, RULE))
    assert [entry.who for entry in desk.audit()] == ["ren\udce9"] * 2


@pytest.mark.parametrize("room_left", [0, 1, 40, 700])
def test_after_a_full_disk_everything_works_again(desk: Desk, room_left: int) -> None:
    """The disk was full in the middle of an append."""
    created = desk.write(lambda writer: create_rule(writer, RULE))
    size = (desk.folder / AUDIT_FILE).stat().st_size
    with full_after(size + room_left), pytest.raises(UncheckedError, match="cannot write the audit"):
        desk.write(lambda writer: delete_rule(writer, "demo"))
    assert [rule.sip_dispatch_rule_id for rule in desk.rules()] == [created.id]
    deleted = desk.write(lambda writer: delete_rule(writer, "demo"))
    described: list[str] = []
    whole = [entry for entry in read_audit(desk.folder, described.append) if entry.item in {created.item, deleted.item}]
    assert [entry.phase for entry in whole] == ["intent", "outcome"] * 2
    assert len(described) == (1 if room_left else 0)


def test_a_killed_run_is_settled_though_the_audit_is_damaged(sandboxed: Yard) -> None:
    yard = sandboxed
    (rule,) = (yard.desk.store(owned("gone", "100001")),)
    yard.purge()
    assert yard.desk.rules() == []
    path = yard.desk.folder / AUDIT_FILE
    path.write_bytes(b"\0\0\0\n" + path.read_bytes() + b'{"phase":"intent","run":"')
    assert yard.observations
    run = yard.desk.audit()[-1].run
    yard.observations.settle([run])
    yard.observations.begin_run(run)  # as if it had been killed
    yard.desk.server.join("gone", "alice")
    assert yard.run(Part.PURGE).put_back == ["gone"]
    assert replace(yard.desk.rule(), created_at=None, sip_dispatch_rule_id="") == replace(
        rule, created_at=None, sip_dispatch_rule_id=""
    )


def test_a_registry_and_a_memory_on_a_disk_that_was_full(sandboxed: Yard) -> None:
    registry, observations = sandboxed.registry, sandboxed.observations
    assert registry
    assert observations
    rule = owned("gone", "100001", sip_dispatch_rule_id="SDR_gone")
    assert registry.give([("first", "111111")]) == {"first"}
    observations.observe([rule], any_room=True)
    sandboxed.wait(1)
    with full_after(0):
        with pytest.raises(UncheckedError):
            registry.give([("second", "222222")])
        with pytest.raises(UncheckedError):
            observations.observe([rule], any_room=True)
    assert registry.pins_of(["first", "second"]) == {"first": "111111"}
    assert registry.give([("second", "222222")]) == {"second"}
    assert list(observations.observe([rule], any_room=True).stale_since) == ["SDR_gone"]
