"""A scenario, step by step against a receiver, with what came of each step."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from sipctl.operations.webhooks.expectations import unmet
from sipctl.operations.webhooks.target import Target, post_with_retries
from sipctl.telephony.ownership import Ownership
from sipctl.webhooks.answer import Answer, meaning_of
from sipctl.webhooks.delivery import client_session
from sipctl.webhooks.messages import Meetings, body_of, edited
from sipctl.webhooks.scenario import Again, Expect, Scenario, Send, Step, Wait

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of a step. `answer` is that of an event's receiver; `fault` "" = as expected."""

    number: int
    what: str
    room: str = ""
    detail: str = ""
    fault: str = ""
    answer: Answer | None = None


@dataclass(slots=True)
class Story:
    """Plays a scenario. `client` None = no expectation needs LiveKit; `sent` are the bodies of earlier steps."""

    target: Target
    mark: Ownership
    client: "LiveKitClient | None" = None
    meetings: Meetings = field(default_factory=lambda: Meetings(secrets.choice))
    sent: dict[int, bytes] = field(default_factory=dict)

    async def play(self, scenario: Scenario) -> AsyncIterator[Ended]:
        """Each step as it ends. What fails does not end the story.

        Raises:
            SipctlError: LiveKit did not say which rules there are.
        """
        async with client_session(self.target.url) as session:
            for number, step in enumerate(scenario.steps, 1):
                yield await self._step(session, number, step)

    async def _step(self, session: aiohttp.ClientSession, number: int, step: Step) -> Ended:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return Ended(number=number, what=f"wait {step.seconds:g} s")
        if isinstance(step, Expect):
            return await self._expectation(number, step)
        return await self._delivery(session, number, step)

    async def _expectation(self, number: int, step: Expect) -> Ended:
        what = f"expect {'a' if step.has_rule else 'no'} rule"
        if self.client is None:
            raise LookupError("an expectation needs LiveKit")
        wrong = await unmet(self.client, self.mark, {step.room: step.has_rule}, step.within_s)
        return Ended(number=number, what=what, room=step.room, fault=wrong.get(step.room, ""))

    async def _delivery(self, session: aiohttp.ClientSession, number: int, step: Send | Again) -> Ended:
        if isinstance(step, Send):
            what, room, body = step.event, step.room, made(self.meetings, step)
        else:
            what, room, body = f"step {step.step} again", "", self.sent[step.step]
        self.sent[number] = body
        answer = await post_with_retries(session, self.target, body, step.retries)
        return Ended(
            number=number, what=what, room=room, answer=answer, fault=_fault(answer, step.status),
            detail=meaning_of(answer).in_full,
        )  # fmt: skip


def made(meetings: Meetings, step: Send) -> bytes:
    """The body of the event that a step sends.

    Raises:
        UsageError: an edit of it makes no sense.
    """
    body = body_of(meetings.event(step.event, step.room, step.participant, time.time()))
    return edited(body, step.edits) if step.edits else body


def _fault(answer: Answer, status: int | None) -> str:
    if status is None:
        return "" if answer.is_acknowledged else f"the receiver {meaning_of(answer).words}"
    return "" if answer.status == status else f"answered {answer.word}, expected {status}"
