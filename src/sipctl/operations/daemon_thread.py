"""Work that blocks, in a thread that no end of the process waits for."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """What a thread comes to. A process that ends does not wait for it: a database, or a pipe, may hang for hours."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where it is awaited
            _deliver(loop, answer, answer.set_exception, error)
        else:
            _deliver(loop, answer, answer.set_result, value)

    threading.Thread(target=run, name="sipctl-waiting", daemon=True).start()
    return await answer


def _deliver(
    loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[T]", settle: Callable[[R], None], value: R
) -> None:
    with suppress(RuntimeError):  # the loop has ended, and no one waits any more
        loop.call_soon_threadsafe(lambda: None if answer.done() else settle(value))
