"""Delivering a webhook as LiveKit does, and saying what the backend's answer means."""

from typing import Final

import aiohttp

from sipctl.errors import DeniedError, SipctlError, UncheckedError
from sipctl.telephony.secret import Secret
from sipctl.webhooks.signing import CONTENT_TYPE, sign

_JSON: Final = "application/json"
_REDIRECTS: Final = range(300, 400)


async def deliver(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes,
    api_key: str,
    api_secret: Secret,
    now: float,
    timeout_s: float,
) -> None:
    """POST a signed event; redirects are not followed, for LiveKit would lose the event on one.

    Raises:
        DeniedError: the backend refuses the signature.
        UncheckedError: it did not take the event, or cannot be reached within `timeout_s` seconds.
    """
    headers = {"Content-Type": CONTENT_TYPE, "Authorization": sign(body, api_key, api_secret, now)}
    limit = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False, timeout=limit) as answer:
            if answer.status >= 300:
                raise _refusal(url, answer.status, answer.content_type)
    except (aiohttp.ClientError, OSError) as error:
        reason = f"did not answer within {timeout_s:g} s" if isinstance(error, TimeoutError) else "cannot be reached"
        raise UncheckedError(f"the backend at {url} {reason}", code="backend", hint="is webhook_url right?") from error


def _refusal(url: str, status: int, content_type: str) -> SipctlError:
    """What an answer other than success means (suitenumerique/meet core/api/viewsets.py, measured)."""
    if status == 401 or (status == 400 and content_type == _JSON):
        return DeniedError(
            f"the backend at {url} refused the signature ({status})",
            code="wrong-secret",
            hint="it must verify with the same API key and secret, and its clock be right to a minute",
        )
    if status in _REDIRECTS:
        what, hint = "redirects", "webhook_url needs its https, its host and its trailing slash exactly"
    elif status == 400:
        what, hint = "does not serve this host", "webhook_url must name a host that the backend allows"
    elif status in {404, 405}:
        what, hint = "has no webhook endpoint there", "Meet's ends in /api/v1.0/rooms/webhooks-livekit/"
    elif status == 422:
        what, hint = "does not know the event", "is it a backend for LiveKit's webhooks?"
    else:
        what, hint = "failed at the event", "look at its log: an unknown room, a room without PIN, or LiveKit's API"
    return UncheckedError(f"the backend at {url} {what} ({status})", code="backend", hint=hint)
