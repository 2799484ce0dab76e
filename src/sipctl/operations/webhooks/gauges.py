"""What `webhook serve` counts, for Prometheus."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sipctl.webhooks.event import NAMES

if TYPE_CHECKING:
    from sipctl.operations.sync.result import Done
    from sipctl.webhooks.verification import Verdict

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Gauges:
    """All metrics of one process. prometheus-client lets any thread count."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    events: Counter = field(init=False)
    dropped: Counter = field(init=False)
    runs: Counter = field(init=False)
    rules: Counter = field(init=False)
    took: Histogram = field(init=False)
    healthy: Gauge = field(init=False)
    ended: Gauge = field(init=False)

    def __post_init__(self) -> None:
        own = self.registry
        self.events = Counter(
            "sipctl_webhook_events", "Webhooks received, by event and verdict.", ["event", "verdict"], registry=own
        )
        self.dropped = Counter("sipctl_webhook_events_dropped", "Events that LiveKit says it dropped.", registry=own)
        self.runs = Counter(
            "sipctl_webhook_runs", "Runs of the sync, by scope and result.", ["scope", "result"], registry=own
        )
        self.rules = Counter(
            "sipctl_webhook_rules", "Changes of rules, by action and result.", ["action", "result"], registry=own
        )
        self.took = Histogram("sipctl_webhook_run_seconds", "How long a run took.", registry=own)
        self.healthy = Gauge("sipctl_webhook_healthy", "Whether the last sync of all rooms went well.", registry=own)
        self.ended = Gauge("sipctl_webhook_last_sync_timestamp_seconds", "When the last sync ended.", registry=own)

    def note_event(self, verdict: "Verdict") -> None:
        """Count a delivery. Words of strangers are no labels."""
        name = verdict.head.name if verdict.head else ""
        self.events.labels(name if name in NAMES else "other", verdict.fault.value if verdict.fault else "ok").inc()
        if verdict.head and verdict.head.dropped:
            self.dropped.inc(verdict.head.dropped)

    def note_change(self, done: "Done") -> None:
        """Count a change of a rule."""
        self.rules.labels(done.item.action.value, done.result.value).inc()

    def text(self) -> bytes:
        """All of them in Prometheus's text format."""
        return generate_latest(self.registry)
