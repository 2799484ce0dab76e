"""The lifecycle of rooms, for backends that have none: events are hints, and LiveKit's own state is the truth.

An event names a room, which a run of the sync then brings in order, behind all of its safeguards; each minute a run
brings all rooms in order. So an event that is lost, late, doubled or out of order changes nothing but the moment.
Nothing is kept of events but the names of rooms, and only until they are served.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from sipctl.errors import SafeguardError, SipctlError, UsageError
from sipctl.operations.pins import assign, policy_of
from sipctl.operations.safeguards import Permit, check_sole_issuer
from sipctl.operations.snapshot import read_live
from sipctl.operations.sync.request import Request
from sipctl.operations.sync.result import Done, Outcome
from sipctl.operations.sync.run import Connections, run_sync
from sipctl.operations.webhooks.gauges import Gauges
from sipctl.operations.webhooks.hints import Hints
from sipctl.telephony.plan import Item, Part, pending

if TYPE_CHECKING:
    from sipctl.webhooks.receiver import Delivery

_ALL_EVERY_S: Final = 60.0
_LOCK_WAIT_S: Final = 10.0
_STUCK_S: Final = 300.0
"""After so long without a sync of all rooms something hangs."""
_WRITES: Final = frozenset({Part.CREATE, Part.REPAIR})
_EMPTY_LIST: Final = "rail-empty-list"
"""The last room ended, so far as is known: that is no failure, and counts after the grace."""
_WAITS: Final = frozenset({_EMPTY_LIST, "locked"})


class LongConnections(Connections, Protocol):
    """What a process needs that runs the sync again and again."""

    def begin_anew(self) -> None:
        """The next run is another one in the audit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms rules are written. `grace` None = the profile's; `assigns` = rooms get a PIN if they have none."""

    permit: Permit
    grace: timedelta | None
    assigns: bool
    timeout_s: float
    every_s: float = _ALL_EVERY_S


@dataclass(slots=True)
class Health:
    """Whether the last sync of all rooms went well. May be read from any thread."""

    clock: Callable[[], float] = time.monotonic
    failure: str = "no sync of all rooms ended yet"
    _ended: float | None = None
    _lock: Lock = field(default_factory=Lock)

    def note(self, failure: str) -> None:
        """A sync of all rooms ended; "" = well."""
        with self._lock:
            self.failure, self._ended = failure, self.clock()

    @property
    def fault(self) -> str:
        """What is wrong; "" if nothing."""
        with self._lock:
            if self._ended is not None and self.clock() - self._ended > _STUCK_S:
                return f"no sync of all rooms ended for {self.clock() - self._ended:.0f} s"
            return self.failure


