"""docs/routing.md, statement by statement."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sipctl.telephony.explaining.wire import wire
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.route import Outcome, Result, route
from sipctl.telephony.model import DispatchRule, InboundTrunk, RuleKind
from sipctl.telephony.reach.reach import Reacher
from sipctl.telephony.reach.row import Reached, unknown
from sipctl.telephony.secret import Secret
from sipctl.telephony.site import Site
from tests.support.sip_calls import check_a_pin_that_fills_the_buffer_loses_its_hash as p5

PAGE = Path(__file__).parents[2] / "docs" / "routing.md"

TRUNK = InboundTrunk(sip_trunk_id="ST_a", numbers=("+33199000001",))
EVERY = InboundTrunk(sip_trunk_id="ST_b")
RULE = DispatchRule(sip_dispatch_rule_id="SDR_b", room_name="b", pin="1234", trunk_ids=("ST_a",))
OTHER = replace(RULE, sip_dispatch_rule_id="SDR_c", room_name="c", pin="9876")
OPEN = replace(RULE, sip_dispatch_rule_id="SDR_o", room_name="o", pin="")
OPEN_B = replace(OPEN, room_name="b")
CALL = Call(to_user="+33199000001", from_user="+33612345678", from_host="sip.example.com", source_ip="192.0.2.7")


def end(trunks: list[InboundTrunk], rules: list[DispatchRule], call: Call = CALL) -> Outcome:
    return route(WholeLists(trunks, rules), call)


def trunk_of(trunks: list[InboundTrunk], call: Call = CALL) -> str:
    trunk = end(trunks, [], call).trunk
    return trunk.sip_trunk_id if trunk else ""


def takes(call: Call = CALL, **fields: tuple[str, ...]) -> bool:
    """Whether a trunk with these fields takes the call."""
    return trunk_of([replace(TRUNK, **fields)], call) == "ST_a"  # type: ignore[arg-type]


def winner(rules: list[DispatchRule], call: Call = CALL, trunks: tuple[InboundTrunk, ...] = (TRUNK,)) -> str:
    rule = end(list(trunks), rules, call).final.rule
    return rule.sip_dispatch_rule_id if rule else ""


def reach_of(rules: list[DispatchRule]) -> Reached:
    return Reacher(Site(lists=WholeLists([TRUNK], rules))).of("b").outcome


def described(outcome: Outcome) -> list[str]:
    """The wire as the page tells it: codes with times, sounds, and what never comes."""
    return [f"{step.what.split()[0]} {step.after_ms}" for step in wire(outcome)]


def t1() -> None:
    assert all(takes(numbers=(number,)) for number in ("33 199 000 001", "+33-199-000-001", "(33)199000001"))
    assert not any(takes(numbers=(number,)) for number in ("0199000001", "0033199000001", "33.199000001"))


def t5() -> None:
    ignored = ("192.0.2.9, 192.0.2.8", "(192.0.2.9)", "*", "sip://192.0.2.9")
    assert takes(allowed_addresses=ignored)
    assert not takes(allowed_addresses=(*ignored, "192.0.2.9"))


def t8() -> None:
    outcome = end([TRUNK, replace(TRUNK, sip_trunk_id="ST_z")], [RULE])
    assert outcome.result is Result.ERROR
    assert end([EVERY, replace(EVERY, sip_trunk_id="ST_z")], [RULE]).result is Result.ERROR


def t10() -> None:
    both = replace(TRUNK, auth_username="u", auth_password=Secret("p"))
    assert end([both], [RULE]).result is Result.AUTH_REQUIRED
    assert end([replace(both, auth_password=Secret())], [RULE]).result is Result.REQUEST_PIN
    assert end([both], [replace(RULE, trunk_ids=())], replace(CALL, to_user="1")).result is Result.REQUEST_PIN


def r1() -> None:
    anyones = replace(RULE, trunk_ids=())
    assert winner([RULE], trunks=()) == ""
    assert winner([anyones], trunks=()) == "SDR_b"
    assert winner([anyones]) == "SDR_b"
    assert winner([anyones], replace(CALL, source_ip="10.0.0.1"), (replace(TRUNK, allowed_addresses=("192.0.2.7",)),))


def r2() -> None:
    clash = replace(OTHER, pin="1234")
    for call in (CALL, replace(CALL, from_user="anybody"), replace(CALL, pin="5555")):
        assert end([TRUNK], [RULE, clash], call).result is Result.ERROR
        assert end([TRUNK], [RULE, DispatchRule(sip_dispatch_rule_id="SDR_z", kind=None)], call).result is Result.ERROR


def r3() -> None:
    for one, other, clashes in (
        ({"numbers": ("+331",)}, {"numbers": ("3 31",)}, True),
        ({"inbound_numbers": ("+331",)}, {"inbound_numbers": ("331",)}, True),
        ({"numbers": ("+331",)}, {"numbers": ("+332",)}, False),
        ({"trunk_ids": ("ST_a", "ST_b")}, {"trunk_ids": ("ST_b",)}, True),
        ({"trunk_ids": ()}, {"trunk_ids": ("ST_a",)}, False),
        ({"kind": RuleKind.DIRECT}, {"kind": RuleKind.CALLEE}, True),
    ):
        rules = [replace(RULE, **one), replace(OTHER, pin="1234", **other)]
        assert (end([], rules, replace(CALL, to_user="nobody")).result is Result.ERROR) is clashes, (one, other)


def r4() -> None:
    elsewhere = [replace(rule, trunk_ids=("ST_z",), pin="1") for rule in (OTHER, OPEN)]
    assert end([TRUNK], [RULE, *elsewhere]).result is Result.REQUEST_PIN
    assert end([], [RULE, *elsewhere]).result is Result.ERROR


def r5() -> None:
    assert winner([replace(RULE, numbers=("+33199000001",), inbound_numbers=("+33612345678",))]) == "SDR_b"
    assert winner([replace(RULE, numbers=("33199000001",))]) == ""
    assert winner([replace(RULE, inbound_numbers=("+33 612345678",))]) == ""
    assert winner([replace(RULE, inbound_numbers=("+33199000001",))]) == ""


def r6() -> None:
    assert winner([replace(RULE, trunk_ids=()), OPEN]) == "SDR_o"


def r7() -> None:
    assert winner([RULE, replace(OPEN, numbers=("+33199000001",))]) == "SDR_o"
    assert winner([RULE, replace(OPEN, inbound_numbers=("+33612345678",))]) == "SDR_o"


def r8() -> None:
    assert winner([RULE, OPEN]) == "SDR_b"
    kinds = [replace(RULE, sip_dispatch_rule_id=f"SDR_{kind}", kind=kind, pin=kind.value) for kind in RuleKind]
    assert winner(kinds) == f"SDR_{RuleKind.DIRECT}"
    assert winner(kinds[1:]) == f"SDR_{RuleKind.INDIVIDUAL}"


def r9() -> None:
    assert winner([RULE, OTHER]) == "SDR_b"
    assert winner([replace(RULE, room_name="c"), OTHER]) == "SDR_b"
    assert winner([replace(RULE, room_name="é"), replace(OTHER, room_name="z")]) == "SDR_c"


def p1() -> None:
    assert winner([RULE, OTHER, OPEN], replace(CALL, pin="9876")) == "SDR_c"
    assert end([TRUNK], [RULE, OPEN], replace(CALL, pin="12345")).result is Result.DROP


def p3() -> None:
    digits = "1" * 16
    assert winner([replace(RULE, pin=digits)], replace(CALL, pin=digits)) == "SDR_b"
    longer = end([TRUNK], [replace(RULE, pin=f"{digits}1")], replace(CALL, pin=f"{digits}1"))
    assert (longer.result, longer.after_pin) == (Result.DROP, None)


def p4() -> None:
    asked = end([TRUNK], [RULE, OTHER])
    assert asked.result is Result.REQUEST_PIN
    assert end([TRUNK], [OTHER], replace(CALL, pin="1234")).result is Result.DROP


def l1() -> None:
    def room(kind: RuleKind, *, randomized: bool, prefix: str = "p") -> str:
        rule = replace(OPEN, kind=kind, room_name=prefix, randomized=randomized)
        landing = end([TRUNK], [rule]).landing
        return landing.room if landing else ""

    assert room(RuleKind.DIRECT, randomized=False) == "p"
    assert room(RuleKind.INDIVIDUAL, randomized=False) == "p_+33612345678"
    assert room(RuleKind.INDIVIDUAL, randomized=True, prefix="") == "+33612345678_"
    assert room(RuleKind.CALLEE, randomized=True) == "p_+33199000001_"


def l2() -> None:
    landing = end([TRUNK], [OPEN]).landing
    assert landing
    assert landing.identity == "sip_+33612345678"


def l3() -> None:
    hidden = replace(OPEN, hide_phone_number=True)
    landing = end([TRUNK], [hidden], replace(CALL, from_user="+15105550100")).landing
    assert landing
    assert landing.identity == "sip_4d3ef37836cc9b09"
    assert "sip.phoneNumber" not in landing.attributes
    fault = end([TRUNK], [hidden], replace(CALL, from_user="")).fault
    assert fault
    assert fault.code == "panic"


def l4() -> None:
    outcome = end([TRUNK], [replace(RULE, room_name="")], replace(CALL, pin="1234"))
    assert (outcome.result, outcome.rule is not None) == (Result.DROP, True)
    ended = end([TRUNK], [RULE], replace(CALL, pin="1234"))
    assert (ended.result, ended.rule) == (Result.ACCEPT, RULE)


def check(held: bool) -> None:
    assert held


PROOFS: dict[str, Callable[[], None]] = {
    "C1": lambda: check(winner([RULE], replace(CALL, to_user="+33199000009")) == ""),
    "C2": lambda: check(takes(replace(CALL, from_user=""))),
    "C3": lambda: check(not takes(replace(CALL, source_ip="172.19.0.1"), allowed_addresses=("192.0.2.7",))),
    "T1": t1,
    "T2": lambda: check((trunk_of([EVERY]), trunk_of([EVERY, TRUNK])) == ("ST_b", "ST_a")),
    "T3": lambda: check(takes(allowed_numbers=("33 612 345 678",)) and not takes(allowed_numbers=("0612345678",))),
    "T4": lambda: check(
        takes(allowed_addresses=("192.0.2.0/24",)) and not takes(allowed_addresses=("10.0.0.0/8",)) and takes()
    ),
    "T5": t5,
    "T6": lambda: check(
        not takes(allowed_addresses=("192.0.2.7:5060",)) and not takes(allowed_addresses=("192.0.2.0/255.255.255.0",))
    ),
    "T7": lambda: check(takes(allowed_addresses=("sip.example.com",))),
    "T8": t8,
    "T9": lambda: check(end([], [RULE]).fault is None and winner([replace(RULE, trunk_ids=())], trunks=()) == "SDR_b"),
    "T10": t10,
    "R1": r1,
    "R2": r2,
    "R3": r3,
    "R4": r4,
    "R5": r5,
    "R6": r6,
    "R7": r7,
    "R8": r8,
    "R9": r9,
    "R10": lambda: check(winner([RULE, OTHER], replace(CALL, pin="9876")) == "SDR_c"),
    "P1": p1,
    "P2": lambda: check(winner([RULE, OPEN], replace(CALL, pin="")) == "SDR_o"),
    "P3": p3,
    "P4": p4,
    "P5": p5,
    "L1": l1,
    "L2": l2,
    "L3": l3,
    "L4": l4,
    "W1": lambda: check(described(end([TRUNK, replace(TRUNK, sip_trunk_id="ST_z")], [])) == ["100 1", "503 2"]),
    "W2": lambda: check(
        described(end([replace(TRUNK, auth_username="u", auth_password=Secret("p"))], [])) == ["100 1", "407 4"]
    ),
    "W3": lambda: check(described(end([TRUNK], [RULE, replace(OTHER, pin="1234")])) == ["100 1", "180 4", "503 6"]),
    "W4": lambda: check(described(end([TRUNK], [])) == ["100 1", "180 4", "nothing 4"]),
    "W5": lambda: check(described(end([TRUNK], [RULE])) == ["100 1", "180 4", "200 7", "prompt 0"]),
    "W6": lambda: check(described(end([TRUNK], [OPEN])) == ["100 1", "180 4", "200 None", "486 180000"]),
    "W7": lambda: check(described(end([TRUNK], [RULE], replace(CALL, pin="1")))[-2:] == ["wrong-PIN 140", "BYE 2050"]),
    "W8": lambda: check(described(end([TRUNK], [RULE], replace(CALL, pin="1234")))[-2:] == ["joining 130", "in 1320"]),
    "Q1": lambda: check(reach_of([RULE]) is Reached.REACHABLE),
    "Q2": lambda: check({reach_of([OPEN_B]), reach_of([OTHER, OPEN_B])} == {Reached.OPEN}),
    "Q3": lambda: check(reach_of([replace(RULE, numbers=("33199000001",))]) is Reached.UNREACHABLE),
    "Q4": lambda: check(reach_of([replace(RULE, inbound_numbers=("+33612345678",))]) is Reached.DEPENDS),
    "Q5": lambda: check(unknown("b", "no answer").outcome is Reached.UNKNOWN),
}


@pytest.mark.parametrize("statement", PROOFS)
def test_the_statement_holds(statement: str) -> None:
    PROOFS[statement]()


def test_every_statement_of_the_page_is_proven() -> None:
    text = PAGE.read_text()
    assert re.findall(r"\*\*([A-Z][0-9]+)\*\*", text) == list(PROOFS)
    for statement in ("W1", "W3", "W4", "W7", "W8"):  # the times of the table are those of the code
        row = next(line for line in text.splitlines() if f"**{statement}**" in line)
        assert re.findall(r"\b(?:1|2|4|6|130|140|1320|2050)\b", row), row
    assert len(text.split()) < 1500
