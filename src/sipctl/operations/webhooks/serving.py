"""`webhook serve` as a whole: the receiver in a thread of its own, the lifecycle in the process's main thread.

So runs of the sync are what they are on the command line, signals included, and no run keeps an event from its answer.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from sipctl.config.model import Connection
from sipctl.operations.loop_thread import loop_in_thread
from sipctl.operations.webhooks.gauges import CONTENT_TYPE
from sipctl.webhooks.receiver import Address, Receiver

if TYPE_CHECKING:
    from sipctl.operations.webhooks.lifecycle import Lifecycle
    from sipctl.webhooks.receiver import Delivery


def serve(lifecycle: "Lifecycle", connection: Connection, bind: Address, announce: Callable[[str], None]) -> None:
    """Receive and serve until a signal comes; `announce` is given the address.

    Raises:
        UsageError: no rule could ever be made.
        UncheckedError: the port is taken.
    """
    lifecycle.check()

    async def handle(delivery: "Delivery") -> web.Response:
        status = lifecycle.hear(delivery)
        return web.json_response({"status": "success" if status == 200 else "error"}, status=status)

    pages = {"/healthz": lambda: _health(lifecycle), "/metrics": lambda: _metrics(lifecycle)}
    receiver = Receiver({connection.api_key: connection.api_secret}, handle, pages)
    with loop_in_thread("receiver") as run:
        run(receiver.start(bind))
        try:
            announce(receiver.url)
            lifecycle.run()
        finally:
            run(receiver.stop())


def _health(lifecycle: "Lifecycle") -> web.Response:
    fault = lifecycle.health.fault
    body = json.dumps({"status": "failed", "reason": fault} if fault else {"status": "ok"})
    return web.Response(status=503 if fault else 200, text=body, content_type="application/json")


def _metrics(lifecycle: "Lifecycle") -> web.Response:
    return web.Response(body=lifecycle.gauges.text(), headers={"Content-Type": CONTENT_TYPE})
