"""A file of routing tests that pin down what is so now."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import tomli_w

from sipctl.telephony.addresses import mask_network
from sipctl.telephony.explaining.explanation import by_source
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.route import Result, route
from sipctl.telephony.matching.table import RoutingTable
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.site import Site

_CALLER: Final = "+15550100"
_NOWHERE: Final = "+15550199"
_HEAD: Final = """\
# Routing tests: `sipctl rules test FILE` runs them against the live server, with --offline against a snapshot.
# A test is a call (from, to, from_host, to_host, source_ip, pin) and what is expected of it: outcome (accept,
# request_pin, drop, auth_required, error), room, rule, trunk, and the rooms that it must_not_reach.
# `[defaults]` holds what all calls share. The PINs in here open rooms: keep the file to yourself.

"""


def propose_cases(site: Site, called: str | None) -> str:
    """A file of tests that all pass now: each number without a PIN, each rule with its own, a number that is none."""
    table = RoutingTable(site.lists.trunks, site.lists.rules)
    calls = [case for call, name in _calls(site, called) if (case := _case(table, call, name))]
    return _HEAD + tomli_w.dumps({"calls": calls})


def _calls(site: Site, called: str | None) -> Iterator[tuple[Call, str]]:
    """The calls worth a test, with names for them."""
    trunks = {trunk.sip_trunk_id: trunk for trunk in site.lists.trunks}
    for trunk in trunks.values():
        for number in trunk.numbers[:1] or filter(None, (called,)):
            yield _call(trunk, number), f"{trunk.name or trunk.sip_trunk_id}, nothing typed"
    for rule in site.lists.rules:
        own = next((trunks[one] for one in rule.trunk_ids if one in trunks), None)
        trunk_of = own or next(iter(trunks.values()), None)
        number = rule.numbers[0] if rule.numbers else _number(trunk_of, called)
        name = f"{rule.name or rule.sip_dispatch_rule_id}, {'its PIN' if rule.pin else '# alone'}"
        yield _call(trunk_of, number, rule), name
    yield _call(None, _NOWHERE), "a number that no one has"


def _number(trunk: InboundTrunk | None, called: str | None) -> str:
    return normalize_number(trunk.numbers[0]) if trunk and trunk.numbers else called or _NOWHERE


def _call(trunk: InboundTrunk | None, number: str, rule: DispatchRule | None = None) -> Call:
    """A call that the trunk and the rule let through."""
    callers = (rule.inbound_numbers if rule else ()) or (trunk.allowed_numbers if trunk else ()) or (_CALLER,)
    networks = (mask_network(mask) for mask in (trunk.allowed_addresses if trunk else ()))
    source = next((str(network.network_address) for network in networks if network), "")
    return Call(to_user=number, from_user=callers[0], source_ip=source, pin=rule.pin if rule else None)


def _case(table: RoutingTable, call: Call, name: str) -> Mapping[str, Any] | None:
    """The test that holds now; None where only an error could be expected."""
    variants = by_source(table, call)
    final = (variants[0].outcome if variants else route(table, call)).final
    if final.result is Result.ERROR:
        return None
    expected: dict[str, Any] = {"outcome": final.result.value}
    if final.landing and not final.landing.randomized:
        expected["room"] = final.landing.room
    given = {"to": call.to_user, "from": call.from_user, "source_ip": call.source_ip, "pin": call.pin}
    known = {key: value for key, value in given.items() if value is not None and (value or key == "pin")}
    return {"name": name, **known, "expect": expected}
