"""Random states in which a run begins: rooms, people, rules of ours and of others, PINs."""

import random
from collections.abc import Sequence
from typing import Final

from livekit.protocol.sip import SIPDispatchRule, SIPDispatchRuleDirect, SIPDispatchRuleInfo

from sipctl.lkapi.convert import rule_from_message
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.ruleset import rule_conflicts

ROOMS: Final = [f"room-{at}" for at in range(7)]
PINS: Final = {room: f"48219305{at:02}" for at, room in enumerate(ROOMS)}
MARK: Final = Ownership(room_pattern="room-.*")
UNTOUCHABLE: Final = frozenset({"theirs", "SIP_lobby"})
"""The names of the rules of others, and of what is protected."""

TRUNKS: Final = ("ST_1", "ST_2")

_RULES_OF_ROOMS: Final = (0, 0, 1, 1, 1, 2, 2, 3)
_PINS_OF_RULES: Final = ("right",) * 6 + ("None", "other", "")
_PEOPLE: Final = ((), ("STANDARD",), ("STANDARD", "SIP"), ("SIP",))
_TRUNKS: Final = ((), (), ("ST_1",), ("ST_2",), TRUNKS)
_NUMBERS: Final = ((), (), (), ("+331",), ("+331", "+332"))
_CALLERS: Final = ((), (), (), ("+441",), ("+442",))


def plant(
    sandbox: Sandbox,
    room: str,
    pin: str,
    *,
    name: str = "",
    trunks: Sequence[str] = (),
    numbers: Sequence[str] = (),
    callers: Sequence[str] = (),
    hides: bool = False,
) -> None:
    """Store a rule past the API."""
    rule = SIPDispatchRule(dispatch_rule_direct=SIPDispatchRuleDirect(room_name=room, pin=pin))
    identifier = sandbox.store.new_id("SDR_")
    sandbox.store.rules[identifier] = SIPDispatchRuleInfo(
        sip_dispatch_rule_id=identifier,
        rule=rule,
        name=name or f"SIP_{room}",
        trunk_ids=trunks,
        numbers=numbers,
        inbound_numbers=callers,
        hide_phone_number=hides,
    )


def fill(sandbox: Sandbox, entropy: random.Random) -> None:
    """Empty the server, then make a random state; in most of them LiveKit stored each rule, so none clash."""
    store = sandbox.store
    store.rules.clear()
    store.rooms.clear()
    for room in ROOMS:
        if entropy.random() < 0.5:
            store.open_room(room)
            for kind in entropy.choice(_PEOPLE):
                store.join(room, f"guest-{kind}", kind=kind)
    if entropy.random() < 0.9:
        store.join("elsewhere", "bob")
    plant(sandbox, "elsewhere", "55555555", name="theirs")
    plant(sandbox, "lobby", "66666666")
    may_clash = entropy.random() < 0.15
    for room in ROOMS:
        for _ in range(entropy.choice(_RULES_OF_ROOMS)):
            _plant_some(sandbox, entropy, room, f"SIP_{room}", may_clash=may_clash)
    for _ in range(entropy.choice((0, 0, 0, 1, 2))):
        _plant_some(sandbox, entropy, entropy.choice((*ROOMS, "elsewhere")), "theirs", may_clash=may_clash)


def _plant_some(sandbox: Sandbox, entropy: random.Random, room: str, name: str, *, may_clash: bool) -> None:
    """A rule of this room for some calls, unless it clashes and must not."""
    before = dict(sandbox.store.rules)
    drawn = entropy.choice(_PINS_OF_RULES)
    pin = {"right": PINS.get(room, "55555555"), "other": PINS[entropy.choice(ROOMS)]}.get(drawn, drawn)
    scope = {
        "trunks": entropy.choice(_TRUNKS),
        "numbers": entropy.choice(_NUMBERS),
        "callers": entropy.choice(_CALLERS),
    }
    plant(sandbox, room, pin, name=name, hides=entropy.random() < 0.05, **scope)
    if not may_clash and any(rule_conflicts(sorted_rules(sandbox))):
        sandbox.store.rules.clear()
        sandbox.store.rules |= before


def sorted_rules(sandbox: Sandbox) -> list[DispatchRule]:
    """The stored rules in LiveKit's order."""
    rules = map(rule_from_message, sandbox.store.rules.values())
    return sorted(rules, key=lambda one: one.sip_dispatch_rule_id)
