"""Asking everything once: all questions at the same time, rules before rooms, one deadline over them all."""

import asyncio
from collections.abc import Awaitable, Callable, Container, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sipctl.config.model import Settings
from sipctl.doctor.facts import Answer, Facts
from sipctl.errors import SipctlError, UncheckedError
from sipctl.findings import Finding
from sipctl.lkapi.client import LiveKitClient
from sipctl.lkapi.health import WrongPins, read_health, read_wrong_pins
from sipctl.operations.rooms import find_ghosts
from sipctl.telephony.limits import MAX_ITEMS
from sipctl.telephony.model import Participant
from sipctl.telephony.snapshot import Snapshot

if TYPE_CHECKING:
    from sipctl.operations.pins import PinFacts

T = TypeVar("T")
Found = dict[str, Answer[Any]]

_AT_ONCE: Final = 16
_OFFLINE: Final = "offline: nobody was asked"
_UNWANTED: Final = "no check that was asked for needs it"
_OF_ROOMS: Final = frozenset({"server", "rooms", "participants", "ghosts"})
_LISTS: Final = frozenset({"rules", "inbound", "outbound"})
_OF_LIVEKIT: Final = _OF_ROOMS | _LISTS | {"skew_s"}
_LIVE_FACTS: Final = ("asked", *sorted(_OF_LIVEKIT), "health")
_NO_HEALTH: Final = "no sip_health_url is configured"
_NO_METRICS: Final = "no sip_metrics_url is configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What is asked: the names of the facts, and how long for, in seconds (each call, all together).

    `max_items` is the most that a list may hold. `read_pins` reads the registry, in a thread of its own. `ghosts` are
    known from an earlier look.
    """

    wanted: frozenset[str]
    timeout_s: float
    deadline_s: float
    max_items: int = MAX_ITEMS
    read_pins: "Callable[[], Answer[PinFacts]] | None" = None
    ghosts: Answer[frozenset[str]] | None = None

    @property
    def need_livekit(self) -> bool:
        """Whether any of them is LiveKit's to answer."""
        return not self.wanted.isdisjoint(_OF_LIVEKIT)


def facts_offline(settings: Settings, snapshot: Snapshot | None, files: Iterable[Finding]) -> Facts:
    """What files and a snapshot tell, without asking anyone."""
    held = {
        name: Answer(value=value)
        for name, value in (
            ("inbound", snapshot.trunks if snapshot else None),
            ("outbound", snapshot.outbound if snapshot else None),
            ("rules", snapshot.rules if snapshot else None),
            ("rooms", snapshot.rooms if snapshot else None),
        )
        if value is not None
    }
    return _facts(settings, files, held, Answer(not_asked=_OFFLINE))


def facts_unasked(error: SipctlError, settings: Settings, files: Iterable[Finding]) -> Facts:
    """What files tell when nobody knows whom to ask, for this reason."""
    return _facts(settings, files, {}, Answer(error=error))


def _facts(settings: Settings, files: Iterable[Finding], found: Mapping[str, Answer[Any]], other: Answer[Any]) -> Facts:
    """The facts that were found, and one answer in the place of every other."""
    answers: dict[str, Any] = {**dict.fromkeys(_LIVE_FACTS, other), **found}
    return Facts(settings=settings, mark=settings.mark, files=tuple(files), **answers)


async def gather_facts(settings: Settings, files: Iterable[Finding], questions: Questions) -> Facts:
    """Ask LiveKit, the SIP node and the registry. What is not answered by the deadline is an error of its own question.

    Nothing is written.

    Raises:
        ConfigError: LiveKit is to be asked, and no server is configured.
    """
    wanted, timeout_s = questions.wanted, questions.timeout_s
    if questions.need_livekit:
        _ = settings.connection  # before anything else is begun
    found: Found = {"asked": Answer(value=True)}
    beside: dict[str, Awaitable[Answer[Any]]] = {}
    if "health" in wanted:
        beside["health"] = _health(settings, timeout_s)
    if "wrong_pins" in wanted:
        beside["wrong_pins"] = wrong_pins(settings, timeout_s)
    if "pins" in wanted and questions.read_pins:
        beside["pins"] = asyncio.to_thread(questions.read_pins)
    asked = [_keep(found, name, answer) for name, answer in beside.items()]
    if questions.need_livekit:
        await _ask_livekit(settings, questions, found, asked)
    else:
        await _by_deadline(asked, questions.deadline_s)
    late = UncheckedError(
        f"no answer within {questions.deadline_s:g} s", code="timeout", hint="--deadline SECONDS waits longer"
    )
    for name in (*_LIVE_FACTS, *beside):
        found.setdefault(name, Answer(error=late) if name in wanted else Answer(not_asked=_UNWANTED))
    return _facts(settings, files, found, Answer(not_asked=_UNWANTED))


