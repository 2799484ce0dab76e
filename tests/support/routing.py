"""Small alphabets for trunks, rules and calls, so that collisions, wildcards and shadowing occur."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from sipctl.telephony.matching.call import Call
from sipctl.telephony.model import DispatchRule, InboundTrunk, RuleKind
from sipctl.telephony.secret import Secret

NUMBERS = ("+33199000001", "33 199 000 001", "0199000001", "room-42", "+33199000002")
CALLERS = ("+33611111111", "0611111111", "anonymous", "")
PINS = ("", "1234", "9876", "12")
TRUNKS = ("ST_a", "ST_b", "ST_c")
MASKS = ("192.0.2.0/24", "198.51.100.7", "sip.example.com", "10.0.0.1:5060", "::/0", "some, thing")


def some(*values: str, at_most: int = 2) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=at_most, unique=True).map(tuple)


@st.composite
def dispatch_rules(draw: st.DrawFn, *, kinds: Any = tuple(RuleKind), max_size: int = 8) -> list[DispatchRule]:
    rules = draw(
        st.lists(
            st.builds(
                DispatchRule,
                kind=st.sampled_from(kinds),
                room_name=st.sampled_from(["a", "b", "B", ""]),
                pin=st.sampled_from(PINS),
                randomized=st.booleans(),
                trunk_ids=some(*TRUNKS, "ST_gone"),
                numbers=some(*NUMBERS),
                inbound_numbers=some(*CALLERS),
                hide_phone_number=st.booleans(),
            ),
            max_size=max_size,
        )
    )
    return [replace(rule, sip_dispatch_rule_id=f"SDR_{at:02}") for at, rule in enumerate(rules)]


@st.composite
def inbound_trunks(draw: st.DrawFn) -> list[InboundTrunk]:
    chosen = draw(st.lists(st.sampled_from(TRUNKS), unique=True))
    return [
        InboundTrunk(
            sip_trunk_id=trunk_id,
            numbers=draw(some(*NUMBERS)),
            allowed_numbers=draw(some(*CALLERS)),
            allowed_addresses=draw(some(*MASKS)),
            auth_username=draw(st.sampled_from(["", "provider"])),
            auth_password=Secret(draw(st.sampled_from(["", "secret"]))),
        )
        for trunk_id in chosen
    ]


CALLS = st.builds(
    Call,
    to_user=st.sampled_from([*NUMBERS, "+33 199 000 001", ""]),
    from_user=st.sampled_from([*CALLERS, "+336 11 11 11 11"]),
    from_host=st.sampled_from(["sip.example.com", "192.0.2.9", ""]),
    source_ip=st.sampled_from(["192.0.2.9", "198.51.100.7", "2001:db8::1", "", "not-an-ip", "fe80::1%eth0"]),
    pin=st.sampled_from([None, *PINS, "12345678901234567"]),
)
