"""Faults of inbound trunks, each by proof."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product

from sipctl.telephony.addresses import is_host_name, is_ignored, mask_fault, mask_network
from sipctl.telephony.e164 import is_e164
from sipctl.telephony.linting.fault import NEW_TRUNK, Fault
from sipctl.telephony.matching.trunks import asks_digest
from sipctl.telephony.model import InboundTrunk
from sipctl.telephony.naming import counted, describe_trunk
from sipctl.telephony.numbers import never_dialled, normalize_number
from sipctl.telephony.ruleset import trunk_conflicts, trunk_keys
from sipctl.telephony.site import Site

_DELETE = ("delete",)


def not_in_e164(trunks: Sequence[InboundTrunk]) -> Iterator[Fault]:
    """TRK303: called numbers that no provider's To header equals."""
    for trunk in trunks:
        for number in trunk.numbers:
            compared = normalize_number(number)
            if not is_e164(compared):
                why = never_dialled(number) or f"it is compared as {compared!r}"
                yield Fault(
                    code="TRK303",
                    about=trunk,
                    detail=f"{number!r} on {describe_trunk(trunk)}: {why}",
                    observed=number,
                    expected="+ and country code",
                )


def without_numbers(trunks: Sequence[InboundTrunk]) -> Iterator[Fault]:
    """TRK302: trunks that all take every called number."""
    every = [trunk for trunk in trunks if not trunk.numbers]
    if len(every) > 1:
        names = ", ".join(map(describe_trunk, every))
        yield Fault(code="TRK302", about=f"{len(every)} trunks", detail=f"no numbers on {names}")


def for_the_internet(trunks: Sequence[InboundTrunk]) -> Iterator[Fault]:
    """TRK306: entries of `allowed_addresses` that keep no one out."""
    for trunk in trunks:
        for mask in trunk.allowed_addresses:
            network = mask_network(mask)
            if network is not None and network.prefixlen == 0:
                yield Fault(code="TRK306", about=trunk, detail=f"{describe_trunk(trunk)} allows {mask}", observed=mask)


def conflicting(site: Site) -> Iterator[Fault]:
    """TRK308: trunks with one key. Several without numbers are TRK302's. What no rule names is less needed."""
    named = {trunk_id for rule in site.lists.rules for trunk_id in rule.trunk_ids}
    for conflict in trunk_conflicts(site.lists.trunks):
        if conflict.first.numbers or conflict.second.numbers:
            number, caller = trunk_keys(conflict.second)[conflict.at]
            keeps_second = conflict.second.sip_trunk_id in named and conflict.first.sip_trunk_id not in named
            pair = sorted((conflict.first, conflict.second), key=lambda trunk: trunk.sip_trunk_id == NEW_TRUNK)
            yield Fault(
                code="TRK308",
                about=conflict.first if keeps_second else conflict.second,
                detail=f"{' and '.join(map(describe_trunk, pair))} take the same calls",
                observed=f"called {number}, caller {caller or 'any'}",
                remedy=_DELETE,
            )


def bypassed(site: Site) -> Iterator[Fault]:
    """TRK309: rules that also take calls which match no trunk, though trunks restrict their callers."""
    restricted = list(filter(_keeps_out, site.lists.trunks))
    wildcards = [rule for rule in site.lists.rules if not rule.trunk_ids]
    if restricted and wildcards:
        yield Fault(
            code="TRK309",
            about=counted(len(wildcards), "rule"),
            detail=f"calls that {describe_trunk(restricted[0])} keeps out still reach the rules that name no"
            " trunk; Meet writes such rules",
        )


def _keeps_out(trunk: InboundTrunk) -> bool:
    """Whether the trunk turns away some caller: by its number, its source, or the password it lacks."""
    by_source = not all(map(is_ignored, trunk.allowed_addresses))
    return bool(trunk.allowed_numbers) or by_source or asks_digest(trunk)


