"""Prometheus's text format."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Gauge:
    """One metric: its values, each behind the values of its labels."""

    name: str
    described: str
    values: Iterable[tuple[tuple[str, ...], float]]
    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, described: str, value: float) -> Self:
        """A metric of one value."""
        return cls(name, described, [((), value)])


def metrics_text(gauges: Iterable[Gauge]) -> str:
    """The metrics in their order."""
    import prometheus_client as prometheus

    registry = prometheus.CollectorRegistry()
    for one in gauges:
        gauge = prometheus.Gauge(one.name, one.described, one.labels, registry=registry)
        for labels, value in one.values:
            (gauge.labels(*labels) if labels else gauge).set(value)
    return prometheus.generate_latest(registry).decode()
