"""Every way a call to LiveKit can fail, in words an administrator can act on.

Answers of a server are quoted only where their text is LiveKit's own; a refused token is never shown, though some
servers echo it whole (livekit/livekit pkg/service/auth.go, 1.13.4).
"""

import json
import os
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies

import aiohttp
from google.protobuf.message import DecodeError

from sipctl.command_line import CommandLine
from sipctl.config.model import Connection
from sipctl.config.urls import split_url
from sipctl.errors import (
    Cause,
    ConflictError,
    DeniedError,
    NotFoundError,
    RejectedError,
    SipctlError,
    UncheckedError,
)
from sipctl.masking import shown_url, shown_words

LEEWAY_S: Final = 60
"""How many seconds LiveKit lets clocks differ (livekit/protocol auth/verifier.go)."""

_PREFIX: Final = "twirp error unknown: "
_CODE: Final = re.compile("[a-z_]{1,32}")
"""Twirp's codes (twitchtv/twirp errors.go); what is written otherwise is not one."""
_LOST: Final = "could not find object"
_CONFLICTS: Final = ("Dispatch rule for the same trunk", "Conflicting inbound SIP Trunks")
_PROXY_SETTINGS: Final = "HTTP_PROXY or HTTPS_PROXY"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer other than 200: its status, the start of its body, and the server's clock minus ours in seconds."""

    status: int
    body: str
    location: str = ""
    skew_s: float = 0.0


def from_refusal(refusal: Refusal, connection: Connection) -> SipctlError:
    """The error for an answer that is no success."""
    twirp = _twirp_error(refusal.body)
    if twirp is None:
        return _from_foreign(refusal, connection)
    code, message = twirp
    message = shown_words(message.removeprefix(_PREFIX))
    translate = _TWIRP.get(code)
    return translate(message) if translate else UncheckedError(f"LiveKit answered {code}: {message}", code=code)


