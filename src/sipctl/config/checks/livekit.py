"""CFG120-CFG124 and most of CFG133-CFG145: livekit-server, livekit-sip and the backend against each other."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sipctl.config.deployment import Deployment, EnvValue, Place, fault
from sipctl.config.reading import read_secret, read_text
from sipctl.config.schema import truth
from sipctl.config.urls import split_url
from sipctl.config.yamlfile import YamlFile, parse_yaml
from sipctl.errors import ConfigError
from sipctl.findings.check import Check
from sipctl.findings.record import Finding, Level
from sipctl.masking import shown_url

_SECRET_LENGTH: Final = 32
_DEV_KEYS: Final = {"devkey": "secret"}
"""What `livekit-server --dev` takes where no keys are set (livekit/livekit cmd/server/main.go)."""
_SIP_VARIABLES: Final = {
    "api_key": "LIVEKIT_API_KEY",
    "api_secret": "LIVEKIT_API_SECRET",
    "ws_url": "LIVEKIT_WS_URL",
}
_REDIS_HOMES: Final = ("address", "sentinel_addresses", "cluster_addresses")
_LOOPBACK: Final = re.compile(r"(127\.[\d.]+|localhost|\[?::1\]?|host\.docker\.internal)(:|\Z)")
_OUTGOING: Final = ("sip_trunk_ids", "max_active_calls")


def at(document: YamlFile, *keys: str | int) -> Place:
    """Where these keys stand, or what is around them."""
    return Place(document.path, document.line(*keys))


def server_of(deployment: Deployment) -> YamlFile:
    """The server's yaml, for a check that needs it."""
    if deployment.server is None:
        raise LookupError("a check reads a file that it does not declare")
    return deployment.server


def _sip(deployment: Deployment) -> YamlFile:
    """The SIP node's yaml, for a check that needs it."""
    if deployment.sip is None:
        raise LookupError("a check reads a file that it does not declare")
    return deployment.sip


def _of_service(deployment: Deployment, variable: str, option: str) -> str | None:
    """What the server's service in compose is told beside its file, by a variable or an option of its command."""
    compose = deployment.compose
    service = compose.server_service if compose else None
    if compose is None or service is None:
        return None
    return compose.environment(service).get(variable) or compose.option(service, option)


def server_keys(deployment: Deployment) -> Mapping[str, str] | None:
    """The key pairs of the server; None if they stand in a file that is not here."""
    server = server_of(deployment)
    beside = _key_pairs(_of_service(deployment, "LIVEKIT_KEYS", "--keys") or "")
    given = server.get("keys")
    if beside or isinstance(given, Mapping):
        return beside or {str(key): str(secret) for key, secret in given.items()}
    if key_file := server.get("key_file"):
        try:
            return _key_pairs(read_text(server.path.parent / str(key_file)))
        except ConfigError:
            return None
    return _DEV_KEYS if _of_service(deployment, "", "--dev") is not None else {}


def _key_pairs(text: str) -> dict[str, str]:
    """The pairs of a key file or of LIVEKIT_KEYS, which are YAML; none if they cannot be read."""
    return {str(key): str(secret) for key, secret in parse_yaml(Path(), text).root.items()}


Redis = tuple[tuple[str, ...], str, bool]
"""The addresses, the database, and whether TLS is spoken."""


def _redis(document: YamlFile) -> Redis | None:
    """Which redis a file names; None if none."""
    homes = tuple(str(document.get("redis", home) or "") for home in _REDIS_HOMES)
    uses_tls = truth(document.get("redis", "use_tls")) or truth(document.get("redis", "tls", "enabled"))
    return (homes, str(document.get("redis", "db") or 0), bool(uses_tls)) if any(homes) else None


def _server_redis(deployment: Deployment) -> Redis | None:
    found = _redis(server_of(deployment))
    beside = _of_service(deployment, "REDIS_HOST", "--redis-host")
    return found or (((beside, "", ""), "0", False) if beside else None)


def no_redis(deployment: Deployment) -> Iterator[Finding]:
    """A server on its own."""
    if _server_redis(deployment) is None:
        place = at(server_of(deployment), "redis")
        yield fault("CFG120", place, "redis.address is not set", expected="redis: {address: host:6379}")


