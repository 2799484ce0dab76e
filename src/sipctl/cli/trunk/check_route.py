"""The call that `trunk check --depth invite` places."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sipctl.cli.rules.surroundings import configured_number
from sipctl.cli.session import Session
from sipctl.errors import SipctlError
from sipctl.operations.safeguards import refusal
from sipctl.operations.site import site_of
from sipctl.operations.snapshot import take_snapshot
from sipctl.operations.trunk_check.check import Checked
from sipctl.operations.trunk_check.destination import Destination
from sipctl.operations.trunk_check.probe import Asking
from sipctl.operations.trunk_check.result import CheckResult
from sipctl.operations.trunk_check.routing import Dialling, dialled, measure

if TYPE_CHECKING:
    from sipctl.operations.trunk_check.invite import Dialled
    from sipctl.telephony.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The call, and the destination whose target takes it."""

    destination: Destination
    call: "Dialled"


def plan_call(
    session: Session, destinations: Sequence[Destination], dialling: Dialling, asking: Asking, allow: list[str] | None
) -> Plan:
    """The call to place, before anything is sent.

    Raises:
        UsageError: it is not said which node is ours, who is called, or who calls.
        SafeguardError: it would go to a node that is not ours, where it may ring a telephone.
    """
    permit = session.permit(allow, "")
    destination = next((one for one in destinations if one.is_ours), destinations[0])
    if not destination.is_ours and "call" not in permit.allow:
        raise refusal("call", f"{destination.uri} is not the SIP node of this profile, so a call may ring a telephone")
    number = dialling.to or ("" if destination.uri.user else configured_number(session) or "")
    return Plan(destination=destination, call=dialled(destination, replace(dialling, to=number), asking))


def with_call(session: Session, plan: Plan, checked: Sequence[Checked]) -> CheckResult:
    """The result with what becomes of a call to the target that a caller reaches."""
    bare = CheckResult(checked=tuple(checked))
    found = next(one for one in checked if one.destination is plan.destination)
    if found.path is None:
        return replace(bare, unplaced=f"no call was placed: nothing answers at {plan.destination.uri}")
    is_ours = plan.destination.is_ours
    site, unread = _site(session) if is_ours else (None, "")
    route = session.run(measure(found.path.target, plan.call, site, is_ours=is_ours, unread=unread))
    return replace(bare, route=route)


def _site(session: Session) -> "tuple[Site | None, str]":
    """What is stored, or why that is not known."""
    try:
        return site_of(session.settings, session.livekit(take_snapshot)), ""
    except SipctlError as error:
        return None, error.message
