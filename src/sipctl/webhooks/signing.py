"""The signature of a webhook (livekit/protocol webhook/resource_url_notifier.go, auth/accesstoken.go).

A token is written here and not by PyJWT, which verifies them: it examines the key anew for each token, which takes
three times as long as the signature, and a replay signs thousands.
"""

import base64
import hashlib
import hmac
import json
from typing import Final

from sipctl.telephony.secret import Secret

CONTENT_TYPE: Final = "application/webhook+json"
VALID_S: Final = 300
"""How many seconds a token is valid; LiveKit mints one for each event, and retries reuse it."""
_HEAD: Final = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")


def sign(body: bytes, api_key: str, api_secret: Secret, now: float) -> str:
    """The token of an Authorization header, without `Bearer`: HS256, with the body's SHA-256 in padded base64.

    `now` are Unix seconds; the token is valid from then on for five minutes.
    """
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    claims = {"iss": api_key, "iat": int(now), "nbf": int(now), "exp": int(now) + VALID_S, "sha256": digest}
    signed = b"%s.%s" % (_HEAD, _segment(json.dumps(claims, separators=(",", ":")).encode()))
    signature = hmac.digest(api_secret.reveal().encode(), signed, "sha256")
    return (b"%s.%s" % (signed, _segment(signature))).decode()


def _segment(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
