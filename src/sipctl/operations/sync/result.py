"""What became of a run, and of each item of its plan."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from sipctl.command_line import Prose, both
from sipctl.errors import ChangedError, SafeguardError, SipctlError, surely_without_effect
from sipctl.telephony.commands import restore_rule
from sipctl.telephony.plan import Item
from sipctl.telephony.registered import Earlier

if TYPE_CHECKING:
    from sipctl.operations.batch import Attempt


class Result(StrEnum):
    """What became of an item. Only a failure, and what was not begun, leaves work undone."""

    DONE = "done"
    GONE = "gone already"
    THERE = "there already"
    CHANGED = "changed meanwhile, left alone"
    ALIVE = "room became live, left alone"
    ENDED = "ended meanwhile"
    PUT_BACK = "room became live, put back"
    LEFT_OUT = "room became live, not put back"
    NOT_PUT_BACK = "deleted, and not put back"
    NOT_CHECKED = "deleted, and its room not checked again"
    NOT_SEEN = "sent to the backend, and not checked again"
    UNFIT = "made by the backend, and not as it should be"
    NEEDED = "needed after all, put back"
    FAILED = "failed"
    UNKNOWN = "not known whether it was done"
    NOT_BEGUN = "not begun"


@dataclass(frozen=True, slots=True)
class Done:
    """An item and what became of it; `rule_id` is that of a rule that was made, `error` why it failed."""

    item: Item
    result: Result
    rule_id: str = ""
    error: SipctlError | None = None

    @property
    def failed(self) -> bool:
        """Whether this leaves work undone. What was left out must stay out."""
        if self.result is Result.LEFT_OUT:
            return False
        return self.error is not None or self.result in {Result.FAILED, Result.NOT_BEGUN}

    @property
    def message(self) -> str:
        """The result, and what failed."""
        return f"{self.result.value}{f': {self.error.message}' if self.error else ''}"

    @property
    def advice(self) -> Prose:
        """What to do about it."""
        advice = self.error.advice if self.error else ""
        lost = self.item.before or self.item.after
        if lost and self.result in {Result.NOT_PUT_BACK, Result.NOT_CHECKED}:
            return both(advice, (restore_rule(lost.sip_dispatch_rule_id), " puts it back"))
        return advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run: its plan, what became of the items that it carried out, and what it put right of earlier runs.

    `earlier` is what was known before. `would_refuse` is the safeguard that forbids an apply, for a run that only
    planned. `unwritten` is why the audit, or the memory of runs, does not say how it
    ended; `lost` why the lock of the server was not held to the end. `is_stopped` = a signal ended it before it had
    a plan. `by_backend` = the backend made the rules, and they are its own to take away.
    """

    items: Sequence[Item]
    done: Sequence[Done] = ()
    put_back: Sequence[str] = ()
    would_refuse: SafeguardError | None = None
    earlier: Earlier = field(default_factory=Earlier)
    run: str = ""
    unwritten: SipctlError | None = None
    lost: ChangedError | None = None
    is_stopped: bool = False
    by_backend: bool = False


def result_of(attempt: "Attempt[Item, Done]") -> Done:
    """What became of an attempted item."""
    if attempt.result is not None:
        return attempt.result
    return failure(attempt.item, attempt.error) if attempt.error else Done(attempt.item, Result.NOT_BEGUN)


def failure(item: Item, error: SipctlError) -> Done:
    """An item whose write ended with this error."""
    return Done(item, Result.FAILED if surely_without_effect(error) else Result.UNKNOWN, error=error)
