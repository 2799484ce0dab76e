"""What carries out a plan, and what it works with."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sipctl.operations.batch import Pace, StopSwitch
from sipctl.operations.change import Writer
from sipctl.operations.sync.result import Done, Result
from sipctl.operations.sync.survey import attended_of
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.plan import Item, State


@dataclass(slots=True)
class RunContext:
    """What an executor works with. `state` is the one the plan was made for."""

    writer: Writer
    state: State
    switch: StopSwitch = field(default_factory=StopSwitch)
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
            if item.room not in served and item.room in (attended if item.room in self.state.attended else live)
        }
        left = [item for item in items if item.room not in needed]
        done = [Done(item, Result.THERE if item.room in served else Result.ENDED) for item in left]
        return [item for item in items if item.room in needed], done


class Executor(Protocol):
    """Carries out the items of a plan, one kind at a time, in their order."""

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
