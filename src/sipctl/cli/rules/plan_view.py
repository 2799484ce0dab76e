"""A plan of purge or sync, or what became of it, as people and scripts read it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypedDict

from sipctl.cli.rows import shown_pin, utc_text
from sipctl.command_line import CommandLine, quoted
from sipctl.operations.sync.result import Done, Outcome, Result
from sipctl.output.formats import Listing, encode_json
from sipctl.output.people import for_people
from sipctl.output.streams import Streams
from sipctl.telephony.commands import restore_run
from sipctl.telephony.naming import counted
from sipctl.telephony.plan import Action, Item, Reason

_PLANNED: Final = {Action.DELETE: "would delete", Action.UPDATE: "would update", Action.CREATE: "would create"}
_CHANGES: Final = frozenset(_PLANNED)
_DONE: Final = {Action.DELETE: "deleted", Action.UPDATE: "changed", Action.CREATE: "created"}
_NOT_DONE: Final = {
    Result.PUT_BACK: "put back for a live room",
    Result.NEEDED: "put back",
    Result.LEFT_OUT: "deleted and not put back",
    Result.NOT_PUT_BACK: "deleted and not put back",
    Result.NOT_CHECKED: "deleted and not checked",
    Result.NOT_SEEN: "sent to the backend and not checked",
    Result.UNFIT: "made by the backend and not as it should be",
    Result.ALIVE: "of rooms that became live",
    Result.CHANGED: "changed meanwhile",
    Result.GONE: "gone already",
    Result.THERE: "there already",
    Result.ENDED: "not needed any more",
    Result.UNKNOWN: "perhaps written",
    Result.FAILED: "failed",
    Result.NOT_BEGUN: "not begun",
}
"""What became of a rule that was not written, or not for good, in the words of the headline, in its order."""
_LEFT_SOMETHING: Final = frozenset(
    {Result.DONE, Result.LEFT_OUT, Result.NOT_PUT_BACK, Result.NOT_CHECKED, Result.NOT_SEEN, Result.UNKNOWN}
)
"""Results after which there may be something to undo."""


_NAMED: Final = 5
"""How many rooms a command for them names."""


_COLUMNS: Final = ("action", "room", "rule", "pin", "why", "result")


class Counts(TypedDict):
    """How many rules, and rooms without one, fared how."""

    keep: int
    skip: int
    delete: int
    update: int
    create: int


class PlanItem(TypedDict):
    """A rule, or a room without one ("" as its id).

    `beside` = the rule that is why; `stale_since` = the first observation, without a break, that found it stale or a
    duplicate; `may_go_at` = when a purge or sync may delete it; both null for what stays. `result` is null for what was
    only planned, or stays; `new_rule_id` names a rule that was made; `called` is the room's name for people, null
    if that is not known.
    """

    action: Literal["keep", "skip", "delete", "update", "create"]
    reason: str
    room: str
    sip_dispatch_rule_id: str
    beside: str
    stale_since: str | None
    may_go_at: str | None
    pin_before: str | None
    pin_after: str | None
    result: str | None
    new_rule_id: str
    error: str
    called: str | None


class PlanShape(TypedDict):
    """A run of purge or sync; `run` is its id in the audit, "" if it only planned.

    `put_back` are rooms whose rule an earlier run had taken away though they were live.
    """

    schema: Literal["sipctl/plan/v1"]
    run: str
    undo: str
    put_back: list[str]
    counts: Counts
    items: list[PlanItem]


PRINTS: Final = {"plan": PlanShape}


@dataclass(frozen=True, slots=True)
class PlanView:
    """What a run would do, or did."""

    outcome: Outcome
    show_pins: bool
    paste: Callable[[CommandLine], str]
    called: Mapping[str, str] = field(default_factory=dict)

    @property
    def _undo(self) -> str:
        """The command that undoes the run; "" if it left nothing that could be undone."""
        ours = [one for one in self.outcome.done if one.item.before or not self.outcome.by_backend]
        has_effect = any(one.result in _LEFT_SOMETHING for one in ours)
        return self.paste(restore_run(self.outcome.run)) if self.outcome.run and has_effect else ""

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The run as text; for people without what is as it should be, unless they ask for it."""
        if style == "json":
            whole = PlanShape(
                schema="sipctl/plan/v1",
                run=self.outcome.run,
                undo=self._undo,
                put_back=list(self.outcome.put_back),
                counts=self._counts(),
                items=list(map(self._record, self._rows())),
            )
            yield f"{encode_json(whole)}\n"
            return
        if style == "name":
            yield from self._listing(self._changes()).render(style, streams)
            return
        if style != "table":
            yield from self._listing(list(self._rows())).render(style, streams)
            return
        yield from for_people([self._verdict()], streams.out)
        rows = [row for row in self._rows() if streams.verbose or row[0].action is not Action.KEEP]
        if rows:
            yield "\n"
            yield from self._listing(rows).render(style, streams)
        for label, text in self._afterwards():
            yield from for_people(["", f"{label}: {text}"] if text else [], streams.out)

    def _rows(self) -> Iterator[tuple[Item, Done | None]]:
        """Every item with what became of it; of one that is written in two steps the last."""
        done = {self._key(one.item): one for one in self.outcome.done}
        for item in self.outcome.items:
            if not item.parked:
                yield item, done.get(self._key(item))

    def _changes(self) -> list[tuple[Item, Done | None]]:
        return [row for row in self._rows() if row[0].action in _CHANGES]

    def _key(self, item: Item) -> tuple[str, str]:
        return item.room, item.rule_id

    def _listing(self, rows: list[tuple[Item, Done | None]]) -> Listing[tuple[Item, Done | None]]:
        return Listing(
            schema="sipctl/plan/v1",
            things="changes",
            items=rows,
            columns=(*_COLUMNS, "called") if self.called else _COLUMNS,
            row=self._row,
            record=self._record,
            name=lambda row: row[0].rule_id or row[0].room,
        )

    def _row(self, row: tuple[Item, Done | None]) -> tuple[str, ...]:
        item, done = row
        action = item.action.value if done or item.action not in _CHANGES else _PLANNED[item.action]
        result = done.message if done else ""
        rule = (done.rule_id if done else "") or item.rule_id
        cells = action, item.room, rule, self._pins(item), self._why(item), result
        return (*cells, self.called.get(item.room, "")) if self.called else cells

    def _pins(self, item: Item) -> str:
        before, after = (shown_pin(rule.pin, show=self.show_pins) if rule else "" for rule in (item.before, item.after))
        return f"{before} → {after}" if before and after and before != after else after or before

    def _why(self, item: Item) -> str:
        words = item.reason.row.words + (f": {item.beside}" if item.beside else "")
        if item.idle_since is None:
            return words
        waits = f", may go at {utc_text(item.may_go_at)}" if item.action is Action.SKIP else ""
        return f"{words}; since {utc_text(item.idle_since)}{waits}"

    def _record(self, row: tuple[Item, Done | None]) -> PlanItem:
        item, done = row
        return PlanItem(
            action=item.action.value,
            reason=item.reason.value,
            room=item.room,
            sip_dispatch_rule_id=item.rule_id,
            beside=item.beside,
            stale_since=utc_text(item.idle_since),
            may_go_at=utc_text(item.may_go_at),
            pin_before=shown_pin(item.before.pin, show=self.show_pins) if item.before else None,
            pin_after=shown_pin(item.after.pin, show=self.show_pins) if item.after else None,
            result=done.result.value if done else None,
            new_rule_id=done.rule_id if done else "",
            error=done.error.message if done and done.error else "",
            called=self.called.get(item.room),
        )

    def _counts(self) -> Counts:
        found = Counter(item.action for item, _ in self._rows())
        return Counts(
            keep=found[Action.KEEP],
            skip=found[Action.SKIP],
            delete=found[Action.DELETE],
            update=found[Action.UPDATE],
            create=found[Action.CREATE],
        )

    def _verdict(self) -> str:
        if self.outcome.is_stopped:
            return f"Stopped before there was a plan: nothing {'else ' if self.outcome.put_back else ''}was changed."
        changes = self._changes()
        skipped = sum(item.action is Action.SKIP for item in self.outcome.items)
        waits = f" {skipped} {'is left as it is' if skipped == 1 else 'are left as they are'}." if skipped else ""
        if not changes:
            return f"Nothing to do.{waits}"
        if not self.outcome.done:
            return f"Would make {_describe(changes)}.{waits}"
        return f"{_headline([done or Done(item, Result.NOT_BEGUN) for item, done in changes])}.{waits}"

    def _afterwards(self) -> Iterator[tuple[str, str]]:
        yield "put back, for an earlier run took it away", ", ".join(map(quoted, self.outcome.put_back))
        yield from self._first()
        yield "undo", self._undo

    def _first(self) -> Iterator[tuple[str, str]]:
        """The commands that give PINs to rooms which were left out for want of one."""
        without = self._rooms_left_out(Reason.NO_PIN)
        if without:
            assign = CommandLine.of("pin", "assign")
            few = len(without) <= _NAMED
            yield "first", self.paste(assign.on(*without) if few else assign.having("--missing"))
        for room in self._rooms_left_out(Reason.UNTYPABLE)[:_NAMED]:
            yield "first", self.paste(CommandLine.of("pin", "rotate").on(room).having("--allow", "live-room"))

    def _rooms_left_out(self, reason: Reason) -> list[str]:
        return list(dict.fromkeys(item.room for item in self.outcome.items if item.reason is reason))


