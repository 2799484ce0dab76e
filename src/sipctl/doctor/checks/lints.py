"""The lints of rules and trunks as checks: the same functions that `rules lint` and every write of a rule use."""

from collections.abc import Callable, Iterator
from typing import Final

from sipctl.command_line import CommandLine, Prose, both
from sipctl.doctor.facts import Facts
from sipctl.findings.check import Check, found
from sipctl.findings.codes import CODES
from sipctl.findings.record import Finding
from sipctl.telephony.commands import delete_rule, delete_trunk, give_pin, update_rule
from sipctl.telephony.explaining.advice import after_deletion
from sipctl.telephony.linting.fault import CLASH, Fault
from sipctl.telephony.linting.lints import LINTS, Lint
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.site import Site

_RULES: Final = "ListSIPDispatchRule"
_TRUNKS: Final = "ListSIPInboundTrunk"


def _run(lint: Lint) -> Callable[[Facts], Iterator[Finding]]:
    def run(facts: Facts) -> Iterator[Finding]:
        return (_finding(facts, fault) for fault in lint.find(facts.site))

    return run


def _finding(facts: Facts, fault: Fault) -> Finding:
    about = fault.about
    if isinstance(about, str):
        resource, source = about, f"{_RULES}, {_TRUNKS}"
    elif isinstance(about, DispatchRule):
        resource, source = f"rule {about.sip_dispatch_rule_id}", _RULES
    else:
        resource, source = f"trunk {about.sip_trunk_id}", _TRUNKS
    return found(
        fault.code, resource, fault.detail, observed=fault.observed, expected=fault.expected, source=source,
        command=_command(facts, fault), level=fault.level, fix=_fix(facts, fault),
    )  # fmt: skip


def _fix(facts: Facts, fault: Fault) -> Prose:
    """What follows the deletion of one of two rules that clash; "" = what the code says anyway."""
    if fault.code != CLASH or not isinstance(fault.about, DispatchRule):
        return ""
    follows = after_deletion(facts.site, fault.about)
    return both(CODES[CLASH].fix, follows) if follows else ""


def _command(facts: Facts, fault: Fault) -> CommandLine | None:
    """The command that helps, with the words that lift the safeguards before it."""
    if not fault.remedy or isinstance(fault.about, str):
        return None
    if not isinstance(fault.about, DispatchRule):
        return delete_trunk(fault.about)
    live = facts.site.live or frozenset()
    if fault.remedy == ("delete",) and fault.code in _OPEN and facts.site.mark.owns(fault.about):
        return _for_open(facts.site, fault.about)
    if fault.remedy == ("delete",):
        return delete_rule(fault.about, facts.mark, live)
    return update_rule(fault.about, fault.remedy, facts.mark, live)


_OPEN: Final = ("RUL402", "RUL403")


def _for_open(site: Site, rule: DispatchRule) -> CommandLine:
    """A backend makes the open rule of a live room again, so the room gets a PIN, if anyone here can give it one."""
    command = give_pin(site, rule)
    return command if command.following else delete_rule(rule, site.mark, site.live or ())


CHECKS: Final = tuple(Check(code, _run(lint), lint.needs, lint.sees) for code, lint in LINTS.items())
