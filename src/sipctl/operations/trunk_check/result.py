"""What a run of `trunk check` found."""

from collections.abc import Iterator
from dataclasses import dataclass

from sipctl.errors import ExitCode
from sipctl.operations.trunk_check.check import Checked, Overall, exit_code_of, overall
from sipctl.operations.trunk_check.verdict import State


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Every URI of a run with its targets."""

    checked: tuple[Checked, ...]

    @property
    def states(self) -> Iterator[State]:
        """The states of all targets."""
        for one in self.checked:
            yield from one.states

    @property
    def verdict(self) -> Overall:
        """What all targets come to."""
        return overall(self.states)

    @property
    def exit_code(self) -> ExitCode:
        """What the run ends with."""
        return exit_code_of(self.states)
