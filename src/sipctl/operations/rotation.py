"""Rotating PINs: registry and live rule change together or neither.

A rotation is noted, with the new PIN reserved, before LiveKit is touched; then the rule is replaced; then, in one
transaction, the new PIN is the room's, the old one in quarantine and the note gone. Whoever finds a note finishes it
forward: each step may be repeated. docs/adr/rotation.md tells every crash point.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sipctl.config.model import Settings
from sipctl.errors import ConflictError, NotFoundError, PartialError, SipctlError, UncheckedError
from sipctl.operations.journal import Journal
from sipctl.registry.store import Holding, Registry, Rotation
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.pins import PinPolicy

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

_NO_EFFECT: Final = frozenset({"refused", "dns", "tls", "gateway", "unreachable"})
"""Codes of failures after which LiveKit cannot have changed anything."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """One room of a rotation: its new PIN, or the error that kept the old one."""

    room: str
    new_pin: str = ""
    rules: tuple[str, ...] = ()
    error: SipctlError | None = None


@dataclass(slots=True)
class Rotator:
    """What a rotation works with. `client` None = the profile has no LiveKit: the registry alone changes.

    `on_step` is told each step that was done: "reserved", "rule", "switched".
    """

    registry: Registry
    client: "LiveKitClient | None"
    settings: Settings
    journal: Journal
    policy: PinPolicy
    draw: Callable[[], str]
    on_step: Callable[[str], None] = lambda _step: None

    async def rotate(self, holding: Holding) -> Rotated:
        """Give a room another PIN.

        Raises:
            NotFoundError: it has none.
            ConflictError: no free PIN was found, or a rotation of this room was begun and not ended.
            SipctlError: LiveKit failed; the registry is as before unless the error says otherwise.
        """
        if not holding.pin:
            raise NotFoundError(f"room {holding.room!r} has no PIN", hint="`sipctl pin assign` gives it one")
        rotation = self._reserve(holding)
        self.on_step("reserved")
        return await self._carry_on(rotation, may_cancel=True)

    def _reserve(self, holding: Holding) -> Rotation:
        for _ in range(max(self.settings.telephony.pin_max_retries, 1)):
            pin = self.draw()
            if self.registry.reserve(holding.room, holding.pin, pin):
                return Rotation(holding.room, holding.pin, pin, "")
        raise ConflictError(f"no free PIN for {holding.room!r}", code="no-pin-left", hint="raise the PIN length")

    async def recover(self, rotation: Rotation) -> Rotated:
        """Finish a rotation that an earlier run began; it is never given up, for the rule may have changed already."""
        return await self._carry_on(rotation, may_cancel=False)

    async def _carry_on(self, rotation: Rotation, *, may_cancel: bool) -> Rotated:
        intent = self.journal.intend(
            "rotate", f"room {rotation.room}", {"pin": rotation.old_pin}, {"pin": rotation.new_pin}
        )
        try:
            rules = await self._old_rules(rotation, may_cancel=may_cancel)
            await self._replace(rules, rotation, may_cancel=may_cancel)
            self.on_step("rule")
            self.registry.switch(rotation)
        except SipctlError as error:
            self.journal.conclude(intent, error=error.message)
            raise
        self.journal.conclude(intent)
        self.on_step("switched")
        return Rotated(rotation.room, rotation.new_pin, tuple(rule.sip_dispatch_rule_id for rule in rules))

    async def _old_rules(self, rotation: Rotation, *, may_cancel: bool) -> list[DispatchRule]:
        """The room's rules that still carry the old PIN."""
        if self.client is None:
            return []
        mark = self.settings.mark
        try:
            rules = list(await self.client.list_rules())
        except SipctlError:
            if may_cancel:
                self.registry.cancel(rotation)
            raise
        return [
            rule
            for rule in rules
            if rule.room_name == rotation.room and rule.pin == rotation.old_pin and mark.owns(rule)
        ]

    async def _replace(self, rules: list[DispatchRule], rotation: Rotation, *, may_cancel: bool) -> None:
        """Write the new PIN into the rules. If LiveKit surely did nothing, the rotation is given up.

        Raises:
            PartialError: nobody can tell whether the rule was changed; the note stays.
        """
        for at, rule in enumerate(rules):
            try:
                if self.client:
                    await self.client.replace_rule(rule, replace(rule, pin=rotation.new_pin))
            except SipctlError as error:
                if at == 0 and may_cancel and _surely_without_effect(error):
                    self.registry.cancel(rotation)
                    raise
                raise PartialError(
                    f"the rotation of {rotation.room!r} stands half-way: {error.message}",
                    code="half-way",
                    hint="`sipctl pin rotate --recover` finishes it",
                ) from error


def _surely_without_effect(error: SipctlError) -> bool:
    """Whether the rule is certainly as it was: LiveKit refused, or never got the request."""
    return not isinstance(error, UncheckedError) or error.code in _NO_EFFECT


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """Which rooms are rotated, and which are left out because they are live."""

    rooms: tuple[Holding, ...]
    live: tuple[Holding, ...]


def plan_rotation(holdings: Iterable[Holding], live_rooms: frozenset[str], allow: frozenset[str]) -> RotationPlan:
    """Sort rooms with a PIN into those that may be rotated and those that a caller may be dialling right now."""
    with_pin = [holding for holding in holdings if holding.pin]
    spared = () if "live-room" in allow else tuple(holding for holding in with_pin if holding.room in live_rooms)
    names = {holding.room for holding in spared}
    return RotationPlan(tuple(holding for holding in with_pin if holding.room not in names), spared)


async def rotate_all(rotator: Rotator, plan: RotationPlan) -> list[Rotated]:
    """Rotate each room of a plan; one that fails does not stop the others."""
    results = []
    for holding in plan.rooms:
        try:
            results.append(await rotator.rotate(holding))
        except SipctlError as error:
            results.append(Rotated(holding.room, error=error))
    return results


async def recover_all(rotator: Rotator) -> list[Rotated]:
    """Finish every rotation that was begun and not ended."""
    results = []
    for rotation in rotator.registry.unfinished():
        try:
            results.append(await rotator.recover(rotation))
        except SipctlError as error:
            results.append(Rotated(rotation.room, error=error))
    return results
