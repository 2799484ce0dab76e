"""One purge or sync of a profile: its policy and limits, its registry, memory and lock, and what carries it out."""

import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from sipctl.config.model import Settings
from sipctl.config.paths import state_dir
from sipctl.errors import SafeguardError, UncheckedError, UsageError, unknown_value
from sipctl.operations.audit import Journal, utc_now
from sipctl.operations.batch import Pace, StopSwitch, stopping_on_signals
from sipctl.operations.change import Writer
from sipctl.operations.lock import CheckLock
from sipctl.operations.safeguards import Permit, check_profile
from sipctl.operations.sync.executor import Executor, RunContext
from sipctl.operations.sync.livekit import ByLiveKit
from sipctl.operations.sync.request import Request
from sipctl.operations.sync.result import Outcome
from sipctl.operations.sync.survey import Surveyor
from sipctl.operations.sync.synchroniser import Limits, Synchroniser
from sipctl.operations.sync.webhook import ByWebhook
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.plan import Part, Policy, State
from sipctl.telephony.returning import PinsToday

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient
    from sipctl.registry.observations import Observations
    from sipctl.registry.store import Registry

T = TypeVar("T")

_SETTLE_S: Final = 5.0
"""How long a backend may take to write a rule after it was sent an event; Meet takes under two seconds."""


class Connections(Protocol):
    """What a run needs of the session that asks for it."""

    check_lock: CheckLock
    stopped_by: int

    @property
    def settings(self) -> Settings:
        """The merged configuration."""

    @property
    def journal(self) -> Journal:
        """The audit."""

    def has_registry(self) -> bool:
        """Whether there is a registry of PINs."""

    def registry(self) -> AbstractContextManager["Registry"]:
        """That registry."""

    def observations(self) -> "Observations":
        """The memory of runs."""

    def lock(self, wait_s: float) -> AbstractContextManager[None]:
        """The lock of the server."""

    def pins_today(self, rules: Sequence[DispatchRule]) -> PinsToday | None:
        """What the registry says today of these rules."""

    def livekit(self, use_case: Callable[["LiveKitClient"], Awaitable[T]]) -> T:
        """Runs a use case against the server."""

    def note(self, text: str) -> None:
        """Tells the reader something."""

    def ticking(self) -> AbstractContextManager[Callable[[], None]]:
        """What is called for each change that ended."""


def run_sync(connections: Connections, request: Request) -> Outcome:
    """Run it, under the lock of the server if it applies.

    Raises:
        UsageError: the request names no executor, or one that the profile has no address for.
        SafeguardError: a safeguard forbids it; nothing was changed.
        SipctlError: as `Synchroniser.run`.
    """
    settings = connections.settings
    request = _by_own_names(connections, request)
    if request.applies:
        check_profile(settings, request.permit)
    policy = _policy(settings, request, by_backend=_is_by_backend(connections, request))
    limits = _limits(settings, request)
    with (
        _lock(connections, request) if request.applies else nullcontext(),
        _observations(connections, limits) as observations,
        _registry(connections, policy) as registry,
    ):
        return _observe_and_act(connections, request, policy, limits, observations, registry)


def _by_own_names(connections: Connections, request: Request) -> Request:
    """The request with LiveKit's names for its rooms, where Meet's table knows other ones.

    Raises:
        NotFoundError, UsageError: it knows no room of this name, or several.
    """
    if not (request.rooms and connections.settings.registry.is_backends):
        return request
    with connections.registry() as registry:
        is_ours = connections.settings.mark.is_ours
        rooms = [room if is_ours(room) else registry.find(room).room for room in request.rooms]
    return replace(request, rooms=rooms)


def _policy(settings: Settings, request: Request, *, by_backend: bool) -> Policy:
    grace = settings.purge.grace if request.grace is None else request.grace
    return Policy(
        mark=settings.mark,
        grace=request.look_twice or grace,
        protect=frozenset(settings.protect),
        trunk_ids=settings.trunk_ids,
        parts=request.parts,
        rooms=frozenset(request.rooms) or None,
        unattended="unattended" in request.permit.allow,
        by_backend=by_backend,
        number=settings.telephony.dialled,
        telephony_off=settings.telephony.is_off and "telephony-off" not in request.permit.allow,
    )


