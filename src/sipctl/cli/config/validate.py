"""`sipctl config validate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.command import ReportCommand
from sipctl.cli.inputs import STDIN, check_stdin_files
from sipctl.cli.options import FailOn
from sipctl.cli.report import finish, level_named
from sipctl.cli.session import Session
from sipctl.config.discover import found_files
from sipctl.config.kinds import File, Kind
from sipctl.config.paths import own_folders
from sipctl.config.profile import refuse_missing
from sipctl.doctor.report import Report, make_report
from sipctl.errors import UsageError
from sipctl.findings.record import Finding, Level
from sipctl.telephony.naming import counted

KIND: Final = ReportCommand


def run(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="Files, or a folder of them; - for stdin; none = the profile's. Env files in the order of reading.",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="sipctl, env, livekit, sip, compose or kubernetes; default: by content."),
    ] = None,
    fail_on: FailOn = "error",
) -> None:
    """Check configuration files, each by itself and all against each other.

    Takes sipctl's own file, env files of Meet and compose, the yaml of livekit-server and livekit-sip, the compose file
    as it is or as `docker compose config --format json` prints it, and what `helm template` or `kubectl get -o yaml`
    prints. Every fault comes in one run, with file and line. Of a folder it reads what `config init --from` would find.

    \b
    Examples:
      sipctl config validate
      sipctl config validate /srv/meet
      sipctl config validate env.d/common livekit-server.yaml sip.yaml
      docker compose config --format json | sipctl config validate - -o json
    """
    session = Session.of(ctx)
    level = level_named(fail_on)
    finish(session, _report(session, files or [], _kind_named(kind), level), "config_validate")


def _kind_named(kind: str | None) -> Kind | None:
    if kind is not None and kind not in set(Kind):
        raise UsageError(f"--kind {kind!r} is no kind of file", hint=f"choose one of {', '.join(Kind)}")
    return Kind(kind) if kind else None


def _report(session: Session, paths: Sequence[Path], kind: Kind | None, fail_on: Level) -> Report:
    """Check the files named, or those of the profile.

    Raises:
        UsageError: there is no file to check, or one that is named is not there.
    """
    refuse_missing(path for path in paths if path != STDIN)
    files = [one for path in paths for one in _files_at(path, kind)] or session.files
    if not files:
        raise UsageError("no file to check", hint="name the files, or a profile that names them")
    check_stdin_files(path for path, _ in files)
    findings = session.check_files(files, () if paths else own_folders())
    return make_report(findings, _verdict(findings, len(files)), fail_on=fail_on)


def _files_at(path: Path, kind: Kind | None) -> list[File]:
    """The file itself, or the files of a folder as `config init --from` finds them."""
    return found_files(path) if path.is_dir() else [(path, kind)]


def _verdict(findings: Sequence[Finding], files: int) -> str:
    errors = sum(finding.level is Level.ERROR for finding in findings)
    where = counted(files, "file")
    return f"{counted(errors, 'error')} in {where}." if errors else f"No error in {where}."