def never_matching(trunks: Sequence[InboundTrunk]) -> Iterator[Fault]:
    """TRK311: entries of `allowed_addresses` without the effect that their author meant."""
    for trunk in trunks:
        for mask in trunk.allowed_addresses:
            if fault := mask_fault(mask):
                yield Fault(code="TRK311", about=trunk, detail=f"{mask!r}: {fault}", observed=mask)


def half_of_the_credentials(trunks: Sequence[InboundTrunk]) -> Iterator[Fault]:
    """TRK312: a username or a password alone, with which LiveKit asks no one."""
    for trunk in trunks:
        if bool(trunk.auth_username) != bool(trunk.auth_password):
            has = "username" if trunk.auth_username else "password"
            yield Fault(code="TRK312", about=trunk, detail=f"{describe_trunk(trunk)} has a {has} alone")


def overlapping(trunks: Sequence[InboundTrunk]) -> Iterator[Fault]:
    """TRK313: trunks that LiveKit stores together, though some call matches both and fails."""
    by_number: defaultdict[str, list[InboundTrunk]] = defaultdict(list)
    for trunk in trunks:
        for number in set(map(normalize_number, trunk.numbers)):
            by_number[number].append(trunk)
    reported: set[tuple[str, str]] = set()
    for number, sharing in sorted(by_number.items()):
        for at, trunk in enumerate(sharing):
            other = next((one for one in sharing[:at] if _meet(one, trunk)), None)
            pair = (other.sip_trunk_id, trunk.sip_trunk_id) if other else None
            if other and pair not in reported and set(trunk_keys(other)).isdisjoint(trunk_keys(trunk)):
                reported.add((other.sip_trunk_id, trunk.sip_trunk_id))
                yield Fault(
                    code="TRK313",
                    about=trunk,
                    detail=f"{describe_trunk(other)} and {describe_trunk(trunk)} both have {number}, and some"
                    " caller and source passes both",
                    observed=number,
                )


def _meet(one: InboundTrunk, other: InboundTrunk) -> bool:
    """Whether some caller at some source passes the filters of both."""
    callers, others = ({*map(normalize_number, trunk.allowed_numbers)} for trunk in (one, other))
    if callers and others and callers.isdisjoint(others):
        return False
    return _sources_meet(one, other)


def _sources_meet(one: InboundTrunk, other: InboundTrunk) -> bool:
    """A host name lets any source in: a caller who forges the From header passes it."""
    masks, others = ([mask for mask in trunk.allowed_addresses if not is_ignored(mask)] for trunk in (one, other))
    if not masks or not others or any(map(is_host_name, (*masks, *others))):
        return True
    pairs = product(map(mask_network, masks), map(mask_network, others))
    return any(a is not None and b is not None and a.version == b.version and a.overlaps(b) for a, b in pairs)


def ignored_as_a_whole(trunks: Sequence[InboundTrunk]) -> Iterator[Fault]:
    """TRK314: lists of addresses of which LiveKit ignores every entry, so that everyone passes."""
    for trunk in trunks:
        if trunk.allowed_addresses and all(map(is_ignored, trunk.allowed_addresses)):
            guard = "" if asks_digest(trunk) else " and no password is asked"
            yield Fault(
                code="TRK314",
                about=trunk,
                detail=f"LiveKit ignores all of allowed_addresses of {describe_trunk(trunk)}: any source passes{guard}",
                observed=", ".join(trunk.allowed_addresses),
            )


def host_names(trunks: Sequence[InboundTrunk]) -> Iterator[Fault]:
    """TRK315: host names among the addresses: a caller who writes one into the From header passes."""
    for trunk in trunks:
        for mask in filter(is_host_name, trunk.allowed_addresses):
            yield Fault(
                code="TRK315",
                about=trunk,
                detail=f"{describe_trunk(trunk)} allows {mask!r}, which is compared with the From header of the call",
                observed=mask,
            )
