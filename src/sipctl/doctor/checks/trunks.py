"""TRK3xx: what the lists of trunks prove."""

from collections.abc import Iterator

from sipctl.doctor.check import check, counted, found, skipped
from sipctl.doctor.facts import Facts
from sipctl.findings import Finding
from sipctl.telephony.addresses import mask_fault, mask_network
from sipctl.telephony.e164 import is_e164, to_e164
from sipctl.telephony.model import InboundTrunk
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.ruleset import trunk_conflicts

_SOURCE = "ListSIPInboundTrunk"


def _label(trunk: InboundTrunk) -> str:
    return f"trunk {trunk.sip_trunk_id}"


def _told(trunk: InboundTrunk) -> str:
    return f"{trunk.sip_trunk_id} ({trunk.name or 'unnamed'})"


@check("TRK301", "inbound")
def no_inbound_trunk(facts: Facts) -> Iterator[Finding]:
    """A server without an inbound trunk."""
    if not facts.inbound.get():
        yield found("TRK301", detail="no inbound trunk is stored", source=_SOURCE)


@check("TRK302", "inbound")
def several_trunks_without_numbers(facts: Facts) -> Iterator[Finding]:
    """Trunks that all take every called number."""
    wildcards = [trunk for trunk in facts.inbound.get() if not trunk.numbers]
    if len(wildcards) > 1:
        names = ", ".join(map(_told, wildcards))
        yield found("TRK302", f"{len(wildcards)} trunks", f"no numbers on {names}", source=_SOURCE)


@check("TRK303", "inbound")
def numbers_not_in_e164(facts: Facts) -> Iterator[Finding]:
    """Called numbers that a provider's To header never equals."""
    for trunk in facts.inbound.get():
        for number in trunk.numbers:
            if not is_e164(normalize_number(number)):
                yield found(
                    "TRK303",
                    _label(trunk),
                    f"{number!r} on {_told(trunk)} is compared as {normalize_number(number)!r}",
                    observed=number,
                    expected="+ and country code",
                    source=_SOURCE,
                )


@check("TRK304", "inbound")
def number_unlike_the_setting(facts: Facts) -> Iterator[Finding]:
    """The number that people are told, on no trunk."""
    telephony, trunks = facts.settings.telephony, facts.inbound.get()
    numbers = {normalize_number(number) for trunk in trunks for number in trunk.numbers}
    if not telephony.phone_number or not numbers:
        missing = "ROOM_TELEPHONY_PHONE_NUMBER is not known" if numbers else "no trunk has a number"
        yield skipped("TRK304", missing)
        return
    told = to_e164(telephony.phone_number, telephony.default_country) or normalize_number(telephony.phone_number)
    if told not in numbers and all(trunk.numbers for trunk in trunks):
        yield found(
            "TRK304",
            f"number {telephony.phone_number}",
            "people dial a number that no trunk has",
            observed=", ".join(sorted(numbers)),
            expected=told,
            source=f"{_SOURCE}, ROOM_TELEPHONY_PHONE_NUMBER",
        )


@check("TRK305", "inbound")
def trunks_for_anyone(facts: Facts) -> Iterator[Finding]:
    """Trunks that tell a provider's calls by the number alone."""
    for trunk in facts.inbound.get():
        if not trunk.allowed_addresses and not (trunk.auth_username and trunk.auth_password):
            yield found("TRK305", _label(trunk), f"{_told(trunk)} takes calls from any address", source=_SOURCE)


@check("TRK306", "inbound")
def trunks_for_the_internet(facts: Facts) -> Iterator[Finding]:
    """Address entries that keep nobody out."""
    for trunk in facts.inbound.get():
        for mask in trunk.allowed_addresses:
            network = mask_network(mask)
            if network is not None and network.prefixlen == 0:
                yield found("TRK306", _label(trunk), f"{_told(trunk)} allows {mask}", observed=mask, source=_SOURCE)


@check("TRK308", "inbound", sees=("rules",))
def conflicting_trunks(facts: Facts) -> Iterator[Finding]:
    """Trunks between which LiveKit cannot choose. Several without numbers are TRK302's."""
    named = {trunk_id for rule in facts.rules.value or () for trunk_id in rule.trunk_ids}
    for conflict in trunk_conflicts(facts.inbound.get()):
        if conflict.first.numbers or conflict.second.numbers:
            keeps_second = conflict.second.sip_trunk_id in named and conflict.first.sip_trunk_id not in named
            loser = conflict.first if keeps_second else conflict.second
            yield found(
                "TRK308",
                _label(loser),
                f"{_told(conflict.first)} and {_told(conflict.second)} take the same calls",
                source=_SOURCE,
                command=f"sipctl trunk delete {loser.sip_trunk_id}",
            )


@check("TRK309", "rules", "inbound")
def rules_past_the_trunk(facts: Facts) -> Iterator[Finding]:
    """Rules that also take calls which match no trunk, though trunks restrict their callers."""
    restricted = [trunk for trunk in facts.inbound.get() if trunk.allowed_addresses or trunk.auth_password]
    wildcards = [rule for rule in facts.rules.get() if not rule.trunk_ids]
    if restricted and wildcards:
        yield found(
            "TRK309",
            counted(len(wildcards), "rule"),
            f"calls that {_told(restricted[0])} keeps out still reach the PIN prompt; Meet writes such rules",
            source="ListSIPDispatchRule",
        )


@check("TRK310", "inbound")
def several_providers(facts: Facts) -> Iterator[Finding]:
    """Trunks that cannot all be one provider's."""
    trunks = facts.inbound.get()
    origins = {(frozenset(trunk.allowed_addresses), trunk.auth_username, trunk.auth_password) for trunk in trunks}
    if len(origins) > 1:
        names = ", ".join(map(_told, trunks))
        yield found("TRK310", f"{len(trunks)} trunks", f"addresses or credentials differ: {names}", source=_SOURCE)


@check("TRK311", "inbound")
def addresses_that_never_match(facts: Facts) -> Iterator[Finding]:
    """Address entries without the effect their author meant."""
    for trunk in facts.inbound.get():
        for mask in trunk.allowed_addresses:
            if fault := mask_fault(mask):
                yield found("TRK311", _label(trunk), f"{mask!r}: {fault}", observed=mask, source=_SOURCE)


@check("TRK312", "inbound")
def half_of_the_credentials(facts: Facts) -> Iterator[Finding]:
    """Trunks with a username or a password alone."""
    for trunk in facts.inbound.get():
        if bool(trunk.auth_username) != bool(trunk.auth_password):
            has = "username" if trunk.auth_username else "password"
            yield found("TRK312", _label(trunk), f"{_told(trunk)} has a {has} alone", source=_SOURCE)
