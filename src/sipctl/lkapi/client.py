"""One LiveKit server: rooms, participants, trunks and dispatch rules as our model, and no failure but ours."""

import asyncio
import math
import warnings
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from google.protobuf.message import DecodeError
from jwt.warnings import InsecureKeyLengthWarning
from livekit.api import LiveKitAPI
from livekit.protocol.models import ListUpdate
from livekit.protocol.room import (
    CreateRoomRequest,
    DeleteRoomRequest,
    ListParticipantsRequest,
    ListRoomsRequest,
    SendDataRequest,
)
from livekit.protocol.sip import (
    CreateSIPDispatchRuleRequest,
    CreateSIPInboundTrunkRequest,
    DeleteSIPDispatchRuleRequest,
    DeleteSIPTrunkRequest,
    ListSIPDispatchRuleRequest,
    ListSIPInboundTrunkRequest,
    ListSIPOutboundTrunkRequest,
    SIPDispatchRuleInfo,
)

from sipctl.config.model import Connection
from sipctl.errors import Cause, ChangedError, NotFoundError, SipctlError, UncheckedError
from sipctl.lkapi.clocks import skew_s
from sipctl.lkapi.convert import (
    outbound_from_message,
    participant_from_message,
    room_from_message,
    rule_from_message,
    rule_to_message,
    trunk_from_message,
    trunk_to_message,
)
from sipctl.lkapi.failures import Refusal, foreign_answer, from_exception, from_refusal
from sipctl.lkapi.lists import converted, holds_more
from sipctl.telephony.limits import MAX_ITEMS
from sipctl.telephony.model import DispatchRule, InboundTrunk, OutboundTrunk, Participant, Room

T = TypeVar("T")

# LiveKit itself accepts short secrets, `secret` of its --dev mode among them; it is not for a token to warn of it.
warnings.simplefilter("ignore", InsecureKeyLengthWarning)

ANSWER_LIMIT: Final = 128 * 1024 * 1024
"""The most bytes of one answer: some 600,000 rules."""
_REFUSAL_LIMIT: Final = 4096
_RULE_TYPE_FIELDS: Final = frozenset({"kind", "room_name", "pin", "randomized"})
_NO_ONE: Final = "sipctl-nobody"


class _CappedResponse(aiohttp.ClientResponse):
    """An answer that ends with an error when it grows past the limit; livekit-api itself reads without one.

    `max_items` is the most fields at the top of its message, 0 = any number.
    """

    max_items = 0

    async def read(self) -> bytes:
        body = bytearray()
        async for chunk in self.content.iter_any():
            body += chunk
            if len(body) > ANSWER_LIMIT:
                self.close()
                raise UncheckedError(
                    f"the answer is over {ANSWER_LIMIT // 1024 // 1024} MiB", code="oversize", hint="is this LiveKit?"
                )
        if self.max_items and holds_more(bytes(body), self.max_items):
            raise UncheckedError(
                f"LiveKit lists more than {self.max_items:,} items",
                code="too-many",
                hint="--max-items N takes more, each some 2 kB of memory",
            )
        return bytes(body)