def two_redis(deployment: Deployment) -> Iterator[Finding]:
    """A server and a SIP node that do not meet."""
    server, sip = server_of(deployment), _sip(deployment)
    one, other = _server_redis(deployment), _redis(sip)
    if one is None or other is None or one == other:
        return
    place = at(sip, "redis", "address")
    described = {"observed": _describe(other), "expected": _describe(one)}
    if one[0] != other[0]:
        apart = f"livekit-sip and livekit-server ({at(server, 'redis', 'address')}) use different redis"
        same_perhaps = any(_LOOPBACK.match(redis[0][0]) for redis in (one, other))
        level = Level.WARN if same_perhaps else None
        yield fault(
            "CFG121", place, apart + (", unless both names lead to one" if level else ""), level=level, **described
        )
    elif one[2] != other[2]:
        yield fault(
            "CFG121", at(sip, "redis"), "only one of livekit-sip and livekit-server speaks TLS to redis", **described
        )
    else:
        detail = "livekit-sip and livekit-server name different databases of one redis, which does not part them"
        yield fault("CFG121", at(sip, "redis", "db"), detail, level=Level.WARN, **described)


def _describe(redis: Redis) -> str:
    homes, database, uses_tls = redis
    return f"{', '.join(map(shown_url, filter(None, homes)))} db {database}{' with TLS' if uses_tls else ''}"


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


def _sip_value(deployment: Deployment, key: str) -> EnvValue | None:
    """A setting of livekit-sip, from its yaml or its service's environment."""
    sip = _sip(deployment)
    value = sip.get(key)
    if value is not None and str(value):
        return EnvValue(str(value), at(sip, key))
    compose, variable = deployment.compose, _SIP_VARIABLES[key]
    service = compose.sip_service if compose else None
    if compose and service and (text := compose.environment(service).get(variable)):
        return EnvValue(text, Place(compose.path, compose.line(service, "environment", variable)))
    return None


def sip_pair(deployment: Deployment) -> Iterator[Finding]:
    """A SIP node whose callers the server refuses."""
    keys, key = server_keys(deployment), _sip_value(deployment, "api_key")
    if keys and key:
        yield from _pair_findings("CFG122", "livekit-sip", key, _sip_value(deployment, "api_secret"), keys)


def sip_server_address(deployment: Deployment) -> Iterator[Finding]:
    """A ws_url that leads elsewhere."""
    value = _sip_value(deployment, "ws_url")
    if value is None:
        return
    parts = split_url(value.text)
    if parts is None or parts.scheme not in {"ws", "wss"} or not parts.hostname:
        yield fault("CFG123", value.place, "ws_url is no ws:// or wss:// address", observed=shown_url(value.text))
        return
    backend = {host_of(url) for url in webhook_urls_of(deployment)}
    if parts.hostname in backend and parts.hostname != host_of(deployment.text("LIVEKIT_API_URL") or ""):
        yield fault("CFG123", value.place, "ws_url is the backend's address", observed=shown_url(value.text))
    port = _port_of_named_server(deployment, parts.hostname)
    if port and parts.scheme == "ws" and (parts.port or 80) != port:
        yield fault("CFG123", value.place, f"livekit-server listens on {port}", observed=shown_url(value.text))


def host_of(url: str) -> str | None:
    """The host of an address; None if there is none."""
    parts = split_url(url)
    return parts.hostname if parts else None


def webhook_urls_of(deployment: Deployment) -> list[str]:
    """Where the server sends its webhooks."""
    urls = deployment.server.get("webhook", "urls") if deployment.server else None
    return [str(url) for url in urls] if isinstance(urls, list) else []


def _port_of_named_server(deployment: Deployment, host: str | None) -> int | None:
    """livekit-server's port, if the host is its service of the compose project."""
    compose, server = deployment.compose, deployment.server
    if compose is None or server is None or host is None or host != compose.server_service:
        return None
    port = server.get("port")
    return port if isinstance(port, int) else 7880


def backend_value(deployment: Deployment, name: str) -> EnvValue | None:
    """A setting of the backend; its `_FILE` wins, as in Meet. None if it is not set or its file is not here."""
    env = deployment.env or {}
    named, plain = env.get(f"{name}_FILE"), env.get(name)
    if named and named.text:
        try:
            return EnvValue(read_secret(named.place.path.parent / named.text, ""), named.place)
        except ConfigError:
            return None
    return plain if plain and plain.text else None


def backend_pair(deployment: Deployment) -> Iterator[Finding]:
    """A backend whose calls the server refuses."""
    keys, key = server_keys(deployment), backend_value(deployment, "LIVEKIT_API_KEY")
    if keys and key:
        yield from _pair_findings("CFG124", "the backend", key, backend_value(deployment, "LIVEKIT_API_SECRET"), keys)


def one_secret_of_two(deployment: Deployment) -> Iterator[Finding]:
    """A SIP node and a backend that know one key by two secrets. With the server's, CFG122 and CFG124 say whose."""
    key, other = _sip_value(deployment, "api_key"), backend_value(deployment, "LIVEKIT_API_KEY")
    secret, other_secret = _sip_value(deployment, "api_secret"), backend_value(deployment, "LIVEKIT_API_SECRET")
    if deployment.server or not (key and other and secret and other_secret):
        return
    if key.text == other.text and secret.text != other_secret.text:
        detail = f"the secret of {key.text!r} is another one than the backend's ({other_secret.place})"
        yield fault("CFG145", secret.place, detail)


