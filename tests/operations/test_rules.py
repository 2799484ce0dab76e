"""Dispatch rules are written once, whole, behind the safeguards, and every write can be undone."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sipctl.errors import ChangedError, ConflictError, NotFoundError, SafeguardError, UncheckedError, UsageError
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.audit import read_audit
from sipctl.operations.batch import Attempt, StopSwitch
from sipctl.operations.change import Change, Writer
from sipctl.operations.restore import Step, entries_of, plan_undo, restore
from sipctl.operations.rules.create import create_rule
from sipctl.operations.rules.delete import delete_rule
from sipctl.operations.rules.update import update_rule
from sipctl.operations.safeguards import Permit
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule, RuleKind
from tests.support.desk import Desk, present
from tests.support.peers.livekit import RealLiveKit
from tests.support.planting import plant_trunk

RULE = DispatchRule(name="SIP_demo", room_name="demo", pin="123456")
FOREIGN = replace(RULE, name="someone else's")
OPEN = replace(RULE, pin="")
NUMBER = "+33199000001"


@pytest.fixture
def desk(livekit: Sandbox | RealLiveKit, tmp_path: Path) -> Desk:
    return Desk(server=livekit, folder=tmp_path)


def test_create_stores_the_rule(desk: Desk) -> None:
    change = desk.write(lambda writer: create_rule(writer, RULE))
    assert (change.action, change.applied) == ("create", True)
    stored = desk.rule()
    assert stored.sip_dispatch_rule_id == change.id
    assert stored.created_at
    assert replace(stored, sip_dispatch_rule_id="", created_at=None, media=None) == RULE


def test_equal_content_is_success_and_the_same_rule(desk: Desk) -> None:
    first = desk.write(lambda writer: create_rule(writer, RULE))
    again = desk.write(lambda writer: create_rule(writer, RULE))
    assert (again.action, again.applied, again.id) == ("none", False, first.id)
    assert len(desk.rules()) == 1


@pytest.mark.parametrize(
    "other", [replace(RULE, name="SIP_other", room_name="other"), replace(RULE, metadata="more"), FOREIGN]
)
def test_the_same_pin_for_something_else_conflicts(desk: Desk, other: DispatchRule) -> None:
    first = desk.write(lambda writer: create_rule(writer, RULE))
    with pytest.raises(ConflictError, match=first.id):
        desk.write(lambda writer: create_rule(writer, other))
    assert desk.rule().sip_dispatch_rule_id == first.id


def test_an_open_rule_needs_the_word(desk: Desk) -> None:
    with pytest.raises(SafeguardError) as refused:
        desk.write(lambda writer: create_rule(writer, OPEN))
    assert refused.value.code == "rail-open"
    assert "--allow open" in refused.value.hint
    assert desk.rules() == []
    desk.write(lambda writer: create_rule(writer, OPEN), allow={"open"})
    assert desk.rule().pin == ""


@pytest.mark.parametrize("pin", ["123", "12345678901234567", "12a4", "١٢٣٤٥٦"])
def test_a_pin_that_no_one_can_type_is_refused(desk: Desk, pin: str) -> None:
    with pytest.raises(UsageError) as refused:
        desk.write(lambda writer: create_rule(writer, replace(RULE, pin=pin)))
    assert pin not in f"{refused.value.message} {refused.value.hint}".split()
    assert desk.rules() == []


def test_a_given_created_at_is_kept(desk: Desk) -> None:
    desk.write(lambda writer: create_rule(writer, replace(RULE, created_at="2020-01-02T03:04:05Z")))
    assert desk.rule().created_at == "2020-01-02T03:04:05Z"


def test_update_merges(desk: Desk) -> None:
    planted = desk.store(
        replace(
            RULE,
            attributes={"a": "1"},
            room_config={"empty_timeout": 77, "metadata": "kept"},
            numbers=("+15550100",),
            inbound_numbers=("+15550199",),
            trunk_ids=("ST_gone",),
            hide_phone_number=True,
            created_at="2020-01-02T03:04:05Z",
        )
    )
    change = desk.write(lambda writer: update_rule(writer, "demo", {"metadata": "new"}))
    assert (change.action, change.id, change.applied) == ("update", planted.sip_dispatch_rule_id, True)
    stored = desk.rule()
    assert stored == replace(planted, metadata="new")
    assert (stored.pin, stored.room_config) == (RULE.pin, planted.room_config)
    assert planted.room_config is not None
    assert planted.room_config["empty_timeout"] == 77


def test_update_keeps_fields_of_a_newer_livekit(desk: Desk) -> None:
    from livekit.protocol.sip import CreateSIPDispatchRuleRequest, SIPDispatchRuleInfo

    from sipctl.lkapi.convert import rule_to_message

    unknown = b"\xba\x3e\x05later"  # field 999, text
    message = SIPDispatchRuleInfo.FromString(rule_to_message(RULE).SerializeToString() + unknown)
    desk.ask(lambda client: client._api.sip.create_dispatch_rule(CreateSIPDispatchRuleRequest(dispatch_rule=message)))
    desk.write(lambda writer: update_rule(writer, "demo", {"metadata": "new"}))
    (stored,) = desk.ask(lambda client: client._list_rule_messages())
    assert stored.metadata == "new"
    assert unknown in stored.SerializeToString()


def test_update_can_empty_a_list_and_change_the_pin(desk: Desk) -> None:
    desk.store(replace(RULE, numbers=("+15550100",), attributes={"a": "1"}))
    desk.write(lambda writer: update_rule(writer, "demo", {"numbers": (), "attributes": {}, "pin": "654321"}))
    stored = desk.rule()
    assert (stored.numbers, stored.attributes, stored.pin, stored.room_name) == ((), {}, "654321", "demo")


def test_update_to_the_same_is_nothing(desk: Desk) -> None:
    desk.store(RULE)
    change = desk.write(lambda writer: update_rule(writer, "demo", {"pin": RULE.pin}))
    assert (change.action, change.applied, desk.audit()) == ("none", False, [])


def test_update_that_drops_the_pin_needs_the_word(desk: Desk) -> None:
    desk.store(RULE)
    with pytest.raises(SafeguardError) as refused:
        desk.write(lambda writer: update_rule(writer, "demo", {"pin": ""}))
    assert refused.value.code == "rail-open"
    assert desk.rule().pin == RULE.pin
    desk.write(lambda writer: update_rule(writer, "demo", {"pin": ""}), allow={"open"})
    assert desk.rule().pin == ""


def test_update_to_the_pin_of_another_rule_conflicts(desk: Desk) -> None:
    desk.store(RULE)
    desk.store(replace(RULE, name="SIP_other", room_name="other", pin="654321"))
    with pytest.raises(ConflictError):
        desk.write(lambda writer: update_rule(writer, "demo", {"pin": "654321"}))
    assert sorted(rule.pin for rule in desk.rules()) == ["123456", "654321"]


def test_update_and_delete_of_no_rule(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        desk.write(lambda writer: update_rule(writer, "nowhere", {"metadata": "new"}))
    with pytest.raises(NotFoundError):
        desk.write(lambda writer: delete_rule(writer, "nowhere"))


Act = Callable[[Desk, set[str]], Change]


def _delete(desk: Desk, allow: set[str]) -> Change:
    return desk.write(lambda writer: delete_rule(writer, "demo"), allow=allow)


def _update(desk: Desk, allow: set[str]) -> Change:
    return desk.write(lambda writer: update_rule(writer, "demo", {"metadata": "new"}), allow=allow)


acts = pytest.mark.parametrize("act", [_delete, _update])


def _refused_then_allowed(desk: Desk, act: Act, word: str) -> None:
    """The safeguard stops the action before the audit and the server hear of it; its word lifts it, no other does."""
    before = desk.rules()
    for allow in (set[str](), {"open", "in-use"}):
        with pytest.raises(SafeguardError) as refused:
            act(desk, allow)
        assert refused.value.code == f"rail-{word}"
        assert f"--allow {word}" in refused.value.hint
    assert (desk.rules(), desk.audit()) == (before, [])
    assert act(desk, {word}).applied
    assert desk.rules() != before


@acts
def test_the_rule_of_a_live_room(desk: Desk, act: Act) -> None:
    desk.store(RULE)
    desk.server.join("demo", "alice")
    _refused_then_allowed(desk, act, "live-room")


@acts
def test_a_foreign_rule(desk: Desk, act: Act) -> None:
    desk.store(FOREIGN)
    _refused_then_allowed(desk, act, "foreign")


@pytest.mark.parametrize("kind", [RuleKind.INDIVIDUAL, RuleKind.CALLEE])
def test_a_rule_of_another_type_is_foreign_and_serves_rooms_of_its_prefix(desk: Desk, kind: RuleKind) -> None:
    desk.store(replace(RULE, kind=kind))
    desk.server.join("demo_1", "alice")
    with pytest.raises(SafeguardError) as refused:
        _delete(desk, {"foreign"})
    assert refused.value.code == "rail-live-room"
    assert _delete(desk, {"foreign", "live-room"}).applied


@acts
@pytest.mark.parametrize("protected", ["demo", "SIP_demo", "id"])
def test_a_rule_on_the_protect_list(desk: Desk, act: Act, protected: str) -> None:
    stored = desk.store(RULE)
    desk.settings["protect"] = (stored.sip_dispatch_rule_id if protected == "id" else protected,)
    _refused_then_allowed(desk, act, "protected")


def test_a_protected_profile_wants_its_name(desk: Desk) -> None:
    stored = desk.store(RULE)
    desk.settings["protected"] = True
    other = replace(RULE, name="SIP_other", room_name="other", pin="654321")
    for use_case in (
        lambda writer: create_rule(writer, other),
        lambda writer: update_rule(writer, "demo", {"metadata": "new"}),
        lambda writer: delete_rule(writer, "demo"),
    ):
        for confirm in ("", "prod"):
            with pytest.raises(SafeguardError) as refused:
                desk.write(use_case, confirm=confirm, allow={"protected"})
            assert refused.value.code == "rail-protected"
        assert (desk.rules(), desk.audit()) == ([stored], [])
    desk.write(lambda writer: create_rule(writer, other), confirm="test")
    desk.write(lambda writer: delete_rule(writer, "demo"), confirm="test")
    assert desk.rule().room_name == "other"


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    stored = desk.store(RULE)
    other = replace(RULE, name="SIP_other", room_name="other", pin="654321")
    planned = [
        desk.write(lambda writer: create_rule(writer, other), dry_run=True),
        desk.write(lambda writer: update_rule(writer, "demo", {"metadata": "new"}), dry_run=True),
        desk.write(lambda writer: delete_rule(writer, "demo"), dry_run=True),
    ]
    assert [change.action for change in planned] == ["create", "update", "delete"]
    assert not any(change.applied for change in planned)
    assert (desk.rules(), desk.audit()) == ([stored], [])


def test_a_dry_run_is_refused_like_the_write(desk: Desk) -> None:
    desk.store(RULE)
    with pytest.raises(ConflictError):
        desk.write(lambda writer: create_rule(writer, replace(RULE, metadata="more")), dry_run=True)
    desk.server.join("demo", "alice")
    with pytest.raises(SafeguardError):
        desk.write(lambda writer: delete_rule(writer, "demo"), dry_run=True)


def _undo(desk: Desk, *items: str) -> list[Attempt[Step, Change]]:
    async def undo(writer: Writer) -> list[Attempt[Step, Change]]:
        entries = entries_of(read_audit(desk.folder), items=items)
        return await restore(writer, plan_undo(entries, present(await writer.client.list_rules())), StopSwitch())

    return desk.write(undo)


def _restore(desk: Desk, change: Change) -> Change:
    (attempt,) = _undo(desk, change.item)
    assert attempt.result, attempt.error
    return attempt.result


def test_restore_a_deleted_rule(desk: Desk) -> None:
    planted = desk.store(replace(RULE, room_config={"metadata": "kept"}, created_at="2020-01-02T03:04:05Z"))
    deleted = desk.write(lambda writer: delete_rule(writer, "demo"))
    assert desk.rules() == []
    back = _restore(desk, deleted)
    assert back.applied
    assert desk.rule() == replace(planted, sip_dispatch_rule_id=back.id)


def test_restore_an_updated_rule(desk: Desk) -> None:
    planted = desk.store(replace(RULE, attributes={"a": "1"}, numbers=("+15550100",)))
    edits = {"attributes": {}, "numbers": (), "pin": "654321", "metadata": "new"}
    updated = desk.write(lambda writer: update_rule(writer, "demo", edits))
    assert desk.rule() != planted
    _restore(desk, updated)
    assert desk.rule() == planted


def _shadowed(desk: Desk) -> DispatchRule:
    """A rule that another one with its PIN always beats, since its trunk has one number alone."""
    plant_trunk(desk.server, "ST_a", numbers=[NUMBER])
    desk.store(replace(RULE, name="SIP_other", room_name="other", trunk_ids=("ST_a",), numbers=(NUMBER,)))
    return desk.store(replace(RULE, trunk_ids=("ST_a",)))


def test_an_update_is_refused_for_what_it_makes_wrong(desk: Desk) -> None:
    planted = _shadowed(desk)
    desk.write(lambda writer: update_rule(writer, "demo", {"pin": "654321"}))
    with pytest.raises(SafeguardError) as refused:
        desk.write(lambda writer: update_rule(writer, "demo", {"pin": RULE.pin}))
    assert refused.value.code == "rail-RUL417"
    desk.write(lambda writer: update_rule(writer, "demo", {"pin": RULE.pin}), allow={"RUL417"})
    assert planted in desk.rules()


def test_an_update_is_not_refused_for_what_was_wrong_before(desk: Desk) -> None:
    planted = _shadowed(desk)
    change = desk.write(lambda writer: update_rule(writer, "demo", {"name": "SIP_new", "room_name": "new"}))
    assert change.applied
    assert replace(planted, name="SIP_new", room_name="new") in desk.rules()


def test_restore_is_not_refused_for_what_was_wrong_before(desk: Desk) -> None:
    planted = _shadowed(desk)
    updated = desk.write(lambda writer: update_rule(writer, "demo", {"pin": "654321"}))
    _restore(desk, updated)
    assert planted in desk.rules()


def test_restore_a_created_rule(desk: Desk) -> None:
    created = desk.write(lambda writer: create_rule(writer, RULE))
    _restore(desk, created)
    assert desk.rules() == []


@pytest.mark.parametrize("code", ["cut", "timeout", "gateway"])
def test_restore_what_was_deleted_though_no_answer_came(desk: Desk, code: str) -> None:
    class Cut(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            await super().delete_rule(identifier)
            raise UncheckedError("no answer came", code=code)

    stored = desk.store(RULE)
    desk.client_class = Cut
    with pytest.raises(UncheckedError):
        desk.write(lambda writer: delete_rule(writer, "demo"))
    outcome = desk.audit()[-1]
    assert outcome.result == "unknown"
    (back,) = _undo(desk, outcome.item)
    assert back.result
    assert desk.rule() == replace(stored, sip_dispatch_rule_id=back.result.id, created_at=desk.rule().created_at)


def test_restore_can_be_restored(desk: Desk) -> None:
    created = desk.write(lambda writer: create_rule(writer, RULE))
    stored = desk.rule()
    back = _restore(desk, _restore(desk, created))
    assert desk.rule() == replace(stored, sip_dispatch_rule_id=back.id)


def _undo_all(desk: Desk, *changes: Change) -> list[Attempt[Step, Change]]:
    return _undo(desk, *(change.item for change in changes))


def test_restore_of_a_rule_that_was_created_changed_and_deleted_makes_none(desk: Desk) -> None:
    created = desk.write(lambda writer: create_rule(writer, RULE))
    updated = desk.write(lambda writer: update_rule(writer, "demo", {"pin": "654321"}))
    deleted = desk.write(lambda writer: delete_rule(writer, "demo"))
    assert _undo_all(desk, created, updated, deleted) == []
    assert desk.rules() == []


def test_restore_of_a_rule_that_was_created_and_changed_deletes_it(desk: Desk) -> None:
    created = desk.write(lambda writer: create_rule(writer, RULE))
    updated = desk.write(lambda writer: update_rule(writer, "demo", {"pin": "654321"}))
    (attempt,) = _undo_all(desk, created, updated)
    assert attempt.error is None
    assert desk.rules() == []


def test_restore_of_a_rule_that_was_changed_and_deleted_brings_the_first_state(desk: Desk) -> None:
    planted = desk.store(RULE)
    first = desk.write(lambda writer: update_rule(writer, "demo", {"pin": "654321"}))
    second = desk.write(lambda writer: update_rule(writer, "demo", {"metadata": "new"}))
    deleted = desk.write(lambda writer: delete_rule(writer, "demo"))
    (attempt,) = _undo_all(desk, first, second, deleted)
    assert attempt.result
    assert desk.rule() == replace(planted, sip_dispatch_rule_id=attempt.result.id, created_at=desk.rule().created_at)


def test_restore_of_a_creation_leaves_an_equal_rule_that_others_made(desk: Desk) -> None:
    created = desk.write(lambda writer: create_rule(writer, RULE))
    desk.write(lambda writer: delete_rule(writer, "demo"))
    others = desk.store(RULE)
    assert _undo_all(desk, created) == []
    assert desk.rule() == others


def test_restore_does_not_take_another_rules_place(desk: Desk) -> None:
    desk.store(RULE)
    deleted = desk.write(lambda writer: delete_rule(writer, "demo"))
    other = desk.store(replace(RULE, name="SIP_other", room_name="other"))
    assert _undo(desk, deleted.item) == []
    assert desk.rules() == [other]


def test_restore_leaves_alone_what_changed_since(desk: Desk) -> None:
    created = desk.write(lambda writer: create_rule(writer, RULE))
    updated = desk.write(lambda writer: update_rule(writer, "demo", {"pin": "654321"}))
    desk.write(lambda writer: update_rule(writer, "demo", {"metadata": "newer"}))
    newest = desk.rule()
    assert _undo(desk, created.item) == _undo(desk, updated.item) == []
    assert desk.rule() == newest


def test_a_rule_that_changed_between_read_and_write(desk: Desk) -> None:
    class Meddled(LiveKitClient):
        async def replace_rule(self, before: DispatchRule, after: DispatchRule) -> DispatchRule:
            await super().replace_rule(before, replace(before, metadata="someone else's"))
            return await super().replace_rule(before, after)

    desk.store(RULE)
    desk.client_class = Meddled
    with pytest.raises(ChangedError):
        desk.write(lambda writer: update_rule(writer, "demo", {"pin": "654321"}))
    assert (desk.rule().pin, desk.rule().metadata) == (RULE.pin, "someone else's")
    assert [entry.result for entry in desk.audit()] == ["", "failed"]


def _create_at_once(desk: Desk, rules: list[DispatchRule]) -> list[Change | BaseException]:
    async def create(rule: DispatchRule) -> Change:
        async with desk.connect() as client:
            return await create_rule(desk.writer(client, Permit()), rule)

    async def create_all() -> list[Any]:
        return await asyncio.gather(*map(create, rules), return_exceptions=True)

    return asyncio.run(create_all())


def _check_one_won(desk: Desk, results: list[Change | BaseException]) -> None:
    """One rule is stored, by one run; the others found it there or were refused."""
    others = [result for result in results if not (isinstance(result, Change) and result.action == "create")]
    assert all(isinstance(other, ConflictError) or getattr(other, "action", "") == "none" for other in others), others
    (winner,) = (result for result in results if isinstance(result, Change) and result.action == "create")
    assert winner.id == desk.rule().sip_dispatch_rule_id


def test_twenty_creates_of_the_same_rule_at_once(desk: Desk) -> None:
    _check_one_won(desk, _create_at_once(desk, [RULE] * 20))


def test_twenty_creates_of_the_same_pin_for_different_rooms_at_once(desk: Desk) -> None:
    rules = [replace(RULE, name=f"SIP_room{number}", room_name=f"room{number}") for number in range(20)]
    results = _create_at_once(desk, rules)
    _check_one_won(desk, results)
    assert sum(isinstance(result, ConflictError) for result in results) == 19


def test_an_equal_rule_that_its_run_takes_back_is_not_already_there(sandbox: Sandbox, tmp_path: Path) -> None:
    """Of several creates at once, one may list the rule of another that clashed with a third and takes it back."""

    class Rivalled(LiveKitClient):
        async def list_rules(self, ids: Iterable[str] = ()) -> Iterator[DispatchRule]:
            listed = list(await super().list_rules(ids))
            await self.delete_rule(rival.sip_dispatch_rule_id)
            self.list_rules = super().list_rules  # type: ignore[method-assign]
            return iter(listed)

    desk = Desk(server=sandbox, folder=tmp_path)
    rival = desk.store(RULE)
    desk.client_class = Rivalled
    change = desk.write(lambda writer: create_rule(writer, RULE))
    desk.client_class = LiveKitClient
    assert [rule.sip_dispatch_rule_id for rule in desk.rules()] == [change.id]


def test_a_room_that_becomes_live_at_the_delete_gets_its_rule_back(sandbox: Sandbox, tmp_path: Path) -> None:
    class Raced(LiveKitClient):
        async def delete_rule(self, identifier: str) -> None:
            await super().delete_rule(identifier)
            sandbox.join("demo", "caller", kind="SIP")

    desk = Desk(server=sandbox, folder=tmp_path)
    planted = desk.store(replace(RULE, created_at="2020-01-02T03:04:05Z", attributes={"a": "1"}))
    desk.client_class = Raced
    with pytest.raises(ChangedError, match="became live"):
        desk.write(lambda writer: delete_rule(writer, "demo"))
    back = desk.rule()
    assert back.sip_dispatch_rule_id != planted.sip_dispatch_rule_id
    assert replace(back, sip_dispatch_rule_id=planted.sip_dispatch_rule_id) == planted
    outcomes = [(entry.action, entry.result) for entry in desk.audit() if entry.phase == "outcome"]
    assert outcomes == [("delete", "done"), ("put-back", "done")]
