"""`sipctl rules show`."""

from typing import Final

import typer

from sipctl.cli.rows import UNKNOWN_FIELDS, Names, RuleRow, rule_row, shown_pin
from sipctl.cli.rules.common import Reference, owner_of, room_of
from sipctl.cli.session import Session
from sipctl.operations.rules.find import get_rule
from sipctl.output.formats import Detail
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import Ownership

PRINTS: Final = {"rule": RuleRow}


def run(ctx: typer.Context, rule: Reference) -> None:
    """Show one dispatch rule in full.

    \b
    Examples:
      sipctl rules show SDR_7hTqVw9YbLxe
      sipctl rules show SIP_demo --show-pins
      sipctl rules show SDR_7hTqVw9YbLxe -o json
    """
    session = Session.of(ctx)
    found = session.livekit(lambda client: get_rule(client, rule))
    _, names = session.named([found], lambda rule: rule.room_name)
    session.emit(_view(found, session.settings.mark, show_pins=session.options.show_pins, names=names))


def _view(rule: DispatchRule, mark: Ownership, *, show_pins: bool, names: Names) -> Detail:
    """One rule in full."""
    lines = [
        ("id", rule.sip_dispatch_rule_id),
        ("name", rule.name),
        ("room", room_of(rule)),
        *((("called", names[rule.room_name]),) if rule.room_name in names else ()),
        ("pin", shown_pin(rule.pin, show=show_pins) or "none: every caller gets in"),
        ("trunks", ", ".join(rule.trunk_ids) or "any, or none"),
        ("called numbers", ", ".join(rule.numbers) or "any"),
        ("callers", ", ".join(rule.inbound_numbers) or "any"),
        ("owner", owner_of(rule, mark)),
        ("created", rule.created_at or "unknown"),
    ]
    if rule.hide_phone_number:
        lines.append(("phone number", "hidden"))
    if rule.metadata:
        lines.append(("metadata", rule.metadata))
    if rule.unknown_fields:
        lines.append(UNKNOWN_FIELDS)
    lines += [(f"attribute {key}", value) for key, value in sorted(rule.attributes.items())]
    record = rule_row(rule, mark, show_pins=show_pins, names=names)
    return Detail(schema="sipctl/rule/v1", lines=tuple(lines), record=record, name=rule.sip_dispatch_rule_id)
