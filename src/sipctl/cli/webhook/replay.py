"""`sipctl webhook replay`."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict

import typer

from sipctl.cli.command import TestCommand, refuse_other_formats
from sipctl.cli.endings import finish, show
from sipctl.cli.inputs import STDIN
from sipctl.cli.options import Confirm
from sipctl.cli.session import Session
from sipctl.cli.webhook.common import Files, To, opened, read_to_the_end
from sipctl.cli.webhook.replay_options import (
    AsRecorded,
    Events,
    ExpectNoRule,
    ExpectRule,
    ExpectStatus,
    GlobalOrder,
    Jobs,
    Limit,
    MaxGap,
    MaxLatency,
    Resume,
    Retries,
    Rooms,
    Settle,
    Since,
    Skip,
    Speed,
    Until,
    selection,
    spacing,
)
from sipctl.cli.webhook.replay_view import Replayed, TallyView
from sipctl.errors import ExitCode, PartialError, SipctlError, UncheckedError
from sipctl.output.formats import COMMON_FORMATS, Listing
from sipctl.telephony.naming import counted
from sipctl.webhooks.event import Event
from sipctl.webhooks.event_files import EventFiles
from sipctl.webhooks.selection import Selection

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient
    from sipctl.operations.webhooks.replay import Demands, Pace, Tally
    from sipctl.operations.webhooks.target import Target
    from sipctl.webhooks.resume import Progress


class SelectedEvent(TypedDict):
    """An event that would be sent; `at` is when it happened, RFC 3339 ("" = the file does not say)."""

    place: str
    event: str
    room: str
    id: str
    at: str


PRINTS: Final = {"webhook-replayed": Replayed, "webhook-events": list[SelectedEvent]}
KIND: Final = TestCommand


def run(
    ctx: typer.Context,
    files: Files,
    to: To = None,
    event: Events = None,
    room: Rooms = None,
    since: Since = None,
    until: Until = None,
    skip: Skip = 0,
    limit: Limit = None,
    jobs: Jobs = 16,
    global_order: GlobalOrder = False,
    speed: Speed = "max",
    max_gap: MaxGap = None,
    retries: Retries = 4,
    as_recorded: AsRecorded = False,
    resume: Resume = None,
    expect_status: ExpectStatus = None,
    max_latency: MaxLatency = None,
    expect_rule: ExpectRule = None,
    expect_no_rule: ExpectNoRule = None,
    settle: Settle = 10.0,
    confirm: Confirm = "",
) -> None:
    """Send recorded events again: the same bytes, signed anew, each room in its order.

    Rooms go beside each other, and a retry holds up its own room alone. Exit code 0: all acknowledged; 1: an
    expectation failed; 2: a file cannot be read; 3: none arrived; 6: some failed.

    \b
    Examples:
      sipctl webhook replay meeting.jsonl
      sipctl webhook replay recordings/ --event room_finished --dry-run
      sipctl webhook replay meeting.jsonl --speed 10x --expect-no-rule standup
      sipctl webhook replay meeting.jsonl --resume progress --retries 0
    """
    from sipctl.operations.webhooks.replay import Demands, Pace

    session = Session.of(ctx)
    source, chosen = opened(session, files), selection(event, room, since, until, skip, limit)
    pace = Pace(jobs=1 if global_order else jobs, in_one_lane=global_order, spacing=spacing(speed, max_gap))
    demands = Demands(status=expect_status, latency_s=max_latency, retries=retries, as_recorded=as_recorded)
    if session.options.dry_run:
        refuse_other_formats(ctx, f"{ctx.command_path} --dry-run", COMMON_FORMATS)
        _list(session, source, chosen)
        return
    target = _target(session, to, confirm)
    tally = _replay(session, source, chosen, target, pace, demands, resume)
    rules = dict.fromkeys(expect_rule or (), True) | dict.fromkeys(expect_no_rule or (), False)
    _end(session, source, TallyView(source, tally, demands, _unmet(session, rules, settle)))


def _list(session: Session, source: EventFiles, chosen: Selection) -> None:
    """What would be sent."""
    events = chosen.of(source.read())
    listing = Listing(
        schema="sipctl/webhook-events/v1", things="events", items=events,
        columns=("place", "event", "room", "id", "at"),
        row=lambda one: tuple(map(str, _selected(one).values())), record=_selected, name=lambda one: one.place,
    )  # fmt: skip
    session.emit(listing)
    read_to_the_end(source, events)


def _selected(event: Event) -> SelectedEvent:
    head, moment = event.head, event.moment
    at = f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}" if 0 < moment < 1e11 else ""
    return SelectedEvent(place=event.place, event=head.name, room=head.room, id=head.identifier, at=at)


def _target(session: Session, to: str | None, confirm: str) -> "Target":
    from sipctl.operations.webhooks.target import target_of

    return target_of(session.settings, to, session.permit(None, confirm), session.options.timeout)


def _replay(
    session: Session, source: EventFiles, chosen: Selection, target: "Target", pace: "Pace", demands: "Demands",
    resume: Path | None,
) -> "Tally":  # fmt: skip
    """Send the chosen events; a signal lets what is in flight end."""
    from sipctl.operations.batch import StopSwitch, stopping_on_signals
    from sipctl.operations.webhooks.replay import Replay

    async def replayed(progress: "Progress | None") -> "Tally":
        switch = StopSwitch()
        with session.streams.ticking("sent") as tick, stopping_on_signals(switch):
            replay = Replay(target, pace, demands, switch, progress, tick)
            tally = await replay.run(chosen.of(source.read()), is_pipe=STDIN in source.paths)
        session.stopped_by = switch.signal_number
        return tally

    with _progress(resume, source) as progress:
        return session.run(replayed(progress))


def _progress(path: Path | None, source: EventFiles) -> "AbstractContextManager[Progress | None]":
    from sipctl.webhooks.resume import Progress

    return closing(Progress.opened(path, source.paths)) if path else nullcontext()


def _unmet(session: Session, rules: Mapping[str, bool], settle_s: float) -> dict[str, str]:
    """The rooms that must be so afterwards, each with what is wrong, "" = nothing."""
    if not rules or session.stopped_by:
        return {}
    from sipctl.operations.webhooks.expectations import unmet

    async def asked(client: "LiveKitClient") -> dict[str, str]:
        return await unmet(client, session.settings.mark, rules, settle_s)

    return dict.fromkeys(rules, "") | session.livekit(asked)


def _end(session: Session, source: EventFiles, view: TallyView) -> None:
    """Show what became of the events, and end.

    Raises:
        UsageError: a file could not be read to its end, or held no event.
        UncheckedError: no event arrived.
        PartialError: some failed, or some lines could not be read.
    """
    tally = view.tally
    show(session, view, is_news=bool(tally.failed or view.is_unexpected))
    if tally.unread:
        raise tally.unread
    if not session.stopped_by:
        source.refuse_none()
    if view.is_unexpected:
        finish(session, code=ExitCode.FINDINGS)
    finish(session, _shortfall(view, source))


def _shortfall(view: TallyView, source: EventFiles) -> SipctlError | None:
    tally = view.tally
    if tally.failed and not tally.arrived:
        return UncheckedError(
            f"no event arrived: the receiver {view.first_meaning.words}", code="backend", hint=view.first_meaning.hint
        )
    if tally.failed:
        failed = f"{tally.failed} of {counted(tally.sent, 'event')} were not acknowledged"
        return PartialError(failed, hint=view.first_meaning.hint)
    if source.broken:
        return PartialError(f"{counted(source.broken, 'line')} could not be read", hint="the rest was done")
    return None
