"""Faults that the sandbox plants on request, between the network and the service or in the store."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from google.protobuf.message import Message
from livekit.protocol.sip import SIPDispatchRule, SIPDispatchRuleDirect, SIPDispatchRuleInfo

from sipctl.errors import UsageError
from sipctl.sandbox.store import Store

NETWORK_FAULTS: Final = {
    "latency": "answer after this many milliseconds",
    "status": "answer this HTTP status with a text",
    "page": "answer 200 with a web page",
    "hang": "never answer",
    "cut": "close the connection in the middle of the answer",
    "flaky": "answer 503 to so many calls of a hundred, at random",
    "empty-list": "answer lists as if there were nothing",
    "lagging-list": "answer lists as they were at the call before",
}
WEBHOOK_FAULTS: Final = {
    "webhook-lost": "lose the event",
    "webhook-late": "send the event after this many milliseconds, and what follows in its room after it",
    "webhook-doubled": "send the event twice",
    "webhook-reordered": "send the next event of the room first",
    "webhook-hang": "never end the delivery, nor begin another of the room",
}
"""Faults of deliveries; what is written behind `@` is an event."""
MEANWHILE_FAULTS: Final = {
    "comes-alive": "let someone into the room of the rule that a call names, right before it is done",
    "edited": "change the rules that a call names, right before it is done",
}
STATE_FAULTS: Final = {
    "no-redis": "be a server without redis: SIP fails, rooms work",
    "redis-lost": "be a server that lost its redis",
    "dead-node": "kill the node of every room: they stay listed as ghosts, and no one answers for them",
    "conflict-pair": "store two rules for the same calls, as a race leaves them",
}
SIP_FAULTS: Final = {
    "sip-silence": "the SIP node never answers",
    "sip-delay": "it answers after this many milliseconds",
    "sip-drop": "it loses every nth request",
    "sip-busy": "it answers 503, and wants to be asked again after this many seconds",
    "sip-garbage": "it answers with bytes that are no SIP",
    "sip-oversize": "it answers with some 64 kB",
    "sip-elsewhere": "it answers from another port (UDP)",
    "sip-certificate-wrong": "its certificate is for another host",
    "sip-certificate-expired": "its certificate ended yesterday",
    "sip-certificate-wildcard": "its certificate has a wildcard alone",
}
"""Faults of the SIP node; `@METHOD` is a SIP method."""
_NUMBERS: Final = {
    "latency": (0, 3_600_000), "status": (200, 599), "flaky": (0, 100), "sip-delay": (0, 3_600_000),
    "sip-drop": (1, 1000), "sip-busy": (0, 86_400), "webhook-late": (0, 3_600_000),
}  # fmt: skip
"""The faults that need a number, and its bounds."""

_WRITTEN: Final = re.compile(r"([a-z-]+)(?:=([0-9]{1,30}))?(?:@([A-Za-z_]{1,100}))?\Z")
_TIMES_LIMIT: Final = 1_000_000
_LIMIT: Final = 1000
"""The most faults at once: each call is held against all of them."""
_ALL: Final = NETWORK_FAULTS | WEBHOOK_FAULTS | MEANWHILE_FAULTS | STATE_FAULTS | SIP_FAULTS
_GUEST: Final = "sandbox-guest"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: `value` is its number, `method` the one method it hits ("" = all), `times` how often (0 = always)."""

    name: str
    value: int = 0
    method: str = ""
    times: int = 0

    @classmethod
    def parse(cls, text: str, *, times: int = 0) -> "Fault":
        """A fault from `NAME[=VALUE][@METHOD]`.

        Raises:
            UsageError: there is no such fault, it needs a number, or a number is out of its bounds.
        """
        name = re.split("[=@]", text, maxsplit=1)[0]
        if name not in _ALL:
            raise UsageError(f"no fault {name[:60]!r}", hint=f"there are {', '.join(_ALL)}")
        written = _WRITTEN.match(text)
        if written is None or (name in _NUMBERS) != bool(written[2]):
            form = f"{name}=NUMBER" if name in _NUMBERS else name
            raise UsageError(f"the fault {text[:60]!r} is written {form} or {form}@METHOD")
        value = int(written[2] or 0)
        if name in _NUMBERS:
            _refuse_outside(name, value, *_NUMBERS[name])
        _refuse_outside("times", times, 0, _TIMES_LIMIT)
        return cls(name, value, written[3] or "", times)


