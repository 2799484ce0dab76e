"""What commands on rules share."""

from pathlib import Path
from typing import Annotated

import typer

Reference = Annotated[str, typer.Argument(metavar="RULE", help="A rule's id, its name, or its room.")]
Trunks = Annotated[
    list[str] | None,
    typer.Option("--trunk", metavar="TRUNK", help="Only calls of this trunk (id, name or number); repeatable."),
]
PinStdin = Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN from stdin, or from a hidden prompt.")]
Offline = Annotated[
    list[Path] | None,
    typer.Option(
        "--offline", metavar="FILE", help="A snapshot, or LiveKit's list answers (repeat it); - for stdin. Asks nobody."
    ),
]

AssumeLive = Annotated[
    list[str] | None, typer.Option(metavar="ROOM", help="Add the rule that the backend makes once it is live.")
]
