"""Random states in which a run begins: rooms, people, rules of ours and of others, PINs."""

import random
from collections.abc import Sequence
from typing import Final

from livekit.protocol.sip import SIPDispatchRule, SIPDispatchRuleDirect, SIPDispatchRuleInfo

from sipctl.sandbox.server import Sandbox
from sipctl.telephony.ownership import Ownership

ROOMS: Final = [f"room-{at}" for at in range(7)]
PINS: Final = {room: f"48219305{at:02}" for at, room in enumerate(ROOMS)}
MARK: Final = Ownership(room_pattern="room-.*")
UNTOUCHABLE: Final = frozenset({"theirs", "SIP_lobby"})
"""The names of the rules of others, and of what is protected."""

_PINS_OF_RULES: Final = (
    (), (), ("right",), ("right",), ("right", "right"), ("None",), ("other",), ("right", "None"),
)  # fmt: skip
_PEOPLE: Final = ((), ("STANDARD",), ("STANDARD", "SIP"), ("SIP",))


def plant(sandbox: Sandbox, room: str, pin: str, *, name: str = "", trunks: Sequence[str] = ()) -> None:
    """Store a rule past the API."""
    rule = SIPDispatchRule(dispatch_rule_direct=SIPDispatchRuleDirect(room_name=room, pin=pin))
    identifier = sandbox.store.new_id("SDR_")
    sandbox.store.rules[identifier] = SIPDispatchRuleInfo(
        sip_dispatch_rule_id=identifier, rule=rule, name=name or f"SIP_{room}", trunk_ids=trunks
    )


def fill(sandbox: Sandbox, entropy: random.Random) -> None:
    """Empty the server, then make a random state."""
    store = sandbox.store
    store.rules.clear()
    store.rooms.clear()
    for room in ROOMS:
        _make_room(sandbox, room, entropy)
    if entropy.random() < 0.9:
        store.join("elsewhere", "bob")
    plant(sandbox, "elsewhere", "55555555", name="theirs")
    plant(sandbox, "lobby", "66666666")


def _make_room(sandbox: Sandbox, room: str, entropy: random.Random) -> None:
    if entropy.random() < 0.5:
        sandbox.store.open_room(room)
        for kind in entropy.choice(_PEOPLE):
            sandbox.store.join(room, f"guest-{kind}", kind=kind)
    other = PINS[entropy.choice(ROOMS)]
    for pin in entropy.choice(_PINS_OF_RULES):
        number = {"right": PINS[room], "other": other}.get(pin, pin)
        plant(sandbox, room, number, trunks=entropy.choice([(), (), ("ST_1",)]))
