"""Random states in which someone calls: every command says the same of it, and it is what the caller finds out.

States of the sandbox: rooms with people, with phone callers alone, or empty; rules of every kind and owner, bound to
trunks, numbers and callers or to none, with right, wrong and impossible PINs, clashing or not; several trunks or none;
telephony on, off or not given; a registry or none. After each the doctor's `reach` and verdict, `room list`,
`pin show`, `rules explain` and the sandbox's own answer to the call are compared.
"""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from livekit.protocol.sip import (
    SIPDispatchRule,
    SIPDispatchRuleCallee,
    SIPDispatchRuleDirect,
    SIPDispatchRuleIndividual,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
)

from sipctl.config.model import RegistrySettings, Settings, Telephony
from sipctl.doctor.facts import Answer
from sipctl.doctor.live import Sources, examine
from sipctl.doctor.report import Report
from sipctl.doctor.runner import Plan
from sipctl.errors import ExitCode
from sipctl.findings.record import Level
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.pin_card import card
from sipctl.operations.pins import PinFacts, pin_facts, policy_of
from sipctl.operations.reach import Observed, observe, reach_of_rooms
from sipctl.operations.site import site_of
from sipctl.operations.snapshot import take_snapshot
from sipctl.registry.opening import open_registry
from sipctl.registry.store import Registry
from sipctl.sandbox.calls import evaluate_call
from sipctl.sandbox.server import Sandbox, running_sandbox
from sipctl.telephony.explaining.explanation import explain
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.route import Result
from sipctl.telephony.reach.reach import rooms_of_call
from sipctl.telephony.reach.row import GETS_IN, Reach, Reached
from sipctl.telephony.reach.words import describe_reach
from sipctl.telephony.registered import Holding
from tests.campaign.running import repeat, run_from_command_line
from tests.support.calling import check_reach
from tests.support.planting import settings_for

EXPECTED: Final = (
    "reachable", "open", "unreachable", "depends", "attended", "not attended", "RUL401", "RUL404", "RUL407", "RUL408",
    "RUL412", "RUL421", "RUL422", "PIN505", "telephony off", "with a registry", "without one", "several numbers",
    "name of another backend",
)  # fmt: skip
"""What a long campaign has to have seen, else it proves nothing."""

_ROOMS: Final = ("a", "b", "c", "other_x")
_NUMBERS: Final = ("+33199000001", "33 199 000 001", "+33199000002", "0199000001")
_CALLERS: Final = ("+33611111111", "+33622222222", "+33199000001")
_ADDRESSES: Final = ("192.0.2.0/24", "198.51.100.7", "sip.example.com", "10.0.0.1:5060", "::/0")
_PINS: Final = ("", "None", "12345678901234567", "12")