def auto_create(deployment: Deployment) -> Iterator[Finding]:
    """Rooms that must be made by somebody else."""
    server = server_of(deployment)
    if truth(server.get("room", "auto_create")) is False:
        yield fault("CFG133", at(server, "room", "auto_create"), "room.auto_create is false", observed="false")


def short_secrets(deployment: Deployment) -> Iterator[Finding]:
    """Secrets that livekit-server itself complains about; those of others count where the server's are not here."""
    for key, secret, place in _secrets(deployment):
        if len(secret) < _SECRET_LENGTH:
            detail = f"the secret of {key!r} has {len(secret)} characters"
            yield fault("CFG134", place, detail, expected=f"{_SECRET_LENGTH} or more")


def _secrets(deployment: Deployment) -> Iterator[tuple[str, str, Place]]:
    """API keys with their secrets, and where these stand."""
    if server := deployment.server:
        for key, secret in (server_keys(deployment) or {}).items():
            yield key, secret, at(server, "keys", key)
        return
    pairs = [(backend_value(deployment, "LIVEKIT_API_KEY"), backend_value(deployment, "LIVEKIT_API_SECRET"))]
    if deployment.sip:
        pairs.append((_sip_value(deployment, "api_key"), _sip_value(deployment, "api_secret")))
    yield from ((key.text if key else "", secret.text, secret.place) for key, secret in pairs if secret)


def no_keys(deployment: Deployment) -> Iterator[Finding]:
    """A server without any key."""
    server = server_of(deployment)
    if server_keys(deployment) == {}:
        key_file = server.get("key_file")
        detail = f"{key_file} holds no line `key: secret`" if key_file else "neither keys nor key_file is set"
        yield fault("CFG136", at(server, "key_file" if key_file else "keys"), detail)


def sip_needs(deployment: Deployment) -> Iterator[Finding]:
    """A SIP node that cannot work."""
    sip = _sip(deployment)
    if _redis(sip) is None:
        yield fault("CFG137", at(sip, "redis"), "redis.address is not set: livekit-sip does not start")
    for key, variable in _SIP_VARIABLES.items():
        if _sip_value(deployment, key) is None:
            detail = f"{key} is not set here; without {variable} in its environment calls fail"
            yield fault("CFG137", at(sip, key), detail, level=Level.WARN)


def turn(deployment: Deployment) -> Iterator[Finding]:
    """A TURN server for which livekit-server does not start (livekit/livekit pkg/service/turn.go)."""
    server = server_of(deployment)
    if not truth(server.get("turn", "enabled")):
        return
    if not server.get("turn", "tls_port") and not server.get("turn", "udp_port"):
        yield fault("CFG141", at(server, "turn"), "turn is enabled, and neither tls_port nor udp_port is set")
    if server.get("turn", "tls_port") and not server.get("turn", "domain"):
        yield fault("CFG141", at(server, "turn", "tls_port"), "turn.tls_port is set, and turn.domain is not")
    elif server.get("turn", "tls_port") and not truth(server.get("turn", "external_tls")):
        for key in ("cert_file", "key_file"):
            if not server.get("turn", key):
                yield fault("CFG141", at(server, "turn", "tls_port"), f"turn.tls_port is set, and turn.{key} is not")


def limits_of_outgoing_calls(deployment: Deployment) -> Iterator[Finding]:
    """Settings that look as if they kept callers out."""
    sip = _sip(deployment)
    for key in _OUTGOING:
        if sip.get(key):
            yield fault("CFG143", at(sip, key), f"{key} is about outgoing calls; incoming ones are not limited by it")


CHECKS: Final[tuple[Check[Deployment], ...]] = (
    Check("CFG120", no_redis, needs=("server",)),
    Check("CFG121", two_redis, needs=("server", "sip")),
    Check("CFG122", sip_pair, needs=("server", "sip")),
    Check("CFG123", sip_server_address, needs=("sip",)),
    Check("CFG124", backend_pair, needs=("server", "env")),
    Check("CFG145", one_secret_of_two, needs=("sip", "env")),
    Check("CFG133", auto_create, needs=("server",)),
    Check("CFG134", short_secrets),
    Check("CFG136", no_keys, needs=("server",)),
    Check("CFG137", sip_needs, needs=("sip",)),
    Check("CFG141", turn, needs=("server",)),
    Check("CFG143", limits_of_outgoing_calls, needs=("sip",)),
)
