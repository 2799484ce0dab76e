"""A live deployment: all questions at the same time, rules before rooms, one deadline over them all.

Importing this module imports LiveKit's SDK.
"""

import asyncio
from collections.abc import Awaitable, Callable, Container, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sipctl.config.model import Settings
from sipctl.config.webhook_urls import webhook_urls
from sipctl.doctor.checks.sip import UNDER_LOAD
from sipctl.doctor.facts import LIVE_FACTS, NO_METRICS, NO_PROBE, NO_SIP_METRICS, Answer, Facts, facts_of
from sipctl.doctor.report import Report
from sipctl.doctor.runner import Plan, findings_of, report_of
from sipctl.errors import Cause, ConfigError, ExitCode, SipctlError, UncheckedError
from sipctl.findings.record import Finding, Level
from sipctl.lkapi.client import LiveKitClient
from sipctl.lkapi.health import Dispatches, WrongPins, read_dispatches, read_health, read_wrong_pins
from sipctl.operations.daemon_thread import in_daemon_thread
from sipctl.operations.rooms import find_ghosts
from sipctl.operations.trunk_check.check import Checked, Wanted, check
from sipctl.operations.trunk_check.choice import own_uri
from sipctl.operations.trunk_check.destination import Destination
from sipctl.operations.trunk_check.probe import Asking
from sipctl.telephony.limits import MAX_ITEMS
from sipctl.telephony.model import Participant
from sipctl.telephony.reach.causes import MISNAMED
from sipctl.telephony.reach.row import Reached
from sipctl.webhooks.endpoint import Endpoint, ask_endpoint
from sipctl.webhooks.probe import Probed, probe_endpoint

if TYPE_CHECKING:
    from sipctl.operations.pins import PinFacts

T = TypeVar("T")
Found = dict[str, Answer[Any]]

_AT_ONCE: Final = 16
_SIP_S: Final = 5.0
"""Seconds for the names of the SIP node, and again for its targets; a request is sent four times within them."""
_NO_WEBHOOK: Final = "neither webhook_url nor webhook.urls of LiveKit's file is known"
_UNWANTED: Final = "no check that was asked for needs it"
_OF_ROOMS: Final = frozenset({"server", "rooms", "participants", "ghosts"})
_LISTS: Final = frozenset({"rules", "inbound", "outbound"})
_OF_LIVEKIT: Final = _OF_ROOMS | _LISTS | {"skew_s"}

_TRANSIENT: Final = frozenset({"RUL405", "RUL411", "RUL416", "RUL420", "RUL421", "RUL422"})
"""Codes of states that pass by themselves: a room that just began or ended, a rule that is being replaced."""