class Campaign:
    """One sandbox and one registry, in state after state."""

    def __init__(self, sandbox: Sandbox, registry: Registry, seed: int) -> None:
        self._sandbox = sandbox
        self._registry = registry
        self._chance = random.Random(seed)
        self._at = 0
        self.figures: Counter[str] = Counter()

    async def once(self) -> None:
        """One state, and what every command says of it."""
        self._at += 1
        self.figures["states"] += 1
        settings, held = self._plant()
        report = await self._doctor(settings, held)
        async with LiveKitClient(settings.connection, timeout_s=10) as client:
            observed = await observe(client, settings)
            snapshot = await take_snapshot(client)
        site = site_of(settings, snapshot, pins=held)
        said = {row.room: row for row in report.reach or ()}
        self._check_lists(observed, settings, held, said)
        for row in said.values():
            registered = (held or {}).get(row.room)
            assert row.attended is self._is_attended(row.room), row
            check_reach(row, site, registered, self._dial)
            for attempt in row.attempts:
                final = explain(site, attempt.call).outcome.final
                landing = final.landing if final.result is Result.ACCEPT else None
                got_in = landing is not None and landing.room == row.room and not landing.randomized
                assert got_in is (attempt.reached in GETS_IN), (row, attempt)
                rooms = {one.room: one for one in rooms_of_call(site, replace(attempt.call, pin=None))}
                assert rooms[row.room].outcome is attempt.reached, (row, attempt)
            self._count(row)
        self._check_report(report, settings)

    def _check_lists(
        self, observed: Observed, settings: Settings, held: Mapping[str, str] | None, said: Mapping[str, Reach]
    ) -> None:
        """`room list` and `pin show` have the doctor's word, and `pin show` its sentence."""
        listed = reach_of_rooms(observed, settings, lambda _rooms: held)
        assert {room: row.outcome for room, row in listed.items()} == {room: row.outcome for room, row in said.items()}
        for room in observed.rooms:
            shown = card(settings, Holding(room=room.name, pin=(held or {}).get(room.name, "")), observed)
            row = said.get(room.name)
            assert shown.outcome == (row.outcome.value if row else None), (row, shown)
            if row:
                assert shown.caller_hears == describe_reach(row), (shown.caller_hears, describe_reach(row))

    def _check_report(self, report: Report, settings: Settings) -> None:
        """The verdict counts the rooms, and a room that is lost is an error with the code that `reach` has."""
        attended = [row for row in report.reach or () if row.attended]
        reached = sum(row.outcome in GETS_IN for row in attended)
        if attended:
            assert f"{reached} of {len(attended)} rooms with people in them can be called" in report.verdict
        off = settings.telephony.is_off
        self.figures["telephony off"] += off
        for row in attended:
            if row.outcome is Reached.UNREACHABLE:
                levels = {one.level for one in report.findings if row.cause and one.code == row.cause.code}
                assert Level.ERROR in levels or off, (row, report.findings)
                assert report.exit_code is ExitCode.FINDINGS or off, (row, report.findings)
            if row.outcome is Reached.DEPENDS:
                found = {one.level for one in report.findings if one.resource == f"room {row.room}"}
                assert (Level.INFO if off else Level.WARN) in found, (row, report.findings)

    def _count(self, row: Reach) -> None:
        self.figures[row.outcome.value] += 1
        self.figures["attended" if row.attended else "not attended"] += 1
        self.figures["several numbers"] += row.several_numbers
        if row.cause and row.outcome is Reached.UNREACHABLE:
            self.figures[row.cause.code] += 1

    def _is_attended(self, room: str) -> bool:
        return any(one.kind == 0 for one in self._sandbox.store.rooms[room].people.values())

    def _dial(self, call: Call) -> str | None:
        ending = evaluate_call(self._sandbox.store, call)
        final = ending.get("after_auth") or ending
        return str(final["room_name"]) if final["outcome"] == "accept" and final.get("room_name") else None

    async def _doctor(self, settings: Settings, held: Mapping[str, str] | None) -> Report:
        def read_pins() -> Answer[PinFacts]:
            return Answer(value=pin_facts(self._registry, policy_of(settings), settings))

        pins = None if held is None else read_pins
        return await examine(Sources(settings=settings, read_pins=pins), (), Plan(settle_s=0))

    def _plant(self) -> tuple[Settings, Mapping[str, str] | None]:
        """A new state; the settings for it, and the registry's PINs, None = no registry."""
        store, chance = self._sandbox.store, self._chance
        store.rules.clear()
        store.inbound.clear()
        store.rooms.clear()
        rooms = {name: name if name == "other_x" else f"{name}{self._at}" for name in _ROOMS}
        for room in rooms.values():
            self._fill(room)
        pins = {room: f"{self._at:06}{at}" for at, room in enumerate(rooms.values())}
        for at in range(chance.choice([0, 1, 1, 2, 3])):
            store.inbound[f"ST_{at}"] = SIPInboundTrunkInfo(sip_trunk_id=f"ST_{at}", **self._trunk_fields())
        for at in range(chance.choice([0, 1, 2, 3, 4])):
            rule = self._rule(f"SDR_{at}", list(rooms.values()), pins)
            store.rules[rule.sip_dispatch_rule_id] = rule
        return self._settings(), self._registered(pins)

    def _fill(self, room: str) -> None:
        if self._chance.random() < 0.2:
            return
        self._sandbox.join(room, "alice")
        if self._chance.random() < 0.3:
            self._sandbox.join(room, "sip_1", kind="SIP")
            self._sandbox.leave(room, "alice")

    def _trunk_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "numbers": self._some(_NUMBERS, 0.8),
            "allowed_addresses": self._some(_ADDRESSES, 0.6),
            "allowed_numbers": self._some(_CALLERS, 0.15),
        }
        return fields | ({"auth_username": "u", "auth_password": "p"} if self._chance.random() < 0.2 else {})

    def _rule(self, identifier: str, rooms: list[str], pins: Mapping[str, str]) -> SIPDispatchRuleInfo:
        chance = self._chance
        room = chance.choice(rooms)
        pin = pins[room] if chance.random() < 0.7 else chance.choice(["", *_PINS, *pins.values()])
        name = f"SIP_{room if chance.random() < 0.8 else chance.choice(rooms)}" if chance.random() < 0.8 else "theirs"
        rule = SIPDispatchRuleInfo(
            sip_dispatch_rule_id=identifier,
            name=name,
            trunk_ids=self._some(("ST_0", "ST_1", "ST_gone"), 0.4),
            numbers=self._some(_NUMBERS, 0.15),
            inbound_numbers=self._some(_CALLERS, 0.15),
            hide_phone_number=chance.random() < 0.1,
        )
        kind = chance.choice(["direct"] * 30 + ["individual"] * 3 + ["callee"] * 2 + ["none"])
        if kind == "direct":
            rule.rule.CopyFrom(SIPDispatchRule(dispatch_rule_direct=SIPDispatchRuleDirect(room_name=room, pin=pin)))
        elif kind == "individual":
            own = SIPDispatchRuleIndividual(room_prefix="other", pin=pin, no_randomness=chance.random() < 0.5)
            rule.rule.CopyFrom(SIPDispatchRule(dispatch_rule_individual=own))
        elif kind == "callee":
            callee = SIPDispatchRuleCallee(room_prefix="other", pin=pin, randomize=chance.random() < 0.5)
            rule.rule.CopyFrom(SIPDispatchRule(dispatch_rule_callee=callee))
        return rule

    def _some(self, values: tuple[str, ...], likely: float) -> list[str]:
        chance = self._chance
        return chance.sample(values, chance.choice([1, 1, 2])) if chance.random() < likely else []

    def _settings(self) -> Settings:
        chance = self._chance
        given = frozenset({"ROOM_TELEPHONY_ENABLED"}) if chance.random() < 0.6 else frozenset()
        number = chance.choice([None, None, "01 99 00 00 01", "+33199000009"])
        telephony = Telephony(
            enabled=chance.random() < 0.7, phone_number=number, default_country="FR", given=given, pin_length=7
        )
        pattern = "[abc][0-9]+" if chance.random() < 0.5 else None
        self.figures["name of another backend"] += pattern is not None
        return settings_for(self._sandbox, telephony=telephony, room_pattern=pattern)

    def _registered(self, pins: Mapping[str, str]) -> Mapping[str, str] | None:
        chance = self._chance
        if chance.random() < 0.4:
            self.figures["without one"] += 1
            return None
        self.figures["with a registry"] += 1
        given = {room: pin for room, pin in pins.items() if room != "other_x" and chance.random() < 0.8}
        self._registry.give(list(given.items()))
        return given


@contextmanager
def registry_in(folder: Path) -> Iterator[Registry]:
    with open_registry(RegistrySettings(), folder / "pins.db", 10) as registry:
        yield registry


async def campaign(runs: int, seed: int, seconds: float = 1e9) -> Counter[str]:
    """So many states, or as many as fit into the seconds; what happened in them."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_sandbox() as sandbox,
        registry_in(Path(folder)) as registry,
    ):
        states = Campaign(sandbox, registry, seed)
        await repeat(states.once, runs, seed, seconds)
        return states.figures


if __name__ == "__main__":
    run_from_command_line(__doc__, 500, EXPECTED, lambda runs, seed: asyncio.run(campaign(runs, seed)))
