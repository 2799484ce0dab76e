"""What carrying out a plan works with, and what it tells of each item."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from sipctl.errors import SipctlError
from sipctl.operations.executing import Attempt, Brake, Pace
from sipctl.operations.writing import Writer
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.plan import Item, World


class Result(StrEnum):
    """What became of an item. Only a failure, and what was not begun, leaves work undone."""

    DONE = "done"
    GONE = "gone already"
    THERE = "there already"
    CHANGED = "changed meanwhile, left alone"
    ALIVE = "came alive, left alone"
    ENDED = "ended meanwhile"
    PUT_BACK = "came alive, put back"
    FAILED = "failed"
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
        """Whether this leaves work undone."""
        return self.error is not None or self.result in {Result.FAILED, Result.NOT_BEGUN}


@dataclass(slots=True)
class Work:
    """What a way of carrying out works with. `world` is the one the plan was made for."""

    writer: Writer
    world: World
    brake: Brake = field(default_factory=Brake)
    pace: Pace = field(default_factory=Pace)
    on_end: Callable[[], None] = lambda: None


class Way(Protocol):
    """A way of carrying out the items of a plan, one kind at a time, in their order."""

    async def delete(self, items: Sequence[Item]) -> list[Done]:
        """Take rules away."""

    async def update(self, items: Sequence[Item]) -> list[Done]:
        """Change rules in place."""

    async def create(self, items: Sequence[Item]) -> list[Done]:
        """Make rules for rooms without one."""

    async def put_back(self, rule: DispatchRule) -> str:
        """Make a rule again that was deleted though its room is live; its new id, "" if that is not known."""


def told(attempt: Attempt[Item, Done]) -> Done:
    """What became of an attempted item."""
    if attempt.result is not None:
        return attempt.result
    return Done(attempt.item, Result.FAILED if attempt.error else Result.NOT_BEGUN, error=attempt.error)