def _refuse_outside(what: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise UsageError(f"{what} is a number from {lowest} to {highest}")


@dataclass(slots=True)
class Faults:
    """The faults in force."""

    active: list[Fault] = field(default_factory=list)

    def plant(self, fault: Fault, store: Store) -> None:
        """Put a fault in force.

        Raises:
            UsageError: there are too many already.
        """
        if fault.name in STATE_FAULTS:
            _STATE[fault.name](store)
        elif len(self.active) == _LIMIT:
            raise UsageError(f"there are {_LIMIT} faults already", hint="end them first")
        else:
            self.active.append(fault)

    def lift(self, store: Store) -> None:
        """End every fault. Stored rules stay."""
        self.active.clear()
        store.redis = "connected"

    @property
    def of_certificates(self) -> str:
        """The name of the fault of the SIP node's certificate, "" = it is a good one."""
        return next((fault.name for fault in self.active if fault.name.startswith("sip-certificate")), "")

    def strike(self, method: str, *, of_sip: bool = False, of_webhooks: bool = False) -> list[Fault]:
        """The faults that hit this call, request of SIP or event; one planted for so many times ends with the last."""
        struck, kept = [], []
        for fault in self.active:
            is_of_kind = (of_sip, of_webhooks) == (fault.name in SIP_FAULTS, fault.name in WEBHOOK_FAULTS)
            hits = fault.method in {"", method} and is_of_kind
            if hits:
                struck.append(fault)
            if not (hits and fault.times == 1):
                kept.append(replace(fault, times=fault.times - 1) if hits and fault.times else fault)
        self.active = kept
        return struck


def do_meanwhile(faults: Iterable[Fault], store: Store, request: Message) -> None:
    """What happens between the arrival of a call and its being done."""
    for fault in faults:
        if fault.name in _MEANWHILE:
            for rule in _named_rules(store, request):
                _MEANWHILE[fault.name](store, rule)


def _named_rules(store: Store, request: Any) -> list[SIPDispatchRuleInfo]:  # noqa: ANN401 - any method's request
    one, several = getattr(request, "sip_dispatch_rule_id", ""), getattr(request, "dispatch_rule_ids", ())
    return [store.rules[identifier] for identifier in (one, *several) if identifier in store.rules]


def _enter(store: Store, rule: SIPDispatchRuleInfo) -> None:
    store.join(rule.rule.dispatch_rule_direct.room_name, _GUEST)


def _edit(_store: Store, rule: SIPDispatchRuleInfo) -> None:
    rule.metadata += "edited "


_MEANWHILE: Final[dict[str, Callable[[Store, SIPDispatchRuleInfo], None]]] = {"comes-alive": _enter, "edited": _edit}


def _without_redis(store: Store) -> None:
    store.redis = "none"


def _losing_redis(store: Store) -> None:
    store.redis = "lost"


def _kill_node(store: Store) -> None:
    for room in store.rooms.values():
        room.ghost = True


def plant_conflict_pair(store: Store) -> None:
    """Two rules for the same calls, as simultaneous creates leave them: a twin of a stored rule, if there is one."""
    rule = next(iter(store.rules.values()), None) or _add_rule(store, _some_rule())
    _add_rule(store, rule)


def _some_rule() -> SIPDispatchRuleInfo:
    direct = SIPDispatchRuleDirect(room_name="conflict", pin="1234567890")
    return SIPDispatchRuleInfo(rule=SIPDispatchRule(dispatch_rule_direct=direct), name="SIP_conflict")


def _add_rule(store: Store, rule: SIPDispatchRuleInfo) -> SIPDispatchRuleInfo:
    added = SIPDispatchRuleInfo()
    added.CopyFrom(rule)
    added.sip_dispatch_rule_id = store.new_id("SDR_")
    store.rules[added.sip_dispatch_rule_id] = added
    return added


_STATE: Final[dict[str, Callable[[Store], None]]] = {
    "no-redis": _without_redis,
    "redis-lost": _losing_redis,
    "dead-node": _kill_node,
    "conflict-pair": plant_conflict_pair,
}