async def _ask_livekit(
    settings: Settings, questions: Questions, found: Found, beside: Iterable[Coroutine[Any, Any, None]]
) -> None:
    async with LiveKitClient(
        settings.connection, timeout_s=questions.timeout_s, max_items=questions.max_items
    ) as client:
        asked = [*beside, _rules_and_rooms(client, questions, found)]
        if "inbound" in questions.wanted:
            asked.append(_keep(found, "inbound", _asked(_listed(client.list_inbound_trunks))))
        if "outbound" in questions.wanted:
            asked.append(_keep(found, "outbound", _asked(_listed(client.list_outbound_trunks))))
        await _by_deadline(asked, questions.deadline_s)
        if "server" not in found and any(found[name].value is not None for name in _LISTS & found.keys()):
            found["server"] = Answer(value="answers")  # though not all of it
        dated = Answer(value=client.skew_s) if client.skew_s is not None else Answer(not_asked="no answer has a Date")
        found["skew_s"] = dated


async def _by_deadline(questions: Iterable[Coroutine[Any, Any, None]], deadline_s: float) -> None:
    tasks = [asyncio.ensure_future(question) for question in questions]
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=deadline_s)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in set(tasks) - late:
        task.result()  # a failure that is none of a server's is a bug of ours


async def _keep(found: Found, name: str, answer: Awaitable[Answer[Any]]) -> None:
    found[name] = await answer


async def _asked(question: Callable[[], Awaitable[T]]) -> Answer[T]:
    try:
        return Answer(value=await question())
    except SipctlError as error:
        return Answer(error=error)


def _listed(ask: Callable[[], Awaitable[Iterable[T]]]) -> Callable[[], Awaitable[tuple[T, ...]]]:
    async def listed() -> tuple[T, ...]:
        return tuple(await ask())

    return listed


async def _rules_and_rooms(client: LiveKitClient, questions: Questions, found: Found) -> None:
    """Rules first, rooms second: the other order takes the rule of a room that just started for stale."""
    if "rules" in questions.wanted:
        found["rules"] = await _asked(_listed(client.list_rules))
    if questions.wanted.isdisjoint(_OF_ROOMS):
        return
    rooms = found["rooms"] = await _asked(_listed(client.list_rooms))
    found["server"] = Answer(value="answers") if rooms.value is not None else Answer(error=rooms.error)
    if rooms.value is None:
        found["participants"] = found["ghosts"] = Answer(error=rooms.error)
        return
    names = [room.name for room in rooms.value]
    about: list[Awaitable[None]] = []
    if "participants" in questions.wanted:
        about.append(_keep(found, "participants", _asked(lambda: _participants(client, names))))
    if "ghosts" in questions.wanted:
        known = questions.ghosts
        ghosts = _still(known, names) if known else _asked(lambda: find_ghosts(client, names))
        about.append(_keep(found, "ghosts", ghosts))
    await asyncio.gather(*about)


async def _still(ghosts: Answer[frozenset[str]], listed: Container[str]) -> Answer[frozenset[str]]:
    """The ghosts of an earlier look that are listed still."""
    if ghosts.value is None:
        return ghosts
    return Answer(value=frozenset(name for name in ghosts.value if name in listed))


async def _participants(client: LiveKitClient, rooms: Iterable[str]) -> Mapping[str, tuple[Participant, ...]]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def of_one(name: str) -> tuple[str, tuple[Participant, ...]]:
        async with gate:
            return name, tuple(await client.list_participants(name))

    return dict(await asyncio.gather(*map(of_one, rooms)))


async def _health(settings: Settings, timeout_s: float) -> Answer[tuple[int, str]]:
    url = settings.sip_health_url
    if not url:
        return Answer(not_asked=_NO_HEALTH)
    try:
        return Answer(value=await read_health(url, timeout_s))
    except UncheckedError as error:
        # a proxy that fails us keeps no caller from the node
        return Answer(error=error) if error.code == "proxy" else Answer(value=(0, error.message))


async def wrong_pins(settings: Settings, timeout_s: float) -> Answer[WrongPins]:
    """What the SIP node's metrics say about callers who typed a wrong PIN."""
    url = settings.sip_metrics_url
    if not url:
        return Answer(not_asked=_NO_METRICS)
    return await _asked(lambda: read_wrong_pins(url, timeout_s))