def _limits(settings: Settings, request: Request) -> Limits:
    count, percent = request.max_delete, request.max_delete_percent
    return Limits(
        apply=request.applies,
        max_delete=settings.purge.max_delete if count is None else count,
        max_delete_percent=settings.purge.max_delete_percent if percent is None else percent,
        look_twice=request.look_twice,
    )


def _is_by_backend(connections: Connections, request: Request) -> bool:
    """Whether the backend makes the changes; by default where it can be sent events, and no registry knows its PINs."""
    url = connections.settings.webhook_url
    if request.via not in {None, "livekit", "webhook"}:
        raise unknown_value("--via", str(request.via), ("livekit", "webhook"))
    if request.via == "webhook" and not url:
        raise UsageError("--via webhook needs the profile's webhook_url", hint="SIPCTL_WEBHOOK_URL sets it, too")
    if request.via is None:
        return bool(url) and not connections.has_registry()
    return request.via == "webhook"


def _lock(connections: Connections, request: Request) -> AbstractContextManager[None]:
    """The lock of this server. A run that can keep no audit is refused before it observes."""
    try:
        folder = state_dir()
    except UncheckedError as error:
        raise SafeguardError(
            f"cannot keep the audit: {error.message}", code="rail-no-state", hint=error.advice
        ) from error
    if not os.access(folder, os.W_OK):
        raise SafeguardError(
            f"cannot keep the audit: {folder} is not writable",
            code="rail-no-state",
            hint="SIPCTL_STATE_DIR names another",
        )
    return connections.lock(request.lock_wait_s)


@contextmanager
def _observations(connections: Connections, limits: Limits) -> Iterator["Observations | None"]:
    """The memory of runs. Without one nothing is deleted, unless this run observes twice itself."""
    try:
        observations = connections.observations()
    except UncheckedError as error:
        if limits.apply and limits.look_twice is None:
            raise SafeguardError(
                f"cannot remember this observation: {error.message}",
                code="rail-no-state",
                hint="make the state folder writable, or observe twice in one run with --look-twice 60s",
            ) from error
        connections.note(f"note: this observation is not remembered: {error.message}")
        yield None
        return
    try:
        yield observations
    finally:
        observations.close()


@contextmanager
def _registry(connections: Connections, policy: Policy) -> Iterator["Registry | None"]:
    """The registry, where there is one and its PINs are wanted: of a backend that makes the rules, only its own."""
    named = connections.settings.registry
    is_wanted = named.is_backends if policy.by_backend else connections.has_registry()
    if policy.parts == {Part.PURGE} or not is_wanted:
        yield None
        return
    with connections.registry() as registry:
        yield registry


def _observe_and_act(
    connections: Connections,
    request: Request,
    policy: Policy,
    limits: Limits,
    observations: "Observations | None",
    registry: "Registry | None",
) -> Outcome:
    settings, journal = connections.settings, connections.journal
    switch = StopSwitch(check_lock=connections.check_lock)

    async def act(client: "LiveKitClient") -> Outcome:
        writer = Writer(client, settings, Permit(), journal, connections.pins_today)
        with connections.ticking() as tick, stopping_on_signals(switch):

            def executor_for(state: State) -> Executor:
                context = RunContext(writer, state, switch, Pace(per_second=request.rate), tick)
                if not policy.by_backend:
                    return ByLiveKit(context)
                return ByWebhook(context, settings.webhook_url or "", request.timeout_s, _SETTLE_S, time.time)

            surveyor = Surveyor(client, policy, registry, observations, utc_now)
            outcome = await Synchroniser(surveyor, observations, journal, limits, executor_for, switch).run()
            return replace(outcome, lost=switch.lost, by_backend=policy.by_backend)

    outcome = connections.livekit(act)
    connections.stopped_by = switch.signal_number
    return outcome
