"""Metrics of runs that cron starts, in Prometheus's text format."""

import time
from collections import Counter as Counted
from pathlib import Path
from typing import Final

from sipctl.errors import ExitCode
from sipctl.files import write_public
from sipctl.operations.sync.result import Outcome

_SUCCESS: Final = "sipctl_rules_last_success_timestamp_seconds"
_LIMIT: Final = 1024 * 1024
"""The most characters that are read of the file of the run before, which has some 2,000 of them."""
_FINE: Final = frozenset({ExitCode.DONE, ExitCode.PENDING})


def write_sync_metrics(path: Path, outcome: Outcome | None, code: ExitCode, started: float) -> None:
    """Write how a purge or sync ended; after a failure the time of the last success stays what it was.

    `started` are Unix seconds.

    Raises:
        UncheckedError: the file cannot be written.
    """
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry, now = CollectorRegistry(), time.time()

    def gauge(name: str, described: str, value: float) -> None:
        Gauge(name, described, registry=registry).set(value)

    gauge("sipctl_rules_last_run_timestamp_seconds", "When the last purge or sync ended.", now)
    gauge("sipctl_rules_last_run_duration_seconds", "How long it took.", now - started)
    gauge("sipctl_rules_last_run_exit_code", "What it ended with.", float(code))
    success = now if code in _FINE else _last_success(path)
    if success is not None:
        gauge(_SUCCESS, "When a purge or sync last ended well.", success)
    if outcome:
        planned = Gauge("sipctl_rules_planned", "Items of the plan.", ["action", "reason"], registry=registry)
        for (action, reason), count in Counted((item.action, item.reason) for item in outcome.items).items():
            planned.labels(action.value, reason.value).set(count)
        results = Gauge("sipctl_rules_results", "What became of changes.", ["action", "result"], registry=registry)
        for (action, result), count in Counted((one.item.action, one.result) for one in outcome.done).items():
            results.labels(action.value, result.value).set(count)
    write_public(path, generate_latest(registry).decode())


def _last_success(path: Path) -> float | None:
    """What the file of the run before says; a pipe or a device remembers nothing."""
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8") as file:
            lines = file.read(_LIMIT).splitlines()
        return next((float(line.split()[1]) for line in lines if line.startswith(f"{_SUCCESS} ")), None)
    except (OSError, ValueError, IndexError):
        return None
