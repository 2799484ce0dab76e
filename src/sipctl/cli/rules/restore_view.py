"""A restore as people and scripts read it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict

from sipctl.cli.rows import shown_pin, utc_text
from sipctl.command_line import CommandLine
from sipctl.errors import PartialError, surely_without_effect
from sipctl.operations.batch import Attempt
from sipctl.operations.change import Change
from sipctl.operations.restore import RestoreAction, Step
from sipctl.output.formats import Listing, encode_json
from sipctl.output.people import for_people
from sipctl.output.streams import Streams
from sipctl.telephony.commands import restore_run


class RestoreItem(TypedDict):
    """A rule that is restored; `result` is "" for what was only planned, skipped, or refused.

    `stale` = its room is not live; `held_until` = until when purge spares it, null for what it does not.
    """

    action: Literal["create", "delete", "update", "skip", "refuse"]
    sip_dispatch_rule_id: str
    room: str
    pin: str
    why: str
    stale: bool
    held_until: str | None
    result: str


class RestoreShape(TypedDict):
    """A restore; `run` is its id in the audit, "" if it only planned."""

    schema: Literal["sipctl/restore/v1"]
    run: str
    undo: str
    items: list[RestoreItem]


@dataclass(frozen=True, slots=True)
class RestoreView:
    """The steps of a restore and what became of those that were carried out; `run` is the audit's id of that run.

    `held_until` = until when purge spares rules that came back stale, None = it does not.
    """

    steps: Sequence[Step]
    done: Sequence[Attempt[Step, Change]]
    run: str
    held_until: datetime | None
    show_pins: bool
    paste: Callable[[CommandLine], str]

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The restore as text."""
        listing = Listing(
            schema="sipctl/restore/v1",
            things="changes to undo",
            items=self.steps,
            columns=("action", "rule", "room", "pin", "why", "result"),
            row=self._row,
            record=self._record,
            name=lambda step: step.rule.sip_dispatch_rule_id or step.rule.name,
        )
        if style == "json":
            items = list(map(self._record, self.steps))
            whole = RestoreShape(schema="sipctl/restore/v1", run=self.run, undo=self._undo, items=items)
            yield f"{encode_json(whole)}\n"
            return
        if style == "table" and not self.steps:
            yield "Nothing to do.\n"
            return
        yield from listing.render(style, streams)
        if style == "table":
            actions = {step.action for step in self.steps}
            after = ["", f"undo: {self._undo}"] if self._undo else []
            after += ["", "what is refused: add --allow retired-pin"] if RestoreAction.REFUSE in actions else []
            yield from for_people(after, streams.out)

    @property
    def _undo(self) -> str:
        """The command that undoes the restore; "" if it surely changed nothing."""
        changed = any(one.begun and not (one.error and surely_without_effect(one.error)) for one in self.done)
        return self.paste(restore_run(self.run)) if self.run and changed else ""

    def _row(self, step: Step) -> tuple[str, ...]:
        one = self._record(step)
        why = f"{one['why']}; its room is not live" if one["stale"] else one["why"]
        return one["action"], one["sip_dispatch_rule_id"], one["room"], one["pin"], why, one["result"]

    def _record(self, step: Step) -> RestoreItem:
        attempt = next((one for one in self.done if one.item is step), None)
        change = attempt.result if attempt else None
        return RestoreItem(
            action=step.action.value,
            sip_dispatch_rule_id=(change.id if change else "") or step.rule.sip_dispatch_rule_id,
            room=step.rule.room_name,
            pin=shown_pin(step.rule.pin, show=self.show_pins),
            why=step.why,
            stale=step.is_stale,
            held_until=utc_text(self.held_until) if step.is_stale and change else None,
            result=_result(attempt),
        )


def _result(attempt: Attempt[Step, Change] | None) -> str:
    if attempt is None:
        return ""
    if attempt.error:
        return f"{'partly done' if isinstance(attempt.error, PartialError) else 'failed'}: {attempt.error.message}"
    return "done" if attempt.begun else "not begun"
