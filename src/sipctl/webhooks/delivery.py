"""Delivering a webhook as LiveKit does: one POST, no redirect followed; whatever comes back is an `Answer`."""

import ssl
from time import monotonic
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from sipctl.errors import Cause, DeniedError, SipctlError, UncheckedError
from sipctl.telephony.secret import Secret
from sipctl.webhooks.answer import Answer, Meaning, meaning_of
from sipctl.webhooks.signing import CONTENT_TYPE, sign

NO_ANSWER: Final = "no-answer"
"""The code of an error after which a backend may have done what an event asks for, or may do it still."""

_PAGE: Final = "text/html"
_START: Final = 512
"""How many bytes of an answer show whether it is a web page."""
_SKIPPED_HEADERS: Final = ("Accept", "Accept-Encoding", "User-Agent")


def client_session(url: str, connections: int = 0) -> aiohttp.ClientSession:
    """What events are posted to this address with; so many connections at most, 0 = as many as there are posts.

    The proxy of the environment is found out once: aiohttp would ask for it at each post, in a thread.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        proxy=_proxy_for(url),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=_SKIPPED_HEADERS,
    )


def _proxy_for(url: str) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name for this address."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


async def post(session: aiohttp.ClientSession, url: str, body: bytes, authorization: str, timeout_s: float) -> Answer:
    """POST an event with this token and say what came back within `timeout_s` seconds; nothing is raised."""
    headers = {"Content-Type": CONTENT_TYPE, "Authorization": authorization}
    limit = aiohttp.ClientTimeout(total=timeout_s)
    began = monotonic()
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False, timeout=limit) as answer:
            start = await answer.content.read(_START) if answer.content_type == _PAGE else b""
            return Answer(
                status=answer.status,
                content_type=answer.content_type,
                is_page=_is_page(start),
                retry_after=answer.headers.get("Retry-After", ""),
                took_s=monotonic() - began,
            )
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        return Answer(kind=_kind_of(error), took_s=monotonic() - began)


def _is_page(start: bytes) -> bool:
    return start.lstrip()[:14].lower().startswith((b"<!doctype", b"<html"))


def _kind_of(error: Exception) -> Cause:
    """Why there is no answer, in one word."""
    cause = getattr(error, "os_error", error)
    if isinstance(error, TimeoutError):
        return Cause.TIMEOUT
    if isinstance(error, aiohttp.ClientSSLError) or isinstance(cause, ssl.SSLError):
        return Cause.TLS
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Cause.DNS
    if isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        return Cause.PROXY
    if isinstance(cause, ConnectionRefusedError):
        return Cause.REFUSED
    cut = (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, aiohttp.ClientResponseError, ConnectionError)
    return Cause.CUT if isinstance(error, cut) or isinstance(cause, ConnectionError) else Cause.UNREACHABLE


def refusal(url: str, answer: Answer, timeout_s: float) -> SipctlError:
    """The error for an answer that is no success."""
    meaning = meaning_of(answer)
    words = f"did not answer within {timeout_s:g} s" if meaning is Meaning.SLOW else meaning.words
    status = f" ({answer.status})" if answer.status else ""
    described = f"the backend at {url} {words}{status}{f'; {meaning.consequence}' if meaning.consequence else ''}"
    if meaning is Meaning.SIGNATURE:
        return DeniedError(described, code="wrong-secret", hint=meaning.hint)
    code = NO_ANSWER if answer.kind in {"timeout", "cut"} else "backend"
    return UncheckedError(described, code=code, hint=meaning.hint)


async def deliver(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes,
    api_key: str,
    api_secret: Secret,
    now: float,
    timeout_s: float,
) -> None:
    """POST an event, signed at `now`.

    Raises:
        DeniedError: the backend refuses the signature.
        UncheckedError: it did not take the event, or cannot be reached within `timeout_s` seconds.
    """
    answer = await post(session, url, body, sign(body, api_key, api_secret, now), timeout_s)
    if not answer.is_acknowledged:
        raise refusal(url, answer, timeout_s)