class LiveKitClient:
    """The server of one connection; use it as an asynchronous context manager.

    Every method raises a SipctlError on failure: DeniedError (key, secret, grant, clock), UncheckedError (network,
    time limit, foreign server, redis), RejectedError and ConflictError (LiveKit's validation), NotFoundError.
    `timeout_s` limits each call in all, in seconds, reading the answer included; reads are tried twice within it when
    the connection fails. `max_items` is the most that a list may hold.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        timeout_s: float,
        tell: Callable[[str], None] = lambda _line: None,
        max_items: int = MAX_ITEMS,
    ) -> None:
        """`tell` is given a line about each answer: the method, the HTTP status, and how long it took."""
        self._connection = connection
        self._timeout_s = timeout_s
        self._tell = tell
        self._max_items = max_items
        self.skew_s: float | None = None
        """The server's clock minus ours in seconds, to the second, from the Date of its last answer; None before."""
        self.round_trip_s = math.inf
        """How long the quickest answer took, in seconds."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            proxy=_proxy_for(self._connection.url), response_class=_CappedResponse, middlewares=(self._judge,)
        )
        secret = self._connection.api_secret.reveal()
        self._api = LiveKitAPI(
            self._connection.url, self._connection.api_key, secret, session=self._session, failover=False
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def _judge(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Look at every answer before livekit-api, which keeps neither the headers nor the body of a refusal."""
        started = perf_counter()
        response = await handler(request)
        method = request.url.path.rpartition("/")[2]
        taken_s = perf_counter() - started
        self.round_trip_s = min(self.round_trip_s, taken_s)
        self._tell(f"{method}: {response.status} in {taken_s * 1000:.0f} ms")
        if date := response.headers.get("Date"):
            self.skew_s = skew_s(date)
        if response.status != 200:
            start = await response.content.read(_REFUSAL_LIMIT)
            response.close()
            text = start.decode(errors="replace")
            location = response.headers.get("Location", "") if 300 <= response.status < 400 else ""
            raise from_refusal(Refusal(response.status, text, location, self.skew_s or 0.0), self._connection)
        if response.content_type != "application/protobuf":
            response.close()
            raise foreign_answer(self._connection)
        if method.startswith("List") and isinstance(response, _CappedResponse):
            response.max_items = self._max_items
        return response

    async def _listed(
        self, method: Callable[[Any], Awaitable[Any]], request: object, items: str, convert: Callable[[Any], T]
    ) -> Iterator[T]:
        """The items of a list answer, by the name of their field, converted as they are wanted."""
        begun = perf_counter()
        answer = await self._call(lambda: method(request), attempts=2)
        left_s = self._timeout_s - (perf_counter() - begun)
        return converted(getattr(answer, items), convert, left_s, self._late)

    def _late(self) -> SipctlError:
        return from_exception(TimeoutError(), self._connection, self._timeout_s)

    async def _call(self, call: Callable[[], Awaitable[T]], *, attempts: int = 1) -> T:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await _attempted(call, attempts)
        except (aiohttp.ClientError, DecodeError, OSError, UnicodeError) as error:
            raise from_exception(error, self._connection, self._timeout_s) from error

    async def list_rules(self, ids: Iterable[str] = ()) -> Iterator[DispatchRule]:
        """The dispatch rules in the order of their ids, converted one by one; with `ids` only those that exist."""
        return await self._list_rules(ids, rule_from_message)

    async def _list_rule_messages(self, ids: Iterable[str] = ()) -> Iterator[SIPDispatchRuleInfo]:
        return await self._list_rules(ids, lambda message: message)

    async def _list_rules(self, ids: Iterable[str], convert: Callable[[SIPDispatchRuleInfo], T]) -> Iterator[T]:
        request = ListSIPDispatchRuleRequest(dispatch_rule_ids=ids)
        return await self._listed(self._api.sip.list_dispatch_rule, request, "items", convert)

    async def create_rule(self, rule: DispatchRule) -> DispatchRule:
        """Store a rule and return it with its id. LiveKit stamps no time: `created_at` is kept as sent."""
        request = CreateSIPDispatchRuleRequest(dispatch_rule=rule_to_message(rule))
        return rule_from_message(await self._call(lambda: self._api.sip.create_dispatch_rule(request)))

    async def replace_rule(self, before: DispatchRule, after: DispatchRule) -> DispatchRule:
        """Write the fields in which `after` differs over what is stored; fields we do not know stay.

        LiveKit's own update by fields silently ignores several of them (livekit/protocol SIPDispatchRuleUpdate).

        Raises:
            ChangedError: the stored rule is not `before` any more.
        """
        identifier = before.sip_dispatch_rule_id
        stored = next(await self._list_rule_messages([identifier]), None)
        if stored is None:
            raise NotFoundError(f"rule {identifier} is gone")
        if rule_from_message(stored) != before:
            raise ChangedError(f"rule {identifier} was changed meanwhile", hint="look at it, then try again")
        _overlay(stored, before, after)
        return rule_from_message(await self._call(lambda: self._api.sip.update_dispatch_rule(identifier, stored)))

    async def delete_rule(self, identifier: str) -> None:
        """Delete the rule of this id."""
        request = DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=identifier)
        await self._call(lambda: self._api.sip.delete_dispatch_rule(request))

    async def list_inbound_trunks(self) -> list[InboundTrunk]:
        """The inbound trunks in the order of their ids."""
        request = ListSIPInboundTrunkRequest()
        return list(await self._listed(self._api.sip.list_inbound_trunk, request, "items", trunk_from_message))

    async def list_outbound_trunks(self) -> list[OutboundTrunk]:
        """The outbound trunks in the order of their ids."""
        request = ListSIPOutboundTrunkRequest()
        return list(await self._listed(self._api.sip.list_outbound_trunk, request, "items", outbound_from_message))

    async def create_inbound_trunk(self, trunk: InboundTrunk) -> InboundTrunk:
        """Store an inbound trunk and return it with its id."""
        request = CreateSIPInboundTrunkRequest(trunk=trunk_to_message(trunk))
        return trunk_from_message(await self._call(lambda: self._api.sip.create_inbound_trunk(request)))

    async def update_inbound_trunk(self, identifier: str, edits: Mapping[str, tuple[str, ...] | str]) -> InboundTrunk:
        """Change some fields of an inbound trunk, by LiveKit's names; () clears a list. All others stay.

        LiveKit refuses a list update without entries (livekit/protocol ListUpdate.Validate), so that a trunk whose list
        is cleared is written as a whole.
        """
        if () in edits.values():
            return await self._replace_inbound_trunk(identifier, edits)
        words: dict[str, Any] = {
            name: value if isinstance(value, str) else ListUpdate(set=value) for name, value in edits.items()
        }
        updated = await self._call(lambda: self._api.sip.update_inbound_trunk_fields(identifier, **words))
        return trunk_from_message(updated)

    async def _replace_inbound_trunk(self, identifier: str, edits: Mapping[str, tuple[str, ...] | str]) -> InboundTrunk:
        request = ListSIPInboundTrunkRequest(trunk_ids=[identifier])
        listed = await self._call(lambda: self._api.sip.list_inbound_trunk(request))
        stored = next(iter(listed.items), None)
        if stored is None:
            raise NotFoundError(f"trunk {identifier} is gone")
        for name, value in edits.items():
            if isinstance(value, str):
                setattr(stored, name, value)
            else:
                del getattr(stored, name)[:]
                getattr(stored, name).extend(value)
        return trunk_from_message(await self._call(lambda: self._api.sip.update_inbound_trunk(identifier, stored)))

    async def delete_trunk(self, identifier: str) -> None:
        """Delete a trunk of either direction. LiveKit answers success for ids it does not have, too."""
        request = DeleteSIPTrunkRequest(sip_trunk_id=identifier)
        await self._call(lambda: self._api.sip.delete_trunk(request))

    async def list_rooms(self, names: Iterable[str] = ()) -> list[Room]:
        """The rooms that LiveKit lists, in no order; with `names` only those that exist."""
        request = ListRoomsRequest(names=names)
        return list(await self._listed(self._api.room.list_rooms, request, "rooms", room_from_message))

    async def create_room(self, room: Room) -> Room:
        """Make a room, which fires `room_started`; an existing one comes back as it is."""
        request = CreateRoomRequest(
            name=room.name,
            empty_timeout=room.empty_timeout,
            departure_timeout=room.departure_timeout,
            max_participants=room.max_participants,
            metadata=room.metadata,
        )
        return room_from_message(await self._call(lambda: self._api.room.create_room(request)))

    async def delete_room(self, name: str) -> None:
        """End a room for everyone, which fires `room_finished`."""
        await self._call(lambda: self._api.room.delete_room(DeleteRoomRequest(room=name)))

    async def list_participants(self, room: str) -> list[Participant]:
        """Who is in a room; no one for a room that does not exist."""
        request = ListParticipantsRequest(room=room)
        method = self._api.room.list_participants
        return list(await self._listed(method, request, "participants", participant_from_message))

    async def is_ghost(self, room: str) -> bool:
        """Whether a listed room's node is gone: nothing sent to no one is answered, twice, by no one (503).

        One 503 may be a room that is just starting. Each takes LiveKit 3 s.
        """
        return await self._answers_no_one(room) and await self._answers_no_one(room)

    async def _answers_no_one(self, room: str) -> bool:
        request = SendDataRequest(room=room, destination_identities=[_NO_ONE])
        try:
            await self._call(lambda: self._api.room.send_data(request))
        except UncheckedError as error:
            if error.code != Cause.UNAVAILABLE:
                raise
            return True
        return False


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names, asked once: aiohttp's `trust_env` asks in a thread for each request."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


async def _attempted(call: Callable[[], Awaitable[T]], attempts: int) -> T:
    for _ in range(attempts - 1):
        try:
            return await call()
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
            continue
    return await call()


def _overlay(message: SIPDispatchRuleInfo, before: DispatchRule, after: DispatchRule) -> None:
    """Write into the message what `after` changes; where there are fields without a name, it is written as a whole."""
    changed = {field.name for field in fields(after) if getattr(before, field.name) != getattr(after, field.name)}
    if changed & _RULE_TYPE_FIELDS:
        changed = (changed - _RULE_TYPE_FIELDS) | {"rule"}
    wanted: Any = rule_to_message(replace(after, sip_dispatch_rule_id=before.sip_dispatch_rule_id))
    if before.unknown_fields or after.unknown_fields:
        message.CopyFrom(wanted)
        return
    for name in changed:
        message.ClearField(name)
    wanted_names = {descriptor.name for descriptor, _ in wanted.ListFields()}
    for name in set(wanted_names) - changed:
        wanted.ClearField(name)
    message.MergeFrom(wanted)
