"""The health port of livekit-sip (livekit/sip pkg/service/service.go): any path, plain text."""

import aiohttp

from sipctl.config.model import Connection
from sipctl.lkapi.failures import from_exception
from sipctl.telephony.secret import Secret

_LIMIT = 256


async def read_health(url: str, timeout_s: float) -> tuple[int, str]:
    """The HTTP status and the start of the text: 200 OK, 429 UnderLoad, 503 NotStarted or Stopped.

    Raises:
        UncheckedError: nobody answers within `timeout_s` seconds.
    """
    limit = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with aiohttp.ClientSession(trust_env=True, timeout=limit) as session, session.get(url) as response:
            text = (await response.content.read(_LIMIT)).decode(errors="replace")
            return response.status, text.strip()
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        raise from_exception(error, Connection(url=url, api_key="", api_secret=Secret()), timeout_s) from error