def _headline(done: Sequence[Done]) -> str:
    """How many rules were written, and what became of the others: "3 rules of rooms that became live, none deleted"."""
    written = Counter(one.item.action for one in done if one.result is Result.DONE)
    others = Counter(_NOT_DONE[one.result] for one in done if one.result is not Result.DONE)
    parts = [(written[action], word) for action, word in _DONE.items() if written[action]]
    parts += [(others[word], word) for word in dict.fromkeys(_NOT_DONE.values()) if others[word]]
    clauses = [f"{counted(count, 'rule') if at == 0 else count} {word}" for at, (count, word) in enumerate(parts)]
    if not any(one.result in _LEFT_SOMETHING for one in done):
        kinds = {_DONE[one.item.action] for one in done}
        clauses.append(f"none {kinds.pop() if len(kinds) == 1 else 'written'}")
    return ", ".join(clauses)


def _describe(changes: list[tuple[Item, Done | None]]) -> str:
    """How many changes there are, and of which kind."""
    nouns = {Action.DELETE: "deletion", Action.UPDATE: "change", Action.CREATE: "creation"}
    numbers = Counter(item.action for item, _ in changes)
    parts = [counted(numbers[one], noun) for one, noun in nouns.items() if numbers[one]]
    return f"{counted(len(changes), 'write')} ({', '.join(parts)})"
