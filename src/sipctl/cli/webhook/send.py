"""`sipctl webhook send`."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypedDict

import typer

from sipctl.cli.command import TestCommand
from sipctl.cli.endings import finish, show
from sipctl.cli.inputs import read_document
from sipctl.cli.options import Confirm
from sipctl.cli.session import Session
from sipctl.cli.webhook.common import To, opened
from sipctl.errors import ExitCode, UncheckedError, UsageError
from sipctl.output.formats import Detail, Listing, View
from sipctl.output.junit import Case, junit_text
from sipctl.output.streams import Streams

if TYPE_CHECKING:
    from sipctl.operations.webhooks.story import Ended
    from sipctl.operations.webhooks.target import Target
    from sipctl.webhooks.scenario import Scenario


class SentStep(TypedDict):
    """A step and what came of it. `status` is the receiver's HTTP status, 0 = none; `fault` "" = as expected."""

    step: int
    what: str
    room: str
    status: int
    detail: str
    fault: str
    took_ms: float


class SignedEvent(TypedDict):
    """An event as it would be sent, with its token."""

    url: str
    headers: dict[str, str]
    body: str


PRINTS: Final = {"webhook-sent": list[SentStep], "webhook-signed": SignedEvent}
KIND: Final = TestCommand


def run(
    ctx: typer.Context,
    event: Annotated[
        str, typer.Argument(metavar="EVENT", help="Its name, such as room_started; none with --scenario or --from.")
    ] = "",
    room: Annotated[str, typer.Option(metavar="ROOM", help="The room's name; of a scenario instead of its own.")] = "",
    participant: Annotated[
        str, typer.Option(metavar="IDENTITY", help="Whom a participant_… or track_… event is about.")
    ] = "",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Set a field, such as room.numParticipants=2; repeatable."),
    ] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Edit the one event of this file instead.")
    ] = None,
    scenario: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A story of events, waits and expectations, in TOML.")
    ] = None,
    print_: Annotated[bool, typer.Option("--print", help="Print headers and body, signed now; send nothing.")] = False,
    to: To = None,
    retries: Annotated[int, typer.Option(min=0, max=4, metavar="N", help="Try again as LiveKit does.")] = 0,
    confirm: Confirm = "",
) -> None:
    """Send one event as LiveKit would, or a story of them.

    The event is signed with the profile's key and goes to the profile's webhook_url. Exit code 0: taken; 1: a step of a
    scenario was not as expected; 3: not taken; 4: the signature was refused.

    \b
    Examples:
      sipctl webhook send room_started --room standup
      sipctl webhook send participant_left --room standup --participant bob
      sipctl webhook send --from event.json --set room.name=retro --print
      sipctl webhook send --scenario good-meeting.toml -o junit
    """
    from sipctl.operations.webhooks.target import target_of

    session = Session.of(ctx)
    _check_words(event, from_, scenario, print_=print_)
    target = target_of(session.settings, to, session.permit(None, confirm), session.options.timeout)
    if scenario:
        _play(session, target, read_scenario_file(scenario, room))
        return
    body = _edited_file(session, from_, set_ or ()) if from_ else _made(event, room, participant, set_ or ())
    if print_ or session.options.dry_run:
        session.emit(_signed(target, body))
        return
    _send(session, target, body, retries)


def _check_words(event: str, from_: Path | None, scenario: Path | None, *, print_: bool) -> None:
    given = [word for word, is_given in (("EVENT", event), ("--from", from_), ("--scenario", scenario)) if is_given]
    if len(given) != 1:
        raise UsageError(
            f"{' and '.join(given)} exclude each other" if given else "no event named",
            hint="give an EVENT, --from FILE or --scenario FILE",
        )
    if scenario and print_:
        raise UsageError("--print is for one event")


def read_scenario_file(path: Path, room: str) -> "Scenario":
    """The scenario of a file.

    Raises:
        UsageError: it cannot be read, or a step makes no sense.
    """
    from sipctl.webhooks.scenario import read_scenario

    return read_scenario(read_document(path), room)


def _edits(words: Sequence[str]) -> list[tuple[str, str]]:
    parts = [word.partition("=") for word in words]
    wrong = next((word for word, (path, equals, _) in zip(words, parts, strict=True) if not (path and equals)), None)
    if wrong is not None:
        raise UsageError(f"--set {wrong!r} is no PATH=VALUE")
    return [(path, value) for path, _, value in parts]


def _made(event: str, room: str, participant: str, words: Sequence[str]) -> bytes:
    from sipctl.operations.webhooks.story import made
    from sipctl.webhooks.messages import Meetings
    from sipctl.webhooks.scenario import Send

    if not room:
        raise UsageError(f"{event} of which room?", hint="--room ROOM names it")
    step = Send(event=event, room=room, participant=participant, edits=tuple(_edits(words)))
    return made(Meetings(secrets.choice), step)


