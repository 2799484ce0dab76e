"""What people asked about in public threads, and the screen that answers them: one golden text for each cause.

`WRITE_GOLDEN=1 pytest tests/cli/rules/test_explain_view.py` writes the texts anew; look at the difference.
"""

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sipctl.cli.rules.explain_view import ExplanationView
from sipctl.lkapi.convert import rule_from_message, rule_to_message, trunk_from_message, trunk_to_message
from sipctl.output.streams import Streams
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.explaining.explanation import explain
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.record import outcome_record
from sipctl.telephony.matching.route import Outcome, Result, route
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.secret import Secret
from sipctl.telephony.site import Site
from tests.support.fixes import paste
from tests.support.running import env_of

LOOK_UP = ("pin", "lookup")
"""Asks, and changes nothing."""
GOLDEN = Path(__file__).parents[2] / "data" / "explain"

TRUNK = InboundTrunk(
    sip_trunk_id="ST_provider", name="provider", numbers=("+33199000001",), allowed_addresses=("192.0.2.0/24",)
)
ANYWHERE = replace(TRUNK, allowed_addresses=())
SECOND = replace(TRUNK, sip_trunk_id="ST_second", name="second", numbers=("+33199000002",))
RULE = DispatchRule(
    sip_dispatch_rule_id="SDR_standup", name="SIP_standup", room_name="standup", pin="482193057",
    trunk_ids=("ST_provider",),
)  # fmt: skip
RETRO = replace(RULE, sip_dispatch_rule_id="SDR_retro", name="SIP_retro", room_name="retro", pin="770315826")
LOBBY = replace(RULE, sip_dispatch_rule_id="SDR_lobby", name="SIP_lobby", room_name="lobby", pin="")
CALL = Call(to_user="+33199000001", from_user="+33612345678", source_ip="192.0.2.7")
LIVE = frozenset({"standup", "retro", "lobby"})


def case(trunks: list[InboundTrunk], rules: list[DispatchRule], call: Call = CALL, **more: Any) -> tuple[Site, Call]:
    site: dict[str, Any] = {"live": LIVE, "country": "FR"}
    return Site(lists=WholeLists(trunks, rules), **(site | more)), call


CAUSES: dict[str, tuple[Site, Call]] = {
    # the called number is written in another way: "486 flood" in the log, ringing for ever
    "national-number": case([TRUNK], [RULE], replace(CALL, to_user="0199000001")),
    "international-prefix": case([TRUNK], [RULE], replace(CALL, to_user="0033199000001")),
    "escaped-plus": case([TRUNK], [RULE], replace(CALL, to_user="%2B33199000001")),
    "trunk-in-national-format": case([replace(TRUNK, numbers=("01 99 00 00 01",))], [RULE]),
    "another-number": case([TRUNK], [RULE], replace(CALL, to_user="+33199000009")),
    # nothing there at all
    "nothing-configured": case([], []),
    "no-trunk": case([], [RULE]),
    "no-rule": case([TRUNK], [], live=frozenset()),
    "live-room-without-rule": case([TRUNK], []),
    # `inbound_numbers` taken for the dialled number
    "own-number-as-caller": case([TRUNK], [replace(RULE, inbound_numbers=("+33199000001",))]),
    "caller-in-another-spelling": case([TRUNK], [replace(RULE, inbound_numbers=("0612345678",))]),
    "caller-not-on-the-trunk": case([replace(TRUNK, allowed_numbers=("+33687654321",))], [RULE]),
    # `numbers` of a rule not byte for byte the called number
    "rule-number-in-another-spelling": case([TRUNK], [replace(RULE, numbers=("+33 1 99 00 00 01",))]),
    # the trunk was deleted and made anew; the rule names an outbound one
    "dangling-trunk": case([TRUNK], [replace(RULE, trunk_ids=("ST_gone",))]),
    "outbound-trunk": case([TRUNK], [replace(RULE, trunk_ids=("ST_out",))], outbound=frozenset({"ST_out"})),
    # the rule is the only one, and for other calls
    "rule-for-another-trunk": case([TRUNK, SECOND], [replace(RULE, trunk_ids=("ST_second",))]),
    "pin-of-a-rule-for-another-trunk": case(
        [TRUNK, SECOND], [RULE, replace(RETRO, trunk_ids=("ST_second",))], replace(CALL, pin=RETRO.pin)
    ),
    "rule-for-another-number": case([TRUNK], [replace(RULE, numbers=("+33199000009",))]),
    "rule-for-other-callers": case([TRUNK], [replace(RULE, inbound_numbers=("+33687654321",))]),
    # someone is in a room for which no one ever makes a rule
    "room-of-another-backend": case(
        [TRUNK], [], live=frozenset({"aaa-bbbb-ccc"}), mark=Ownership(room_pattern="[0-9a-f-]{36}")
    ),
    # the source is another one than everyone thinks
    "docker-bridge": case([TRUNK], [RULE], replace(CALL, source_ip="172.19.0.1")),
    "address-with-port": case([replace(TRUNK, allowed_addresses=("192.0.2.7:5060",))], [RULE]),
    "addresses-all-ignored": case(
        [replace(TRUNK, allowed_addresses=("192.0.2.7, 192.0.2.8",))], [RULE], replace(CALL, source_ip="203.0.113.9")
    ),
    "source-not-said": case([TRUNK], [RULE], replace(CALL, source_ip="")),
    "number-and-source": case([TRUNK], [RULE], replace(CALL, to_user="0199000001", source_ip="172.19.0.1")),
    # rules without trunks: anyone gets in; or they lose to rules that name the trunk
    "past-the-trunk": case([TRUNK], [replace(RULE, trunk_ids=())], replace(CALL, source_ip="203.0.113.9")),
    "beaten-by-the-trunks-own": case([ANYWHERE], [LOBBY, replace(RETRO, trunk_ids=())]),
    # credentials where the provider is known by its address
    "digest": case([replace(TRUNK, auth_username="provider", auth_password=Secret("x"))], [RULE]),
    # overlapping trunks, clashing rules, a rule without a type
    "two-trunks": case([ANYWHERE, replace(ANYWHERE, sip_trunk_id="ST_second", name="second")], [RULE]),
    "two-rules": case([TRUNK], [RULE, replace(RETRO, pin=RULE.pin)]),
    "two-trunks-one-with-rules": case([ANYWHERE, replace(ANYWHERE, sip_trunk_id="ST_older", name="older")], [RULE]),
    "two-rules-the-later-live": case([TRUNK], [RULE, replace(RETRO, pin=RULE.pin)], live=frozenset({"standup"})),
    "no-type": case([TRUNK], [RULE, replace(RETRO, kind=None, room_name="", pin="")]),
    # an open rule before the PIN rules, or behind #
    "open-before-pin": case([TRUNK], [RULE, replace(LOBBY, numbers=("+33199000001",))]),
    "a-door-behind-hash": case([TRUNK], [RULE, LOBBY]),
    "hash-alone": case([TRUNK], [RULE, LOBBY], replace(CALL, pin="")),
    "hash-alone-and-nothing-open": case([TRUNK], [RULE], replace(CALL, pin="")),
    # two rules with one PIN: the one with the number opens; a PIN that leads to no room opens nothing
    "one-pin-two-rooms": case([TRUNK], [RULE, replace(RETRO, pin=RULE.pin, numbers=("+33199000001",))]),
    "pin-without-room": case([TRUNK], [replace(RULE, room_name="")]),
    # it rings until someone in the room can be heard
    "ringing-until-media": case([TRUNK], [LOBBY]),
    # PINs
    "right-pin": case([TRUNK], [RULE, RETRO], replace(CALL, pin="770315826")),
    "wrong-pin": case([TRUNK], [RULE], replace(CALL, pin="123456789")),
    "pin-of-another-trunk": case(
        [TRUNK], [RULE, replace(RETRO, trunk_ids=("ST_gone",))], replace(CALL, pin="770315826")
    ),
    "seventeen-digits": case([TRUNK], [RULE], replace(CALL, pin="12345678901234567")),
    "ten-digits": case([TRUNK], [replace(RULE, pin="4821930571")], replace(CALL, pin="4821930571")),
    "stale-rule": case([TRUNK], [RULE], replace(CALL, pin="482193057"), live=frozenset()),
    # the call that stops livekit-server
    "hidden-number": case([TRUNK], [replace(RULE, hide_phone_number=True)], replace(CALL, from_user="")),
}


