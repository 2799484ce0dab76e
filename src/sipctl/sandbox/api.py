"""The HTTP side of the sandbox: routing, tokens and faults, as livekit-server answers on the wire."""

import asyncio
import json
import random
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Final

from aiohttp import web
from google.protobuf.message import Message

from sipctl.sandbox import call_service, rule_service, trunk_service
from sipctl.sandbox.auth import TokenError, claims_of
from sipctl.sandbox.claims import Claims
from sipctl.sandbox.faults import Fault, Faults, do_meanwhile
from sipctl.sandbox.listing import SIP
from sipctl.sandbox.method import Method, Service
from sipctl.sandbox.room_service import ROOMS
from sipctl.sandbox.store import Store
from sipctl.sandbox.twirp import JSON_TYPE, PREFIX, PROTOBUF_TYPE, TwirpError, decode, encode, whole_characters
from sipctl.telephony.secret import Secret

__all__ = ["Api", "Call", "call_service", "rule_service", "trunk_service"]

SERVICES: Final = {"livekit.SIP": SIP, "livekit.RoomService": ROOMS}
_BARE_SERVICES: Final = {"livekit.Egress": "egress", "livekit.Ingress": "ingress"}
"""Services of which the sandbox only knows that they need redis."""

_TWIRP_PATH: Final = re.compile(r"/twirp/(livekit\.[A-Za-z]+)/(.*)\Z")
_LIMIT: Final = 64 * 1024 * 1024
_REMEMBERED_CALLS: Final = 1000
_TEXT_LIST_FIELDS: Final = ("items", "rooms", "participants")


@dataclass(frozen=True, slots=True)
class Call:
    """One call that the sandbox received: the method's name and the HTTP status answered."""

    method: str
    status: int