def _twirp_error(body: str) -> tuple[str, str] | None:
    """Code and message of a Twirp error body; None if it is something else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("code"), str):
        return None
    code = value["code"] if _CODE.fullmatch(value["code"]) else "unknown"
    return code, str(value.get("msg", ""))


def _invalid_argument(message: str) -> SipctlError:
    if message.startswith(_CONFLICTS):
        return _conflict(message)
    return RejectedError(f"LiveKit refused: {message}")


def _conflict(message: str) -> SipctlError:
    """The text may name the wrong object (see livekit/protocol sip/sip.go), so it is not passed on."""
    things = ("trunks", "trunk") if message.startswith("Conflicting") else ("rules", "rule")
    return ConflictError(
        f"LiveKit refused: a stored {things[1]} takes the same calls, or two stored {things[0]} clash already",
        hint=(CommandLine.of("trunk" if things[1] == "trunk" else "rules", "list"), " shows what there is"),
    )


def _no_grant(_message: str) -> SipctlError:
    return DeniedError(
        "LiveKit refused the token: permissions denied",
        code=Cause.NO_GRANT,
        hint="the key lacks the grant for this call, or something on the way dropped the Authorization header",
    )


def _internal(message: str) -> SipctlError:
    if "redis required" in message:
        return UncheckedError(
            "LiveKit's SIP service is not connected: the server runs without redis",
            code=Cause.SIP_NOT_CONNECTED,
            hint="set `redis.address` in livekit.yaml and restart livekit-server",
        )
    return UncheckedError(f"LiveKit failed: {message}", code="internal")


def _unknown(message: str) -> SipctlError:
    if "dial tcp" in message or "connection refused" in message:
        return UncheckedError(
            "LiveKit lost its redis", code=Cause.REDIS_LOST, hint="start redis; livekit-server reconnects by itself"
        )
    hint = (
        "the room's node is gone; some seconds after a crash LiveKit has noticed: try again" if _LOST in message else ""
    )
    return UncheckedError(f"LiveKit failed: {message}", code="internal", hint=hint)


def _bad_route(message: str) -> SipctlError:
    return UncheckedError(f"LiveKit has no such method here: {message}", code="foreign-server", hint=_URL_HINT)


_URL_HINT: Final = "LIVEKIT_URL must lead to livekit-server itself, such as https://livekit.example.org"

_SLOWER_HINT: Final = "try again in a moment; `--rate` slows purge and sync"

_TWIRP: Final[dict[str, Callable[[str], SipctlError]]] = {
    "invalid_argument": _invalid_argument,
    "already_exists": _conflict,
    "malformed": lambda message: RejectedError(f"LiveKit refused: {message}"),
    "out_of_range": lambda message: RejectedError(f"LiveKit refused: {message}"),
    "failed_precondition": lambda message: RejectedError(f"LiveKit refused: {message}"),
    "not_found": lambda message: NotFoundError(f"LiveKit says: {message}"),
    "unauthenticated": _no_grant,
    "permission_denied": _no_grant,
    "internal": _internal,
    "unknown": _unknown,
    "bad_route": _bad_route,
    "unavailable": lambda message: UncheckedError(
        f"LiveKit is unavailable: {message}",
        code=Cause.UNAVAILABLE,
        hint=(CommandLine.of("room", "list", "--probe"), " shows rooms without a node"),
    ),
    "resource_exhausted": lambda message: UncheckedError(
        f"LiveKit is overloaded: {message}", code="overloaded", hint=_SLOWER_HINT
    ),
}


def _gateway(status: int, where: str) -> SipctlError:
    return UncheckedError(
        f"{where} answered {status}: the proxy there does not reach livekit-server",
        code="gateway",
        hint="check that livekit-server runs, and the proxy's upstream",
    )


_FOREIGN: Final[dict[int, Callable[[str], SipctlError]]] = {
    403: lambda where: DeniedError(f"{where} answered 403: something in front of LiveKit keeps us out", hint=_URL_HINT),
    413: lambda _: RejectedError("LiveKit refused: the request is too large"),
    429: lambda where: UncheckedError(f"{where} answered 429: too many requests", code="overloaded", hint=_SLOWER_HINT),
    **{status: partial(_gateway, status) for status in (502, 503, 504)},
}


def _from_foreign(refusal: Refusal, connection: Connection) -> SipctlError:
    """An answer that Twirp did not write: the middleware in front of it, a proxy, another server."""
    status, where = refusal.status, connection.url
    if status == 401:
        return _from_unauthorised(refusal, connection)
    if refusal.location:
        return UncheckedError(
            f"{where} redirects elsewhere",
            code="redirected",
            hint=f"use the address it leads to: {shown_url(refusal.location)}",
        )
    if translate := _FOREIGN.get(status):
        return translate(where)
    return UncheckedError(f"{where} answered {status}, and not as LiveKit does", code="foreign-server", hint=_URL_HINT)


def _from_unauthorised(refusal: Refusal, connection: Connection) -> SipctlError:
    body = refusal.body
    if "invalid API key" in body:
        return DeniedError(
            f"LiveKit does not know the API key {connection.api_key!r}{_from(connection.key_origin)}",
            code="unknown-key",
            hint="LIVEKIT_API_KEY must be one of `keys` in livekit.yaml",
        )
    if "signature is invalid" in body:
        return DeniedError(
            f"the secret of API key {connection.api_key!r} is not the server's{_from(connection.secret_origin)}",
            code="wrong-secret",
            hint="LIVEKIT_API_SECRET must be the value of that key in livekit.yaml",
        )
    if "expired" in body or "not valid yet" in body:
        return DeniedError(
            f"LiveKit refused the token for its time: the server's clock is {_describe_skew(refusal.skew_s)}",
            code="clock-skew",
            hint=f"synchronise both clocks; LiveKit allows {LEEWAY_S} s",
        )
    if "token" in body or "authorization header" in body:
        return DeniedError("LiveKit refused the token", hint="check key and secret")
    return DeniedError(f"{connection.url} asks for an authentication that is not LiveKit's", hint=_URL_HINT)


def _from(origin: str) -> str:
    return f" ({origin})" if origin else ""


def _describe_skew(skew_s: float) -> str:
    return f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} ours"


def from_exception(error: Exception, connection: Connection, timeout_s: float) -> SipctlError:
    """The error for a call that got no whole answer."""
    if isinstance(error, DecodeError):
        return foreign_answer(connection)
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return _proxy_failure(error, connection.url)
    if isinstance(error, aiohttp.InvalidURL) and getproxies().get(urlsplit(connection.url).scheme):
        return UncheckedError("the proxy has no usable address", code=Cause.PROXY, hint=f"check {_PROXY_SETTINGS}")
    message, code, hint = _network_failure(error, connection, timeout_s)
    return UncheckedError(message, code=code, hint=hint)


def _network_failure(error: Exception, connection: Connection, timeout_s: float) -> tuple[str, Cause, str]:
    where = connection.url
    match error:
        case TimeoutError():
            return f"{where} did not answer within {timeout_s:g} s", Cause.TIMEOUT, "--timeout SECONDS waits longer"
        case aiohttp.ClientConnectorDNSError():
            named = _PROXY_SETTINGS if _is_proxy(error.host) else connection.origin or where
            return f"cannot resolve {shown_url(error.host)!r}", Cause.DNS, f"check the host name in {named}"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            hint = "a server without TLS needs http:// or ws://; SSL_CERT_FILE names a private CA's bundle"
            return f"no TLS with {where}: {_tls_reason(error)}", Cause.TLS, hint
        case aiohttp.ClientConnectorError():
            code = Cause.REFUSED if isinstance(error.os_error, ConnectionRefusedError) else Cause.UNREACHABLE
            return f"cannot connect to {where}: {_reason(error)}", code, "check that livekit-server runs there"
        case aiohttp.InvalidURL() | UnicodeError():
            return f"{where} is no usable address", Cause.DNS, _URL_HINT
    kind = type(error).__name__
    return f"{where} broke off: {kind}", Cause.CUT, "check the server's log, and what is between"


def _is_proxy(host: str) -> bool:
    return host in {parts.hostname for proxy in getproxies().values() if (parts := split_url(proxy))}


def _proxy_failure(
    error: aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError, where: str
) -> UncheckedError:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        message = f"the proxy does not lead to {where}: it answered {error.status}"
    else:
        message = f"cannot connect to the proxy {shown_url(error.host)}:{error.port}: {_reason(error)}"
    hint = f"check {_PROXY_SETTINGS}; NO_PROXY names hosts that need no proxy"
    return UncheckedError(message, code=Cause.PROXY, hint=hint)


def _reason(error: aiohttp.ClientConnectorError) -> str:
    return os.strerror(error.os_error.errno) if error.os_error.errno else shown_words(str(error.os_error))


def foreign_answer(connection: Connection) -> SipctlError:
    """The error for a success that LiveKit did not write."""
    return UncheckedError(f"{connection.url} answers, but not as LiveKit does", code="foreign-server", hint=_URL_HINT)


def _tls_reason(error: Exception) -> str:
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    return shown_words(str(getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or cause))
