"""Whatever call reached a live room with its PIN before a plan still does afterwards, however far the plan got."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.plan import Action, Item, Part, Policy, State, pending
from sipctl.telephony.planning import make_plan
from sipctl.telephony.ruleset import rules_refusal
from tests.campaign.calls import reached

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROOMS, PINS = ["a", "b", "c"], {"a": "1111", "b": "2222", "c": "3333"}


def states_after(
    rules: Sequence[DispatchRule], plan: Sequence[Item], chance: random.Random
) -> Iterator[dict[str, DispatchRule]]:
    """The rules after each step of a plan of which some deletions fail; LiveKit refuses writes that clash."""
    held = {one.sip_dispatch_rule_id: one for one in rules}
    changes = pending(plan)
    deletions = [item for item in changes if item.action is Action.DELETE and chance.random() < 0.7]
    chance.shuffle(deletions)
    for item in deletions:
        del held[item.rule_id]
        yield held
    for at, item in enumerate(one for one in changes if one.after):
        assert item.after
        after = replace(held[item.rule_id], pin=f"{at:016}") if item.parked else item.after
        identifier = item.rule_id or f"N{at:03}"
        then = held | {identifier: replace(after, sip_dispatch_rule_id=identifier)}
        if rules_refusal(sorted(then.values(), key=lambda one: one.sip_dispatch_rule_id)) is None:
            held = then
            yield held


def rule(at: int, drawn: tuple[object, ...]) -> DispatchRule:
    room, pin, name, kind, trunks, numbers, callers, hides, note = drawn
    return DispatchRule(
        sip_dispatch_rule_id=f"R{at}",
        name=str(name or f"SIP_{room}"),
        kind=kind,  # type: ignore[arg-type]
        room_name=str(room),
        pin=PINS[str(room)] if pin == "right" else str(pin),
        trunk_ids=trunks,  # type: ignore[arg-type]
        numbers=numbers,  # type: ignore[arg-type]
        inbound_numbers=callers,  # type: ignore[arg-type]
        hide_phone_number=bool(hides),
        metadata=str(note),
    )


DRAWN = st.tuples(
    st.sampled_from(ROOMS),
    st.sampled_from(["right", "right", "right", "", "None", *PINS.values()]),
    st.sampled_from(["", "", "", "", "theirs"]),
    st.sampled_from([RuleKind.DIRECT] * 9 + [RuleKind.INDIVIDUAL]),
    st.sampled_from([(), (), ("ST_1",), ("ST_2",), ("ST_1", "ST_2"), ("ST_3",)]),
    st.sampled_from([(), (), (), ("+331",), ("+332",), ("+331", "+332")]),
    st.sampled_from([(), (), (), ("+441",), ("+442",)]),
    st.sampled_from([False] * 5 + [True]),
    st.sampled_from([""] * 5 + ["other"]),
)


def stored(drawn: Sequence[tuple[object, ...]]) -> list[DispatchRule]:
    """The rules that LiveKit would store, one after the other."""
    rules: list[DispatchRule] = []
    for at, one in enumerate(drawn):
        if rules_refusal([*rules, rule(at, one)]) is None:
            rules.append(rule(at, one))
    return rules


RULES = st.lists(DRAWN, min_size=1, max_size=8).map(stored)
STATES = st.builds(
    lambda rules, live, attended, known: State(
        now=NOW,
        rules=rules,
        live=live | {"other"},
        attended=attended & live,
        pins={room: pin for room, pin in PINS.items() if room in known} if known is not None else None,
        stale_since=dict.fromkeys((one.sip_dispatch_rule_id for one in rules), NOW - timedelta(hours=1)),
        duplicate_since=dict.fromkeys((one.sip_dispatch_rule_id for one in rules), NOW - timedelta(hours=1)),
    ),
    RULES,
    st.frozensets(st.sampled_from(ROOMS), min_size=1),
    st.frozensets(st.sampled_from(ROOMS)),
    st.none() | st.frozensets(st.sampled_from(ROOMS), min_size=2),
)
POLICIES = st.builds(
    Policy,
    mark=st.just(Ownership()),
    grace=st.just(timedelta(minutes=10)),
    parts=st.sampled_from([frozenset(Part), frozenset(Part), *(frozenset({part}) for part in Part)]),
    protect=st.frozensets(st.sampled_from(["R0", "R1"]), max_size=1),
)


@settings(max_examples=200, deadline=None)
@given(STATES, POLICIES, st.integers(0, 10**6))
def test_no_plan_takes_a_call_from_a_live_room(state: State, policy: Policy, seed: int) -> None:
    pins = PINS if state.pins is None else state.pins
    before = reached(state.rules, pins, state.live)
    for held in states_after(state.rules, make_plan(state, policy), random.Random(seed)):
        lost = before - reached(list(held.values()), pins, state.live)
        assert not lost, sorted(lost, key=str)[:3]
