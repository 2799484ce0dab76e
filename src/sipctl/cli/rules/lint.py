"""`sipctl rules lint`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.command import ReportCommand
from sipctl.cli.options import FailOn
from sipctl.cli.rules.common import Offline
from sipctl.cli.session import Session

KIND: Final = ReportCommand


def run(
    ctx: typer.Context,
    offline: Offline = None,
    with_: Annotated[
        list[Path] | None,
        typer.Option("--with", metavar="FILE", help="Create requests: only what they would make wrong; repeatable."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CODE|AREA", help="Only these, such as RUL417 or TRK.")
    ] = None,
    skip: Annotated[list[str] | None, typer.Option("--skip", metavar="CODE|AREA", help="All but these.")] = None,
    fail_on: FailOn = "error",
) -> None:
    """Prove what is wrong with rules and trunks: clashes, shadows, open rules and more.

    Exit code 1: findings from --fail-on up. `rules create` and `rules update` refuse what RUL401, RUL402 and RUL417
    describe unless `--allow CODE` lets it pass; `doctor` runs the same checks.

    \b
    Examples:
      sipctl rules lint
      sipctl rules lint --offline snapshot.json --fail-on warn
      sipctl rules lint --with rule.json
    """
    from sipctl.cli.linting import Linting, run_lint

    run_lint(
        Session.of(ctx),
        Linting(offline=offline or [], added=with_ or [], only=only or [], skip=skip or [], fail_on=fail_on),
    )
