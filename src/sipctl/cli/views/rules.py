"""Dispatch rules as people and scripts read them."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from sipctl.cli.rows import Names, rule_row, shown_pin
from sipctl.output.formats import Detail, Listing
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.ownership import Ownership

_COLUMNS: Final = ("id", "room", "pin", "name", "trunks", "owner")


def rules_view(
    rules: Iterable[DispatchRule], mark: Ownership, *, show_pins: bool, names: Names = MappingProxyType({})
) -> Listing[DispatchRule]:
    """A list of rules."""

    def row(rule: DispatchRule) -> tuple[str, ...]:
        cells = (
            rule.sip_dispatch_rule_id,
            _room(rule),
            shown_pin(rule.pin, show=show_pins) or "open",
            rule.name,
            ",".join(rule.trunk_ids) or "any",
            _owner(rule, mark),
        )
        return (*cells, names.get(rule.room_name, "")) if names else cells

    return Listing(
        schema="sipctl/rules/v1",
        items=rules,
        columns=(*_COLUMNS, "called") if names else _COLUMNS,
        row=row,
        record=lambda rule: rule_row(rule, mark, show_pins=show_pins, names=names),
        name=lambda rule: rule.sip_dispatch_rule_id,
    )


def rule_view(rule: DispatchRule, mark: Ownership, *, show_pins: bool, names: Names = MappingProxyType({})) -> Detail:
    """One rule in full."""
    lines = [
        ("id", rule.sip_dispatch_rule_id),
        ("name", rule.name),
        ("room", _room(rule)),
        *((("called", names[rule.room_name]),) if rule.room_name in names else ()),
        ("pin", shown_pin(rule.pin, show=show_pins) or "none: every caller gets in"),
        ("trunks", ", ".join(rule.trunk_ids) or "any, or none"),
        ("called numbers", ", ".join(rule.numbers) or "any"),
        ("callers", ", ".join(rule.inbound_numbers) or "any"),
        ("owner", _owner(rule, mark)),
        ("created", rule.created_at or "unknown"),
    ]
    if rule.hide_phone_number:
        lines.append(("phone number", "hidden"))
    if rule.metadata:
        lines.append(("metadata", rule.metadata))
    lines += [(f"attribute {key}", value) for key, value in sorted(rule.attributes.items())]
    record = rule_row(rule, mark, show_pins=show_pins, names=names)
    return Detail(schema="sipctl/rule/v1", lines=tuple(lines), record=record, name=rule.sip_dispatch_rule_id)


def _room(rule: DispatchRule) -> str:
    if rule.kind is RuleKind.DIRECT:
        return rule.room_name
    if rule.kind is None:
        return "(no rule type)"
    who = "caller" if rule.kind is RuleKind.INDIVIDUAL else "callee"
    return f"{rule.room_name}_<{who}>" if rule.room_name else f"<{who}>"


def _owner(rule: DispatchRule, mark: Ownership) -> str:
    return "owned" if mark.owns(rule) else "foreign"
