"""Where events go, and what is asked before they may."""

import asyncio
import time
from dataclasses import dataclass

import aiohttp

from sipctl.config.model import Settings
from sipctl.config.urls import is_loopback, url_fault
from sipctl.errors import UsageError
from sipctl.masking import shown_url
from sipctl.operations.safeguards import Permit, check_profile
from sipctl.telephony.secret import Secret
from sipctl.webhooks.answer import Answer, retry_wait
from sipctl.webhooks.delivery import post
from sipctl.webhooks.signing import sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A receiver, whom it believes, and how many seconds it may take for an answer."""

    url: str
    api_key: str
    api_secret: Secret
    timeout_s: float

    def token(self, body: bytes) -> str:
        """The token for these bytes, signed now."""
        return sign(body, self.api_key, self.api_secret, time.time())


def target_of(settings: Settings, to: str | None, permit: Permit, timeout_s: float) -> Target:
    """The receiver that is meant: `to`, or the profile's `webhook_url`.

    Raises:
        UsageError: there is none, or it is no http address.
        SafeguardError: events change things there, and the profile is protected and not confirmed.
    """
    url = to or settings.webhook_url
    if not url:
        raise UsageError("no one to send events to", hint="give --to URL, or set the profile's webhook_url")
    fault = "" if url.startswith(("http://", "https://")) else "is no http:// or https:// address"
    if fault := fault or url_fault(url):
        raise UsageError(f"{shown_url(url)!r} {fault}")
    if not (permit.dry_run or is_loopback(url)):
        check_profile(settings, permit)
    connection = settings.connection
    return Target(url=url, api_key=connection.api_key, api_secret=connection.api_secret, timeout_s=timeout_s)


async def post_with_retries(session: aiohttp.ClientSession, target: Target, body: bytes, retries: int) -> Answer:
    """POST an event, and again as LiveKit does, at most so many times; one token for all. The last answer."""
    token = target.token(body)
    for attempt in range(retries + 1):
        answer = await post(session, target.url, body, token, target.timeout_s)
        pause = retry_wait(answer, attempt, time.time()) if attempt < retries else None
        if pause is None:
            break
        await asyncio.sleep(pause)
    return answer
