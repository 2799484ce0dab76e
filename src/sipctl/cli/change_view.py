"""One write, before and after."""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypedDict

from sipctl.cli.endings import show
from sipctl.cli.rows import mask_rule_json
from sipctl.cli.session import Session
from sipctl.command_line import CommandLine
from sipctl.operations.change import Change
from sipctl.output.formats import Detail, Listing
from sipctl.telephony.commands import restore_change
from sipctl.telephony.trunk_undo import undo_delete, undo_update

_DONE: Final = {"create": "created", "update": "updated", "delete": "deleted", "none": "unchanged"}
_PLANNED: Final = {"create": "would create", "update": "would update", "delete": "would delete", "none": "unchanged"}
_LABELS: Final = {
    "sip_dispatch_rule_id": "id", "sip_trunk_id": "id", "rule.dispatch_rule_direct.room_name": "room",
    "rule.dispatch_rule_direct.pin": "pin", "rule.dispatch_rule_individual.room_prefix": "room prefix",
    "rule.dispatch_rule_individual.pin": "pin", "rule.dispatch_rule_callee.room_prefix": "room prefix",
    "rule.dispatch_rule_callee.pin": "pin",
}  # fmt: skip
"""What people call a field; of the others LiveKit's own names, without the underscores."""
_UNITS: Final = {"empty_timeout": "s", "departure_timeout": "s"}
_DEFAULTS: Final = ("SIP_MEDIA_ENCRYPT_DISABLE", "SIP_NO_HEADERS", {"only_listed_codecs": False, "codecs": []})
"""Values that say nothing to a person."""


class ChangeRow(TypedDict):
    """One write, before and after, and the command that undoes it ("" if there is none)."""

    action: Literal["create", "update", "delete", "none"]
    kind: Literal["rule", "trunk", "room"]
    id: str
    applied: bool
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    undo: str
    note: str


class ChangesRow(TypedDict):
    """One of several writes: what was named, and its change; `change` is null for what was refused, or failed."""

    named: str
    change: ChangeRow | None
    error: str


PRINTS: Final = {"change": ChangeRow, "changes": list[ChangesRow]}


@dataclass(frozen=True, slots=True)
class ChangedThing:
    """What a person named, its change, and why there is none."""

    named: str
    change: Change | None
    error: str


def show_change(session: Session, change: Change) -> None:
    """Show what was written, or would be; nothing on a terminal with `--quiet`. Warnings go to stderr, one a line."""
    for warning in change.warnings:
        session.streams.warn(f"warning: {warning}")
    show(session, _view(change, show_pins=session.options.show_pins, paste=session.paste))


def changed_things(session: Session, done: Iterable[ChangedThing], things: str) -> Listing[ChangedThing]:
    """Several changes, each in a row of its own."""

    def row(one: ChangedThing) -> tuple[str, ...]:
        change = one.change
        verb = (_DONE if change.applied else _PLANNED)[change.action] if change else "left"
        undo = _undo(change) if change else None
        return verb, one.named, change.id if change else "", one.error or (session.paste(undo) if undo else "")

    def record(one: ChangedThing) -> ChangesRow:
        change = _record(one.change, show_pins=session.options.show_pins, paste=session.paste) if one.change else None
        return ChangesRow(named=one.named, change=change, error=one.error)

    return Listing(
        schema="sipctl/changes/v1", items=done, columns=("action", "named", "id", "undo, or why not"), row=row,
        record=record, name=lambda one: one.change.id if one.change else "", things=things,
    )  # fmt: skip


def _view(change: Change, *, show_pins: bool, paste: Callable[[CommandLine], str]) -> Detail:
    """The fields that differ, and the command that undoes it, made ready to paste."""
    record = _record(change, show_pins=show_pins, paste=paste)
    before, after, undo = record["before"], record["after"], record["undo"]
    verb = (_DONE if change.applied else _PLANNED)[change.action]
    lines = [(verb, f"{change.kind} {change.id}".rstrip()), *_differences(before or {}, after or {})]
    lines += [(label, text) for label, text in (("note", change.note), ("undo", undo)) if text]
    return Detail(schema="sipctl/change/v1", lines=tuple(lines), record=record, name=change.id)


def _record(change: Change, *, show_pins: bool, paste: Callable[[CommandLine], str]) -> ChangeRow:
    before, after = (_masked(side, show=show_pins) for side in (change.before, change.after))
    command = _undo(change)
    return ChangeRow(
        action=change.action,
        kind=change.kind,
        id=change.id,
        applied=change.applied,
        before=before,
        after=after,
        undo=paste(command) if command else "",
        note=change.note,
    )


def _masked(side: Mapping[str, Any] | None, *, show: bool) -> dict[str, Any] | None:
    if side is None:
        return None
    own = copy.deepcopy(dict(side))
    if "rule" in own:
        mask_rule_json(own, show=show)
    return own


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields that an update changes, before and after; of a new or deleted thing, what it holds."""
    old, new = dict(_flat(before)), dict(_flat(after))
    for key in {**old, **new}:
        was, now = _shown(key, old.get(key)), _shown(key, new.get(key))
        label = _LABELS.get(key) or key.replace("_", " ")
        if before and after and was != now:
            nothing = "no" if isinstance(old.get(key, new.get(key)), bool) else "nothing"
            yield label, f"{was or nothing} → {now or nothing}"
        elif not (before and after) and (was or now):
            yield label, was or now


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a JSON object under dotted names."""
    for key, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", inner


def _shown(key: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    if not value or value in _DEFAULTS:
        return ""
    if isinstance(value, bool):
        return "yes"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{text} {_UNITS[key]}" if key in _UNITS else text


def _undo(change: Change) -> CommandLine | None:
    if not change.applied:
        return None
    if change.kind == "rule":
        return restore_change(change.item)
    if change.kind == "trunk" and change.before:
        return undo_update(change.before, change.after) if change.after else undo_delete(change.before)
    if change.action != "create":
        return None
    first = ("--allow", "in-use") if change.kind == "trunk" else ()  # no rule names it yet, and it may be the only one
    return CommandLine.of(change.kind, "delete").on(change.id).having(*first)