def screen(name: str) -> str:
    view = ExplanationView(explain(*CAUSES[name]), show_pins=False)
    return "".join(view.render("table", Streams(io.StringIO(), io.StringIO())))


@pytest.mark.parametrize("name", CAUSES)
def test_the_screen_for_a_cause(name: str) -> None:
    path, text = GOLDEN / f"{name}.txt", screen(name)
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
    assert not any(rule.pin in text for rule in CAUSES[name][0].lists.rules if rule.pin)


def test_no_golden_text_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == CAUSES.keys()


FIXED = sorted(
    name
    for name, (site, call) in CAUSES.items()
    if any(one.command and one.command.words != LOOK_UP for one in explain(site, call).advice)
)


@pytest.mark.parametrize("name", FIXED)
def test_each_change_does_what_it_promises(sandbox: Sandbox, name: str) -> None:
    site, call = CAUSES[name]
    explanation = explain(site, call)
    for at, advice in enumerate(explanation.advice):
        if advice.command and advice.command.words != LOOK_UP:
            plant_site(sandbox, site)
            before = outcome_record(explanation.outcome.final)
            paste(advice.command, env_of(sandbox, ROOM_TELEPHONY_DEFAULT_COUNTRY="FR"))
            meant = explanation.sources[0].call if explanation.sources else call
            now = route(lists_of(sandbox), meant)
            if advice.then:
                assert ends(now) == ends(advice.then), (at, advice)
            elif "create" in str(advice.command) or "--pin-stdin" in advice.command.argv:
                assert now.result is Result.REQUEST_PIN, (at, advice)
            else:
                assert outcome_record(now.final) == before or "not live" in str(advice.text), (at, advice)


def ends(outcome: Outcome) -> tuple[object, ...]:
    """What a caller notices of it."""
    final = outcome.final
    return outcome.result, final.result, final.stage, final.landing and final.landing.room


def plant_site(sandbox: Sandbox, site: Site) -> None:
    store = sandbox.store
    store.rules.clear()
    store.inbound.clear()
    store.rooms.clear()
    for trunk in site.lists.trunks:
        store.inbound[trunk.sip_trunk_id] = trunk_to_message(trunk)
    for rule in site.lists.rules:
        store.rules[rule.sip_dispatch_rule_id] = rule_to_message(rule)
    for room in site.live or ():
        sandbox.join(room, "alice")


def lists_of(sandbox: Sandbox) -> WholeLists:
    store = sandbox.store
    return WholeLists(map(trunk_from_message, store.inbound.values()), map(rule_from_message, store.rules.values()))
