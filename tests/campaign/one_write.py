"""One command of several steps among faults: what its error and its audit say is what happened; `restore` undoes it.

`python tests/campaign/one_write.py --runs 10000 --seed 1` runs a campaign and prints its figures. Each time: a random
state, one command among faults, or killed at any of its steps; then its error and its audit are held against what
took effect in the sandbox; then the audit is damaged, some PINs are rotated, and the command is undone.
"""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import Message
from livekit.protocol.sip import (
    DeleteSIPDispatchRuleRequest,
    SIPDispatchRuleInfo,
    UpdateSIPDispatchRuleRequest,
)

from sipctl.config.model import Connection, Settings
from sipctl.errors import ChangedError, PartialError, SipctlError, surely_without_effect
from sipctl.lkapi.client import LiveKitClient
from sipctl.lkapi.convert import rule_from_message
from sipctl.operations.audit import AUDIT_FILE, Entry, Journal, read_audit
from sipctl.operations.batch import StopSwitch
from sipctl.operations.change import Writer
from sipctl.operations.restore import Present, entries_of, plan_undo, restore, rules_before
from sipctl.operations.rotate import Rotated, Rotator
from sipctl.operations.rules.clash import without_marks
from sipctl.operations.rules.create import create_rule
from sipctl.operations.rules.delete import delete_rule
from sipctl.operations.rules.update import update_rule
from sipctl.operations.safeguards import Permit
from sipctl.registry.database import open_engine
from sipctl.registry.store import Registry
from sipctl.registry.tables import OURS, schema
from sipctl.sandbox.api import Api
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.registered import RETIRED
from sipctl.telephony.returning import Returning, as_of_today
from tests.campaign.faults import FAULTS, KilledError, MortalJournal, StormyClient, Surroundings, damage_audit
from tests.campaign.running import repeat, run_from_command_line
from tests.campaign.state import MARK, PINS, ROOMS, plant

HERE: Final = ROOMS[:3]
MINE: Final = (
    *FAULTS, "status=403", "status=403@CreateSIPDispatchRule", "status=403@DeleteSIPDispatchRule",
    "status=403@UpdateSIPDispatchRule", "cut@UpdateSIPDispatchRule",
    *["comes-alive@DeleteSIPDispatchRule"] * 4,
)  # fmt: skip
EXPECTED: Final = (
    *(f"fault {fault}" for fault in MINE),
    "kill before the request", "kill after the answer", "kill in the middle of a line of the audit",
    "rival created", "room started", "done create", "done delete", "done update", "done rotate",
    "partly create", "partly delete", "partly rotate", "refused create", "refused delete", "put back", "taken back",
    "undone", "rotated before the undo",
)  # fmt: skip
"""What a long campaign has to have seen, else it proves nothing."""


@dataclass(frozen=True)
class Effect:
    """One write that took effect: its method, the rule, and whether the audit had its intent by then."""

    method: str
    rule: SIPDispatchRuleInfo
    was_intended: bool


class EffectsApi(Api):
    """The sandbox's API, noting each write to a rule that took effect."""

    folder: Path

    def __init__(self, store: Any, key: str, secret: Any) -> None:
        super().__init__(store, key, secret)
        self.effects: list[Effect] = []
        self.on_create: Callable[[SIPDispatchRuleInfo], None] = lambda _rule: None

    def _answer(self, *args: Any, **kwargs: Any) -> Message:
        name, named = args[2], _rule_named(args[2], args[3])
        before = SIPDispatchRuleInfo()
        before.CopyFrom(self.store.rules.get(named, before))
        answer: Any = super()._answer(*args, **kwargs)
        if name == "CreateSIPDispatchRule":
            self._note(name, answer, f"rule {answer.sip_dispatch_rule_id}")
            self.on_create(answer)
        elif before.sip_dispatch_rule_id:
            self._note(name, before, f"rule {named}")
        return answer  # type: ignore[no-any-return]

    def _note(self, name: str, rule: SIPDispatchRuleInfo, resource: str) -> None:
        copy = SIPDispatchRuleInfo()
        copy.CopyFrom(rule)
        open_intents: dict[str, Entry] = {}
        for entry in read_audit(self.folder):
            open_intents[entry.item] = entry
        wanted = {"rule"} if name == "CreateSIPDispatchRule" else {resource}
        intended = any(one.phase == "intent" and one.resource in wanted for one in open_intents.values())
        self.effects.append(Effect(name, copy, intended))


