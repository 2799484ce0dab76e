"""`sipctl doctor`: every check, one verdict."""

from pathlib import Path
from typing import Annotated

import typer

from sipctl.cli.command import ReportCommand, refuse_other_formats
from sipctl.cli.options import FailOn
from sipctl.cli.session import Session
from sipctl.output.formats import COMMON_FORMATS

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command("doctor", cls=ReportCommand)
def doctor(
    ctx: typer.Context,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CODE|AREA", help="Only these checks, such as RUL401 or TRK; repeatable."),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="CODE|AREA", help="All checks but these; repeatable.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the checks and what they mean; ask nobody.")] = False,
    fail_on: FailOn = "error",
    deadline: Annotated[
        float, typer.Option(min=0.1, max=3600, metavar="SECONDS", help="Time limit of all questions together.")
    ] = 30.0,
    settle: Annotated[
        float, typer.Option(min=0, max=600, metavar="SECONDS", help="Look again after this at what passes by itself.")
    ] = 5.0,
    wait: Annotated[
        float, typer.Option(min=0, max=3600, metavar="SECONDS", help="Repeat until healthy, at most this long.")
    ] = 0.0,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody: files and --snapshot alone.")] = False,
    snapshot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON of trunks, rules and rooms, for --offline; - for stdin.")
    ] = None,
    textfile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the metrics there too, for node_exporter.")
    ] = None,
) -> None:
    """Examine the deployment and say whether callers get in.

    Reads LiveKit, the profile's files and the health port of the SIP node, and writes nothing. Exit code 0: nothing
    found; 1: findings from --fail-on up; 3: something could not be checked.

    \b
    Examples:
      sipctl doctor
      sipctl doctor --only RUL --only TRK -o json
      sipctl doctor --wait 60 --fail-on warn
      sipctl doctor --offline --snapshot snapshot.json
    """
    from sipctl.cli.examine import Wanted, codes_view, plan_of, run_doctor
    from sipctl.cli.report import finish

    session = Session.of(ctx)
    wanted = Wanted(
        only=only or [], skip=skip or [], fail_on=fail_on, deadline=deadline, settle=settle, wait=wait,
        offline=offline or snapshot is not None, snapshot=snapshot, textfile=textfile,
    )  # fmt: skip
    if list_:
        refuse_other_formats(ctx, f"{ctx.command_path} --list", COMMON_FORMATS)
        session.emit(codes_view(plan_of(session, wanted)))
        return
    finish(session, run_doctor(session, wanted), "doctor", textfile)
