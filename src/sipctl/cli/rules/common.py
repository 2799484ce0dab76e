"""What commands on rules share."""

from pathlib import Path
from typing import Annotated

import typer

from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.ownership import Ownership

Reference = Annotated[str, typer.Argument(metavar="RULE", help="A rule's id, its name, or its room.")]
References = Annotated[list[str], typer.Argument(metavar="RULE", help="Ids of rules, their names, or their rooms.")]
Trunks = Annotated[
    list[str] | None,
    typer.Option("--trunk", metavar="TRUNK", help="Only calls of this trunk (id, name or number); repeatable."),
]
PinStdin = Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN from stdin, or from a hidden prompt.")]
Offline = Annotated[
    list[Path] | None,
    typer.Option(
        "--offline", metavar="FILE", help="A snapshot, or LiveKit's list answers (repeat it); - for stdin. Asks no one."
    ),
]

AssumeLive = Annotated[
    list[str] | None, typer.Option(metavar="ROOM", help="Add the rule that the backend makes once it is live.")
]


def room_of(rule: DispatchRule) -> str:
    """The room of a rule, or how the rooms that it makes are called."""
    if rule.kind is RuleKind.DIRECT:
        return rule.room_name
    if rule.kind is None:
        return "(no rule type)"
    who = "caller" if rule.kind is RuleKind.INDIVIDUAL else "callee"
    return f"{rule.room_name}_<{who}>" if rule.room_name else f"<{who}>"


def owner_of(rule: DispatchRule, mark: Ownership) -> str:
    """Whose a rule is, in one word."""
    return "owned" if mark.owns(rule) else "foreign"
