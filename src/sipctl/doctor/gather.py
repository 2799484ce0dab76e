"""Asking everything once: all questions at the same time, rules before rooms, one deadline over them all."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from sipctl.config.model import Settings
from sipctl.doctor.facts import Answer, Facts
from sipctl.errors import SipctlError, UncheckedError
from sipctl.findings import Finding
from sipctl.lkapi.client import LiveKitClient
from sipctl.lkapi.health import WrongPins, read_health, read_wrong_pins
from sipctl.operations.rooms import find_ghosts
from sipctl.telephony.model import Participant, Room
from sipctl.telephony.snapshot import Snapshot

T = TypeVar("T")

_AT_ONCE: Final = 16
_OFFLINE: Final = "offline: nobody was asked"
_LIVE_FACTS: Final = (
    "asked", "server", "skew_s", "rules", "inbound", "outbound", "rooms", "participants", "ghosts", "health",
)  # fmt: skip
_NO_HEALTH: Final = "no sip_health_url is configured"
_NO_METRICS: Final = "no sip_metrics_url is configured"


def facts_offline(settings: Settings, snapshot: Snapshot | None, files: Iterable[Finding]) -> Facts:
    """What files and a snapshot tell, without asking anyone."""
    unasked: Answer[Any] = Answer(not_asked=_OFFLINE)
    held: dict[str, Answer[Any]] = {
        name: unasked if value is None else Answer(value=value)
        for name, value in (
            ("inbound", snapshot.trunks if snapshot else None),
            ("outbound", snapshot.outbound if snapshot else None),
            ("rules", snapshot.rules if snapshot else None),
            ("rooms", snapshot.rooms if snapshot else None),
        )
    }
    facts = dict.fromkeys(_LIVE_FACTS, unasked) | held
    return Facts(settings=settings, mark=settings.mark, files=tuple(files), **facts)


async def gather_facts(settings: Settings, files: Iterable[Finding], *, timeout_s: float, deadline_s: float) -> Facts:
    """Ask LiveKit and the SIP node. What is not answered by the deadline is an error of its own question.

    `timeout_s` limits each call and `deadline_s` all of them, in seconds. Nothing is written.

    Raises:
        ConfigError: no server is configured.
    """
    facts = facts_offline(settings, None, files)
    async with LiveKitClient(settings.connection, timeout_s=timeout_s) as client:
        questions = {
            "rules_and_rooms": _rules_and_rooms(client),
            "inbound": _asked(lambda: _tuple(client.list_inbound_trunks())),
            "outbound": _asked(lambda: _tuple(client.list_outbound_trunks())),
            "health": _health(settings, timeout_s),
            "wrong_pins": wrong_pins(settings, timeout_s),
        }
        answers = await _by_deadline(questions, deadline_s)
        skew = Answer(value=client.skew_s) if client.skew_s is not None else Answer(not_asked="no answer has a Date")
    together: dict[str, Any] = answers.pop("rules_and_rooms")
    return replace(facts, asked=Answer(value=True), skew_s=skew, **together, **answers)


def facts_unasked(error: SipctlError, files: Iterable[Finding]) -> Facts:
    """What files tell when the settings cannot be read, so that nobody knows whom to ask."""
    settings = Settings()
    unknown: dict[str, Answer[Any]] = dict.fromkeys(_LIVE_FACTS, Answer(error=error))
    return Facts(settings=settings, mark=settings.mark, files=tuple(files), **unknown)


async def _by_deadline(questions: Mapping[str, Awaitable[Any]], deadline_s: float) -> dict[str, Any]:
    tasks = {name: asyncio.ensure_future(question) for name, question in questions.items()}
    _, late = await asyncio.wait(tasks.values(), timeout=deadline_s)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    error = UncheckedError(f"no answer within {deadline_s:g} s", code="timeout", hint="--deadline SECONDS waits longer")
    silent: Answer[Any] = Answer(error=error)
    everything = dict.fromkeys(("server", "rules", "rooms", "participants", "ghosts"), silent)
    return {
        name: task.result() if task not in late else everything if name == "rules_and_rooms" else silent
        for name, task in tasks.items()
    }


async def _asked(question: Callable[[], Awaitable[T]]) -> Answer[T]:
    try:
        return Answer(value=await question())
    except SipctlError as error:
        return Answer(error=error)


async def _tuple(listing: Awaitable[Iterable[T]]) -> tuple[T, ...]:
    return tuple(await listing)


async def _rules_and_rooms(client: LiveKitClient) -> dict[str, Answer[Any]]:
    """Rules first, rooms second: the other order takes the rule of a room that just started for stale."""
    rules = await _asked(lambda: _tuple(client.list_rules()))
    rooms = await _asked(lambda: _tuple(client.list_rooms()))
    if rooms.value is None:
        unknown: Answer[Any] = Answer(error=rooms.error)
        return {"server": unknown, "rules": rules, "rooms": rooms, "participants": unknown, "ghosts": unknown}
    participants, ghosts = await asyncio.gather(
        _asked(lambda: _participants(client, rooms.get())),
        _asked(lambda: find_ghosts(client, [room.name for room in rooms.get()])),
    )
    server = Answer(value="answers")
    return {"server": server, "rules": rules, "rooms": rooms, "participants": participants, "ghosts": ghosts}


async def _of_each_room(rooms: Iterable[Room], ask: Callable[[str], Awaitable[T]]) -> dict[str, T]:
    """One question for every room, some of them at a time."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> tuple[str, T]:
        async with gate:
            return name, await ask(name)

    return dict(await asyncio.gather(*(one(room.name) for room in rooms)))


async def _participants(client: LiveKitClient, rooms: Iterable[Room]) -> Mapping[str, tuple[Participant, ...]]:
    return await _of_each_room(rooms, lambda name: _tuple(client.list_participants(name)))


async def _health(settings: Settings, timeout_s: float) -> Answer[tuple[int, str]]:
    url = settings.sip_health_url
    if not url:
        return Answer(not_asked=_NO_HEALTH)
    try:
        return Answer(value=await read_health(url, timeout_s))
    except UncheckedError as error:
        return Answer(value=(0, error.message))


async def wrong_pins(settings: Settings, timeout_s: float) -> Answer[WrongPins]:
    """What the SIP node's metrics say about callers who typed a wrong PIN."""
    url = settings.sip_metrics_url
    if not url:
        return Answer(not_asked=_NO_METRICS)
    return await _asked(lambda: read_wrong_pins(url, timeout_s))
