"""Metrics of runs that cron starts, in Prometheus's text format."""

import time
from collections import Counter as Counted
from pathlib import Path
from typing import Final

from sipctl.errors import ExitCode
from sipctl.files import write_public
from sipctl.operations.sync.result import Outcome
from sipctl.output.metrics import Gauge, metrics_text

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
    now = time.time()
    success = now if code in _FINE else _last_success(path)
    gauges = [
        Gauge.of("sipctl_rules_last_run_timestamp_seconds", "When the last purge or sync ended.", now),
        Gauge.of("sipctl_rules_last_run_duration_seconds", "How long it took.", now - started),
        Gauge.of("sipctl_rules_last_run_exit_code", "What it ended with.", code),
    ]
    if success is not None:
        gauges.append(Gauge.of(_SUCCESS, "When a purge or sync last ended well.", success))
    if outcome:
        planned = Counted((item.action.value, item.reason.value) for item in outcome.items)
        results = Counted((one.item.action.value, one.result.value) for one in outcome.done)
        gauges.append(Gauge("sipctl_rules_planned", "Items of the plan.", planned.items(), ("action", "reason")))
        gauges.append(Gauge("sipctl_rules_results", "What became of changes.", results.items(), ("action", "result")))
    write_public(path, metrics_text(gauges))


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
