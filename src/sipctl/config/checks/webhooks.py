"""CFG125-CFG128: the way of LiveKit's webhooks to the backend."""

from collections.abc import Iterator
from typing import Final

from sipctl.config.checks.parts import at, backend_value, keys_place, server_keys, server_of, webhook_urls_of
from sipctl.config.deployment import Deployment, EnvValue, clash, fault
from sipctl.config.urls import same_door, split_url
from sipctl.findings.check import Check
from sipctl.findings.record import Finding, Level
from sipctl.masking import shown_url

WEBHOOK_PATH: Final = "/api/v1.0/rooms/webhooks-livekit/"
"""Where Meet takes LiveKit's webhooks (suitenumerique/meet core/urls.py)."""

_ROOM_EVENTS: Final = ("room_started", "room_finished")


def webhook_key(deployment: Deployment) -> Iterator[Finding]:
    """Webhooks that the server cannot sign, so that it does not start."""
    server = server_of(deployment)
    keys, name = server_keys(deployment), server.get("webhook", "api_key")
    if not server.get("webhook", "urls"):
        return
    if not name:
        yield fault("CFG125", at(server, "webhook"), "webhook.api_key is not set")
    elif keys is not None and str(name) not in keys:
        yield fault(
            "CFG125", at(server, "webhook", "api_key"),
            f"webhook.api_key {str(name)!r} is not among the keys of {keys_place(deployment)}",
            observed=str(name), expected=", ".join(keys),
        )  # fmt: skip


def webhook_receiver_key(deployment: Deployment) -> Iterator[Finding]:
    """Webhooks that the backend refuses."""
    server = server_of(deployment)
    name, key = server.get("webhook", "api_key"), backend_value(deployment, "LIVEKIT_API_KEY")
    if name and key and deployment.is_meets and str(name) != key.text:
        yield fault(
            "CFG126", at(server, "webhook", "api_key"),
            f"webhooks are signed with {str(name)!r}; Meet verifies with {key.text!r} ({key.place})",
            observed=str(name), expected=key.text,
        )  # fmt: skip


def webhook_urls(deployment: Deployment) -> Iterator[Finding]:
    """Webhooks that never arrive."""
    urls = webhook_urls_of(deployment)
    if not urls and (deployment.is_meets or not deployment.compose):
        level = Level.ERROR if deployment.is_meets else Level.WARN
        place = at(server_of(deployment), "webhook", "urls")
        yield fault("CFG127", place, "webhook.urls is empty: no one gets them", level=level)
    for url in urls:
        if problem := _url_problem(url.text):
            yield fault("CFG127", url.place, problem, observed=shown_url(url.text), expected=WEBHOOK_PATH)
        elif unrouted := _without_ingress(url.text, deployment):
            yield fault("CFG127", url.place, unrouted, observed=shown_url(url.text), expected=WEBHOOK_PATH)
        elif secure := _https_of_one_door(url.text, deployment):
            detail = "is http, but Meet's own address is https: it redirects, and the event is lost"
            yield clash("CFG127", url, secure, detail)
        elif production := _production(url.text, deployment):
            detail = "is http, and Meet in Production redirects to https unless a proxy says that it was https"
            yield clash("CFG127", url, production, detail, Level.WARN)


def _url_problem(url: str) -> str:
    parts = split_url(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is no http:// or https:// address"
    if "webhooks-livekit" in parts.path and parts.path != WEBHOOK_PATH:
        if f"{parts.path}/" == WEBHOOK_PATH:
            return "lacks the slash at its end: Meet redirects, and the event is lost"
        return "has a wrong path"
    return ""


def _without_ingress(url: str, deployment: Deployment) -> str:
    """Why no ingress takes the address, though one has its host; "" if one does, or none has."""
    parts = split_url(url)
    routes = [one for one in deployment.cluster.routes if one.host] if deployment.cluster else []
    host = (parts.hostname or "") if parts else ""
    if parts is None or not any(one.takes(host, one.path) for one in routes):
        return ""
    return "" if any(one.takes(host, parts.path) for one in routes) else f"no ingress of {host} has this path"


def _https_of_one_door(url: str, deployment: Deployment) -> EnvValue | None:
    """The https address that the backend's own settings give to host and port of an http address."""
    values = (deployment.env or {}).values() if url.startswith("http://") else ()
    return next((one for one in values if one.text.startswith("https://") and same_door(one.text, url)), None)


def _production(url: str, deployment: Deployment) -> EnvValue | None:
    """The setting by which Meet redirects plain http (suitenumerique/meet settings.py); None if it takes this."""
    settings = (deployment.env or {}).get("DJANGO_CONFIGURATION")
    return settings if settings and settings.text == "Production" and url.startswith("http://") else None


def event_filter(deployment: Deployment) -> Iterator[Finding]:
    """A filter that swallows one of the two events which rules live by."""
    server = server_of(deployment)
    included, excluded = (_events(deployment, f"{verb}_events") for verb in ("include", "exclude"))
    for event in _ROOM_EVENTS:
        if included and event not in included:
            place = at(server, "webhook", "filter_params", "include_events")
            yield fault("CFG128", place, f"include_events leaves {event} out", observed=", ".join(included))
        elif not included and event in excluded:
            place = at(server, "webhook", "filter_params", "exclude_events")
            yield fault("CFG128", place, f"exclude_events drops {event}", observed=", ".join(excluded))


def _events(deployment: Deployment, key: str) -> list[str]:
    events = server_of(deployment).get("webhook", "filter_params", key)
    return [str(event) for event in events] if isinstance(events, list) else []


CHECKS: Final[tuple[Check[Deployment], ...]] = (
    Check("CFG125", webhook_key, needs=("server",)),
    Check("CFG126", webhook_receiver_key, needs=("server", "env")),
    Check("CFG127", webhook_urls, needs=("server",)),
    Check("CFG128", event_filter, needs=("server",)),
)
