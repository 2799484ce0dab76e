"""Signed events that change nothing, sent to see whether a backend takes LiveKit's events and no others.

`track_unpublished` of a room that does not exist: Meet knows the event and does nothing at it, without a query of its
database (suitenumerique/meet core/services/livekit_events.py); of a room that it never heard of, a backend has no track
to forget.
"""

import json
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Final

from sipctl.telephony.ids import ROOM, new_id
from sipctl.telephony.secret import Secret
from sipctl.webhooks.answer import Answer
from sipctl.webhooks.delivery import client_session, post
from sipctl.webhooks.event import PROBE
from sipctl.webhooks.signing import sign

_WRONG_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What the backend at an address answered to the event with a good signature, and to that with a bad one."""

    url: str
    signed: Answer
    forged: Answer


async def probe_endpoint(url: str, api_key: str, api_secret: Secret, timeout_s: float) -> Probed:
    """Send both; each may take so many seconds."""
    now = time.time()
    body = _event(now)
    async with client_session(url) as session:
        signed = await post(session, url, body, sign(body, api_key, api_secret, now), timeout_s)
        wrong = Secret(secrets.token_urlsafe(_WRONG_BYTES))
        forged = await post(session, url, body, sign(body, api_key, wrong, now), timeout_s)
    return Probed(url=url, signed=signed, forged=forged)


def _event(now: float) -> bytes:
    value = {
        "event": PROBE,
        "room": {"sid": new_id(ROOM, secrets.choice), "name": str(uuid.uuid4())},
        "participant": {"sid": new_id("PA_", secrets.choice), "identity": "sipctl-doctor"},
        "track": {"sid": new_id("TR_AM", secrets.choice)},
        "id": new_id("EV_", secrets.choice),
        "createdAt": str(int(now)),
    }
    return json.dumps(value, separators=(", ", ":")).encode()
