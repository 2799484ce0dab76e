"""Tokens as livekit-server 1.13 judges them (livekit/livekit pkg/service/auth.go): refusals are plain text, 401."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt

from sipctl.sandbox.twirp import TwirpError

Claims = Mapping[str, Any]

LEEWAY_S: Final = 60
_GRANT_FLAGS: Final = {
    "video": ("VideoGrant", ("roomCreate", "roomList", "roomRecord", "roomAdmin", "roomJoin", "ingressAdmin")),
    "sip": ("SIPGrant", ("admin", "call")),
}
_GO_KINDS: Final[Mapping[type, str]] = {str: "string", int: "number", float: "number", list: "array", dict: "object"}
_SIGNATURE_ALONE: Final[Any] = {
    "verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False, "verify_sub": False,
}  # fmt: skip
_ALGORITHMS: Final = frozenset({*jwt.algorithms.get_default_algorithms()})


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
    issuer = str(claims.get("iss", ""))
    secret = secret_of(issuer)
    if secret is None:
        raise TokenError(f"invalid API key: {issuer}")
    fault = _fault(token, claims, algorithm, secret, now)
    if fault:
        raise TokenError(f"invalid token: {token}, error: {fault}")
    return claims


def _unverified(token: str) -> tuple[Claims, str]:
    try:
        algorithm = str(jwt.get_unverified_header(token)["alg"])
        claims: Claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, KeyError, ValueError):
        raise TokenError("invalid authorization token") from None
    if algorithm not in _ALGORITHMS:
        raise TokenError("invalid authorization token")
    return claims, algorithm


def _fault(token: str, claims: Claims, algorithm: str, secret: str, now: float) -> str:
    if algorithm != "HS256":
        return f"token signature is invalid: signing method {algorithm} is invalid"
    if mistyped := _mistyped_grant(claims):
        return f"token is malformed: could not JSON decode claim: {mistyped}"
    try:
        jwt.decode(token, secret, algorithms=["HS256"], options=_SIGNATURE_ALONE)
    except jwt.InvalidTokenError:
        return "token signature is invalid: signature is invalid"
    if now - LEEWAY_S > claims.get("exp", now):
        return "token has invalid claims: token is expired"
    if now + LEEWAY_S < claims.get("nbf", now):
        return "token has invalid claims: token is not valid yet"
    return ""


def _mistyped_grant(claims: Claims) -> str:
    for grant, (struct, flags) in _GRANT_FLAGS.items():
        for flag in flags:
            value = (claims.get(grant) or {}).get(flag, False)
            if not isinstance(value, bool):
                place = f"{struct}.ClaimGrants.{grant}.{flag}"
                return f"json: cannot unmarshal {_GO_KINDS[type(value)]} into Go struct field {place} of type bool"
    return ""


def require(claims: Claims | None, grant: str, flag: str, *, room: str | None = None) -> None:
    """Refuse a call whose token lacks a grant; with `room` it must be for exactly that room.

    Raises:
        TwirpError: `unauthenticated`; LiveKit never says permission_denied.
    """
    granted = (claims or {}).get(grant) or {}
    if not granted.get(flag) or (room is not None and granted.get("room", "") != room):
        raise TwirpError("unauthenticated", "permissions denied")
