"""`sipctl rules show`."""

import typer

from sipctl.cli.rules.common import Reference
from sipctl.cli.session import Session


def run(ctx: typer.Context, rule: Reference) -> None:
    """Show one dispatch rule in full.

    \b
    Examples:
      sipctl rules show SDR_7hTqVw9YbLxe
      sipctl rules show SIP_demo --show-pins
      sipctl rules show SDR_7hTqVw9YbLxe -o json
    """
    from sipctl.cli.views.rules import rule_view
    from sipctl.operations.rules import get_rule

    session = Session.of(ctx)
    found = session.livekit(lambda client: get_rule(client, rule))
    _, names = session.named([found], lambda rule: rule.room_name)
    session.emit(rule_view(found, session.settings.mark, show_pins=session.options.show_pins, names=names))
