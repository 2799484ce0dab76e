"""A rotation is written down before the registry changes, and rolled back by any error before LiveKit is touched."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sipctl.errors import DeniedError, ExitCode, PartialError, SipctlError, UncheckedError
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.audit import AUDIT_FILE
from sipctl.operations.restore import RestoreAction, plan_undo
from sipctl.operations.rotate import Rotated, Rotator
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule
from tests.support.desk import Desk, present
from tests.support.homes import ROOMS, Home, opened

A, B = ROOMS[:2]
OLD, NEW, THIRD = "482193", "502846", "771920"


@pytest.fixture(params=["sqlite", "meet"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    postgres = request.getfixturevalue("postgres") if request.param == "meet" else None
    with opened(request.param, tmp_path, postgres) as one:
        yield one


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path) -> Desk:
    return Desk(server=sandbox, folder=tmp_path)


def rule_of(room: str, pin: str, **fields: Any) -> DispatchRule:
    return DispatchRule(name=f"SIP_{room}", room_name=room, pin=pin, **fields)


def rotate(desk: Desk, home: Home, on_step: Callable[[str], None] = lambda _step: None) -> list[Rotated]:
    """Give every room that has a PIN another one; A gets NEW."""
    held = [one for one in home.registry.holdings() if one.pin]
    drawn = iter(range(600_000, 700_000))

    async def use(client: LiveKitClient) -> list[Rotated]:
        settings = desk.writer(client, None).settings  # type: ignore[arg-type]
        return await Rotator(
            home.registry, client, settings, home.journal, lambda: str(next(drawn)), {A: NEW}, on_step=on_step
        ).rotate(held)

    return desk.ask(use)


def recover(desk: Desk, home: Home) -> list[Rotated]:
    async def use(client: LiveKitClient) -> list[Rotated]:
        settings = desk.writer(client, None).settings  # type: ignore[arg-type]
        return await Rotator(home.registry, client, settings, home.journal, lambda: "").recover()

    return desk.ask(use)


def pins(home: Home) -> dict[str, str]:
    return {one.room: one.pin for one in home.registry.holdings() if one.pin}


def check_as_before(desk: Desk, home: Home) -> None:
    assert pins(home) == {A: OLD}
    assert home.registry.unfinished() == []
    assert {rule.pin for rule in desk.rules()} == {OLD}


@contextlib.contextmanager
def no_audit(folder: Path) -> Iterator[None]:
    """While the body runs, the audit can be neither read nor written."""
    path = folder / AUDIT_FILE
    kept = path.rename(folder / "kept") if path.exists() else None
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()
        if kept:
            kept.rename(path)


@contextlib.contextmanager
def no_audit_from(folder: Path, step: str) -> Iterator[Callable[[str], None]]:
    """What a rotation tells its steps, so that from this one on there is no audit."""
    with contextlib.ExitStack() as stack:

        def on_step(done: str) -> None:
            if done == step:
                stack.enter_context(no_audit(folder))

        yield on_step


def lines(desk: Desk) -> list[tuple[str, str, str]]:
    return [(entry.action, entry.resource.split()[0], entry.result) for entry in desk.audit()]


def test_each_call_to_livekit_has_its_own_lines(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    for trunk in ("ST_1", "ST_2"):
        desk.store(rule_of(A, OLD, trunk_ids=(trunk,)))
    (done,) = rotate(desk, home)
    assert done.error is None
    intents = [("rotate", "room", ""), ("rotate", "rule", ""), ("rotate", "rule", "")]
    assert lines(desk) == [*intents, *((action, what, "done") for action, what, _ in intents)]
    room = next(entry for entry in desk.audit() if entry.resource == f"room {A}" and entry.phase == "outcome")
    assert (room.before, room.after) == ({"pin": OLD}, {"pin": NEW})


def test_without_an_audit_nothing_is_rotated(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    with no_audit(desk.folder):
        (done,) = rotate(desk, home)
    assert isinstance(done.error, UncheckedError)
    check_as_before(desk, home)


def test_the_intent_stands_before_the_registry_changes(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    seen: list[tuple[str, str, str]] = []
    swap = home.registry.begin_rotation
    home.registry.begin_rotation = lambda *words: (seen.extend(lines(desk)), swap(*words))[1]  # type: ignore[method-assign,func-returns-value]
    rotate(desk, home)
    assert seen == [("rotate", "room", "")]


def test_an_audit_that_fails_before_livekit_rolls_back(desk: Desk, home: Home) -> None:
    """The disk is full after the registry changed, and before a rule did."""
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    with no_audit_from(desk.folder, "begun") as on_step:
        (done,) = rotate(desk, home, on_step)
    assert isinstance(done.error, UncheckedError)
    check_as_before(desk, home)


def test_an_audit_that_fails_after_livekit_says_what_was_done(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    with no_audit_from(desk.folder, "rule") as on_step:
        (done,) = rotate(desk, home, on_step)
    assert isinstance(done.error, PartialError)
    assert "the audit does not say so" in done.error.message
    assert (pins(home), desk.rule().pin, home.registry.unfinished()) == ({A: NEW}, NEW, [])


@pytest.mark.parametrize("fault", ["status=503", "cut", "page"])
def test_rules_that_cannot_be_listed_roll_back(desk: Desk, home: Home, sandbox: Sandbox, fault: str) -> None:
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    sandbox.fault(f"{fault}@ListSIPDispatchRule")
    (done,) = rotate(desk, home)
    sandbox.lift_faults()
    assert isinstance(done.error, UncheckedError)
    check_as_before(desk, home)
    assert lines(desk)[-1] == ("rotate", "room", "failed")


def test_a_refusal_is_failed_and_rolled_back(desk: Desk, home: Home, sandbox: Sandbox) -> None:
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    sandbox.fault("status=403@UpdateSIPDispatchRule")
    (done,) = rotate(desk, home)
    sandbox.lift_faults()
    assert isinstance(done.error, DeniedError)
    check_as_before(desk, home)
    assert lines(desk)[2:] == [("rotate", "room", "failed"), ("rotate", "rule", "failed")]


def test_a_roll_back_that_fails_is_half_way(desk: Desk, home: Home, sandbox: Sandbox) -> None:
    """A third PIN came to the room in the middle, and LiveKit refuses the second."""
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    sandbox.fault("status=403@UpdateSIPDispatchRule")

    def meddle(step: str) -> None:
        if step == "begun":
            assert home.registry._swap(A, NEW, THIRD)

    (done,) = rotate(desk, home, meddle)
    sandbox.lift_faults()
    assert isinstance(done.error, PartialError)
    assert done.error.exit_code is ExitCode.PARTIAL
    assert "sipctl pin rotate --recover" in done.error.hint
    assert lines(desk)[2] == ("rotate", "room", "unknown")


def test_a_registry_that_fails_after_livekit_is_half_way(desk: Desk, home: Home, tmp_path: Path) -> None:
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))

    def rename(old: str, new: str) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "notes.db")) as notes, notes:
            notes.execute(f"ALTER TABLE {old} RENAME TO {new}")

    (done,) = rotate(desk, home, lambda step: rename("sipctl_rotation", "away") if step == "rule" else None)
    rename("away", "sipctl_rotation")
    assert isinstance(done.error, PartialError)
    assert desk.rule().pin == NEW
    assert [one.error for one in recover(desk, home)] == [None]
    assert (pins(home), home.registry.unfinished()) == ({A: NEW}, [])


def test_a_recovery_is_written_down_before_it_goes_on(desk: Desk, home: Home) -> None:
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    assert home.registry.begin_rotation(A, OLD, NEW)
    with no_audit(desk.folder):
        (refused,) = recover(desk, home)
    assert isinstance(refused.error, SipctlError)
    assert desk.rule().pin == OLD
    (done,) = recover(desk, home)
    assert (done.error, desk.rule().pin) == (None, NEW)
    assert lines(desk) == [
        (*one, result) for result in ("", "done") for one in (("rotate", "room"), ("rotate", "rule"))
    ]


def test_one_room_that_fails_keeps_no_other_from_its_pin(desk: Desk, home: Home, sandbox: Sandbox) -> None:
    home.registry.give([(A, OLD), (B, "111222")])
    desk.store(rule_of(A, OLD))
    desk.store(replace(rule_of(B, NEW), name="someone else's"))
    done = {one.room: one.error for one in rotate(desk, home)}
    assert done[A]
    assert done[B] is None
    assert pins(home)[A] == OLD
    assert [(entry.resource, entry.result) for entry in desk.audit() if entry.result and "room" in entry.resource] == [
        (f"room {A}", "failed"), (f"room {B}", "done"),
    ]  # fmt: skip


def test_a_rotation_is_not_undone_as_a_change_of_a_rule(desk: Desk, home: Home) -> None:
    """It would bring the old PIN back; the list of the rotation does, and asks the registry."""
    home.registry.give([(A, OLD)])
    desk.store(rule_of(A, OLD))
    rotate(desk, home)
    entries = [entry for entry in desk.audit() if entry.phase == "outcome"]
    (step,) = plan_undo(entries, present(desk.rules()))
    assert (step.action, step.now) == (RestoreAction.SKIP, desk.rule())
    assert "sipctl pin import" in step.why
