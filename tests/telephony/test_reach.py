"""Who gets into a live room: against LiveKit's own matcher, against calls from every address, and case by case."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipctl.telephony.addresses import admits, is_host_name, parse_address
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.route import Result, Stage, route
from sipctl.telephony.model import DispatchRule, InboundTrunk, RuleKind
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.reach.callers import Callers
from sipctl.telephony.reach.reach import Reacher
from sipctl.telephony.reach.row import GETS_IN, Attempt, Reach, Reached
from sipctl.telephony.reach.words import describe_reach
from sipctl.telephony.secret import Secret
from sipctl.telephony.site import Site
from sipctl.telephony.snapshot import read_snapshot
from tests.support.calling import ANY_SOURCE, check_reach
from tests.support.routing import dispatch_rules, inbound_trunks

CASES = Path(__file__).parents[1] / "data" / "matcher" / "cases-000.jsonl.gz"
NUMBER, CALLER, PIN = "+33199000001", "+33612345678", "4821930571"


def samples() -> Iterator[tuple[Site, dict[str, Any], dict[str, Any]]]:
    """The recorded calls that are of reach's kind, each with the end that LiveKit's own code gave it."""
    with gzip.open(CASES, "rt", encoding="utf-8") as lines:
        for case in map(json.loads, lines):
            snapshot = read_snapshot([json.dumps(case["snapshot"])])
            lists = WholeLists(snapshot.trunks or (), snapshot.rules or ())
            for row, expected in zip(case["calls"], case["expected"], strict=True):
                site = Site(lists=lists, number=row["to"], country="ZZ")
                if is_of_its_kind(site, row):
                    yield site, row, expected.get("after_auth", expected)


def is_of_its_kind(site: Site, row: dict[str, Any]) -> bool:
    """Whether a provider sends the number so, and a caller on no list calls from a source that its trunks allow."""
    trunks, rules = site.lists.trunks, site.lists.rules
    address, callers = parse_address(row["source_ip"]), Callers(site)
    lists = [*(trunk.allowed_numbers for trunk in trunks), *(rule.inbound_numbers for rule in rules)]
    named = {form for numbers in lists for number in numbers for form in (number, normalize_number(number))}
    if not (row["from"] and address) or callers.numbers != (row["to"],):
        return False
    if not named.isdisjoint({row["from"], normalize_number(row["from"])}):
        return False
    host, allowing = row["from_host"], callers.trunks_for(row["to"])
    is_forged = not is_host_name(host) and any(host in trunk.allowed_addresses for trunk in trunks)
    return not is_forged and any(admits(trunk.allowed_addresses, address, host) for trunk in allowing or [ANY_SOURCE])


def rooms_of(site: Site, expected: dict[str, Any]) -> set[str]:
    """The rooms of the direct rules, and where the call lands, unless the room's name holds the caller's number."""
    rules = {rule.sip_dispatch_rule_id: rule for rule in site.lists.rules}
    direct = {rule.room_name for rule in rules.values() if rule.kind is RuleKind.DIRECT and rule.room_name}
    taken_by = rules.get(expected.get("rule_id", ""))
    is_callers = taken_by is not None and taken_by.kind is RuleKind.INDIVIDUAL
    return direct | ({expected["room_name"]} if expected.get("room_name") and not is_callers else set())


def same_trunk(found: Reach, anyone: str, trunk_id: str, stage: str) -> Attempt:
    """What reach says of the caller whom no list names, on the trunk that this call met."""
    met = trunk_id, stage == "trunk"
    return next(
        one
        for one in found.attempts
        if one.call.from_user == anyone
        and met == (one.outcome.trunk.sip_trunk_id if one.outcome.trunk else "", one.outcome.stage is Stage.TRUNK)
    )


def may_end_so(pin: str | None, expected: dict[str, Any], room: str) -> Set[Reached]:
    """What reach may say of a room when a call with this PIN ended so."""
    is_there = expected["outcome"] == "accept" and expected.get("room_name") == room
    if not pin:  # nothing was typed, or # alone
        is_over = expected["stage"] != "pin" and expected["outcome"] != "request_pin"
        return {Reached.OPEN} if is_there else {Reached.UNREACHABLE} if is_over else set(Reached)
    if is_there:
        return GETS_IN
    return {Reached.UNREACHABLE} if expected["stage"] in {"trunk", "rule"} else {Reached.UNREACHABLE, Reached.OPEN}


def test_every_recorded_call_of_its_kind_ends_as_in_livekit() -> None:
    seen: Counter[Reached] = Counter()
    for site, row, expected in samples():
        for room in rooms_of(site, expected):
            pin = row.get("pin")
            found = Reacher(replace(site, pins={room: pin} if pin else {})).of(room)
            judged = same_trunk(found, Callers(site).anyone, expected["trunk_id"], expected["stage"])
            assert judged.reached in may_end_so(pin, expected, room), (row, expected, room, found)
            seen[found.outcome] += 1
    assert seen.keys() == set(Reached) - {Reached.UNKNOWN}
    assert seen.total() > 1000


def dialled(site: Site, call: Call) -> str | None:
    """The room that the call gets into on the whole lists, unless it is made anew."""
    final = route(site.lists, call).final
    landing = final.landing if final.result is Result.ACCEPT else None
    return landing.room if landing and not landing.randomized else None


@settings(max_examples=150)
@given(
    inbound_trunks(),
    dispatch_rules(kinds=(*[RuleKind.DIRECT] * 4, RuleKind.INDIVIDUAL, RuleKind.CALLEE, None)),
    st.sampled_from([NUMBER, "+33199000002", ""]),
    st.sampled_from([None, "1234", "9876", "None", "12345678901234567"]),
)
def test_reach_is_what_callers_find_out_by_trying(
    trunks: list[InboundTrunk], rules: list[DispatchRule], number: str, registered: str | None
) -> None:
    site = Site(lists=WholeLists(trunks, rules), number=number)
    found = Reacher(replace(site, pins={"a": registered} if registered else None)).of("a")
    check_reach(found, site, registered, lambda call: dialled(site, call))


TRUNK = InboundTrunk(sip_trunk_id="ST_a", name="provider", numbers=(NUMBER,), allowed_addresses=("192.0.2.0/24",))
RULE = DispatchRule(sip_dispatch_rule_id="SDR_1", name="SIP_standup", room_name="standup", pin=PIN, trunk_ids=("ST_a",))
OTHER = replace(RULE, sip_dispatch_rule_id="SDR_2", name="SIP_retro", room_name="retro", pin="7703158264")
OTHER_TRUNK = replace(TRUNK, sip_trunk_id="ST_b", numbers=("+33199000002",))
RINGING, TONE = (
    "callers of 'standup' hear ringing without end, because ",
    "callers of 'standup' hear a short ring, then an",
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A state, and what reach says of room standup: the outcome, the rule, the code and the sentence."""

    rules: tuple[DispatchRule, ...] = ()
    trunks: tuple[InboundTrunk, ...] = (TRUNK,)
    pins: dict[str, str] | None = None
    number: str = ""
    outcome: Reached
    rule: str = ""
    code: str = ""
    says: str


