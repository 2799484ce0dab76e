"""Timing in ratios: best of some runs against a raw floor, both in the same process of measuring."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"


def best(run: Callable[[], object], times: int = 7, clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest of some runs in seconds; the shortest is the one least disturbed.

    With `time.process_time` for a clock, what else the machine does hardly matters.
    """
    taken = []
    for _ in range(times):
        started = clock()
        run()
        taken.append(clock() - started)
    return min(taken)


def process(words: Sequence[str], env: Mapping[str, str] | None = None) -> Callable[[], object]:
    """Running a process to its end, its output thrown away."""
    return lambda: subprocess.run(
        words, env={"PYTHONPATH": str(SOURCE), **(env or {})}, stdout=subprocess.DEVNULL, check=True
    )


def python(*words: str, env: Mapping[str, str] | None = None) -> Callable[[], object]:
    """Running this Python."""
    return process([sys.executable, *words], env)


def show(name: str, ours: float, floor: float, target: float) -> None:
    """One line: what, how many times the floor, and what it should be."""
    sys.stdout.write(f"{name}: {ours * 1000:.0f} ms, {ours / floor:.2f}x of {floor * 1000:.0f} ms (target {target}x)\n")