@dataclass(slots=True)
class Lifecycle:
    """Serves rooms as their events come in. `describe` is given a line for each thing that is done or fails."""

    connections: LongConnections
    terms: Terms
    describe: Callable[[str], None]
    hints: Hints = field(default_factory=Hints)
    health: Health = field(default_factory=Health)
    gauges: Gauges = field(default_factory=Gauges)
    _shown: set[tuple[str, str, str]] = field(default_factory=set)
    _last: str = ""

    def check(self) -> None:
        """Refuse what could make no rule at all.

        Raises:
            UsageError: there is no registry of PINs, and none is to be made.
        """
        if not (self.terms.assigns or self.connections.has_registry()):
            raise UsageError(
                "there is no registry of PINs, and a room without a PIN gets no rule",
                hint="give --assign to draw a PIN for each room, or set the profile's registry",
            )

    def hear(self, delivery: "Delivery") -> int:
        """The status that answers a delivery; its room is served later, by the thread that runs `run`."""
        verdict = delivery.verdict
        self.gauges.note_event(verdict)
        if verdict.fault or verdict.head is None:
            return 401
        if verdict.head.room:
            self.hints.add(verdict.head.room, finished=verdict.head.name == "room_finished")
        return 200

    def run(self) -> None:
        """Serve until a signal comes. Bring all rooms in order at once, and then every minute."""
        clock, all_due = self.hints.clock, 0.0
        while not self.connections.stopped_by:
            if clock() >= all_due:
                self._serve_all()
                all_due = clock() + self.terms.every_s
            elif rooms := self.hints.take_due():
                self._serve(rooms)
            else:
                self.hints.wait(all_due)

    def _serve_all(self) -> None:
        failure = self._attempt("all", ())
        self.health.note(failure)
        self.gauges.healthy.set(not failure)
        self.gauges.ended.set_to_current_time()

    def _serve(self, rooms: Sequence[str]) -> None:
        ours = [room for room in rooms if self.connections.settings.mark.is_ours(room)]
        if ours:
            self._attempt("room", ours)  # what fails is tried again in two and ten seconds, and by the minute's run

    def _attempt(self, scope: str, rooms: Sequence[str]) -> str:
        """One run; why it failed, "" if it did not."""
        began, failure = time.monotonic(), ""
        try:
            self._sync(rooms)
        except SipctlError as error:
            waits = error.code in _WAITS
            failure = "" if error.code == _EMPTY_LIST else error.message
            self._describe_once("waiting" if waits else "failed", error)
        else:
            self._last = ""
        self.gauges.took.observe(time.monotonic() - began)
        self.gauges.runs.labels(scope, "failed" if failure else "ok").inc()
        return failure

    def _describe_once(self, word: str, error: SipctlError) -> None:
        """Say what failed, unless it was said already."""
        if error.message != self._last:
            self.describe(f"{word}: {error.message}{f' ({error.hint})' if error.hint else ''}")
        self._last = error.message

    def _sync(self, rooms: Sequence[str]) -> None:
        """First what rooms lack, then what is stale: a purge that a safeguard stops keeps no room from its rule.

        Raises:
            SipctlError: a run failed, or some of its changes did.
        """
        if self.terms.assigns and not self.terms.permit.dry_run:
            self._assign(rooms)
        failed = self._sync_parts(_WRITES, rooms)
        failed += self._purge(rooms)
        if failed and not self.connections.stopped_by:
            first = failed[0]
            raise SipctlError(f"room {first.item.room!r}: {first.message}", hint=first.advice)

    def _purge(self, rooms: Sequence[str]) -> list[Done]:
        """Delete what is stale. Where that is too much at once, the rooms that an event called finished go one by one.

        Raises:
            SafeguardError: it is too much, and no event says so.
        """
        try:
            return self._sync_parts(frozenset({Part.PURGE}), rooms)
        except SafeguardError as error:
            finished = [room for room in self.hints.finished() if not rooms or room in rooms]
            if error.code != "rail-many" or not finished:
                raise
            failed = []
            for room in finished:
                failed += self._sync_parts(frozenset({Part.PURGE}), [room])
            return failed

    def _sync_parts(self, parts: frozenset[Part], rooms: Sequence[str]) -> list[Done]:
        """One run of the sync; the changes that did not go well."""
        if self.connections.stopped_by:
            return []
        self.connections.begin_anew()
        outcome = run_sync(self.connections, self._request(parts, rooms))
        self._describe(outcome)
        if Part.PURGE in parts:
            still = {item.room for item in outcome.items if item.reason.row.part is Part.PURGE}
            done = {one.item.room for one in outcome.done if not one.failed}
            self.hints.forget_finished((set(rooms or self.hints.finished()) - still) | done)
        return [one for one in outcome.done if one.failed]

    def _request(self, parts: frozenset[Part], rooms: Sequence[str]) -> Request:
        return Request(
            parts=parts, permit=self.terms.permit, apply=True, grace=self.terms.grace, max_delete=None,
            max_delete_percent=None, look_twice=None, via="livekit", rooms=rooms, rate=0.0,
            lock_wait_s=_LOCK_WAIT_S, timeout_s=self.terms.timeout_s,
        )  # fmt: skip

    def _assign(self, rooms: Iterable[str]) -> None:
        """Draw a PIN for each live room of ours that has none, of all rooms or of these."""
        settings = self.connections.settings
        live = self.connections.livekit(read_live)
        wanted = [room for room in sorted(live.rooms) if settings.mark.is_ours(room) and (not rooms or room in rooms)]
        with self.connections.registry() as registry:
            check_sole_issuer(registry, settings.mark, live)
            known = registry.pins_of(wanted)
            missing = [room for room in wanted if room not in known]
            if not missing:
                return
            draws = settings.telephony.pin_max_retries
            for one in assign(
                registry, missing, policy_of(settings), self.connections.journal, draws=draws, taken=live.pins,
                below=secrets.randbelow,
            ):  # fmt: skip
                self.describe(f"assigned a PIN to room {one.room!r}")

    def _describe(self, outcome: Outcome) -> None:
        for one in outcome.done:
            self.gauges.note_change(one)
            self.describe(
                f"{one.item.action.value}: room {one.item.room!r} ({one.item.reason.row.words}): {one.message}"
            )
        if self.terms.permit.dry_run:
            self._describe_plan(pending(outcome.items))

    def _describe_plan(self, items: Iterable[Item]) -> None:
        """What a dry run would do, each thing once."""
        for item in items:
            key = (item.action.value, item.room, item.rule_id)
            if key not in self._shown:
                self._shown.add(key)
                self.describe(f"would {item.action.value}: room {item.room!r} ({item.reason.row.words})")
