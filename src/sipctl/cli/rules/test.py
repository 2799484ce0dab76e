"""`sipctl rules test`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.command import TestCommand
from sipctl.cli.rules.common import AssumeLive, Offline
from sipctl.cli.session import Session

KIND: Final = TestCommand


def run(
    ctx: typer.Context,
    cases: Annotated[
        Path,
        typer.Argument(
            metavar="CASES",
            help="Tests in TOML, YAML or JSON lines, as its ending says; - for TOML or JSON lines from stdin.",
        ),
    ],
    offline: Offline = None,
    assume_live: AssumeLive = None,
    init: Annotated[bool, typer.Option("--init", help="Write CASES from what is there now.")] = False,
) -> None:
    """Run routing tests: calls, and what is expected of them. Exit code 1 if one fails.

    A test has `name`, `from`, and if wanted `to`, `source_ip`, `pin`, …; its `expect` has `outcome`, `room`, `rule`,
    `trunk`, `must_not_reach` (rooms). Without `source_ip` the latter holds from everywhere.

    \b
    Examples:
      sipctl rules test routing.toml
      sipctl rules test routing.toml --init
      sipctl rules test routing.toml --offline snapshot.json -o junit
    """
    from sipctl.cli.explaining import Surroundings
    from sipctl.cli.route_tests import run_tests, write_tests

    around = Surroundings(offline=offline or (), assume_live=assume_live or ())
    work = write_tests if init else run_tests
    work(Session.of(ctx), around, cases)
