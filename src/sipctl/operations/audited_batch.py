"""The lines that a batch of writes leaves in the audit: all intents first, then what came of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sipctl.errors import SipctlError
from sipctl.operations.audit import Entry, Journal, Write


@dataclass(slots=True)
class AuditedBatch:
    """Writes of one batch, each to a thing of its own: two strokes to the disk for all instead of two for each."""

    journal: Journal
    _intents: dict[str, Entry] = field(default_factory=dict)
    _outcomes: dict[str, Entry] = field(default_factory=dict)

    def intend(self, *writes: Write) -> None:
        """Write down what is about to happen.

        Raises:
            SipctlError: the audit cannot be written; then none of it may happen.
        """
        if writes:
            self._intents |= {entry.resource: entry for entry in self.journal.intend(*writes)}

    def note(
        self,
        resource: str,
        *,
        after: Mapping[str, Any] | None = None,
        error: SipctlError | None = None,
        is_undone: bool = False,
    ) -> None:
        """Keep what came of one write until `conclude`; `is_undone` = whatever the error is, nothing is left of it."""
        self._outcomes[resource] = self.journal.outcome_of(
            self._intents[resource], after=after, error=error, is_undone=is_undone
        )

    def conclude(self) -> None:
        """Write down what came of all intents; those of which nothing was noted were not begun.

        Raises:
            PartialError: the audit cannot be written.
        """
        not_begun = SipctlError("not begun", code="not-begun")
        for resource in self._intents.keys() - self._outcomes.keys():
            self.note(resource, error=not_begun)
        if self._intents:
            self.journal.conclude(*(self._outcomes[resource] for resource in self._intents))
