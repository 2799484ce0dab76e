"""What `rules lint` does: read what there is and what is to be added, lint, show, end with the right code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sipctl.cli.examine import finish, level_named
from sipctl.cli.explaining import read_surroundings
from sipctl.cli.inputs import check_stdin_files, named, read_document
from sipctl.cli.session import Session
from sipctl.doctor.lint import NEW_ID, lint, lint_with
from sipctl.doctor.runner import Plan
from sipctl.errors import UsageError
from sipctl.lkapi.requests import requests_from_json
from sipctl.telephony.linting.lints import LINTS
from sipctl.telephony.model import DispatchRule, InboundTrunk

_REQUESTS: Final = 'a request is {"dispatch_rule": …} or {"trunk": …}: one, a list of them, or one a line'


@dataclass(frozen=True, slots=True, kw_only=True)
class Linting:
    """What the options of `rules lint` say."""

    offline: Sequence[Path]
    added: Sequence[Path]
    only: Sequence[str]
    skip: Sequence[str]
    fail_on: str


def run_lint(session: Session, wanted: Linting) -> None:
    """`rules lint`."""
    check_stdin_files((*wanted.offline, *wanted.added))
    plan = Plan(only=frozenset(wanted.only), skip=frozenset(wanted.skip), fail_on=level_named(wanted.fail_on))
    plan.check_words(LINTS)
    added = [one for path in wanted.added for one in _requests(path)]
    snapshot = read_surroundings(session, wanted.offline)
    report = (
        lint_with(session.settings, snapshot, list(map(_numbered, added, range(1, len(added) + 1))), plan)
        if added
        else lint(session.settings, snapshot, plan)
    )
    finish(session, report, "rules_lint", None)


def _requests(path: Path) -> list[DispatchRule | InboundTrunk]:
    """The create requests of one file.

    Raises:
        UsageError: there is none in it, or one that LiveKit cannot read.
    """
    try:
        requests = requests_from_json(read_document(path))
    except UsageError as error:
        raise UsageError(f"{named(path)}: {error.message}", hint=error.advice or _REQUESTS) from None
    if not requests:
        raise UsageError(f"there is no request in {named(path)}", hint=_REQUESTS)
    return requests


def _numbered(thing: DispatchRule | InboundTrunk, number: int) -> DispatchRule | InboundTrunk:
    """What is not stored yet has no id; findings need one."""
    if isinstance(thing, DispatchRule):
        return replace(thing, sip_dispatch_rule_id=f"SDR{NEW_ID}{number}")
    return replace(thing, sip_trunk_id=f"ST{NEW_ID}{number}")
