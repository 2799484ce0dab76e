"""TRK3xx: what trunks and settings together prove. What rules and trunks prove is linting's."""

from collections.abc import Iterator
from typing import Final

from sipctl.doctor.facts import Facts
from sipctl.findings.check import Check, found, skipped
from sipctl.findings.record import Finding
from sipctl.telephony.e164 import to_e164
from sipctl.telephony.model import InboundTrunk
from sipctl.telephony.naming import describe_trunk
from sipctl.telephony.numbers import normalize_number

_SOURCE = "ListSIPInboundTrunk"


def _label(trunk: InboundTrunk) -> str:
    return f"trunk {trunk.sip_trunk_id}"


def no_inbound_trunk(facts: Facts) -> Iterator[Finding]:
    """A server without an inbound trunk."""
    if not facts.inbound.get():
        yield found("TRK301", detail="no inbound trunk is stored", source=_SOURCE)


def number_unlike_the_setting(facts: Facts) -> Iterator[Finding]:
    """The number that people dial, on no trunk."""
    telephony, trunks = facts.settings.telephony, facts.inbound.get()
    numbers = {normalize_number(number) for trunk in trunks for number in trunk.numbers}
    if not telephony.phone_number or not numbers:
        missing = "ROOM_TELEPHONY_PHONE_NUMBER is not known" if numbers else "no trunk has a number"
        yield skipped("TRK304", missing)
        return
    described = to_e164(telephony.phone_number, telephony.default_country) or normalize_number(telephony.phone_number)
    if described not in numbers and all(trunk.numbers for trunk in trunks):
        yield found(
            "TRK304",
            f"number {telephony.phone_number}",
            "people dial a number that no trunk has",
            observed=", ".join(sorted(numbers)),
            expected=described,
            source=f"{_SOURCE}, ROOM_TELEPHONY_PHONE_NUMBER",
        )


def trunks_for_anyone(facts: Facts) -> Iterator[Finding]:
    """Trunks that tell a provider's calls by the number alone."""
    for trunk in facts.inbound.get():
        if not trunk.allowed_addresses and not (trunk.auth_username and trunk.auth_password):
            yield found(
                "TRK305", _label(trunk), f"{describe_trunk(trunk)} takes calls from any address", source=_SOURCE
            )


def several_providers(facts: Facts) -> Iterator[Finding]:
    """Trunks that cannot all be one provider's."""
    trunks = facts.inbound.get()
    origins = {(frozenset(trunk.allowed_addresses), trunk.auth_username, trunk.auth_password) for trunk in trunks}
    if len(origins) > 1:
        names = ", ".join(map(describe_trunk, trunks))
        yield found("TRK310", f"{len(trunks)} trunks", f"addresses or credentials differ: {names}", source=_SOURCE)


CHECKS: Final[tuple[Check[Facts], ...]] = (
    Check("TRK301", no_inbound_trunk, needs=("inbound",)),
    Check("TRK304", number_unlike_the_setting, needs=("inbound",)),
    Check("TRK305", trunks_for_anyone, needs=("inbound",)),
    Check("TRK310", several_providers, needs=("inbound",)),
)