def _edited_file(session: Session, path: Path, words: Sequence[str]) -> bytes:
    """The event of a file with its edits; without any its bytes as they are.

    Raises:
        UsageError: the file holds no event, or several.
    """
    from sipctl.webhooks.messages import edited

    files = opened(session, [path])
    events = [event for event, _ in zip(files.read(), range(2), strict=False)]
    files.refuse_none()
    if len(events) > 1:
        raise UsageError(f"{path} holds several events", hint="leave one of them in it")
    edits = _edits(words)
    return edited(events[0].body, edits) if edits else events[0].body


def _signed(target: "Target", body: bytes) -> Detail:
    from sipctl.webhooks.signing import CONTENT_TYPE

    headers = {"Content-Type": CONTENT_TYPE, "Authorization": target.token(body)}
    text = body.decode(errors="backslashreplace")
    return Detail(
        schema="sipctl/webhook-signed/v1",
        lines=(("url", target.url), *headers.items(), ("body", text)),
        record=SignedEvent(url=target.url, headers=headers, body=text),
        name=text,
    )


def _send(session: Session, target: "Target", body: bytes, retries: int) -> None:
    """Send one event and show the answer.

    Raises:
        DeniedError, UncheckedError: it was not taken.
    """
    from sipctl.operations.webhooks.story import Ended
    from sipctl.operations.webhooks.target import post_with_retries
    from sipctl.webhooks.answer import meaning_of
    from sipctl.webhooks.delivery import client_session, refusal
    from sipctl.webhooks.event import head_of

    async def sent() -> Any:  # noqa: ANN401 - an answer, whose module is loaded here
        async with client_session(target.url) as http:
            return await post_with_retries(http, target, body, retries)

    answer = session.run(sent())
    if not answer.is_acknowledged:
        raise refusal(target.url, answer, target.timeout_s)
    head = head_of(body)
    what, room = (head.name, head.room) if head else ("", "")
    show(session, StepsView([Ended(number=1, what=what, room=room, answer=answer, detail=meaning_of(answer).words)]))


def _play(session: Session, target: "Target", scenario: "Scenario") -> None:
    """Play a story, and end with 1 if a step of it was not as expected.

    Raises:
        UncheckedError: no event of it arrived anywhere.
    """
    from sipctl.operations.webhooks.story import Story

    if session.options.dry_run:
        session.streams.note(f"{len(scenario.steps)} steps; nothing was sent")
        return
    mark = session.settings.mark

    async def played(client: Any) -> "list[Ended]":  # noqa: ANN401 - a client, or none where nothing is expected
        steps = []
        async for one in Story(target, mark, client).play(scenario):
            session.streams.progress(f"{one.number}. {one.what} {one.room}".rstrip())
            steps.append(one)
        return steps

    steps = session.livekit(played) if scenario.expects else session.run(played(None))
    failed = any(one.fault for one in steps)
    show(session, StepsView(steps, scenario.name), is_news=failed)
    answers = [one.answer for one in steps if one.answer]
    if answers and not any(answer.arrived for answer in answers):
        raise UncheckedError(f"no event arrived at {target.url}", code="backend", hint="is webhook_url right?")
    finish(session, code=ExitCode.FINDINGS if failed else ExitCode.DONE)


@dataclass(frozen=True, slots=True)
class StepsView:
    """Steps and what came of them; `name` is the scenario's."""

    steps: "Sequence[Ended]"
    name: str = ""

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The steps as text; `name` = the numbers of those that failed."""
        if style == "junit":
            return iter((junit_text(self.name or "sipctl webhook send", map(self._case, self.steps)),))
        steps = [one for one in self.steps if one.fault] if style == "name" else self.steps
        view: View = Listing(
            schema="sipctl/webhook-sent/v1", things="steps", items=steps,
            columns=("step", "what", "room", "status", "result", "took"),
            row=_cells, record=_record, name=lambda one: str(one.number),
        )  # fmt: skip
        return view.render(style, streams)

    def _case(self, one: "Ended") -> Case:
        return Case(
            name=f"{one.number}. {one.what} {one.room}".rstrip(),
            group="sipctl.webhook",
            took_s=one.answer.took_s if one.answer else 0.0,
            ended="failed" if one.fault else "ok",
            message=one.fault,
        )


def _cells(one: "Ended") -> tuple[str, ...]:
    status = one.answer.word if one.answer else ""
    took = f"{one.answer.took_s * 1000:.0f} ms" if one.answer else ""
    return str(one.number), one.what, one.room, status, one.fault or one.detail or "ok", took


def _record(one: "Ended") -> SentStep:
    answer = one.answer
    return SentStep(
        step=one.number, what=one.what, room=one.room, status=answer.status if answer else 0, detail=one.detail,
        fault=one.fault, took_ms=round(answer.took_s * 1000, 3) if answer else 0.0,
    )  # fmt: skip
