"""What `rules purge` and `rules sync` do: the world they look at, the rails around it, what they tell."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from sipctl.cli.endings import exit_code, finish, partly_done, show
from sipctl.cli.session import Session
from sipctl.cli.views.metrics import write_sync_metrics
from sipctl.cli.views.plan import PlanView
from sipctl.command_line import prose_below, prose_text
from sipctl.config.paths import state_dir
from sipctl.config.values import DURATION_FAULT, read_duration
from sipctl.errors import ExitCode, PartialError, RailError, SipctlError, UncheckedError, UsageError
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.executing import Pace, StopSwitch, stopping_on_signals
from sipctl.operations.journal import utc_now
from sipctl.operations.sync.executor import Executor, RunContext
from sipctl.operations.sync.livekit import ByLiveKit
from sipctl.operations.sync.result import Outcome, Result
from sipctl.operations.sync.run import Limits, Synchroniser, told_duration
from sipctl.operations.sync.survey import Surveyor
from sipctl.operations.sync.webhook import ByWebhook
from sipctl.operations.writing import Permit, Writer, check_profile
from sipctl.registry.looks import Looks
from sipctl.registry.opening import open_looks
from sipctl.registry.store import Registry
from sipctl.telephony.naming import counted
from sipctl.telephony.plan import Part, Policy, World, pending
from sipctl.telephony.registered import Earlier

_SETTLE_S: Final = 5.0
"""How long a backend may take to write a rule after it was told; Meet takes under two seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the options of `rules purge` and `rules sync` say."""

    parts: frozenset[Part]
    apply: bool
    grace: str | None
    max_delete: int | None
    max_delete_percent: int | None
    look_twice: str | None
    via: str | None
    rooms: list[str] | None
    rate: float
    lock_wait: float
    detailed: bool
    textfile: Path | None


def parts_named(words: list[str] | None) -> frozenset[Part]:
    """The parts that `--only` names; all of them without it.

    Raises:
        UsageError: a word names none.
    """
    unknown = next((word for word in words or () if word not in set(Part)), None)
    if unknown is not None:
        raise UsageError(f"--only {unknown!r} is no part", hint=f"choose of {', '.join(Part)}")
    return frozenset(map(Part, words)) if words else frozenset(Part)


def synchronise(session: Session, wanted: Wanted, permit: Permit) -> None:
    """Run it, show it, end with its exit code; and write the metrics whatever came of it."""
    started = time.time()
    outcome: Outcome | None = None
    code = ExitCode.BUG
    try:
        outcome = _run(session, wanted, permit)
        code = _exit_code(session, outcome, wanted, permit)
        _tell(session, outcome, wanted, code)
    except SipctlError as error:
        code = error.exit_code
        raise
    finally:
        if wanted.textfile:
            write_sync_metrics(wanted.textfile, outcome, code, started)


def _run(session: Session, wanted: Wanted, permit: Permit) -> Outcome:
    settings = session.settings
    applies = wanted.apply and not permit.dry_run
    if applies:
        check_profile(settings, permit)
    by_backend = _is_by_webhook(session, wanted)
    look_twice = _duration("--look-twice", wanted.look_twice)
    policy = Policy(
        mark=settings.mark,
        grace=look_twice or _grace(session, wanted),
        protect=frozenset(settings.protect),
        trunk_ids=settings.trunk_ids,
        parts=wanted.parts,
        rooms=frozenset(wanted.rooms) if wanted.rooms else None,
        unattended="unattended" in permit.allow,
        by_backend=by_backend,
    )
    orders = Limits(
        apply=applies,
        max_delete=settings.purge.max_delete if wanted.max_delete is None else wanted.max_delete,
        max_delete_percent=(
            settings.purge.max_delete_percent if wanted.max_delete_percent is None else wanted.max_delete_percent
        ),
        look_twice=look_twice,
    )
    with (
        _lock(session, wanted) if applies else nullcontext(),
        _looks(session, orders) as looks,
        _registry(session, policy) as registry,
    ):
        return _look_and_act(session, wanted, policy, orders, looks, registry)


def _lock(session: Session, wanted: Wanted) -> AbstractContextManager[None]:
    """The lock of this server. A run that can keep no audit is refused before it looks."""
    try:
        folder = state_dir()
    except UncheckedError as error:
        raise RailError(f"cannot keep the audit: {error.message}", code="rail-no-state", hint=error.advice) from error
    if not os.access(folder, os.W_OK):
        raise RailError(
            f"cannot keep the audit: {folder} is not writable",
            code="rail-no-state",
            hint="SIPCTL_STATE_DIR names another",
        )
    return session.lock(wanted.lock_wait)


def _look_and_act(
    session: Session, wanted: Wanted, policy: Policy, orders: Limits, looks: Looks | None, registry: Registry | None
) -> Outcome:
    switch = StopSwitch(check_lock=session.check_lock)

    async def act(client: LiveKitClient) -> Outcome:
        writer = Writer(client, session.settings, Permit(), session.journal, session.pins_today)
        with session.streams.ticking("changed") as tick, stopping_on_signals(switch):
            executor_for = _executors(session, wanted, policy, writer, switch, tick)
            surveyor = Surveyor(client, policy, registry, looks, utc_now)
            outcome = await Synchroniser(surveyor, looks, session.journal, orders, executor_for).run()
            return replace(outcome, lost=switch.lost)

    outcome = session.livekit(act)
    session.stopped_by = switch.signal_number
    return outcome


def _executors(
    session: Session, wanted: Wanted, policy: Policy, writer: Writer, switch: StopSwitch, tick: Callable[[], None]
) -> Callable[[World], Executor]:
    def executor_for(world: World) -> Executor:
        work = RunContext(writer, world, switch, Pace(per_second=wanted.rate), tick)
        if not policy.by_backend:
            return ByLiveKit(work)
        url = session.settings.webhook_url or ""
        return ByWebhook(work, url, session.options.timeout, _SETTLE_S, time.time)

    return executor_for


def _is_by_webhook(session: Session, wanted: Wanted) -> bool:
    """Whether the backend is told instead of LiveKit; by default where it can be, and no registry knows its PINs."""
    settings = session.settings
    if wanted.via not in {None, "livekit", "webhook"}:
        raise UsageError(f"--via {wanted.via!r} is no way", hint="livekit or webhook")
    if wanted.via == "webhook" and not settings.webhook_url:
        raise UsageError("--via webhook needs the profile's webhook_url", hint="SIPCTL_WEBHOOK_URL sets it, too")
    if wanted.via is None:
        return bool(settings.webhook_url) and not session.has_registry()
    return wanted.via == "webhook"


@contextmanager
def _registry(session: Session, policy: Policy) -> Iterator[Registry | None]:
    """The registry, where there is one and its PINs are wanted."""
    if policy.by_backend or policy.parts == {Part.PURGE} or not session.has_registry():
        yield None
        return
    with session.registry() as registry:
        yield registry


@contextmanager
def _looks(session: Session, orders: Limits) -> Iterator[Looks | None]:
    """Where looks are remembered. Without such a place nothing is deleted, unless this run looks twice itself."""
    try:
        looks = open_looks(session.settings, state_dir(), session.options.timeout)
    except UncheckedError as error:
        if orders.apply and orders.look_twice is None:
            raise RailError(
                f"cannot remember this look: {error.message}",
                code="rail-no-state",
                hint="make the state folder writable, or look twice in one run with --look-twice 60s",
            ) from error
        session.streams.note(f"note: this look is not remembered: {error.message}")
        yield None
        return
    try:
        yield looks
    finally:
        looks.close()


def _grace(session: Session, wanted: Wanted) -> timedelta:
    grace = _duration("--grace", wanted.grace)
    return session.settings.purge.grace if grace is None else grace


def _duration(option: str, text: str | None) -> timedelta | None:
    span = read_duration(text) if text is not None else None
    if text is not None and span is None:
        raise UsageError(f"{option} {text!r} {DURATION_FAULT}")
    return span


def _exit_code(session: Session, outcome: Outcome, wanted: Wanted, permit: Permit) -> ExitCode:
    planned_only = permit.dry_run or not wanted.apply
    is_pending = wanted.detailed and planned_only and pending(outcome.items)
    return exit_code(session, _shortfall(outcome), ExitCode.PENDING if is_pending else ExitCode.DONE)


def _tell(session: Session, outcome: Outcome, wanted: Wanted, code: ExitCode) -> None:
    """Show plan or results, and end; a run that is quiet and all right says nothing."""
    waiting = sum(item.reason.row.begins for item in outcome.items)
    if waiting and (why := _why_anew(outcome.earlier, _grace(session, wanted), waiting)):
        session.streams.warn(f"note: {why}")
    if outcome.would_refuse:
        session.streams.note(f"note: --apply would refuse: {outcome.would_refuse.message}")
        hint = prose_below(outcome.would_refuse.advice, session.options.deployment)
        session.streams.note(f"hint: {prose_text(hint)}")
    for one in outcome.done:
        if one.result is Result.LEFT_OUT and one.error:
            session.streams.warn(f"note: room {one.item.room!r} is live, and {one.error.message}")
    show(session, PlanView(outcome, session.options.show_pins, session.paste))
    finish(session, _shortfall(outcome), code)


def _why_anew(earlier: Earlier, grace: timedelta, waiting: int) -> str:
    """Why the wait for some rules begins now; "" if it began before."""
    rules = counted(waiting, "stale rule")
    if earlier.skew_s:
        side = "behind" if earlier.skew_s > 0 else "ahead of"
        return (
            f"the clock of this host is {abs(earlier.skew_s):.0f} s {side} LiveKit's, so this observation counts for"
            f" nothing; {rules} cannot be deleted until it is set"
        )
    if earlier.pause:
        hours = timedelta(hours=earlier.pause // timedelta(hours=1))
        return (
            f"the last observation was {told_duration(hours)} ago, which is too long for it to count;"
            f" {rules} can be deleted after {told_duration(grace)}"
        )
    if earlier.damaged:
        records = counted(earlier.damaged, "record")
        return f"{records} of earlier observations passed over as damaged; what they told of begins anew"
    if earlier.is_first:
        return f"this state remembers no earlier look; {rules} can be deleted after {told_duration(grace)}"
    return ""


def _shortfall(outcome: Outcome) -> SipctlError | None:
    """The first of what did not go well; None if all did."""
    failed = [one for one in outcome.done if one.failed]
    if not failed:
        unwritten = outcome.unwritten
        return PartialError(unwritten.message, hint=unwritten.advice) if unwritten else None
    if outcome.lost and all(one.result is Result.NOT_BEGUN for one in outcome.done):
        return outcome.lost
    first = next((one for one in failed if one.error), failed[0])
    of_room = SipctlError(f"room {first.item.room!r}: {first.message}", hint=first.advice or "run it again")
    reason = outcome.lost if outcome.lost and not first.error else of_room
    return partly_done(len(failed), len(outcome.done), "changes", reason)