def _rule_named(method: str, body: bytes) -> str:
    if method == "DeleteSIPDispatchRule":
        return DeleteSIPDispatchRuleRequest.FromString(body).sip_dispatch_rule_id
    if method == "UpdateSIPDispatchRule":
        return UpdateSIPDispatchRuleRequest.FromString(body).sip_dispatch_rule_id
    return ""


@dataclass
class Disturbed(Surroundings):
    """What happens between two steps: faults, rooms that start, and the end of the process, also in an append."""

    def passes(self, *, after: bool) -> None:
        """One await."""
        if self.dead or self.ends_in("after the answer" if after else "before the request"):
            raise KilledError
        if not after and self.entropy.random() < self.rate:
            if self.entropy.random() < 0.3:
                self.figures["room started"] += 1
                self.sandbox.store.join(self.entropy.choice(HERE), "alice")
            else:
                self.strike(self.entropy.choice(MINE))


Use = Callable[[Writer], Awaitable[object]]


@dataclass
class OneWrite:
    """One campaign: a sandbox, a registry and an audit, emptied before each state."""

    sandbox: Sandbox
    folder: Path
    entropy: random.Random
    figures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        assert isinstance(self.sandbox._api, EffectsApi)
        self.api = self.sandbox._api
        self.api.folder = self.folder
        self.engine = open_engine(f"sqlite:///{self.folder / 'pins.db'}")
        self.registry = Registry(self.engine, self.engine, in_meet=False)
        secret = self.sandbox.api_secret
        self.connection = Connection(url=self.sandbox.url, api_key=self.sandbox.api_key, api_secret=secret)
        self.settings = Settings(profile="test", connection_or_none=self.connection, room_pattern="room-.*")

    # --- one state ---

    async def once(self) -> None:
        """A random state, one command among faults, and all that must hold."""
        self._new_state()
        before = self._contents()
        kind = self.entropy.choice(["create", "delete", "update", "rotate"])
        result, journal = await self._among_faults(self._command(kind), kind)
        self.sandbox.lift_faults()
        self.api.on_create = lambda _rule: None
        audit = [entry for entry in read_audit(self.folder) if entry.run == journal.run]
        self._check_audit(audit)
        if kind == "rotate":
            await self._check_rotation(result)
        else:
            self._check_error(kind, result, audit)
            await self._check_undo(kind, journal.run, before)
        self.figures["states"] += 1

    def _new_state(self) -> None:
        store, entropy = self.sandbox.store, self.entropy
        self.sandbox.lift_faults()
        store.rules.clear()
        store.rooms.clear()
        (self.folder / AUDIT_FILE).unlink(missing_ok=True)
        with self.engine.begin() as connection:
            for table in OURS.sorted_tables:
                if table is not schema:
                    connection.execute(table.delete())
        self.registry.give([(room, PINS[room]) for room in HERE])
        for room in HERE[entropy.randint(0, 1) :]:
            for trunk in entropy.choice([("",), ("",), ("ST_1", "ST_2")]):
                plant(self.sandbox, room, PINS[room], trunks=(trunk,) if trunk else ())
        if entropy.random() < 0.3:
            store.open_room(entropy.choice(HERE))
        self.api.effects.clear()
        self.api._last_answers.clear()  # a list may lag, but not behind another state
        self.rival = entropy.random() < 0.3
        self.api.on_create = self._rival if self.rival else (lambda _rule: None)

    def _rival(self, created: SIPDispatchRuleInfo) -> None:
        """Another host creates a rule for the same calls at the same moment."""
        pin = created.rule.dispatch_rule_direct.pin
        plant(self.sandbox, "elsewhere", pin, name="theirs", trunks=tuple(created.trunk_ids))
        self.figures["rival created"] += 1

    def _contents(self) -> list[str]:
        """What the stored rules of ours say, whatever their ids."""
        rules = map(rule_from_message, self.sandbox.store.rules.values())
        return sorted(repr(without_marks(rule)) for rule in rules if MARK.owns(rule))

    # --- the command ---

    def _command(self, kind: str) -> Use:
        rules = list(map(rule_from_message, self.sandbox.store.rules.values()))
        some = self.entropy.choice(rules)
        if kind == "create":
            room = HERE[0]
            return lambda writer: create_rule(writer, DispatchRule(name=f"SIP_{room}", room_name=room, pin=PINS[room]))
        if kind == "delete":
            return lambda writer: delete_rule(writer, some.sip_dispatch_rule_id)
        if kind == "update":
            return lambda writer: update_rule(writer, some.sip_dispatch_rule_id, {"metadata": "new"})
        return self._rotate(HERE[: self.entropy.randint(1, 3)])

    def _rotate(self, rooms: Sequence[str]) -> Use:
        def draw() -> str:
            return f"{self.entropy.randrange(10**10):010}"

        async def rotate(writer: Writer) -> list[Rotated]:
            held = self.registry.known(rooms)
            rotator = Rotator(self.registry, writer.client, self.settings, writer.journal, draw)
            return await rotator.rotate([held[room] for room in rooms])

        return rotate

    async def _among_faults(self, use: Use, kind: str) -> tuple[object, Journal]:
        """The command's result, its error, or None if it was killed."""
        kill_at = self.entropy.randint(1, 14) if self.entropy.random() < 0.4 else -1
        rate = self.entropy.choice([0.0, 0.15, 0.4])
        around = Disturbed(self.sandbox, self.entropy, self.figures, rate, PINS, kill_at)
        journal = MortalJournal(folder=self.folder, command="sipctl test", profile="test", url=self.sandbox.url)
        journal.around = around
        try:
            async with StormyClient(self.connection, timeout_s=0.3) as client:
                client.around = around
                result = await use(self._writer(client, journal))
        except KilledError:
            return None, journal
        except BaseExceptionGroup as group:
            _, rest = group.split(KilledError)
            if rest:
                raise
            return None, journal
        except SipctlError as error:
            name = "partly" if isinstance(error, PartialError) else "refused"
            self.figures[f"{name} {kind}"] += 1
            return error, journal
        self.figures[f"done {kind}"] += kind != "rotate"
        return result, journal

    def _writer(self, client: LiveKitClient, journal: Journal, *allow: str) -> Writer:
        return Writer(client, self.settings, Permit(allow=frozenset(allow)), journal, self.registry.today)

    async def _calm(self, use: Callable[[Writer], Awaitable[Any]], *allow: str) -> Any:
        journal = Journal(folder=self.folder, command="sipctl test", profile="test", url=self.sandbox.url)
        async with LiveKitClient(self.connection, timeout_s=5) as client:
            return await use(self._writer(client, journal, *allow))

    # --- what must hold ---

    def _check_audit(self, audit: Sequence[Entry]) -> None:
        """Each write that took effect stood in the audit before, and none of them is called failed."""
        assert all(effect.was_intended for effect in self.api.effects), self.api.effects
        latest = {entry.item: entry for entry in audit}
        made = Counter(effect.method for effect in self.api.effects)
        created = [one for one in latest.values() if one.action in {"create", "put-back"} and one.result != "failed"]
        assert made["CreateSIPDispatchRule"] <= len(created), (made, created)
        for effect in self.api.effects:
            if effect.method != "CreateSIPDispatchRule":
                resource = f"rule {effect.rule.sip_dispatch_rule_id}"
                assert any(one.resource == resource and one.result != "failed" for one in latest.values()), effect
        self.figures["put back"] += any(one.action == "put-back" and one.result == "done" for one in audit)
        self.figures["taken back"] += any(one.action == "withdraw" and one.result == "done" for one in audit)

    def _check_error(self, kind: str, result: object, audit: Sequence[Entry]) -> None:
        """An error that is no PartialError leaves nothing behind, or no one knows."""
        if not isinstance(result, SipctlError) or isinstance(result, PartialError):
            return
        done = Counter(entry.action for entry in audit if entry.result == "done")
        remaining = done["create"] - done["withdraw"] + done["update"] + done["delete"] - done["put-back"]
        assert remaining <= 0, (kind, result, done)
        if surely_without_effect(result) and not isinstance(result, ChangedError):
            net = Counter(effect.method for effect in self.api.effects)
            assert net["CreateSIPDispatchRule"] == net["DeleteSIPDispatchRule"], (kind, result, net)
            assert not net["UpdateSIPDispatchRule"], (kind, result, net)

    async def _check_undo(self, kind: str, run: str, before: list[str]) -> None:
        """However the command ended: restoring its run brings back what stood, with the PINs of today.

        What others changed meanwhile stays: a rule that was edited, and one whose PIN was rotated after it was written.
        """
        damage_audit(self.folder, self.entropy)
        is_rotated = self.entropy.random() < 0.3
        if is_rotated:
            self.figures["rotated before the undo"] += 1
            await self._calm(self._rotate(HERE))
        rotated = {PINS[one.room]: one.pin for one in self.registry.holdings()}
        self.api.effects.clear()
        entries = [entry for entry in read_audit(self.folder) if entry.run == run]
        if entries:
            await self._calm(lambda writer: self._undo(writer, entries_of(entries, runs=[run])), "live-room")
            self.figures["undone"] += 1
        self._check_no_pin_came_back()
        for old, new in rotated.items():
            before = [text.replace(old, new) for text in before]
        stays = self.rival or self.was_edited() or (is_rotated and kind != "delete")
        if not stays:
            now = self._contents()
            assert now == sorted(before), sorted(set(now) ^ set(before))

    def _check_no_pin_came_back(self) -> None:
        """No rule was created with a PIN that the registry took away."""
        for effect in self.api.effects:
            pin = effect.rule.rule.dispatch_rule_direct.pin
            holder = self.registry.holders([pin]).get(pin)
            created = effect.method == "CreateSIPDispatchRule"
            assert not (created and holder and holder.state == RETIRED), effect

    def was_edited(self) -> bool:
        return any("edited" in rule.metadata for rule in self.sandbox.store.rules.values())

    async def _undo(self, writer: Writer, entries: Sequence[Entry]) -> None:
        today = self.registry.today(rules_before(entries))

        def returning(rule: DispatchRule) -> Returning:
            return as_of_today(rule, today, MARK)

        stored = tuple(await writer.client.list_rules())
        steps = plan_undo(entries, Present(stored, ["ST_1", "ST_2"], {}, returning))
        for attempt in await restore(writer, steps, StopSwitch()):
            assert self.rival or attempt.error is None, attempt

    async def _check_rotation(self, result: object) -> None:
        """Each room is as it was, or rotated, or half-way; a recovery then leaves none half-way."""
        pins = {one.room: one.pin for one in self.registry.holdings()}
        for one in result if isinstance(result, list) else ():
            name = "partly" if isinstance(one.error, PartialError) else "refused" if one.error else "done"
            self.figures[f"{name} rotate"] += 1
            rules = {rule.pin for rule in self._rules_of(one.room)}
            if one.error is None:
                assert pins[one.room] == one.new_pin
                assert rules <= {one.new_pin}, (one, rules)
            elif not isinstance(one.error, PartialError):
                assert pins[one.room] == PINS[one.room], one
                assert rules <= {PINS[one.room]}, (one, rules)
        await self._recover()
        assert self.registry.unfinished() == []
        pins = {one.room: one.pin for one in self.registry.holdings()}
        for room in HERE:
            assert {rule.pin for rule in self._rules_of(room)} <= {pins[room]}, room

    async def _recover(self) -> None:
        async def recover(writer: Writer) -> None:
            rotator = Rotator(self.registry, writer.client, self.settings, writer.journal, lambda: "")
            assert [one.error for one in await rotator.recover() if one.error] == []

        await self._calm(recover)

    def _rules_of(self, room: str) -> list[DispatchRule]:
        rules = map(rule_from_message, self.sandbox.store.rules.values())
        return [replace(rule, metadata="") for rule in rules if rule.room_name == room and MARK.owns(rule)]


async def campaign(runs: int, seed: int, seconds: float = float("inf")) -> Counter[str]:
    """So many states, or as many as fit into the time; what happened and what was done."""
    sandbox = Sandbox()
    sandbox._api = EffectsApi(sandbox.store, sandbox.api_key, sandbox.api_secret)
    await sandbox.start()
    sandbox.store.entropy = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="sipctl-write-") as name:
        one = OneWrite(sandbox, Path(name), random.Random(seed))
        try:
            await repeat(one.once, runs, seed, seconds)
        finally:
            one.registry.close()
            await sandbox.stop()
    return one.figures


def main() -> None:
    run_from_command_line(__doc__, 10_000, EXPECTED, lambda runs, seed: asyncio.run(campaign(runs, seed)))


if __name__ == "__main__":
    main()
