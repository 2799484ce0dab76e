"""`sipctl rules lint`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.command import ReportCommand
from sipctl.cli.inputs import check_stdin_files
from sipctl.cli.options import FailOn
from sipctl.cli.report import finish, level_named
from sipctl.cli.requests import read_requests
from sipctl.cli.rules.common import Offline
from sipctl.cli.rules.surroundings import read_surroundings
from sipctl.cli.session import Session
from sipctl.doctor.lint import NEW_ID, lint, lint_with
from sipctl.doctor.runner import Plan, selected
from sipctl.telephony.linting.lints import LINTS
from sipctl.telephony.model import DispatchRule, InboundTrunk

_REQUESTS: Final = 'a request is {"dispatch_rule": …} or {"trunk": …}: one, a list of them, or one a line'


KIND: Final = ReportCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class Linting:
    """What the options of `rules lint` say."""

    offline: Sequence[Path]
    added: Sequence[Path]
    only: Sequence[str]
    skip: Sequence[str]
    fail_on: str


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
    _lint(
        Session.of(ctx),
        Linting(offline=offline or [], added=with_ or [], only=only or [], skip=skip or [], fail_on=fail_on),
    )


def _lint(session: Session, wanted: Linting) -> None:
    """`rules lint`."""
    check_stdin_files((*wanted.offline, *wanted.added))
    only, skip = selected(wanted.only, LINTS), selected(wanted.skip, LINTS)
    plan = Plan(only=only, skip=skip, fail_on=level_named(wanted.fail_on))
    plan.check_any_left(LINTS)
    added = [one for path in wanted.added for one in read_requests(path, _REQUESTS)]
    snapshot = read_surroundings(session, wanted.offline)
    report = (
        lint_with(session.settings, snapshot, list(map(_numbered, added, range(1, len(added) + 1))), plan)
        if added
        else lint(session.settings, snapshot, plan)
    )
    finish(session, report, "rules_lint")


def _numbered(thing: DispatchRule | InboundTrunk, number: int) -> DispatchRule | InboundTrunk:
    """What is not stored yet has no id; findings need one."""
    if isinstance(thing, DispatchRule):
        return replace(thing, sip_dispatch_rule_id=f"SDR{NEW_ID}{number}")
    return replace(thing, sip_trunk_id=f"ST{NEW_ID}{number}")
