"""The audit tells every write and no secret; one run at a time writes to one server."""

import contextlib
import os
import pwd
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sipctl.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    PartialError,
    SipctlError,
    UncheckedError,
)
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.audit import AUDIT_FILE, Journal, Write, read_audit
from sipctl.operations.restore import entries_of
from sipctl.operations.rules.create import create_rule
from sipctl.operations.rules.delete import delete_rule
from sipctl.operations.trunks import create_trunk, delete_trunk
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.secret import Secret
from tests.support.desk import Desk
from tests.support.full_disk import full_after

URL = "http://livekit.example.org"
RULE = DispatchRule(name="SIP_demo", room_name="demo", pin="123456")
PASSWORD = "hunter2-hunter2"


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path) -> Desk:
    return Desk(server=sandbox, folder=tmp_path)


def _journal(folder: Path) -> Journal:
    return Journal(
        folder=folder, command="sipctl test", profile="test", url=URL, now=lambda: datetime(2026, 1, 2, 3, tzinfo=UTC)
    )


def test_a_write_leaves_its_intent_and_its_outcome(desk: Desk) -> None:
    change = desk.write(lambda writer: create_rule(writer, RULE))
    intent, outcome = desk.audit()
    assert (intent.phase, intent.result, intent.resource, intent.before) == ("intent", "", "rule", None)
    assert (outcome.phase, outcome.result, outcome.error) == ("outcome", "done", "")
    assert outcome.resource == f"rule {change.id}"
    assert outcome.after == change.after
    assert intent.item == outcome.item == change.item
    for entry in (intent, outcome):
        assert (entry.command, entry.profile, entry.url) == ("sipctl test", "test", desk.server.url)
        assert (entry.action, entry.run, bool(entry.who), bool(entry.host)) == ("create", intent.run, True, True)
    assert entries_of(desk.audit(), items=[change.item]) == [outcome]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (UncheckedError("refused", code="refused"), "failed"),
        (DeniedError("no"), "failed"),
        (UncheckedError("no answer", code="timeout"), "unknown"),
        (PartialError("half of it"), "unknown"),
    ],
)
def test_a_failed_write_says_whether_it_is_known(desk: Desk, error: SipctlError, result: str) -> None:
    class Failing(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            raise error

    stored = desk.store(RULE)
    desk.client_class = Failing
    with pytest.raises(type(error)):
        desk.write(lambda writer: delete_rule(writer, "demo"))
    intent, outcome = desk.audit()
    assert (outcome.result, outcome.error) == (result, error.message)
    assert intent.resource == outcome.resource == f"rule {stored.sip_dispatch_rule_id}"


def test_the_intent_is_on_disk_before_the_write(desk: Desk) -> None:
    seen = []

    class Looking(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            seen.extend(desk.audit())

    desk.store(RULE)
    desk.client_class = Looking
    desk.write(lambda writer: delete_rule(writer, "demo"))
    assert [entry.phase for entry in seen] == ["intent"]


def test_no_one_knows_of_an_interrupted_write(desk: Desk) -> None:
    class Interrupted(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            raise KeyboardInterrupt

    desk.store(RULE)
    desk.client_class = Interrupted
    with pytest.raises(KeyboardInterrupt):
        desk.write(lambda writer: delete_rule(writer, "demo"))
    assert [(entry.result, entry.error) for entry in desk.audit()] == [("", ""), ("unknown", "KeyboardInterrupt")]


def test_times_are_utc_to_the_millisecond(tmp_path: Path) -> None:
    _journal(tmp_path).intend(Write("create", "rule", None, {}))
    (entry,) = read_audit(tmp_path)
    assert entry.when == "2026-01-02T03:00:00.000Z"


def test_writes_of_one_run_have_items_of_their_own(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    first, second = journal.intend(*(Write("create", "rule", None, {}) for _ in range(2)))
    assert first.item != second.item
    assert first.run == second.run


def test_only_the_owner_reads_the_audit(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        _journal(tmp_path).intend(Write("create", "rule", None, {}))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / AUDIT_FILE).stat().st_mode) == 0o600


def test_the_audit_holds_the_pin_in_full(desk: Desk) -> None:
    desk.write(lambda writer: create_rule(writer, RULE))
    assert RULE.pin in (desk.folder / AUDIT_FILE).read_text()


def test_the_audit_never_holds_a_password(desk: Desk) -> None:
    trunk = InboundTrunk(name="provider", numbers=("+15550100",), auth_username="user", auth_password=Secret(PASSWORD))
    desk.write(lambda writer: create_trunk(writer, trunk))
    with pytest.raises(ConflictError):
        desk.write(lambda writer: create_trunk(writer, replace(trunk, name="other")))
    desk.write(lambda writer: delete_trunk(writer, "provider"), allow={"in-use"})
    text = (desk.folder / AUDIT_FILE).read_text()
    assert text.count("\n") == 6
    assert PASSWORD not in text
    assert desk.server.api_secret.reveal() not in text


def test_an_empty_audit(tmp_path: Path) -> None:
    assert list(read_audit(tmp_path)) == []
    with pytest.raises(NotFoundError, match="no change 'run-1'"):
        entries_of(read_audit(tmp_path), items=["run-1"])


def _cut_last_line(folder: Path) -> None:
    path = folder / AUDIT_FILE
    path.write_bytes(path.read_bytes()[:-20])


def test_a_last_line_cut_short_is_left_out(desk: Desk) -> None:
    change = desk.write(lambda writer: create_rule(writer, RULE))
    _cut_last_line(desk.folder)
    assert [entry.phase for entry in desk.audit()] == ["intent"]
    assert [entry.phase for entry in entries_of(desk.audit(), items=[change.item])] == ["intent"]


def test_the_audit_goes_on_after_a_line_cut_short(desk: Desk) -> None:
    desk.write(lambda writer: create_rule(writer, RULE))
    _cut_last_line(desk.folder)
    change = desk.write(lambda writer: delete_rule(writer, "demo"))
    assert [entry.phase for entry in desk.audit()] == ["intent", "intent", "outcome"]
    assert [entry.result for entry in entries_of(desk.audit(), items=[change.item])] == ["done"]


@contextlib.contextmanager
def _no_folder(folder: Path) -> Iterator[None]:
    folder.write_text("a file in its place")
    yield


def _full_disk(folder: Path) -> contextlib.AbstractContextManager[None]:
    """No file of this process may be longer than the audit is."""
    audit = folder / AUDIT_FILE
    return full_after(audit.stat().st_size if audit.exists() else 0)


@pytest.mark.parametrize("spoil", [_no_folder, _full_disk])
def test_nothing_is_written_without_an_audit(
    sandbox: Sandbox, tmp_path: Path, spoil: Callable[[Path], contextlib.AbstractContextManager[None]]
) -> None:
    desk = Desk(server=sandbox, folder=tmp_path / "state")
    with spoil(desk.folder), pytest.raises(UncheckedError, match="cannot write the audit") as refused:
        desk.write(lambda writer: create_rule(writer, RULE))
    assert "no write is made that the audit cannot hold" in refused.value.hint
    assert desk.rules() == []
    assert not any("Create" in call.method for call in sandbox.calls)


def test_a_write_whose_outcome_cannot_be_written_was_still_made(desk: Desk) -> None:
    class Filling(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            await super().delete_rule(identifier)
            full.enter_context(_full_disk(desk.folder))

    desk.store(RULE)
    desk.client_class = Filling
    with contextlib.ExitStack() as full, pytest.raises(PartialError, match="the audit does not say so"):
        desk.write(lambda writer: delete_rule(writer, "demo"))
    assert desk.rules() == []


def test_a_user_without_a_name_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run under a uid that /etc/passwd does not know."""

    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    (entry,) = _journal(tmp_path).intend(Write("create", "rule", None, {}))
    assert entry.who
