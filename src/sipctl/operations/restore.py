"""Undoing from the audit, or from an export: a plan against the rules of today, then the safeguards of every write."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from sipctl.command_line import CommandLine, prose_text, quoted
from sipctl.errors import NotFoundError, SafeguardError
from sipctl.operations.audit import Entry
from sipctl.operations.batch import Attempt, Pace, StopSwitch, attempt_each
from sipctl.operations.change import Change, Writer
from sipctl.operations.net_writes import GONE, net_writes, rule_after, rule_before
from sipctl.operations.rules.clash import without_marks
from sipctl.operations.rules.create import create_rule
from sipctl.operations.rules.delete import delete_rule
from sipctl.operations.rules.update import update_rule
from sipctl.operations.safeguards import retired_pin
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.returning import Returning
from sipctl.telephony.ruleset import RuleKey, rule_keys

_UNANSWERED: Final = "no answer came; "
_KNOWN: Final = {"": "the run ended in the middle; ", "unknown": _UNANSWERED}
"""What is said of a write by its result, where only the rules of today show whether it was made."""
_ROTATED: Final = prose_text(
    ("its PIN was rotated: ", CommandLine.of("pin", "import"), " with the list of that rotation undoes it")
)
_TODAYS_PIN: Final = "its PIN is the one that its room has today"


class RestoreAction(StrEnum):
    """What restoring does with one rule. What is refused would bring back a PIN that was taken away."""

    CREATE = "create"
    DELETE = "delete"
    UPDATE = "update"
    SKIP = "skip"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule: as it is now (None = it does not exist), as it shall be (None = gone), and why.

    `is_stale` = it comes back though its room is not live, and a purge may take it away again.
    """

    action: RestoreAction
    why: str
    now: DispatchRule | None = None
    then: DispatchRule | None = None
    is_stale: bool = False

    @property
    def rule(self) -> DispatchRule:
        """The rule that is spoken of."""
        return self.now or self.then or DispatchRule()


