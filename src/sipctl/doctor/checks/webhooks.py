"""WHK6xx: what the backend answers where LiveKit sends its events."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from sipctl.config.model import Telephony
from sipctl.doctor.facts import Facts
from sipctl.findings.check import Check, found
from sipctl.findings.record import Finding, Level
from sipctl.masking import shown_url
from sipctl.telephony.e164 import region_of, to_e164
from sipctl.telephony.naming import counted
from sipctl.webhooks.answer import meaning_of
from sipctl.webhooks.event import PROBE

if TYPE_CHECKING:
    from sipctl.webhooks.endpoint import Endpoint, Running
    from sipctl.webhooks.probe import Probed

_JSON: Final = "application/json"
_REFUSED: Final = frozenset({400, 401, 403})
_REDIRECTS: Final = range(300, 400)
_SLOW_S: Final = 2.0
_NO_ENDPOINT: Final = frozenset({404, 405, 410})


def _is_refusal(endpoint: "Endpoint") -> bool:
    """Whether the backend itself refuses what is not signed, as it should."""
    return endpoint.status in _REFUSED and endpoint.content_type == _JSON


_FAULTS: Final[tuple[tuple[str, Callable[["Endpoint"], bool], str], ...]] = (
    ("WHK601", lambda one: not one.status, "does not answer: {reason}"),
    ("", _is_refusal, ""),
    ("WHK602", lambda one: one.status in _REDIRECTS, "redirects ({status}) to {location}"),
    ("WHK603", lambda one: one.status == 400, "answers {status} with a page: its host is not served"),
    ("WHK604", lambda one: one.status in _NO_ENDPOINT, "answers {status}: nothing takes events there"),
    ("WHK605", lambda one: one.status >= 500, "answers {status}: the backend fails"),
    ("WHK606", lambda one: one.status in _REFUSED, "answers {status} with a page: something else refuses"),
    ("WHK606", lambda one: one.status > 0, "answers {status} to an event that is not signed"),
)
"""What is wrong with an answer, by its code and in words; the first that applies."""


def _fault_of(endpoint: "Endpoint") -> tuple[str, str]:
    """The code of what is wrong, and in words; ("", "") if nothing is."""
    code, words = next((code, words) for code, applies, words in _FAULTS if applies(endpoint))
    location = shown_url(endpoint.location)
    return code, words.format(status=endpoint.status, reason=endpoint.reason, location=location)


def _with_fault(code: str) -> Callable[[Facts], Iterator[Finding]]:
    def check(facts: Facts) -> Iterator[Finding]:
        for endpoint in facts.endpoints.get():
            found_code, words = _fault_of(endpoint)
            if found_code == code:
                yield _finding(facts, endpoint, code, words)

    return check


def _finding(facts: Facts, endpoint: "Endpoint", code: str, words: str) -> Finding:
    """A name that only LiveKit's own network knows says nothing: there its events may well arrive."""
    is_livekits = not facts.settings.webhook_url
    return found(
        code,
        f"webhook {shown_url(endpoint.url)}",
        f"{shown_url(endpoint.url)} {words}",
        level=Level.UNKNOWN if is_livekits and not endpoint.is_named else None,
        observed=f"{endpoint.status} {endpoint.content_type}".strip() if endpoint.status else endpoint.reason,
        expected="401 application/json",
        source="POST without signature",
        fix="" if endpoint.is_named else "set webhook_url to an address that is known here, too",
    )


def other_settings(facts: Facts) -> Iterator[Finding]:
    """A Meet that was not restarted since its files were changed."""
    for endpoint in facts.endpoints.get():
        if endpoint.running is not None:
            for detail, observed, expected in _differences(endpoint.running, facts.settings.telephony):
                where = f"webhook {shown_url(endpoint.url)}"
                yield found(
                    "WHK607", where, detail, observed=observed, expected=expected, source="GET /api/v1.0/config/"
                )


def _differences(running: "Running", files: Telephony) -> Iterator[tuple[str, str, str]]:
    """What the running process has, and what the files say: in words, and each alone. What no file says is left out.

    Meet says that telephony is off, too, if it has no number; the country it tells is that of its number.
    """
    number = files.phone_number and to_e164(files.phone_number, files.default_country)
    if "ROOM_TELEPHONY_ENABLED" in files.given:
        shows_number = files.enabled and bool(number)
        if running.enabled != shows_number:
            states = {True: "on", False: "off"}
            now, then = states[running.enabled], states[shows_number]
            yield f"the running Meet has telephony {now}, its files have it {then}", now, then
    if not (running.enabled and number):
        return
    shown = to_e164(running.number, running.country or "ZZ") or running.number
    if shown != number:
        yield f"the running Meet tells people {shown}, its files say {number}", shown, number
    region = region_of(number)
    if region and running.country and running.country != region:
        yield (
            f"the running Meet has country {running.country}, the number of its files is of {region}",
            running.country,
            region,
        )


def lost_events(facts: Facts) -> Iterator[Finding]:
    """Events that LiveKit gave up, or dropped before it tried."""
    dispatches = facts.dispatches.get()
    if lost := dispatches.lost:
        reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(lost.items()))
        sent = dispatches.of("success")
        detail = f"LiveKit lost {counted(sum(lost.values()), 'event')} since it started ({reasons}), and sent {sent}"
        yield found(
            "WHK610", "", detail, observed=reasons, expected="none", source="livekit_webhook_dispatch_total"
        )  # fmt: skip


def refused_events(facts: Facts) -> Iterator[Finding]:
    """A backend that does not take a signed event."""
    for one in facts.probed.get():
        if not one.signed.is_acknowledged:
            meaning = meaning_of(one.signed)
            detail = f"{shown_url(one.url)} {meaning.in_full} ({one.signed.word})"
            yield _of_probe(one, "WHK611", detail, one.signed.word, "2xx", fix=meaning.hint)


def forged_events(facts: Facts) -> Iterator[Finding]:
    """A backend that takes an event which someone else signed."""
    for one in facts.probed.get():
        if one.signed.is_acknowledged and one.forged.is_acknowledged:
            detail = f"{shown_url(one.url)} takes an event with a wrong signature ({one.forged.word})"
            yield _of_probe(one, "WHK612", detail, one.forged.word, "400 or 401")


def slow_events(facts: Facts) -> Iterator[Finding]:
    """A backend that takes long: LiveKit sends the events of a room one after the other."""
    for one in facts.probed.get():
        if one.signed.is_acknowledged and one.signed.took_s > _SLOW_S:
            took = f"{one.signed.took_s:.1f} s"
            detail = f"{shown_url(one.url)} took {took} for an event at which it has nothing to do"
            yield _of_probe(one, "WHK613", detail, took, f"under {_SLOW_S:g} s")


def _of_probe(one: "Probed", code: str, detail: str, observed: str, expected: str, *, fix: str = "") -> Finding:
    where, source = f"webhook {shown_url(one.url)}", f"POST of {PROBE}"
    return found(code, where, detail, observed=observed, expected=expected, source=source, fix=fix)


CHECKS: Final[tuple[Check[Facts], ...]] = (
    *(Check(f"WHK60{number}", _with_fault(f"WHK60{number}"), needs=("endpoints",)) for number in range(1, 7)),
    Check("WHK607", other_settings, needs=("endpoints",)),
    Check("WHK610", lost_events, needs=("dispatches",)),
    Check("WHK611", refused_events, needs=("probed",)),
    Check("WHK612", forged_events, needs=("probed",)),
    Check("WHK613", slow_events, needs=("probed",)),
)