UNREACHABLE = Reached.UNREACHABLE
STANDUP: dict[str, Case] = {
    "right": Case(
        rules=(RULE,), outcome=Reached.REACHABLE, rule="SDR_1", says="callers of 'standup' get in with its PIN"
    ),
    "no one's name": Case(
        rules=(replace(RULE, name="by hand"),), outcome=Reached.REACHABLE, rule="SDR_1",
        says="callers of 'standup' get in with its PIN",
    ),
    "a password": Case(
        rules=(RULE,), trunks=(replace(TRUNK, auth_username="u", auth_password=Secret("p")),),
        outcome=Reached.REACHABLE, rule="SDR_1", says="callers of 'standup' get in with its PIN",
    ),
    "no rule": Case(outcome=UNREACHABLE, code="RUL421", says=f"{RINGING}no rule leads there"),
    "no rule, others ask": Case(
        rules=(OTHER,), pins={"standup": PIN}, outcome=UNREACHABLE, code="RUL421",
        says="callers of 'standup' hear that the PIN is wrong, because no rule leads there",
    ),
    "no PIN, others ask": Case(
        rules=(OTHER,), outcome=UNREACHABLE, code="RUL421",
        says="callers of 'standup' are asked for a PIN that does not exist, because no rule leads there",
    ),
    "open": Case(
        rules=(replace(RULE, pin=""),), outcome=Reached.OPEN, rule="SDR_1",
        says="callers of 'standup' get in without a PIN: SDR_1 (room 'standup') has none",
    ),
    "open behind the prompt": Case(
        rules=(replace(RULE, pin=""), OTHER), outcome=Reached.OPEN, rule="SDR_1",
        says="callers of 'standup' get in without a PIN, by # alone: SDR_1 (room 'standup') has none",
    ),
    "another trunk": Case(
        rules=(replace(RULE, trunk_ids=("ST_b",)),), trunks=(TRUNK, OTHER_TRUNK), number=NUMBER, outcome=UNREACHABLE,
        rule="SDR_1", code="RUL422", says=f"{RINGING}its rule serves only trunk ST_b, and the call comes by ST_a",
    ),
    "a trunk that is gone": Case(
        rules=(replace(RULE, trunk_ids=("ST_z",)),), outcome=UNREACHABLE, rule="SDR_1", code="RUL422",
        says=f"{RINGING}its rule serves only trunk ST_z (which does not exist), and the call comes by ST_a",
    ),
    "the worst of two numbers": Case(
        rules=(RULE,), trunks=(TRUNK, OTHER_TRUNK), outcome=UNREACHABLE, rule="SDR_1", code="RUL422",
        says="callers of 'standup' who dial +33199000002 hear ringing without end, because its rule serves only trunk"
        " ST_a, and the call comes by ST_b",
    ),
    "any number": Case(
        rules=(replace(RULE, numbers=(NUMBER,)),), trunks=(replace(TRUNK, numbers=()),), outcome=UNREACHABLE,
        rule="SDR_1", code="RUL422",
        says=f'{RINGING}its rule takes only calls to ["{NUMBER}"], and callers dial any other number',
    ),
    "a number in another spelling": Case(
        rules=(replace(RULE, numbers=("33199000001",)),), outcome=UNREACHABLE, rule="SDR_1", code="RUL422",
        says=f'{RINGING}its rule takes only calls to ["33199000001"], and callers dial {NUMBER}',
    ),
    "our own number calls": Case(
        rules=(replace(RULE, inbound_numbers=(NUMBER,)),), outcome=UNREACHABLE, rule="SDR_1", code="RUL408",
        says=f"{RINGING}its rule admits only calls from {NUMBER}, which is the number that people dial",
    ),
    "listed callers": Case(
        rules=(replace(RULE, inbound_numbers=(CALLER,)),), outcome=Reached.DEPENDS, rule="SDR_1",
        says=f"callers of 'standup' get in only if a list names them, as it does {CALLER}; others hear ringing without"
        f' end, because its rule admits only the callers ["{CALLER}"]',
    ),
    "callers listed on the trunk": Case(
        rules=(RULE,), trunks=(replace(TRUNK, allowed_numbers=(CALLER,)),), outcome=Reached.DEPENDS, rule="SDR_1",
        says=f"callers of 'standup' get in only if a list names them, as it does {CALLER}; others hear ringing without"
        " end, because its rule serves only trunk ST_a, and no trunk takes the call",
    ),
    "two trunks of one number": Case(
        rules=(RULE,), trunks=(TRUNK, replace(TRUNK, sip_trunk_id="ST_b", allowed_addresses=("198.51.100.7",))),
        outcome=Reached.DEPENDS, rule="SDR_1",
        says="callers of 'standup' get in from 192.0.2.0/24; those from 198.51.100.7 hear ringing without end, because"
        " its rule serves only trunk ST_a, and the call comes by ST_b",
    ),
    "another PIN": Case(
        rules=(RULE,), pins={"standup": "1357924680"}, outcome=UNREACHABLE, rule="SDR_1", code="PIN505",
        says="callers of 'standup' hear that the PIN is wrong, because its rule has another PIN",
    ),
    "another's PIN": Case(
        rules=(RULE, OTHER), pins={"standup": OTHER.pin}, outcome=UNREACHABLE, rule="SDR_1", code="PIN505",
        says="callers of 'standup' get into room 'retro' instead, because its rule has another PIN",
    ),
    "the word None": Case(
        rules=(replace(RULE, pin="None"),), outcome=UNREACHABLE, rule="SDR_1", code="RUL404",
        says="callers of 'standup' are asked for a PIN that does not exist, because the PIN of its rule cannot be typed"
        " (it is the word None)",
    ),
    "seventeen digits": Case(
        rules=(replace(RULE, pin="1" * 17),), pins={"standup": "1" * 17}, outcome=UNREACHABLE, rule="SDR_1",
        code="PIN504", says="callers of 'standup' are asked for a PIN that does not exist, because its PIN cannot be"
        " typed",
    ),
    "its name leads elsewhere": Case(
        rules=(replace(RULE, room_name="retro"),), pins={"standup": PIN}, outcome=UNREACHABLE, rule="SDR_1",
        code="RUL407", says="callers of 'standup' get into room 'retro' instead, because the rule of its name leads"
        " elsewhere: SDR_1 (SIP_standup, room 'retro')",
    ),
    "an open rule comes first": Case(
        rules=(RULE, replace(OTHER, pin="", numbers=(NUMBER,))), outcome=UNREACHABLE, rule="SDR_1", code="RUL422",
        says="callers of 'standup' get into room 'retro' without a PIN, because SDR_2 (room 'retro') comes"
        " first",
    ),
    "a clash": Case(
        rules=(RULE, OTHER, replace(OTHER, sip_dispatch_rule_id="SDR_3")), outcome=UNREACHABLE, rule="SDR_1",
        code="RUL401", says=f"{TONE} error tone, because SDR_2 (room 'retro') and SDR_3 (room"
        " 'retro') take the same calls",
    ),
    "no type": Case(
        rules=(RULE, replace(OTHER, kind=None)), outcome=UNREACHABLE, rule="SDR_1", code="RUL412",
        says=f"{TONE} error tone, because SDR_2 (SIP_retro, no rule type) has no type",
    ),
    "two trunks": Case(
        rules=(RULE,), trunks=(TRUNK, replace(TRUNK, sip_trunk_id="ST_b")), outcome=UNREACHABLE, rule="SDR_1",
        code="TRK308", says="callers of 'standup' hear an error tone, because ST_a (provider) and ST_b (provider) both"
        " take the call",
    ),
    "a room for each call": Case(
        rules=(replace(RULE, kind=RuleKind.INDIVIDUAL, room_name=""),), outcome=UNREACHABLE, rule="SDR_1",
        code="RUL422", says="callers of 'standup' get into a room of their own instead, because its rule makes a room"
        " for each call: SDR_1 (SIP_standup, rooms <caller>)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STANDUP)
def test_a_state_has_its_word_its_code_and_its_sentence(name: str) -> None:
    case = STANDUP[name]
    lists = WholeLists(case.trunks, case.rules)
    site = Site(lists=lists, number=case.number, live=frozenset({"standup"}), pins=case.pins)
    (found,) = Reacher(site).live({"standup": True})
    assert found.attended is True
    assert found.outcome is case.outcome
    assert (found.rule.sip_dispatch_rule_id if found.rule else "") == case.rule
    assert (found.cause.code if found.cause and found.outcome is Reached.UNREACHABLE else "") == case.code
    assert describe_reach(found) == case.says


def test_only_rooms_of_this_backend_have_a_row() -> None:
    site = Site(lists=WholeLists([TRUNK], [RULE]), mark=Ownership(room_pattern="s.*"), live=frozenset({"standup", "x"}))
    assert [one.room for one in Reacher(site).live()] == ["standup"]
