"""CFG122-CFG124 and most of CFG133-CFG145: livekit-server, livekit-sip and the backend against each other."""

from collections.abc import Iterator
from typing import Final

from sipctl.config.checks.parts import (
    SIP_VARIABLES,
    at,
    backend_value,
    host_of,
    key_pairs,
    keys_beside,
    keys_place,
    of_service,
    server_keys,
    server_of,
    sip_of,
    sip_value,
    webhook_urls_of,
)
from sipctl.config.checks.redis import named_redis
from sipctl.config.deployment import Deployment, EnvValue, Place, clash, fault
from sipctl.config.schema import truth
from sipctl.config.urls import same_door, split_url
from sipctl.findings.check import Check
from sipctl.findings.record import Finding, Level
from sipctl.masking import shown_url

_SECRET_LENGTH: Final = 32
_CLOUD: Final = ".livekit.cloud"
_OUTGOING: Final = ("sip_trunk_ids", "max_active_calls")


def _pair_findings(
    deployment: Deployment, code: str, who: str, key: EnvValue, secret: EnvValue | None
) -> Iterator[Finding]:
    """A key pair that is not among the server's."""
    keys = server_keys(deployment)
    if not keys:
        return
    if key.text not in keys:
        place, known = keys_place(deployment), ", ".join(keys)
        yield fault(
            code, key.place, f"{who} signs with {key.text!r}, which is no key of livekit-server ({place} has {known})",
            observed=key.text, expected=known,
        )  # fmt: skip
    elif secret and secret.text != keys[key.text]:
        place = keys_place(deployment, key.text)
        yield fault(code, secret.place, f"the secret of {key.text!r} is not livekit-server's ({place})")


def sip_pair(deployment: Deployment) -> Iterator[Finding]:
    """A SIP node whose callers the server refuses."""
    if key := sip_value(deployment, "api_key"):
        yield from _pair_findings(deployment, "CFG122", "livekit-sip", key, sip_value(deployment, "api_secret"))


def sip_server_address(deployment: Deployment) -> Iterator[Finding]:
    """A ws_url that leads elsewhere."""
    value = sip_value(deployment, "ws_url")
    if value is None:
        return
    parts = split_url(value.text)
    if parts is None or parts.scheme not in {"ws", "wss"} or not parts.hostname:
        yield fault("CFG123", value.place, "ws_url is no ws:// or wss:// address", observed=shown_url(value.text))
        return
    behind_one_door = same_door(value.text, deployment.text("LIVEKIT_API_URL") or "")
    for webhook in webhook_urls_of(deployment):
        if not behind_one_door and same_door(value.text, webhook.text):
            yield clash("CFG123", value, webhook, "ws_url is the backend's address")
    listening = _port_of_named_server(deployment, parts.hostname)
    if listening and parts.scheme == "ws" and str(parts.port or 80) != listening.text:
        yield clash("CFG123", value, listening, "ws_url has another port than livekit-server listens on")


def cloud_address(deployment: Deployment) -> Iterator[Finding]:
    """A livekit-sip of one's own at LiveKit Cloud, whose redis no one else reaches."""
    value = sip_value(deployment, "ws_url")
    if value and (host_of(value.text) or "").endswith(_CLOUD):
        detail = "ws_url is LiveKit Cloud, which shares no redis with this livekit-sip: calls get 503"
        yield fault("CFG148", value.place, detail, observed=shown_url(value.text))


def _port_of_named_server(deployment: Deployment, host: str | None) -> EnvValue | None:
    """livekit-server's port, if the host is its service of the compose project."""
    compose, server = deployment.compose, deployment.server
    if compose is None or server is None or host is None or host != compose.server_service:
        return None
    port = server.get("port")
    return EnvValue(str(port if isinstance(port, int) else 7880), at(server, "port"))


def backend_pair(deployment: Deployment) -> Iterator[Finding]:
    """A backend whose calls the server refuses."""
    if key := backend_value(deployment, "LIVEKIT_API_KEY"):
        secret = backend_value(deployment, "LIVEKIT_API_SECRET")
        yield from _pair_findings(deployment, "CFG124", "the backend", key, secret)


