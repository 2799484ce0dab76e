"""`/sandbox/*`: people, faults, time and calls, moved over HTTP by a program on this machine, and by no web page.

A page that a browser shows can send requests to loopback, too. It sends an `Origin`, needs leave (CORS) to send JSON,
and where its own name was made to point at loopback (DNS rebinding) that name is in `Host`.
"""

import json
import operator
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from sipctl.errors import SipctlError, UsageError
from sipctl.sandbox.calls import evaluate_call
from sipctl.sandbox.faults import Fault, Faults
from sipctl.sandbox.store import Store
from sipctl.sandbox.twirp import JSON_TYPE
from sipctl.telephony.matching.call_reading import call_from_json

_LOOPBACK: Final = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?\Z", re.IGNORECASE)
_BODY_LIMIT: Final = 64 * 1024
_SHAPE: Final = UsageError("the body is not a JSON object that this action takes")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Control:
    """The actions; each takes a JSON object and answers one."""

    store: Store
    faults: Faults

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Put the routes before the router's catch-all."""
        for action in (self.join, self.leave, self.fault, self.clock, self.call):
            router.add_post(f"/sandbox/{action.__name__}", _guarded(_answering(action)))
            router.add_route("*", f"/sandbox/{action.__name__}", _guarded(_refusing(405, "send a POST")))
        router.add_route("*", "/sandbox/{action:.*}", _guarded(_refusing(404, "there is no such action")))

    def join(self, body: Body) -> None:
        """Let someone into a room: `room`, `identity`, and perhaps `kind` and `name`."""
        given = _texts(body, {"room", "identity"}, {"kind", "name"})
        self.store.join(given.pop("room"), given.pop("identity"), **given)

    def leave(self, body: Body) -> None:
        """Take someone out: `room`, `identity`."""
        given = _texts(body, {"room", "identity"})
        self.store.leave(given["room"], given["identity"])

    def fault(self, body: Body) -> None:
        """Plant a fault: `fault`, and perhaps `times`. An empty object ends every fault."""
        if not body:
            self.faults.lift(self.store)
            return
        rest = dict(body)
        times = operator.index(rest.pop("times", 0))
        text = _texts(rest, {"fault"})["fault"]
        self.faults.plant(Fault.parse(text, times=times), self.store)

    def clock(self, body: Body) -> None:
        """Let `seconds` pass."""
        if body.keys() != {"seconds"}:
            raise _SHAPE
        self.store.clock.advance(body["seconds"])

    def call(self, body: Body) -> dict[str, Any]:
        """What becomes of a call, written as in a file of calls."""
        return evaluate_call(self.store, call_from_json(body))


def _texts(body: Body, needed: set[str], also: Collection[str] = ()) -> dict[str, str]:
    """The fields of a body, all of them text.

    Raises:
        UsageError: one is missing, is no text, or is none of these.
    """
    if not needed <= body.keys() <= needed.union(also) or not all(isinstance(value, str) for value in body.values()):
        raise _SHAPE
    return dict(body)


def _guarded(handler: Handler) -> Handler:
    """The handler, for requests that no browser sends on behalf of a page."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if "Origin" in request.headers:
            return _refusal(403, "no web page may ask for this")
        if not _LOOPBACK.match(request.headers.get("Host", "")):
            return _refusal(403, "the Host of the request is not loopback")
        return await handler(request)

    return handle


def _answering(action: Callable[[Body], object]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.content_type.lower() != JSON_TYPE:
            return _refusal(415, f"the Content-Type must be {JSON_TYPE}")
        try:
            answer = action(_object(await request.clone(client_max_size=_BODY_LIMIT).read()))
        except web.HTTPRequestEntityTooLarge:
            return _refusal(413, f"the body is over {_BODY_LIMIT} bytes")
        except (ValueError, TypeError):
            return _refusal(400, _SHAPE.message)
        except SipctlError as error:
            return _refusal(400, error.message)
        return web.json_response(answer or {})

    return handle


def _object(body: bytes) -> Body:
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise _SHAPE from None
    if not isinstance(value, dict):
        raise _SHAPE
    return value


def _refusing(status: int, reason: str) -> Handler:
    async def handle(_request: web.Request) -> web.StreamResponse:
        return _refusal(status, reason)

    return handle


def _refusal(status: int, reason: str) -> web.Response:
    return web.json_response({"error": reason}, status=status)
