"""Rules that take the same calls: which they are, and why one of them cannot be stored."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sipctl.command_line import CommandLine
from sipctl.errors import ConflictError, PoisonPairError
from sipctl.operations.audit import utc_now
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ruleset import rule_conflicts, rule_keys

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

CREATE_TRIES: Final = 3


_PAUSE_S: Final = (0.05, 0.5)


_SETTLED: Final = timedelta(seconds=10)


class EqualRuleExistsError(ConflictError):
    """A rule of equal content exists already: what was wanted is there."""

    def __init__(self, rule: DispatchRule) -> None:
        super().__init__(f"rule {rule.sip_dispatch_rule_id} is equal already")
        self.rule = rule


def clashing(stored: Iterable[DispatchRule], rule: DispatchRule) -> list[DispatchRule]:
    """The other stored rules that take calls of this one."""
    keys = set(rule_keys(rule))
    others = (other for other in stored if other.sip_dispatch_rule_id != rule.sip_dispatch_rule_id)
    return [other for other in others if not keys.isdisjoint(rule_keys(other))]


async def refuse_clash(client: "LiveKitClient", rule: DispatchRule) -> None:
    """Stop at a stored rule that takes calls of this one.

    Raises:
        EqualRuleExistsError: it is equal, and there for good.
        ConflictError: it is another one.
    """
    clashes: list[DispatchRule] = []
    for _ in range(CREATE_TRIES):
        clashes = clashing(await client.list_rules(), rule)
        equal = next((other for other in clashes if without_marks(other) == without_marks(rule)), None)
        if equal is None:
            break
        if await _stays(client, equal):
            raise EqualRuleExistsError(equal)
    if clashes:
        show = CommandLine.of("rules", "show").on(clashes[0].sip_dispatch_rule_id)
        raise ConflictError(
            f"rule {clashes[0].sip_dispatch_rule_id} ({clashes[0].name or 'unnamed'}, room {clashes[0].room_name!r})"
            " already takes calls with this trunk, number and PIN",
            hint=(show, " shows it; choose another PIN, or delete it"),
        )


def poison_pair(rules: Iterable[DispatchRule]) -> PoisonPairError | None:
    """What keeps LiveKit from storing any rule: two that clash, for it checks all of them at each create.

    See livekit/protocol sip/sip.go.
    """
    conflict = next(rule_conflicts(sorted(rules, key=lambda rule: rule.sip_dispatch_rule_id)), None)
    if conflict is None:
        return None
    first, second = (
        f"{rule.sip_dispatch_rule_id} (room {rule.room_name!r})" for rule in (conflict.first, conflict.second)
    )
    return PoisonPairError(
        f"the stored rules {first} and {second} take the same calls: LiveKit refuses every new rule until one goes",
        hint=(CommandLine.of("rules", "sync"), " shows what puts them right; or delete one of them"),
    )


async def _stays(client: "LiveKitClient", rule: DispatchRule) -> bool:
    """Whether a rule is there for good: one that was made just now may be taken back by the run that made it."""
    if rule.created_at and rule.created_at < timestamp(utc_now() - _SETTLED):
        return True
    await pause()
    return any(await client.list_rules([rule.sip_dispatch_rule_id]))


async def pause() -> None:
    """Wait for some tenths of a second, so that two runs that meet do not meet again."""
    await asyncio.sleep(random.uniform(*_PAUSE_S))  # noqa: S311 - a pause, not a secret


def without_marks(rule: DispatchRule) -> DispatchRule:
    """What makes two rules the same: all but the id, the times, and the empty `media` that LiveKit adds."""
    trunk_ids = tuple(sorted(rule.trunk_ids))
    return replace(rule, sip_dispatch_rule_id="", trunk_ids=trunk_ids, media=None, created_at=None, updated_at=None)


def timestamp(when: datetime) -> str:
    """A time as LiveKit's JSON has it, to the second."""
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")
