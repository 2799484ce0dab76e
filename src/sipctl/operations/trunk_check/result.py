"""What a run of `trunk check` found."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sipctl.errors import ExitCode
from sipctl.operations.trunk_check.check import Checked, Overall, exit_code_of, overall
from sipctl.operations.trunk_check.verdict import State

if TYPE_CHECKING:
    from sipctl.operations.trunk_check.routing import Route  # and all of matching with it


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Every URI of a run with its targets, and a call if one was wanted.

    `unplaced` says why none was placed, `unread` why LiveKit's outbound trunks are not known ("" = all is well);
    `health` is what the health port of our own node says, None = it was not asked.
    """

    checked: tuple[Checked, ...]
    route: "Route | None" = None
    unplaced: str = ""
    unread: str = ""
    health: tuple[int, str] | None = None

    @property
    def target_states(self) -> list[State]:
        """The states of all targets."""
        return [state for one in self.checked for state in one.states]

    @property
    def states(self) -> Iterator[State]:
        """The states of all targets, and of what else was wanted."""
        yield from self.target_states
        if self.route:
            yield self.route.state
        yield from (State.UNKNOWN for missing in (self.unplaced, self.unread) if missing)

    @property
    def verdict(self) -> Overall:
        """What all targets come to."""
        return overall(self.states)

    @property
    def exit_code(self) -> ExitCode:
        """What the run ends with."""
        return exit_code_of(self.states)
