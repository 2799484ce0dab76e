"""The signature of a webhook (livekit/protocol webhook/resource_url_notifier.go, auth/accesstoken.go)."""

import base64
import hashlib
from typing import Final

import jwt

from sipctl.telephony.secret import Secret

CONTENT_TYPE: Final = "application/webhook+json"
VALID_S: Final = 300
"""How many seconds a token is valid; LiveKit mints one for each event, and retries reuse it."""


def sign(body: bytes, api_key: str, api_secret: Secret, now: float) -> str:
    """The token of an Authorization header, without `Bearer`: HS256, with the body's SHA-256 in padded base64.

    `now` are Unix seconds; the token is valid from then on for five minutes.
    """
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    claims = {"iss": api_key, "iat": int(now), "nbf": int(now), "exp": int(now) + VALID_S, "sha256": digest}
    return jwt.encode(claims, api_secret.reveal(), algorithm="HS256")
