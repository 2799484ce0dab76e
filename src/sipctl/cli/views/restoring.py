"""What a restore would do, or did."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sipctl.cli.rows import shown_pin
from sipctl.cli.views.plan import undo_command
from sipctl.command_line import CommandLine
from sipctl.errors import PartialError, surely_without_effect
from sipctl.operations.executing import Attempt
from sipctl.operations.restoring import Deed, Step
from sipctl.operations.writing import Change
from sipctl.output.formats import Listing
from sipctl.output.streams import Streams
from sipctl.output.text import escaped_json


@dataclass(frozen=True, slots=True)
class RestoreView:
    """The steps of a restore and what became of those that were carried out; `run` is the audit's id of that run."""

    steps: Sequence[Step]
    done: Sequence[Attempt[Step, Change]]
    run: str
    show_pins: bool
    paste: Callable[[CommandLine], str]

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The restore as text."""
        listing = Listing(
            schema="sipctl/restore/v1",
            items=self.steps,
            columns=("action", "rule", "room", "pin", "why", "result"),
            row=lambda step: tuple(map(str, self._record(step).values())),
            record=self._record,
            name=lambda step: step.rule.sip_dispatch_rule_id or step.rule.name,
        )
        if style == "json":
            items = list(map(self._record, self.steps))
            head = {"schema": "sipctl/restore/v1", "run": self.run, "undo": self._undo, "items": items}
            yield escaped_json(json.dumps(head, ensure_ascii=False, indent=2)) + "\n"
            return
        if style == "table" and not self.steps:
            yield "Nothing to do.\n"
            return
        yield from listing.render(style, streams)
        if style == "table":
            deeds = {step.deed for step in self.steps}
            todo = deeds - {Deed.SKIP, Deed.REFUSE} if not self.done else set()
            yield from [f"\nundo: {self._undo}\n"] if self._undo else ["\ndo it: add --apply\n"] if todo else []
            yield from ["\nwhat is refused: add --allow retired-pin\n"] if Deed.REFUSE in deeds else []

    @property
    def _undo(self) -> str:
        """The command that undoes the restore; "" if it surely changed nothing."""
        changed = any(one.begun and not (one.error and surely_without_effect(one.error)) for one in self.done)
        return self.paste(undo_command(self.run)) if self.run and changed else ""

    def _record(self, step: Step) -> dict[str, Any]:
        attempt = next((one for one in self.done if one.item is step), None)
        change = attempt.result if attempt else None
        return {
            "action": step.deed.value,
            "sip_dispatch_rule_id": (change.id if change else "") or step.rule.sip_dispatch_rule_id,
            "room": step.rule.room_name,
            "pin": shown_pin(step.rule.pin, show=self.show_pins),
            "why": step.why,
            "result": _result(attempt),
        }


def _result(attempt: Attempt[Step, Change] | None) -> str:
    if attempt is None:
        return ""
    if attempt.error:
        return f"{'partly done' if isinstance(attempt.error, PartialError) else 'failed'}: {attempt.error.message}"
    return "done" if attempt.begun else "not begun"
