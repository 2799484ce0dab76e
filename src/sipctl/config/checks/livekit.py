"""CFG120-CFG128 and CFG133-CFG137: livekit-server, livekit-sip and the backend against each other."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from sipctl.config.check import check, fault
from sipctl.config.deployment import Deployment, EnvValue, Place
from sipctl.config.reading import read_secret, read_text
from sipctl.config.values import shown_url
from sipctl.config.yamlfile import YamlFile
from sipctl.errors import ConfigError
from sipctl.findings import Finding, Level

WEBHOOK_PATH: Final = "/api/v1.0/rooms/webhooks-livekit/"
"""Where Meet takes LiveKit's webhooks (suitenumerique/meet core/urls.py)."""

_ROOM_EVENTS: Final = ("room_started", "room_finished")
_SECRET_LENGTH: Final = 32
_SIP_VARIABLES: Final = {
    "api_key": "LIVEKIT_API_KEY",
    "api_secret": "LIVEKIT_API_SECRET",
    "ws_url": "LIVEKIT_WS_URL",
}
_REDIS_HOMES: Final = ("address", "sentinel_addresses", "cluster_addresses")


def _at(document: YamlFile, *keys: str | int) -> Place:
    return Place(document.path, document.line(*keys))


def _server(deployment: Deployment) -> YamlFile:
    """The server's yaml, for a check that needs it."""
    if deployment.server is None:
        raise LookupError("a check reads a file that it does not declare")
    return deployment.server


def _sip(deployment: Deployment) -> YamlFile:
    """The SIP node's yaml, for a check that needs it."""
    if deployment.sip is None:
        raise LookupError("a check reads a file that it does not declare")
    return deployment.sip


def _server_keys(server: YamlFile) -> Mapping[str, str] | None:
    """The key pairs of the server; None if they stand in a file that is not here."""
    given = server.get("keys")
    if isinstance(given, Mapping):
        return {str(key): str(secret) for key, secret in given.items()}
    key_file = server.get("key_file")
    if not key_file:
        return {}
    try:
        lines = read_text(server.path.parent / str(key_file)).splitlines()
    except ConfigError:
        return None
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {key.strip(): secret.strip() for key, _, secret in pairs}


def _redis(document: YamlFile) -> tuple[Any, ...] | None:
    """Which redis, and which database of it; None if there is none."""
    homes = tuple(str(document.get("redis", home) or "") for home in _REDIS_HOMES)
    return (*homes, str(document.get("redis", "db") or 0)) if any(homes) else None


@check("CFG120", "server")
def no_redis(deployment: Deployment) -> Iterator[Finding]:
    """A server on its own."""
    server = _server(deployment)
    if _redis(server) is None:
        yield fault("CFG120", _at(server, "redis"), "redis.address is not set", expected="redis: {address: host:6379}")


@check("CFG121", "server", "sip")
def two_redis(deployment: Deployment) -> Iterator[Finding]:
    """A server and a SIP node that do not meet."""
    server, sip = _server(deployment), _sip(deployment)
    one, other = _redis(server), _redis(sip)
    if one and other and one != other:
        yield fault(
            "CFG121",
            _at(sip, "redis", "address"),
            f"livekit-sip and livekit-server ({_at(server, 'redis', 'address')}) use different redis",
            observed=_told(other),
            expected=_told(one),
        )


def _told(redis: tuple[Any, ...]) -> str:
    return f"{', '.join(filter(None, redis[:-1]))} db {redis[-1]}"


def _pair_findings(
    code: str, who: str, key: EnvValue, secret: EnvValue | None, keys: Mapping[str, str]
) -> Iterator[Finding]:
    """A key pair that is not among the server's."""
    if key.text not in keys:
        known = ", ".join(keys) or "none"
        yield fault(
            code, key.place, f"{who} signs with {key.text!r}, which is no key of livekit-server",
            observed=key.text, expected=known,
        )  # fmt: skip
    elif secret and secret.text != keys[key.text]:
        yield fault(code, secret.place, f"the secret of {key.text!r} is not livekit-server's")


