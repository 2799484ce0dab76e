"""What a backend answers where LiveKit sends its events: to one that is not signed, which changes nothing.

Meet refuses it with 401 and JSON (suitenumerique/meet core/api/viewsets.py, measured). What Django answers before Meet
is asked is no JSON: a redirect to https or to the slash at the end, or a page about a host that is not allowed.
"""

import asyncio
import json
import ssl
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

import aiohttp

from sipctl.errors import Cause, UncheckedError

JSON: Final = "application/json"
_CONFIG_PATH: Final = "/api/v1.0/config/"
"""Where Meet tells browsers its settings (suitenumerique/meet core/urls.py)."""
_LIMIT: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The telephony settings that a running Meet tells; `number` and `country` are "" where it tells none."""

    enabled: bool
    number: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The answer at one address: `status` 0 = none, for this `reason`; `location` is where it redirects to.

    `is_named` = the host's name is known here. `running` is None where no Meet answers.
    """

    url: str
    status: int = 0
    content_type: str = ""
    location: str = ""
    reason: str = ""
    is_named: bool = True
    running: Running | None = None


async def ask_endpoint(url: str, timeout_s: float) -> Endpoint:
    """POST an empty event without a signature, then read the settings that Meet tells browsers on the same host.

    Raises:
        UncheckedError: a proxy does not let us through.
    """
    limit = aiohttp.ClientTimeout(total=timeout_s)
    async with aiohttp.ClientSession(trust_env=True, timeout=limit) as session:
        try:
            async with session.post(url, data=b"", allow_redirects=False) as answer:
                location = urljoin(url, answer.headers.get("Location", ""))
                status, content_type = answer.status, answer.content_type
        except (aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError) as error:
            raise UncheckedError(f"a proxy does not let us through to {url}", code=Cause.PROXY) from error
        except (aiohttp.ClientError, OSError) as error:
            is_named = not isinstance(error, aiohttp.ClientConnectorDNSError)
            return Endpoint(url=url, reason=_reason(error, timeout_s), is_named=is_named)
        running = await _running(session, urljoin(url, _CONFIG_PATH))
        return Endpoint(url=url, status=status, content_type=content_type, location=location, running=running)


def _reason(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known here"
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return "its TLS certificate or protocol is refused"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        return "connection refused"
    return "the connection was closed" if isinstance(error, aiohttp.ServerDisconnectedError) else "it cannot be reached"


async def _running(session: aiohttp.ClientSession, url: str) -> Running | None:
    """The settings that a Meet tells there; None if nothing, or something else, answers."""
    try:
        async with session.get(url, allow_redirects=False) as answer:
            if answer.status != 200 or answer.content_type != JSON:
                return None
            return _read(json.loads(await answer.content.read(_LIMIT)))
    except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError):
        return None


def _read(document: Any) -> Running | None:  # noqa: ANN401 - any JSON value
    telephony = document.get("telephony") if isinstance(document, dict) else None
    if not isinstance(telephony, dict) or not isinstance(telephony.get("enabled"), bool):
        return None
    number, country = (telephony.get(key) for key in ("international_phone_number", "default_country"))
    return Running(
        enabled=telephony["enabled"],
        number=number if isinstance(number, str) else "",
        country=country if isinstance(country, str) else "",
    )
