"""What carrying out a plan works with, and what it tells of each item."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from sipctl.command_line import Prose, both
from sipctl.errors import SipctlError, surely_without_effect
from sipctl.operations.executing import Attempt, Brake, Pace
from sipctl.operations.survey import attended_of
from sipctl.operations.writing import Writer
from sipctl.telephony.commands import restore_rule
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
    LEFT_OUT = "came alive, not put back"
    NOT_PUT_BACK = "deleted, and not put back"
    NOT_CHECKED = "deleted, and its room not looked at again"
    NOT_SEEN = "sent to the backend, and not looked at again"
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


@dataclass(slots=True)
class Work:
    """What a way of carrying out works with. `world` is the one the plan was made for."""

    writer: Writer
    world: World
    brake: Brake = field(default_factory=Brake)
    pace: Pace = field(default_factory=Pace)
    on_end: Callable[[], None] = lambda: None

    async def still_needed(
        self, items: Sequence[Item], served: Collection[str], live: Collection[str]
    ) -> tuple[list[Item], list[Done]]:
        """The creations whose rooms still need a rule, and what became of the others.

        `served` are the rooms that have a rule of ours, `live` the rooms that exist. A room that was
        attended when the plan was made must be attended still.

        Raises:
            SipctlError: LiveKit did not say who is in the rooms.
        """
        attended = await attended_of(self.writer.client, [item.room for item in items if item.room in live])
        needed = {
            item.room
            for item in items
            if item.room not in served and item.room in (attended if item.room in self.world.attended else live)
        }
        left = [item for item in items if item.room not in needed]
        done = [Done(item, Result.THERE if item.room in served else Result.ENDED) for item in left]
        return [item for item in items if item.room in needed], done


class Way(Protocol):
    """A way of carrying out the items of a plan, one kind at a time, in their order."""

    async def delete(self, items: Sequence[Item]) -> list[Done]:
        """Take rules away."""

    async def update(self, items: Sequence[Item]) -> list[Done]:
        """Change rules in place."""

    async def create(self, items: Sequence[Item]) -> list[Done]:
        """Make rules for rooms without one."""

    async def put_back(self, rule: DispatchRule) -> str:
        """Make a rule again that was deleted though its room is live; its new id, "" if that is not known.

        Raises:
            RetiredPinError: its PIN was taken away, and its room has no other one.
        """


def told(attempt: Attempt[Item, Done]) -> Done:
    """What became of an attempted item."""
    if attempt.result is not None:
        return attempt.result
    return failure(attempt.item, attempt.error) if attempt.error else Done(attempt.item, Result.NOT_BEGUN)


def failure(item: Item, error: SipctlError) -> Done:
    """An item whose write ended with this error."""
    return Done(item, Result.FAILED if surely_without_effect(error) else Result.UNKNOWN, error=error)
