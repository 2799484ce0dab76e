"""Tokens as livekit-server 1.13 judges them (livekit/livekit pkg/service/auth.go): refusals are plain text, 401."""

from collections.abc import Callable
from typing import Final

import jwt

from sipctl.sandbox.claims import Claims, claims_from_json, mistyped, unix_seconds
from sipctl.sandbox.twirp import TwirpError

LEEWAY_S: Final = 60
_JWS: Final = jwt.PyJWS()
"""The signature alone: the claims are judged as Go judges them."""

_ALGORITHMS: Final = frozenset(jwt.algorithms.get_default_algorithms())


class TokenError(Exception):
    """A refused token; the text is the body. Some versions of LiveKit echo the token in it, 1.13.5 among them."""


def claims_of(header: str, query_token: str, secret_of: Callable[[str], str | None], now: float) -> Claims | None:
    """The claims of a request's token; None if it carries none, which only the handlers refuse.

    Raises:
        TokenError: the token is none, of an unknown key, wrongly signed, expired, or not valid yet.
    """
    if header and not header.startswith("Bearer "):
        raise TokenError("invalid authorization header. Must start with Bearer ")
    token = header.removeprefix("Bearer ") or query_token
    if not token:
        return None
    claims, algorithm = _unverified(token)
    issuer = claims.get("iss") or ""
    secret = secret_of(issuer)
    if secret is None:
        raise TokenError(f"invalid API key: {issuer}")
    fault = _fault(token, claims, algorithm, secret, now)
    if fault:
        raise TokenError(f"invalid token: {token}, error: {fault}")
    return claims


def _unverified(token: str) -> tuple[Claims, str]:
    try:
        opened = _JWS.decode_complete(token, options={"verify_signature": False})
        claims, algorithm = claims_from_json(opened["payload"]), str(opened["header"]["alg"])
    except (jwt.InvalidTokenError, KeyError, ValueError, RecursionError):
        raise TokenError("invalid authorization token") from None
    if algorithm not in _ALGORITHMS:
        raise TokenError("invalid authorization token")
    return claims, algorithm


def _fault(token: str, claims: Claims, algorithm: str, secret: str, now: float) -> str:
    if algorithm != "HS256":
        return f"token signature is invalid: signing method {algorithm} is invalid"
    if fault := mistyped(claims):
        return f"token is malformed: could not JSON decode claim: {fault}"
    try:
        _JWS.decode(token, secret, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return "token signature is invalid: signature is invalid"
    expires, begins = unix_seconds(claims.get("exp")), unix_seconds(claims.get("nbf"))
    if expires is not None and now - LEEWAY_S > expires:
        return "token has invalid claims: token is expired"
    if begins is not None and now + LEEWAY_S < begins:
        return "token has invalid claims: token is not valid yet"
    return ""


def require(claims: Claims | None, grant: str, flag: str, *, room: str | None = None) -> None:
    """Refuse a call whose token lacks a grant; with `room` it must be for exactly that room.

    Raises:
        TwirpError: `unauthenticated`; LiveKit never says permission_denied.
    """
    granted = (claims or {}).get(grant) or {}
    if not granted.get(flag) or (room is not None and (granted.get("room") or "") != room):
        raise TwirpError("unauthenticated", "permissions denied")