@dataclass(slots=True)
class Api:
    """Answers LiveKit's API from a store."""

    store: Store
    api_key: str
    api_secret: Secret
    faults: Faults = field(default_factory=Faults)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_CALLS))
    _last_answers: dict[str, Message] = field(default_factory=dict)

    def application(self) -> web.Application:
        """The whole server; other routes may be put before its catch-all."""
        application = web.Application(client_max_size=_LIMIT)
        application.on_response_prepare.append(self._head)
        return application

    async def _head(self, _request: web.Request, response: web.StreamResponse) -> None:
        """The headers as LiveKit writes them: the date of this clock, and no name of a server."""
        response.headers["Date"] = formatdate(self.store.clock.now(), usegmt=True)
        response.headers.popall("Server", None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request to LiveKit, with CORS as livekit-server has it: open to everyone."""
        origin = request.headers.get("Origin")
        asked = request.headers.get("Access-Control-Request-Method")
        if origin and asked and request.method == "OPTIONS":
            allowed = {
                "Access-Control-Allow-Headers": request.headers.get("Access-Control-Request-Headers", ""),
                "Access-Control-Allow-Methods": asked,
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Max-Age": "86400",
            }
            return web.Response(status=204, headers=allowed)
        response = await self._answered(request)
        if origin:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "*"
        return response

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        """First the token, then the route, then the method."""
        self.store.close_expired_rooms()
        path = re.sub(r"\A//", "/", request.path)
        try:
            claims = claims_of(
                request.headers.get("Authorization", ""),
                request.query.get("access_token", ""),
                lambda key: self.api_secret.reveal() if key == self.api_key else None,
                self.store.clock.now(),
            )
        except TokenError as error:
            return _join_headers(path, _text(str(error), 401))
        if "//" in path or path.removeprefix("/twirp/") in SERVICES:
            clean = re.sub("//+", "/", path)
            location = clean if "//" in path else f"{clean}/"
            return web.Response(status=307, headers={"Location": location})
        return await self._route(request, path, claims)

    async def _route(self, request: web.Request, path: str, claims: Claims | None) -> web.StreamResponse:
        if path == "/":
            return _health(self.store)
        if path in {"/rtc/validate", "/rtc/v1/validate"}:
            return _join_headers(path, _validate_join(path, claims))
        named = _TWIRP_PATH.match(path)
        if named is None or named[1] not in SERVICES | _BARE_SERVICES:
            return _text("404 page not found\n", 404, {"X-Content-Type-Options": "nosniff"})
        return await self._twirp(request, path, named[1], named[2], claims)

    async def _twirp(
        self, request: web.Request, path: str, service: str, method: str, claims: Claims | None
    ) -> web.StreamResponse:
        struck = self.faults.strike(method)
        broken = await _broken_answer(struck, self.store.entropy)
        if broken is not None:
            return broken
        try:
            content_type = _content_type(request, path)
            answer = self._answer(service, path, method, await request.read(), content_type, claims, struck)
        except TwirpError as error:
            text = whole_characters(json.dumps(error.body, ensure_ascii=False, separators=(",", ":")))
            return web.Response(status=error.status, body=text.encode(), content_type=JSON_TYPE)
        body = encode(self._as_struck(method, answer, struck), content_type)
        if any(fault.name == "cut" for fault in struck):
            return await _cut(request, body, content_type)
        return web.Response(body=body, content_type=content_type)

    def _answer(
        self,
        service: str,
        path: str,
        name: str,
        body: bytes,
        content_type: str,
        claims: Claims | None,
        struck: Sequence[Fault],
    ) -> Message:
        """What a method answers. The grant is looked at before redis, and redis before the request."""
        if service in _BARE_SERVICES:
            raise _not_connected(_BARE_SERVICES[service])
        method: Method[Message] | None = SERVICES[service].methods.get(name)
        if method is None:
            raise _bad_route(f'no handler for path "{path}"', "POST", path)
        message = decode(body, content_type, method.request())
        try:
            method.permit(claims, message)
            self._refuse_without_redis(SERVICES[service], name)
            do_meanwhile(struck, self.store, message)
            answer = method.run(self.store, message)
        except TwirpError as error:
            self.calls.append(Call(name, error.status))
            raise
        self.calls.append(Call(name, 200))
        return answer

    def _refuse_without_redis(self, service: Service, name: str) -> None:
        if service.needs_redis and self.store.redis == "none" and name != "TransferSIPParticipant":
            raise _not_connected("sip")

    def _as_struck(self, method: str, answer: Message, struck: list[Fault]) -> Message:
        names = {fault.name for fault in struck}
        current = type(answer)()
        current.CopyFrom(answer)
        before, self._last_answers[method] = self._last_answers.get(method, current), current
        if "empty-list" in names:
            answer = type(answer)()
        return before if "lagging-list" in names and _is_list(answer) else answer


def _not_connected(what: str) -> TwirpError:
    return TwirpError("internal", f"{PREFIX}{what} not connected (redis required)")


def _is_list(answer: Message) -> bool:
    return any(field.name in _TEXT_LIST_FIELDS for field in answer.DESCRIPTOR.fields)


def _content_type(request: web.Request, path: str) -> str:
    """The type of the request's body, which the answer has too.

    Raises:
        TwirpError: `bad_route`: not a POST, or another type.
    """
    if request.method != "POST":
        raise _bad_route(f'unsupported method "{request.method}" (only POST is allowed)', request.method, path)
    given = request.headers.get("Content-Type", "")
    content_type = given.partition(";")[0].strip().lower()
    if content_type not in {JSON_TYPE, PROTOBUF_TYPE}:
        raise _bad_route(f'unexpected Content-Type: "{given}"', request.method, path)
    return content_type


def _bad_route(message: str, verb: str, path: str) -> TwirpError:
    return TwirpError("bad_route", message, {"twirp_invalid_route": f"{verb} {path}"})


async def _broken_answer(struck: Iterable[Fault], entropy: random.Random) -> web.StreamResponse | None:
    """What a fault answers before LiveKit would even look at the request."""
    for fault in struck:
        if fault.name == "latency":
            await asyncio.sleep(fault.value / 1000)
        elif fault.name == "hang":
            await asyncio.Event().wait()
        elif fault.name == "status":
            return _text("planted by the sandbox\n", fault.value)
        elif fault.name == "flaky" and entropy.randrange(100) < fault.value:
            return _text("planted by the sandbox\n", 503)
        elif fault.name == "page":
            return web.Response(text="<html><body>Welcome</body></html>", content_type="text/html")
    return None


async def _cut(request: web.Request, body: bytes, content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type, "Content-Length": str(len(body) + 1)})
    await response.prepare(request)
    await response.write(body)
    if request.transport:
        request.transport.close()
    return response


def _text(text: str, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(text=whole_characters(text), status=status, headers=headers)


def _health(store: Store) -> web.Response:
    if store.redis == "lost":
        return _text("Not Ready\nNode Updated At 1970-01-01 00:00:00 +0000 UTC", 406)
    return _text("OK")


def _join_headers(path: str, response: web.Response) -> web.Response:
    if path.startswith("/rtc/"):
        response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _validate_join(path: str, claims: Claims | None) -> web.Response:
    """What a browser asks before it joins (livekit/livekit pkg/service/rtcservice.go)."""
    granted = (claims or {}).get("video") or {}
    if not granted.get("roomJoin"):
        return _text("no permissions to access the room", 401)
    if path.startswith("/rtc/v1/"):
        return _text("join_request is required", 400)
    if not (claims or {}).get("sub"):
        return _text("identity cannot be empty", 400)
    return _text("success")