def one_secret_of_two(deployment: Deployment) -> Iterator[Finding]:
    """A SIP node and a backend that know one key by two secrets. With the server's, CFG122 and CFG124 say whose."""
    key, other = sip_value(deployment, "api_key"), backend_value(deployment, "LIVEKIT_API_KEY")
    secret, other_secret = sip_value(deployment, "api_secret"), backend_value(deployment, "LIVEKIT_API_SECRET")
    if deployment.server or not (key and other and secret and other_secret):
        return
    if key.text == other.text and secret.text != other_secret.text:
        detail = f"the secret of {key.text!r} is another one than the backend's ({other_secret.place})"
        yield fault("CFG145", secret.place, detail)


def auto_create(deployment: Deployment) -> Iterator[Finding]:
    """Rooms that must be made by someone else."""
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
    """API keys with their secrets, and the places of both."""
    if deployment.server:
        for key, secret in (server_keys(deployment) or {}).items():
            yield key, secret, keys_place(deployment, key)
        return
    pairs = [(backend_value(deployment, "LIVEKIT_API_KEY"), backend_value(deployment, "LIVEKIT_API_SECRET"))]
    if deployment.sip:
        pairs.append((sip_value(deployment, "api_key"), sip_value(deployment, "api_secret")))
    yield from ((key.text if key else "", secret.text, secret.place) for key, secret in pairs if secret)


def no_keys(deployment: Deployment) -> Iterator[Finding]:
    """A server without any key, or with keys beside its file at which it does not start."""
    server, beside = server_of(deployment), keys_beside(deployment)
    if beside:
        if key_pairs(beside.text) is None:
            given = "LIVEKIT_KEYS" if of_service(deployment, "LIVEKIT_KEYS", "") else "--keys"
            fix = f"set {given} to `key: secret`, with a blank after the colon, a pair a line"
            yield fault("CFG136", beside.place, f"{given} {_broken_keys(beside.text)}", fix=fix)
    elif server_keys(deployment) == {}:
        key_file = server.get("key_file")
        detail = f"{key_file} holds no line `key: secret`" if key_file else "neither keys nor key_file is set"
        yield fault("CFG136", at(server, "key_file" if key_file else "keys"), detail)


def _broken_keys(text: str) -> str:
    """What is wrong with the pairs that compose gives; nothing of their text is shown, which is a secret."""
    key, colon, secret = text.strip().partition(":")
    if colon and not (key.strip() and secret.strip()):
        halves = "key and secret" if not (key.strip() or secret.strip()) else "secret" if key.strip() else "key"
        return f"is empty: it has no {halves}, as where compose fills in a variable that is not set"
    if colon and not secret[:1].isspace():
        return "lacks the blank after the colon: livekit-server does not start"
    return "is not of the form `key: secret`, a pair a line: livekit-server does not start"


def sip_needs(deployment: Deployment) -> Iterator[Finding]:
    """A SIP node that cannot work."""
    sip = sip_of(deployment)
    if named_redis(sip) is None:
        yield fault("CFG137", at(sip, "redis"), "redis.address is not set: livekit-sip does not start")
    for key, variable in SIP_VARIABLES.items():
        if sip_value(deployment, key) is None:
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
    sip = sip_of(deployment)
    for key in _OUTGOING:
        if sip.get(key):
            yield fault("CFG143", at(sip, key), f"{key} is about outgoing calls; incoming ones are not limited by it")


CHECKS: Final[tuple[Check[Deployment], ...]] = (
    Check("CFG122", sip_pair, needs=("server", "sip")),
    Check("CFG123", sip_server_address, needs=("sip",)),
    Check("CFG148", cloud_address, needs=("sip",)),
    Check("CFG124", backend_pair, needs=("server", "env")),
    Check("CFG145", one_secret_of_two, needs=("sip", "env")),
    Check("CFG133", auto_create, needs=("server",)),
    Check("CFG134", short_secrets),
    Check("CFG136", no_keys, needs=("server",)),
    Check("CFG137", sip_needs, needs=("sip",)),
    Check("CFG141", turn, needs=("server",)),
    Check("CFG143", limits_of_outgoing_calls, needs=("sip",)),
)
