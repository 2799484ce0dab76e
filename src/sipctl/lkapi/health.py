"""The ports of livekit-sip for those who watch it (livekit/sip pkg/service/service.go, pkg/stats/monitor.go)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from time import time
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from sipctl.config.model import Connection
from sipctl.errors import UncheckedError
from sipctl.lkapi.failures import from_exception
from sipctl.telephony.secret import Secret

_HEALTH_LIMIT: Final = 256
_METRICS_LIMIT: Final = 4 * 1024 * 1024
_METRIC_LIMIT: Final = 4096
"""The most characters of a line; livekit-sip's have some 100."""
_ENDED: Final = "livekit_sip_calls_terminated"
_STARTED: Final = "process_start_time_seconds"
_SECONDS_PER_HOUR: Final = 3600
_DISPATCHED: Final = "livekit_webhook_dispatch"
_NODES: Final = "livekit_node_"


@dataclass(frozen=True, slots=True)
class WrongPins:
    """How many calls ended at a wrong PIN, in the hours since the SIP node started."""

    count: float
    hours: float

    @property
    def per_hour(self) -> float:
        """The average since the start."""
        return self.count / self.hours if self.hours else 0.0


@dataclass(frozen=True, slots=True)
class Dispatches:
    """How many events ended how, by status (success, failure, drop) and reason ("" = none)."""

    counts: Mapping[tuple[str, str], int]

    def of(self, status: str) -> int:
        """How many events had this status."""
        return sum(count for (one, _), count in self.counts.items() if one == status)

    @property
    def lost(self) -> dict[str, int]:
        """The events that did not arrive, by why."""
        named = {(status, reason): reason or status for status, reason in self.counts if status != "success"}
        return {name: self.counts[key] for key, name in named.items() if self.counts[key]}


async def read_health(url: str, timeout_s: float) -> tuple[int, str]:
    """The HTTP status and the start of the text: 200 OK, 429 UnderLoad, 503 NotStarted or Stopped.

    Raises:
        UncheckedError: no one answers within `timeout_s` seconds.
    """
    status, text = await _get(url, timeout_s, _HEALTH_LIMIT)
    return status, text.strip()


async def read_wrong_pins(url: str, timeout_s: float) -> WrongPins:
    """The calls that ended at a wrong PIN, from the node's Prometheus port: any path answers.

    Raises:
        UncheckedError: no one answers within `timeout_s` seconds, or not with livekit-sip's metrics.
    """
    _, text = await _get(url, timeout_s, _METRICS_LIMIT)
    try:
        lines = _of_interest(text, (_ENDED, _STARTED))
        families = {family.name: family.samples for family in text_string_to_metric_families(lines)}
        started = families[_STARTED][0].value
    except (ValueError, KeyError, IndexError):
        raise UncheckedError(
            f"{url} answers, but not with the metrics of livekit-sip",
            code="foreign-server",
            hint="sip_metrics_url leads to `prometheus_port` of livekit-sip",
        ) from None
    wrong = (sample.value for sample in families.get(_ENDED, ()) if sample.labels.get("reason") == "wrong-pin")
    return WrongPins(sum(wrong), max(time() - started, 1) / _SECONDS_PER_HOUR)


async def read_dispatches(url: str, timeout_s: float) -> Dispatches:
    """What became of LiveKit's webhooks since its node started, from its Prometheus port.

    Raises:
        UncheckedError: no one answers within `timeout_s` seconds, or not with livekit-server's metrics.
    """
    _, text = await _get(url, timeout_s, _METRICS_LIMIT)
    try:
        families = list(text_string_to_metric_families(_of_interest(text, (_DISPATCHED, _NODES))))
    except ValueError:
        families = []
    if not families:
        raise UncheckedError(
            f"{url} answers, but not with the metrics of livekit-server",
            code="foreign-server",
            hint="livekit_metrics_url leads to `prometheus_port` of livekit-server, and /metrics there",
        )
    counts: Counter[tuple[str, str]] = Counter()
    for sample in (one for family in families if family.name == _DISPATCHED for one in family.samples):
        if sample.name.endswith("_total"):
            counts[sample.labels.get("status", ""), sample.labels.get("reason", "")] += int(sample.value)
    return Dispatches(counts)


def _of_interest(text: str, names: tuple[str, ...]) -> str:
    """The lines that are looked at. The parser needs the square of the length of a line, and seconds for a long page.

    Raises:
        ValueError: one of them is longer than any of LiveKit's.
    """
    lines = [line for line in text.splitlines() if line.removeprefix("# TYPE ").startswith(names)]
    if any(len(line) > _METRIC_LIMIT for line in lines):
        raise ValueError
    return "".join(f"{line}\n" for line in lines)


async def _get(url: str, timeout_s: float, limit: int) -> tuple[int, str]:
    """The HTTP status and the text, cut at `limit` bytes."""
    total = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with aiohttp.ClientSession(trust_env=True, timeout=total) as session, session.get(url) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) >= limit:
                    break
            return response.status, bytes(body[:limit]).decode(errors="replace")
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        raise from_exception(error, Connection(url=url, api_key="", api_secret=Secret()), timeout_s) from error