@dataclass(slots=True)
class _Standing:
    """The rules as they would be after the steps so far, by id and by the calls they take."""

    rules: dict[str, DispatchRule]
    trunk_ids: frozenset[str]
    mapped: Mapping[str, str]
    as_of_today: Callable[[DispatchRule], Returning]
    keys: dict[RuleKey, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for rule in self.rules.values():
            self.keys |= dict.fromkeys(rule_keys(rule), rule.sip_dispatch_rule_id)

    def like(self, rule: DispatchRule) -> DispatchRule | None:
        """A rule of the same content, whatever its id."""
        wanted = without_marks(rule)
        holders = {self.keys[key] for key in rule_keys(rule) if key in self.keys}
        return next((self.rules[one] for one in holders if without_marks(self.rules[one]) == wanted), None)

    def taker(self, rule: DispatchRule, *, but: str = "") -> str:
        """The id of another rule that takes calls of this one, "" if none does."""
        takers = (self.keys.get(key, "") for key in rule_keys(rule))
        return next((one for one in takers if one not in {"", but}), "")

    def remove(self, rule: DispatchRule) -> None:
        """It is gone."""
        self.rules.pop(rule.sip_dispatch_rule_id, None)
        for key in rule_keys(rule):
            if self.keys.get(key) == rule.sip_dispatch_rule_id:
                del self.keys[key]

    def add(self, rule: DispatchRule, identifier: str) -> None:
        """It is there."""
        self.rules[identifier] = replace(rule, sip_dispatch_rule_id=identifier)
        self.keys |= dict.fromkeys(rule_keys(rule), identifier)


@dataclass(frozen=True, slots=True)
class Present:
    """What a restore meets: the stored rules, the trunks, and what the registry says today.

    `mapped` are new ids of trunks that were made again; `as_of_today` says which PIN a rule may come back with,
    `is_stale` whether a purge may take it away again.
    """

    rules: Sequence[DispatchRule]
    trunk_ids: Iterable[str]
    mapped: Mapping[str, str]
    as_of_today: Callable[[DispatchRule], Returning]
    is_stale: Callable[[DispatchRule], bool] = lambda _rule: False

    def standing(self) -> _Standing:
        """The rules before the first step."""
        rules = {rule.sip_dispatch_rule_id: rule for rule in self.rules}
        return _Standing(rules, frozenset(self.trunk_ids), self.mapped, self.as_of_today)


def plan_undo(entries: Sequence[Entry], present: Present) -> list[Step]:
    """What undoes these audited writes, the last one first; several of one rule are undone as one.

    A write without an outcome, or without an answer, is looked up: the rules of today show whether it was made.
    """
    standing = present.standing()
    steps = []
    for entry in reversed(net_writes(entries, standing.rules)):
        if step := _undo(entry, standing):
            _note(step, standing)
            steps.append(step)
    return _judged(steps, present)


def plan_restore(wanted: Iterable[DispatchRule], present: Present) -> list[Step]:
    """What creates those of the wanted rules that do not exist."""
    standing = present.standing()
    steps = []
    for rule in wanted:
        step = _create(rule, standing, "not there")
        _note(step, standing)
        steps.append(step)
    return _judged(steps, present)


def _judged(steps: Iterable[Step], present: Present) -> list[Step]:
    """The steps, each with whether its rule comes back stale."""
    written = {RestoreAction.CREATE, RestoreAction.UPDATE}
    return [
        replace(step, is_stale=True) if step.action in written and step.then and present.is_stale(step.then) else step
        for step in steps
    ]


def _note(step: Step, standing: _Standing) -> None:
    if step.action in {RestoreAction.SKIP, RestoreAction.REFUSE}:
        return
    if step.now:
        standing.remove(step.now)
    if step.then:
        standing.add(step.then, step.now.sip_dispatch_rule_id if step.now else f"new {len(standing.rules)}")


def rules_before(entries: Iterable[Entry]) -> list[DispatchRule]:
    """The rules as they were before these writes."""
    return [rule for entry in entries if (rule := rule_before(entry))]


def _undo(entry: Entry, standing: _Standing) -> Step | None:
    """The step that undoes one write; None if it is no rule's, or failed."""
    before, after = rule_before(entry), rule_after(entry)
    if entry.result == "failed" or not (before or after):
        return None
    known = "" if entry.result == "done" else _KNOWN.get(entry.result, _UNANSWERED)
    if entry.action in GONE and before:
        if before.sip_dispatch_rule_id in standing.rules:
            return Step(action=RestoreAction.SKIP, why=f"{known}it was not deleted", now=before)
        return _create(before, standing, f"{known}it was deleted")
    if entry.action == "create" and after:
        return _take_back(after, standing, known)
    if entry.action in {"update", "rotate"} and before and after:
        is_rotated = entry.action == "rotate"
        return _left_rotated(before, standing) if is_rotated else _revert(before, after, standing, known)
    return None


def _create(rule: DispatchRule, standing: _Standing, why: str) -> Step:
    trunk_ids = tuple(standing.mapped.get(one, one) for one in rule.trunk_ids)
    returning = standing.as_of_today(replace(rule, sip_dispatch_rule_id="", trunk_ids=trunk_ids, updated_at=None))
    then = returning.rule
    missing = [one for one in then.trunk_ids if one not in standing.trunk_ids]
    if missing:
        return Step(
            action=RestoreAction.SKIP,
            why=f"names trunk {missing[0]}, which is gone: `{quoted('--trunk', f'{missing[0]}=NEW')}`",
            then=then,
        )
    if standing.like(then):
        return Step(action=RestoreAction.SKIP, why="there already", now=standing.like(then))
    if returning.objection:
        return Step(action=RestoreAction.REFUSE, why=returning.objection, then=then)
    if taker := standing.taker(then):
        return Step(action=RestoreAction.SKIP, why=f"{taker} takes its calls by now", then=then)
    return Step(action=RestoreAction.CREATE, why=why + _with_which_pin(returning), then=then)


def _with_which_pin(returning: Returning) -> str:
    return f"; {_TODAYS_PIN}" if returning.has_todays_pin else ""


def _take_back(after: DispatchRule, standing: _Standing, known: str) -> Step:
    """The step that undoes a create. If the audit does not know the id, the rule is found by its content."""
    identifier = after.sip_dispatch_rule_id
    now = standing.rules.get(identifier) if identifier else standing.like(after)
    if now is None:
        return Step(action=RestoreAction.SKIP, why=f"{known}it is not there", then=after)
    if without_marks(now) != without_marks(after):
        return Step(action=RestoreAction.SKIP, why="changed since", now=now)
    return Step(action=RestoreAction.DELETE, why=f"{known}it was created", now=now)


def _left_rotated(before: DispatchRule, standing: _Standing) -> Step:
    return Step(
        action=RestoreAction.SKIP, why=_ROTATED, now=standing.rules.get(before.sip_dispatch_rule_id), then=before
    )


def _revert(before: DispatchRule, after: DispatchRule, standing: _Standing, known: str) -> Step:
    now = standing.rules.get(before.sip_dispatch_rule_id)
    if now is None:
        return Step(action=RestoreAction.SKIP, why="it is gone", then=before)
    if without_marks(now) == without_marks(before):
        return Step(action=RestoreAction.SKIP, why=f"{known}it is as it was", now=now)
    if without_marks(now) != without_marks(after):
        return Step(action=RestoreAction.SKIP, why="changed since", now=now)
    return _change_back(now, standing.as_of_today(before), standing, f"{known}it was changed")


def _change_back(now: DispatchRule, returning: Returning, standing: _Standing, why: str) -> Step:
    then = returning.rule
    if without_marks(now) == without_marks(then):
        return Step(action=RestoreAction.SKIP, why=f"{_TODAYS_PIN}, and all else is as it was", now=now)
    if returning.objection:
        return Step(action=RestoreAction.REFUSE, why=returning.objection, now=now, then=then)
    if taker := standing.taker(then, but=then.sip_dispatch_rule_id):
        return Step(action=RestoreAction.SKIP, why=f"{taker} takes its calls by now", now=now)
    return Step(action=RestoreAction.UPDATE, why=why + _with_which_pin(returning), now=now, then=then)


def entries_of(
    audit: Iterable[Entry], *, runs: Iterable[str] = (), items: Iterable[str] = (), rules: Iterable[str] = ()
) -> list[Entry]:
    """The audited writes of these runs, of these items, and the last one of each of these rules.

    Each write once: by its outcome, or by its intent if there is none.

    Raises:
        NotFoundError: the audit knows none of one of them.
    """
    wanted = {("run", one) for one in runs} | {("change", one) for one in items} | {("rule", one) for one in rules}
    latest: dict[str, Entry] = {entry.item: entry for entry in audit}
    chosen: dict[tuple[str, str], dict[str, Entry]] = {}
    for entry in latest.values():
        for name in _names(entry) & wanted:
            of_name = chosen.setdefault(name, {})
            if name[0] == "rule":
                of_name.clear()
            of_name[entry.item] = entry
    for kind, unknown in sorted(wanted - chosen.keys()):
        raise NotFoundError(
            f"the audit knows no {kind} {unknown!r}", hint="audit.jsonl of the state folder holds them all"
        )
    kept = {item for of_name in chosen.values() for item in of_name}
    return [entry for item, entry in latest.items() if item in kept]


def _names(entry: Entry) -> set[tuple[str, str]]:
    names = {("run", entry.run), ("change", entry.item)}
    kind, _, identifier = entry.resource.partition(" ")
    if kind == "rule" and identifier:
        names.add(("rule", identifier))
    if entry.before and "sip_dispatch_rule_id" in entry.before:
        names.add(("rule", str(entry.before["sip_dispatch_rule_id"])))
    return names


def check_steps(steps: Iterable[Step], limit: int) -> None:
    """Refuse a restore that would delete many rules.

    Raises:
        SafeguardError: it would delete more than `limit`.
    """
    count = sum(step.action is RestoreAction.DELETE for step in steps)
    if count > limit:
        raise SafeguardError(
            f"would delete {count} rules, more than max_delete {limit}",
            code="rail-many",
            hint=f"look at the plan; if it is right, add `{quoted('--max-delete', str(count))}`",
        )


def refusals(steps: Iterable[Step]) -> list[SafeguardError]:
    """Why steps are refused, each with the word that lifts it."""
    return [retired_pin(step.rule, step.why) for step in steps if step.action is RestoreAction.REFUSE]


async def restore(writer: Writer, steps: Sequence[Step], switch: StopSwitch) -> list[Attempt[Step, Change]]:
    """Carry out a plan: deletions first, for they free PINs; then changes; then what is created."""

    async def carry(step: Step) -> Change:
        return await _carry(writer, step)

    done: list[Attempt[Step, Change]] = []
    for action, pace in (
        (RestoreAction.DELETE, Pace()),
        (RestoreAction.UPDATE, Pace(at_once=1)),
        (RestoreAction.CREATE, Pace()),
    ):
        done += await attempt_each([step for step in steps if step.action is action], carry, switch, pace)
    return [one if one.begun else replace(one, error=switch.lost) for one in done]


async def _carry(writer: Writer, step: Step) -> Change:
    if step.now is None:
        return await create_rule(writer, step.rule, as_it_was=True)
    if step.then is None:
        return await delete_rule(writer, step.now.sip_dispatch_rule_id)
    edits = {name: getattr(step.then, name) for name in _differing(step.now, step.then)}
    return await update_rule(writer, step.now.sip_dispatch_rule_id, edits, as_it_was=True)


def _differing(now: DispatchRule, then: DispatchRule) -> Iterator[str]:
    marks = {"sip_dispatch_rule_id", "created_at", "updated_at"}
    return (name for name in DispatchRule.__slots__ if name not in marks and getattr(now, name) != getattr(then, name))