_PAUSE_S: Final = 1.0
_PROBLEMS: Final = frozenset({Level.ERROR, Level.WARN, Level.INFO})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Whom the doctor asks: LiveKit and the ports of the SIP node, as the settings name them, and the registry.

    `timeout_s` is for each call, in seconds; `max_items` is the most that a list may hold; `read_pins` reads the
    registry, in a thread of its own. `probes_webhook` = the backend is sent signed events that change nothing.
    """

    settings: Settings
    timeout_s: float = 10.0
    max_items: int = MAX_ITEMS
    read_pins: "Callable[[], Answer[PinFacts]] | None" = None
    probes_webhook: bool = False

    def livekit(self) -> LiveKitClient:
        """A connection to LiveKit.

        Raises:
            ConfigError: no server is configured.
        """
        return LiveKitClient(self.settings.connection, timeout_s=self.timeout_s, max_items=self.max_items)

    async def health(self) -> Answer[tuple[int, str]]:
        """What the SIP node says of itself: the HTTP status and the text; 0 and the reason if it does not answer.

        A busy machine is under load for a moment: then the node is asked again after a second.
        """
        url = self.settings.sip_health_url
        if not url:
            return Answer(not_asked="no sip_health_url is configured")
        try:
            status, text = await read_health(url, self.timeout_s)
            if status == UNDER_LOAD:
                await asyncio.sleep(_PAUSE_S)
                status, text = await read_health(url, self.timeout_s)
            return Answer(value=(status, text))
        except UncheckedError as error:
            # a proxy that fails us keeps no caller from the node
            return Answer(error=error) if error.code == Cause.PROXY else Answer(value=(0, error.message))

    async def sip(self) -> Answer[Checked]:
        """What the targets of the SIP node answer to OPTIONS."""
        try:
            uri = own_uri(self.settings)
            if uri is None:
                return Answer(not_asked="no sip_host is configured")
            own = Destination(uri=uri, origin="sip_host", is_ours=True)
            asking = Asking(within_s=min(self.timeout_s, _SIP_S))
            [checked] = await check([own], Wanted(asking=asking))
        except SipctlError as error:
            return Answer(error=error)
        return Answer(value=checked)

    async def wrong_pins(self) -> Answer[WrongPins]:
        """What the SIP node's metrics say about callers who typed a wrong PIN."""
        url = self.settings.sip_metrics_url
        if not url:
            return Answer(not_asked=NO_SIP_METRICS)
        return await _asked(lambda: read_wrong_pins(url, self.timeout_s))

    async def endpoints(self) -> Answer[tuple[Endpoint, ...]]:
        """What answers where LiveKit sends its events."""
        try:
            urls = webhook_urls(self.settings)
        except ConfigError as error:
            return Answer(error=error)
        if not urls:
            return Answer(not_asked=_NO_WEBHOOK)

        async def ask() -> tuple[Endpoint, ...]:
            return tuple(await asyncio.gather(*(ask_endpoint(url, self.timeout_s) for url in urls)))

        return await _asked(ask)

    async def probed(self) -> Answer[tuple[Probed, ...]]:
        """What the backend answers to signed events."""
        if not self.probes_webhook:
            return Answer(not_asked=NO_PROBE)
        try:
            urls, connection = webhook_urls(self.settings), self.settings.connection
        except ConfigError as error:
            return Answer(error=error)
        if not urls:
            return Answer(not_asked=_NO_WEBHOOK)
        key, secret = connection.api_key, connection.api_secret
        asked = (probe_endpoint(url, key, secret, self.timeout_s) for url in urls)
        return Answer(value=tuple(await asyncio.gather(*asked)))

    async def dispatches(self) -> Answer[Dispatches]:
        """What LiveKit counted of its events."""
        url = self.settings.livekit_metrics_url
        if not url:
            return Answer(not_asked=NO_METRICS)
        return await _asked(lambda: read_dispatches(url, self.timeout_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What is asked: the names of the facts, and how long for in all, in seconds.

    `ghosts` are known from an earlier observation.
    """

    wanted: frozenset[str]
    deadline_s: float
    ghosts: Answer[frozenset[str]] | None = None

    @property
    def need_livekit(self) -> bool:
        """Whether any of them is LiveKit's to answer."""
        return not self.wanted.isdisjoint(_OF_LIVEKIT)


async def examine(
    sources: Sources, files: Iterable[Finding], plan: Plan, describe: Callable[[str], None] = lambda _line: None
) -> Report:
    """Examine a live deployment and its registry; with `wait_s` until it is healthy or the time is over.

    `describe` is given a line for a person who waits.

    Raises:
        ConfigError: LiveKit is to be asked, and no server is configured.
    """
    known = tuple(files)
    clock = asyncio.get_running_loop().time
    end = clock() + plan.wait_s
    while True:
        report = await _examine_once(sources, known, plan, describe)
        if report.exit_code is ExitCode.DONE or clock() >= end:
            return report
        describe(f"{report.verdict} Trying again for {end - clock():.0f} s.")
        await asyncio.sleep(min(_PAUSE_S, max(end - clock(), 0)))


async def _examine_once(
    sources: Sources, files: Sequence[Finding], plan: Plan, describe: Callable[[str], None]
) -> Report:
    """One observation, and a second one of what may pass by itself; the deadline is for the questions of both."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    questions = Questions(wanted=plan.facts, deadline_s=plan.deadline_s)
    facts = await _gather(sources, files, questions)
    findings = findings_of(facts, plan)
    left_s = plan.deadline_s - (clock() - begun)
    if plan.settle_s and left_s > 0 and any(map(_passes_by_itself, findings)):
        describe(f"Some findings may pass by themselves; looking again in {plan.settle_s:g} s.")
        await asyncio.sleep(plan.settle_s)
        lost = _lost_rooms(facts)
        facts = await _gather(sources, files, replace(questions, deadline_s=left_s, ghosts=facts.ghosts))
        facts = replace(facts, starting=_lost_rooms(facts) - lost)
        findings = _settled(findings, findings_of(facts, plan))
    return report_of(facts, findings, plan)


def _settled(before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """The findings of the second observation, without the transient ones that the first did not have."""
    seen = {(finding.code, finding.resource) for finding in before}
    return [one for one in after if not _passes_by_itself(one) or (one.code, one.resource) in seen]


def _lost_rooms(facts: Facts) -> frozenset[str]:
    return frozenset(row.room for row in facts.reach if row.outcome is Reached.UNREACHABLE)


def _passes_by_itself(finding: Finding) -> bool:
    """A name that disagrees is for good; that callers are missing in a room for it may not be."""
    of_callers = finding.code == MISNAMED and finding.level is Level.ERROR
    return of_callers or (finding.code in _TRANSIENT and finding.level in _PROBLEMS)


async def _gather(sources: Sources, files: Iterable[Finding], questions: Questions) -> Facts:
    """Ask LiveKit, the SIP node and the registry. What is not answered by the deadline is an error of its own question.

    Nothing is written.

    Raises:
        ConfigError: LiveKit is to be asked, and no server is configured.
    """
    settings, wanted = sources.settings, questions.wanted
    if questions.need_livekit:
        _ = settings.connection  # before anything else is begun
    found: Found = {"asked": Answer(value=True)}
    beside = _beside_livekit(sources, wanted)
    asked = [_keep(found, name, answer) for name, answer in beside.items()]
    if questions.need_livekit:
        await _ask_livekit(sources, questions, found, asked)
    else:
        await _by_deadline(asked, questions.deadline_s)
    late = UncheckedError(
        f"no answer within {questions.deadline_s:g} s", code="timeout", hint="--deadline SECONDS waits longer"
    )
    for name in (*LIVE_FACTS, *beside):
        found.setdefault(name, Answer(error=late) if name in wanted else Answer(not_asked=_UNWANTED))
    return facts_of(settings, files, found, Answer(not_asked=_UNWANTED))


def _beside_livekit(sources: Sources, wanted: Container[str]) -> dict[str, Awaitable[Answer[Any]]]:
    """The questions that others than LiveKit answer."""
    asks: dict[str, Callable[[], Awaitable[Answer[Any]]]] = {
        "health": sources.health,
        "sip": sources.sip,
        "wrong_pins": sources.wrong_pins,
        "endpoints": sources.endpoints,
        "probed": sources.probed,
        "dispatches": sources.dispatches,
    }
    beside: dict[str, Awaitable[Answer[Any]]] = {name: ask() for name, ask in asks.items() if name in wanted}
    if "pins" in wanted and sources.read_pins:
        beside["pins"] = in_daemon_thread(sources.read_pins)
    return beside


async def _ask_livekit(
    sources: Sources, questions: Questions, found: Found, beside: Iterable[Coroutine[Any, Any, None]]
) -> None:
    async with sources.livekit() as client:
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
    """The ghosts of an earlier observation that are listed still."""
    if ghosts.value is None:
        return ghosts
    return Answer(value=frozenset(name for name in ghosts.value if name in listed))


async def _participants(client: LiveKitClient, rooms: Iterable[str]) -> Mapping[str, tuple[Participant, ...]]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def of_one(name: str) -> tuple[str, tuple[Participant, ...]]:
        async with gate:
            return name, tuple(await client.list_participants(name))

    return dict(await asyncio.gather(*map(of_one, rooms)))