def _sip_value(deployment: Deployment, key: str, variable: str) -> EnvValue | None:
    """A setting of livekit-sip, from its yaml or its service's environment."""
    sip = _sip(deployment)
    value = sip.get(key)
    if value is not None and str(value):
        return EnvValue(str(value), _at(sip, key))
    compose = deployment.compose
    service = compose.sip_service if compose else None
    if compose and service and (text := compose.environment(service).get(variable)):
        return EnvValue(text, Place(compose.path, compose.line(service, "environment", variable)))
    return None


@check("CFG122", "server", "sip")
def sip_pair(deployment: Deployment) -> Iterator[Finding]:
    """A SIP node whose callers the server refuses."""
    keys = _server_keys(_server(deployment))
    key = _sip_value(deployment, "api_key", "LIVEKIT_API_KEY")
    secret = _sip_value(deployment, "api_secret", "LIVEKIT_API_SECRET")
    if keys and key:
        yield from _pair_findings("CFG122", "livekit-sip", key, secret, keys)


@check("CFG123", "sip")
def sip_server_address(deployment: Deployment) -> Iterator[Finding]:
    """A ws_url that leads elsewhere."""
    value = _sip_value(deployment, "ws_url", "LIVEKIT_WS_URL")
    if value is None:
        return
    parts = urlsplit(value.text)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        yield fault("CFG123", value.place, "ws_url is no ws:// or wss:// address", observed=shown_url(value.text))
        return
    backend = {urlsplit(url).hostname for url in _webhook_urls(deployment)}
    livekit = urlsplit(deployment.text("LIVEKIT_API_URL") or "").hostname
    if parts.hostname in backend and parts.hostname != livekit:
        yield fault("CFG123", value.place, "ws_url is the backend's address", observed=shown_url(value.text))
    port = _port_of_named_server(deployment, parts.hostname)
    if port and parts.scheme == "ws" and (parts.port or 80) != port:
        yield fault("CFG123", value.place, f"livekit-server listens on {port}", observed=shown_url(value.text))


def _port_of_named_server(deployment: Deployment, host: str | None) -> int | None:
    """livekit-server's port, if the host is its service of the compose project."""
    compose, server = deployment.compose, deployment.server
    if compose is None or server is None or host is None or host != compose.server_service:
        return None
    port = server.get("port")
    return port if isinstance(port, int) else 7880


def _backend_value(deployment: Deployment, name: str) -> EnvValue | None:
    """A setting of the backend; its `_FILE` wins, as in Meet. None if it is not set or its file is not here."""
    env = deployment.env or {}
    named, plain = env.get(f"{name}_FILE"), env.get(name)
    if named and named.text:
        try:
            return EnvValue(read_secret(named.place.path.parent / named.text, ""), named.place)
        except ConfigError:
            return None
    return plain if plain and plain.text else None


@check("CFG124", "server", "env")
def backend_pair(deployment: Deployment) -> Iterator[Finding]:
    """A backend whose calls the server refuses."""
    keys = _server_keys(_server(deployment))
    key = _backend_value(deployment, "LIVEKIT_API_KEY")
    if keys and key:
        secret = _backend_value(deployment, "LIVEKIT_API_SECRET")
        yield from _pair_findings("CFG124", "the backend", key, secret, keys)


@check("CFG125", "server")
def webhook_key(deployment: Deployment) -> Iterator[Finding]:
    """Webhooks that the server cannot sign, so that it does not start."""
    server = _server(deployment)
    keys, name = _server_keys(server), server.get("webhook", "api_key")
    if not server.get("webhook", "urls"):
        return
    if not name:
        yield fault("CFG125", _at(server, "webhook"), "webhook.api_key is not set")
    elif keys is not None and str(name) not in keys:
        yield fault(
            "CFG125", _at(server, "webhook", "api_key"), f"webhook.api_key {name!r} is not among keys",
            observed=str(name), expected=", ".join(keys),
        )  # fmt: skip


