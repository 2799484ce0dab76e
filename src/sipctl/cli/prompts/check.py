"""`sipctl prompts check`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.command import ReportCommand
from sipctl.cli.options import FailOn
from sipctl.cli.report import finish, level_named
from sipctl.cli.session import Session
from sipctl.doctor.report import make_report
from sipctl.findings.record import Level
from sipctl.telephony.naming import counted

KIND: Final = ReportCommand


def run(
    ctx: typer.Context,
    place: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="A prompt, or the folder of all of them.")],
    fail_on: FailOn = "error",
) -> None:
    """Check the files that livekit-sip plays to callers, before it is built with them.

    They are compiled in: a volume with other files changes nothing. docs/prompts.md shows how to build livekit-sip with
    prompts of your own. It needs enter_pin.ogg, wrong_pin.ogg and room_join.ogg, each Ogg Vorbis, 48 kHz, mono.

    \b
    Examples:
      sipctl prompts check prompts/fr
      sipctl prompts check prompts/fr/enter_pin.ogg -o json
    """
    from sipctl.operations.prompts import check_prompts

    session = Session.of(ctx)
    level = level_named(fail_on)
    findings = check_prompts(place)
    bad = sum(finding.level in {Level.ERROR, Level.WARN} for finding in findings)
    summary = f"{counted(bad, 'finding')} in {place}." if bad else f"livekit-sip can be built with {place}."
    verdict = f"{summary} A livekit-sip that runs already plays what it was built with, whatever is mounted."
    finish(session, make_report(findings, verdict, fail_on=level), "prompts_check")
