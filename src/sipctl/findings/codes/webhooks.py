"""WHK6xx: LiveKit's webhooks, and the backend that takes them."""

from typing import Final

from sipctl.findings.codes.heard import NO_RULE
from sipctl.findings.record import Code, Level

WEBHOOK_CODES: Final = (
    Code(
        code="WHK601",
        level=Level.ERROR,
        title="The backend answers where LiveKit sends its events",
        cause="The backend is down, or out of reach. LiveKit tries for 15 seconds, then drops the event.",
        callers=NO_RULE,
        fix="start the backend, or correct the address",
    ),
    Code(
        code="WHK602",
        level=Level.ERROR,
        title="The webhook address does not redirect",
        cause="Meet in Production redirects http to https, and an address without its slash to the one with it. LiveKit"
        " follows with a GET, and its log says that the event was sent.",
        callers=NO_RULE,
        fix="give LiveKit (webhook.urls) the address that it redirects to",
    ),
    Code(
        code="WHK603",
        level=Level.ERROR,
        title="Meet serves the host of the webhook address",
        cause="The host of the address is not among Meet's DJANGO_ALLOWED_HOSTS: Django answers 400 with a page.",
        callers=NO_RULE,
        fix="write a host that Meet serves into LiveKit's webhook.urls, or add this one to DJANGO_ALLOWED_HOSTS",
    ),
    Code(
        code="WHK604",
        level=Level.ERROR,
        title="The webhook address is that of an endpoint",
        cause="Nothing takes events there: a wrong path, or a proxy that leads to the frontend.",
        callers=NO_RULE,
        fix="Meet's address ends in /api/v1.0/rooms/webhooks-livekit/",
    ),
    Code(
        code="WHK605",
        level=Level.ERROR,
        title="The backend does not fail at events",
        cause="The backend, or the proxy before it, answers with a fault of its own (5xx).",
        callers=NO_RULE,
        fix="read the log of the backend",
    ),
    Code(
        code="WHK606",
        level=Level.ERROR,
        title="The backend refuses events that are not signed",
        cause="It takes an event that has no signature, so it is no Meet and anyone can send it events; or a proxy asks"
        " for a login that LiveKit does not have.",
        callers=NO_RULE,
        fix="correct the address, or let the proxy pass this path without a login",
    ),
    Code(
        code="WHK607",
        level=Level.WARN,
        title="The running Meet has the telephony settings of its files",
        cause="Meet reads its settings at its start only, and the files were changed since.",
        callers="People dial the number that Meet shows, by its old settings.",
        fix="restart Meet",
    ),
    Code(
        code="WHK610",
        level=Level.WARN,
        title="LiveKit loses no event",
        cause="LiveKit gave up after five attempts (failure), or dropped events that waited over 30 s or found their"
        " room's queue full, since its node started.",
        callers=NO_RULE,
        fix="read why in the backend's log; a sync brings the rules in order that were missed",
    ),
    Code(
        code="WHK611",
        level=Level.ERROR,
        title="The backend takes signed events",
        cause="The backend has another API key or secret, its clock is off, or it fails. Asked with --probe-webhook"
        " alone, by an event that changes nothing: track_unpublished of a room that does not exist.",
        callers=NO_RULE,
        fix="give the backend the API key and secret that sign LiveKit's webhooks",
    ),
    Code(
        code="WHK612",
        level=Level.ERROR,
        title="The backend refuses events with a wrong signature",
        cause="The backend does not verify signatures, so anyone can make and clear rules. Asked with --probe-webhook"
        " alone.",
        callers="Whatever someone else sends: no rule, or a wrong one.",
        fix="let the backend verify each event with the API secret",
    ),
    Code(
        code="WHK613",
        level=Level.WARN,
        title="The backend answers events soon",
        cause="The backend is overloaded, or does its work before it answers. LiveKit sends the events of a room one"
        " after the other, and drops those that waited 30 s. Asked with --probe-webhook alone.",
        callers="Callers who dial at the start of a meeting hear that the PIN is wrong.",
        fix="look at the backend's load and log",
    ),
)
