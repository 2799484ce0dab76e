"""What the caller's side sees, against calls recorded at livekit-sip 1.10.0 (tests/data/sip), audio and digits too."""

import re
from itertools import takewhile
from typing import Any

import pytest

from sipctl.telephony.explaining.wire import ringing_timeout_ms, wire
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.call_reading import user_and_host
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.route import Outcome, route
from sipctl.telephony.model import InboundTrunk
from sipctl.telephony.snapshot import snapshot_of
from tests.support.sip_calls import check_a_pin_that_fills_the_buffer_loses_its_hash, recorded

Event = dict[str, Any]

SOURCES = {"invite-address-allowed-127.0.0.2": "127.0.0.2"}
SEVERAL_CALLS = {"same-caller-twice"}
CHANGED_DURING_THE_CALL = {"pin-rule-deleted-during-prompt"}
LOST_HASH = {"pin-early-10-digits"}


def sip(event: Event, direction: str) -> str:
    """The message that went this way, "" if the event is another."""
    return event["text"] if event["kind"] == "sip" and event["dir"] == direction else ""


def call_of(one: Event) -> Call:
    invite = next(text for event in one["events"] if (text := sip(event, "out")).startswith("INVITE"))
    headers = dict(re.findall(r"^(From|To): (.*)\r$", invite, re.MULTILINE))
    (to_user, to_host), (from_user, from_host) = (user_and_host(headers[name]) for name in ("To", "From"))
    typed = [event["digits"] for event in one["events"] if event["kind"] == "dtmf"]
    pin = "".join(typed).partition("#")[0] if typed else None
    source = SOURCES.get(one["scenario"], "127.0.0.1")
    return Call(
        to_user=to_user, to_host=to_host, from_user=from_user, from_host=from_host, source_ip=source, pin=pin
    )  # fmt: skip


def outcome_of(one: Event) -> Outcome:
    setup = snapshot_of(one["setup"])
    return route(WholeLists(setup.trunks or (), setup.rules or ()), call_of(one))


def cases(without: set[str]) -> list[Any]:
    return [pytest.param(one, id=one["scenario"]) for one in recorded() if one["scenario"] not in without]


@pytest.mark.parametrize("one", cases(SEVERAL_CALLS))
def test_the_responses_to_the_invite(one: Event) -> None:
    outcome = outcome_of(one)
    undisturbed = takewhile(lambda event: not sip(event, "out").startswith(("CANCEL", "BYE")), one["events"])
    seen: dict[str, float] = {}
    for event in undisturbed:
        text = sip(event, "in")
        if text.startswith("SIP/2.0 ") and "CSeq: 1 INVITE" in text:
            seen.setdefault(text.split("\r\n")[0].removeprefix("SIP/2.0 "), event["t_ms"])
    last = list(seen)[-1]
    steps = [step for step in wire(outcome) if step.kind == "response" and (not step.when or step.what == last)]
    assert list(seen) == [step.what for step in steps]
    for step in steps:
        assert step.after_ms is None or abs(seen[step.what] - step.after_ms) < 100, step


@pytest.mark.parametrize("one", cases(SEVERAL_CALLS | CHANGED_DURING_THE_CALL | LOST_HASH))
def test_what_follows_the_pin(one: Event) -> None:
    """The message, its time, and the BYE if one comes."""
    typed = [event for event in one["events"] if event["kind"] == "dtmf"]
    answered = next((event["t_ms"] for event in one["events"] if sip(event, "in").startswith("SIP/2.0 200")), 0.0)
    steps = [step for step in wire(outcome_of(one)) if step.since == "#"]
    assert bool(steps) is bool(typed)
    if not typed:
        return
    hashed = max(typed[-1]["digit_t_ms"][-1], answered + 3000)
    sounds = [event["t_ms"] for event in one["events"] if event.get("note") == "sound on"]
    after = [time - hashed for time in sounds if time > hashed]
    assert abs(after[0] - (steps[0].after_ms or 0)) < 300
    byes = [event["t_ms"] - hashed for event in one["events"] if sip(event, "in").startswith("BYE")]
    if steps[-1].what == "BYE":
        assert abs(byes[0] - (steps[-1].after_ms or 0)) < 300
    else:
        assert not byes or byes[0] > 2100


def test_a_pin_that_fills_the_buffer_loses_its_hash() -> None:
    check_a_pin_that_fills_the_buffer_loses_its_hash()


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("5s", 5000), ("0.500s", 500), ("0s", 180_000), (None, 180_000), ("soon", 180_000), ("1e9s", 180_000)],
)
def test_ringing_timeouts(written: str | None, milliseconds: int) -> None:
    assert ringing_timeout_ms(InboundTrunk(ringing_timeout=written)) == milliseconds
