"""How every campaign runs: state after state within its limits, and from the command line with its figures."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable


async def repeat(once: Callable[[], Awaitable[None]], runs: int, seed: int, seconds: float) -> None:
    """So many states, or as many as fit into the seconds; a broken promise names its state.

    Raises:
        AssertionError: a promise was broken.
    """
    until = time.monotonic() + seconds
    for at in range(runs):
        if time.monotonic() > until:
            break
        try:
            await once()
        except AssertionError as error:
            raise AssertionError(f"state {at} of seed {seed}: {error}") from error


def run_from_command_line(
    about: str | None, runs: int, expected: Iterable[str], campaign: Callable[[int, int], Counter[str]]
) -> None:
    """Run a campaign with `--runs` and `--seed`, print its figures, and fail if something expected never happened."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    figures = campaign(given.runs, given.seed)
    for name, count in sorted(figures.items()):
        sys.stdout.write(f"{count:8} {name}\n")
    missing = [name for name in expected if not figures[name]]
    sys.exit(f"never seen: {', '.join(missing)}" if missing else 0)