@check("CFG126", "server", "env")
def webhook_receiver_key(deployment: Deployment) -> Iterator[Finding]:
    """Webhooks that the backend refuses."""
    server = _server(deployment)
    name, key = server.get("webhook", "api_key"), _backend_value(deployment, "LIVEKIT_API_KEY")
    if name and key and str(name) != key.text:
        yield fault(
            "CFG126", _at(server, "webhook", "api_key"),
            f"webhooks are signed with {str(name)!r}; Meet verifies with {key.text!r} ({key.place})",
            observed=str(name), expected=key.text,
        )  # fmt: skip


def _webhook_urls(deployment: Deployment) -> list[str]:
    urls = deployment.server.get("webhook", "urls") if deployment.server else None
    return [str(url) for url in urls] if isinstance(urls, list) else []


@check("CFG127", "server")
def webhook_urls(deployment: Deployment) -> Iterator[Finding]:
    """Webhooks that never arrive."""
    server, urls = _server(deployment), _webhook_urls(deployment)
    if not urls:
        level = Level.ERROR if deployment.env else Level.WARN
        yield fault("CFG127", _at(server, "webhook", "urls"), "webhook.urls is empty: nobody is told", level=level)
    for at, url in enumerate(urls):
        if problem := _url_problem(url):
            yield fault(
                "CFG127", _at(server, "webhook", "urls", at), problem, observed=shown_url(url), expected=WEBHOOK_PATH
            )


def _url_problem(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is no http:// or https:// address"
    if "webhooks-livekit" in parts.path and parts.path != WEBHOOK_PATH:
        if f"{parts.path}/" == WEBHOOK_PATH:
            return "lacks the slash at its end: Meet redirects, and the event is lost"
        return "has a wrong path"
    return ""


@check("CFG128", "server")
def event_filter(deployment: Deployment) -> Iterator[Finding]:
    """A filter that swallows one of the two events which rules live by."""
    server = _server(deployment)
    included = server.get("webhook", "filter_params", "include_events") or []
    excluded = server.get("webhook", "filter_params", "exclude_events") or []
    for event in _ROOM_EVENTS:
        if included and event not in included:
            place = _at(server, "webhook", "filter_params", "include_events")
            yield fault("CFG128", place, f"include_events leaves {event} out")
        elif not included and event in excluded:
            place = _at(server, "webhook", "filter_params", "exclude_events")
            yield fault("CFG128", place, f"exclude_events drops {event}")


@check("CFG133", "server")
def auto_create(deployment: Deployment) -> Iterator[Finding]:
    """Rooms that must be made by somebody else."""
    server = _server(deployment)
    if server.get("room", "auto_create") is False:
        yield fault("CFG133", _at(server, "room", "auto_create"), "room.auto_create is false")


@check("CFG134", "server")
def short_secrets(deployment: Deployment) -> Iterator[Finding]:
    """Secrets that livekit-server itself complains about."""
    server = _server(deployment)
    for key, secret in (_server_keys(server) or {}).items():
        if len(secret) < _SECRET_LENGTH:
            yield fault(
                "CFG134", _at(server, "keys", key), f"the secret of {key!r} has {len(secret)} characters",
                expected=f"{_SECRET_LENGTH} or more",
            )  # fmt: skip


@check("CFG136", "server")
def no_keys(deployment: Deployment) -> Iterator[Finding]:
    """A server without any key."""
    server = _server(deployment)
    if not server.get("keys") and not server.get("key_file") and not _keys_in_compose(deployment):
        yield fault("CFG136", _at(server), "neither keys nor key_file is set")


def _keys_in_compose(deployment: Deployment) -> bool:
    compose = deployment.compose
    service = compose.server_service if compose else None
    return bool(compose and service and compose.environment(service).get("LIVEKIT_KEYS"))


@check("CFG137", "sip")
def sip_needs(deployment: Deployment) -> Iterator[Finding]:
    """A SIP node that cannot work."""
    sip = _sip(deployment)
    if _redis(sip) is None:
        yield fault("CFG137", _at(sip, "redis"), "redis.address is not set: livekit-sip does not start")
    for key, variable in _SIP_VARIABLES.items():
        if _sip_value(deployment, key, variable) is None:
            yield fault(
                "CFG137", _at(sip, key), f"{key} is not set here; without {variable} in its environment calls fail",
                level=Level.WARN,
            )  # fmt: skip
