"""Whether an event is LiveKit's: its token and its body, step by step, as receivers judge them.

The steps are those of livekit-api's WebhookReceiver and TokenVerifier, with the time as an argument.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import jwt
from jwt.types import Options

from sipctl.telephony.secret import Secret
from sipctl.webhooks.event import Head, read_head

LEEWAY_S: Final = 60
"""How many seconds the clocks of sender and receiver may be apart (livekit/protocol webhook/verifier.go)."""
_BEARER: Final = "bearer "
_FAR: Final = 10**15
_TIMELESS: Final[Options] = {"require": ["exp"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}


class Fault(StrEnum):
    """The first step at which an event was refused."""

    MISSING = "no-token"
    BEARER = "bearer"
    FORM = "no-jwt"
    KEY = "unknown-key"
    SIGNATURE = "signature"
    CLAIMS = "claims"
    EARLY = "not-yet-valid"
    EXPIRED = "expired"
    NO_HASH = "no-sha256"
    HASH = "hash-differs"
    BODY = "no-event"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an event was judged: `fault` None = it is LiveKit's, with this head. `detail` says why not."""

    fault: Fault | None = None
    detail: str = ""
    head: Head | None = None


class _RefusedError(Exception):
    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault, self.detail = fault, detail


def verify(body: bytes, authorization: str, keys: Mapping[str, Secret], now: float) -> Verdict:
    """Judge an event by its bytes and the value of its Authorization header; `now` are Unix seconds.

    `keys` are the API keys that may sign, with their secrets.
    """
    try:
        claims = _claims_of(authorization, keys)
        _check_times(claims, now)
        _check_hash(claims, body)
        return Verdict(head=_head_of(body))
    except _RefusedError as refused:
        return Verdict(refused.fault, refused.detail)


def issued_at(authorization: str) -> float | None:
    """When a token says that it was made, in Unix seconds, valid signature or not; None if it does not say."""
    try:
        claims = jwt.decode(authorization, options={"verify_signature": False})
        return float(claims["iat"])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        return None


def _claims_of(authorization: str, keys: Mapping[str, Secret]) -> Mapping[str, Any]:
    if not authorization:
        raise _RefusedError(Fault.MISSING, "there is no Authorization header")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        raise _RefusedError(Fault.BEARER, "the token has `Bearer` before it; LiveKit sends it bare")
    issuer = _issuer_of(authorization)
    if issuer not in keys:
        known = ", ".join(map(repr, sorted(keys))) or "none"
        raise _RefusedError(Fault.KEY, f"signed with the API key {issuer!r}; known: {known}")
    try:
        return jwt.decode(authorization, keys[issuer].reveal(), algorithms=["HS256"], issuer=issuer, options=_TIMELESS)
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError):
        raise _RefusedError(Fault.SIGNATURE, f"not signed with the secret of the API key {issuer!r}") from None
    except jwt.PyJWTError as error:
        raise _RefusedError(Fault.CLAIMS, f"a claim of the token is wrong: {error}") from None


def _issuer_of(authorization: str) -> str:
    try:
        claims = jwt.decode(authorization, options={"verify_signature": False})
    except (jwt.PyJWTError, UnicodeError, ValueError):
        raise _RefusedError(Fault.FORM, "the Authorization header is no JSON Web Token") from None
    return claims["iss"] if isinstance(claims.get("iss"), str) else ""


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    """Compare the claims of time as PyJWT does, which asks the clock itself."""
    for name in ("iat", "nbf"):
        if name in claims and (ahead := _time(claims, name) - now) > LEEWAY_S:
            raise _RefusedError(Fault.EARLY, f"valid only in {_span(ahead)} ({name}): are the clocks right?")
    if (ago := now - _time(claims, "exp")) >= LEEWAY_S:
        raise _RefusedError(Fault.EXPIRED, f"expired {_span(ago)} ago")


def _time(claims: Mapping[str, Any], name: str) -> int:
    try:
        return max(-_FAR, min(int(claims[name]), _FAR))  # floats go no further, and clocks neither
    except (ValueError, TypeError, OverflowError):
        raise _RefusedError(Fault.CLAIMS, f"the claim {name} is not a time") from None


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds))) if seconds < 1e12 else "many years"


def _check_hash(claims: Mapping[str, Any], body: bytes) -> None:
    claimed = claims.get("sha256")
    if not claimed:
        raise _RefusedError(Fault.NO_HASH, "the token has no sha256 claim: it is none of a webhook")
    try:
        digest = base64.b64decode(claimed)
    except (TypeError, ValueError, binascii.Error):
        raise _RefusedError(Fault.HASH, "the sha256 claim is no base64") from None
    if not hmac.compare_digest(digest, hashlib.sha256(body).digest()):
        raise _RefusedError(Fault.HASH, "the body is not the one that was signed")


def _head_of(body: bytes) -> Head:
    try:
        head = read_head(json.loads(body.decode()))
    except UnicodeDecodeError:
        raise _RefusedError(Fault.BODY, "the body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise _RefusedError(Fault.BODY, "the body is not JSON") from None
    if head is None:
        raise _RefusedError(Fault.BODY, "the body is no event")
    return head
