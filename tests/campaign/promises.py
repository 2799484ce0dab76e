"""What must hold after every run, whatever happened around it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sipctl.errors import PoisonPairError
from sipctl.lkapi.convert import rule_from_message
from sipctl.operations.audit import Entry, read_audit
from sipctl.operations.restore import RestoreAction, entries_of, plan_undo
from sipctl.operations.sync.result import Outcome
from sipctl.registry.store import Registry
from sipctl.sandbox.store import Store
from sipctl.telephony.livekit_reading import rule_from_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.pins import is_pin
from sipctl.telephony.plan import Reason
from sipctl.telephony.returning import as_of_today
from sipctl.telephony.ruleset import rule_conflicts
from tests.campaign.clocks import Clocks
from tests.campaign.state import MARK, TRUNKS, UNTOUCHABLE
from tests.campaign.watching import WatchedApi
from tests.support.desk import present

_MAY_STAY = frozenset({Reason.PROMPTS, Reason.AMBIGUOUS, Reason.TAKEN})


@dataclass
class Promises:
    """Looks at one server, one registry and one audit. Made before the first run of a state: it notes what stands."""

    store: Store
    api: WatchedApi
    registry: Registry
    folder: Path
    figures: Counter[str]
    clocks: Clocks | None = None

    def __post_init__(self) -> None:
        self._open = {rule.name for rule in self.store.rules.values() if not rule.rule.dispatch_rule_direct.pin}
        self._untouchable = {
            rule.sip_dispatch_rule_id: rule.SerializeToString()
            for rule in self.store.rules.values()
            if rule.name in UNTOUCHABLE
        }
        self._began_clean = not self.clashes()

    def check_deletions(self) -> None:
        """Each deletion was of a rule that the run had seen stale, or of a duplicate; and each can be undone."""
        audit = list(read_audit(self.folder))
        intended = {
            entry.before["sip_dispatch_rule_id"]: entry for entry in audit if entry.action == "delete" and entry.before
        }
        for deletion in self.api.deletions:
            identifier = deletion.rule.sip_dispatch_rule_id
            if identifier not in intended:  # a twin that a create took back: it was stored for a moment only
                taken_back = {entry.resource for entry in audit if entry.action == "withdraw"}
                assert f"rule {identifier}" in taken_back, deletion
                continue
            rule = rule_from_message(deletion.rule)
            assert not deletion.seen_live or deletion.keeper_stood or rule.room_name in self.api.robbed, deletion
            assert MARK.owns(rule), deletion
            if self.clocks:
                self.clocks.check_waited(identifier)
            entries = entries_of(audit, items=[intended[identifier].item])
            steps = plan_undo(entries, present((), TRUNKS))
            assert [step.action for step in steps] == [RestoreAction.CREATE], (deletion, steps)
            self.figures["deletions"] += 1
        self.api.deletions.clear()

    def check_made(self) -> None:
        """No rule that was made, put back or restored since the last check has a PIN that it must not have."""
        for rule in self.api.made:
            today = self.registry.today([rule])
            assert rule.pin not in today.retired, (rule, today)
            assert today.in_use.get(rule.pin, rule.room_name) == rule.room_name, (rule, today)
            self.figures["rules made"] += 1
        self.api.made.clear()

    def check_end(self, last: Outcome | None, *, synced: bool) -> None:
        """What holds once nothing happens around the runs any more; `synced` = the last was a faultless sync."""
        for identifier, content in self._untouchable.items():
            assert self.store.rules[identifier].SerializeToString() == content
        assert self.api.ever_open <= self._open
        if self._began_clean:
            assert self.clashes() == []
        owned = self._owned()
        self._check_live_rooms(owned, self._refused(last) | self.api.robbed)
        if synced and last:
            self._check_synced(owned, {item.room for item in last.items if item.reason in _MAY_STAY})

    def _owned(self) -> dict[str, list[DispatchRule]]:
        owned: dict[str, list[DispatchRule]] = {}
        for message in self.store.rules.values():
            rule = rule_from_message(message)
            if MARK.owns(rule):
                owned.setdefault(rule.room_name, []).append(rule)
        return owned

    def _check_live_rooms(self, owned: dict[str, list[DispatchRule]], refused: set[str]) -> None:
        """No live room is without the rule that a run took away."""
        audit = list(read_audit(self.folder))
        refused |= _rooms_whose_calls_were_taken(audit)
        for entry in audit:
            if entry.action == "delete" and entry.before:
                rule = rule_from_json(entry.before)
                has_one = rule.room_name in owned or self._pin_is_elsewhere(rule.room_name, rule.pin)
                stays_out = as_of_today(rule, self.registry.today([rule]), MARK).objection
                assert rule.room_name not in self.store.rooms or has_one or rule.room_name in refused or stays_out, rule

    def clashes(self) -> list[str]:
        """The rules stored beside one that takes the same calls: until they are gone LiveKit stores no other."""
        rules = sorted(map(rule_from_message, self.store.rules.values()), key=lambda one: one.sip_dispatch_rule_id)
        return [conflict.second.name for conflict in rule_conflicts(rules)]

    def _refused(self, last: Outcome | None) -> set[str]:
        """Rooms whose rule LiveKit refuses to store again, as the last run said: others made a clash meanwhile."""
        done = last.done if last and self.clashes() else ()
        return {one.item.room for one in done if isinstance(one.error, PoisonPairError)}

    def _check_synced(self, owned: dict[str, list[DispatchRule]], left: set[str]) -> None:
        """What a sync without faults leaves: each attended room has a rule with its PIN, if no other rule has that.

        `left` are rooms of which the run said why they stay as they are.
        """
        pins = {one.room: one.pin for one in self.registry.holdings()}
        for room, live in self.store.rooms.items():
            attended = any(person.kind == 0 for person in live.people.values())
            if room in pins and attended and room not in left and not self._pin_is_elsewhere(room, pins[room]):
                carried = [rule.pin for rule in owned.get(room, [])]
                assert pins[room] in carried or not all(map(is_pin, carried)) or len(carried) > 1, (room, carried)

    def _pin_is_elsewhere(self, room: str, pin: str) -> bool:
        rules = map(rule_from_message, self.store.rules.values())
        return any(rule.pin == pin and rule.room_name != room for rule in rules)


def _rooms_whose_calls_were_taken(audit: Sequence[Entry]) -> set[str]:
    """Rooms whose rule could not be put back, for a rule of others had its PIN by then."""
    taken = {
        entry.item for entry in audit if entry.action in {"create", "put-back"} and "already takes calls" in entry.error
    }
    wanted = (entry.after for entry in audit if entry.phase == "intent" and entry.item in taken)
    return {rule_from_json(after).room_name for after in wanted if after}
