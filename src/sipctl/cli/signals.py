"""Signals that end this process: Ctrl-C, `kill`, and a terminal that went away."""

import signal
from dataclasses import dataclass
from types import FrameType
from typing import Final

from sipctl.errors import ExitCode

WORDS: Final = {
    ExitCode.HUNG_UP: "hung-up",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
}


@dataclass(slots=True)
class _Received:
    code: ExitCode = ExitCode.INTERRUPTED


_received: Final = _Received()


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP end the process as Ctrl-C does, which asyncio waits for in an orderly way.

    A signal that is ignored stays so: nohup ignores SIGHUP.
    """
    _received.code = ExitCode.INTERRUPTED
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def ending() -> ExitCode:
    """What a process ends with that a KeyboardInterrupt ends: the code of the signal that came."""
    return _received.code


def _end(number: int, _frame: FrameType | None) -> None:
    _received.code = ExitCode(128 + number)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)
