"""What checks read of a deployment's files: a setting with its place, from whichever file or variable gives it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sipctl.config.deployment import Deployment, EnvValue, Place
from sipctl.config.reading import read_secret, read_text
from sipctl.config.urls import split_url
from sipctl.config.yamlfile import YamlFile, parse_yaml
from sipctl.errors import ConfigError
from sipctl.masking import MASK, shown_url

SIP_VARIABLES: Final = {
    "api_key": "LIVEKIT_API_KEY",
    "api_secret": "LIVEKIT_API_SECRET",
    "ws_url": "LIVEKIT_WS_URL",
}
"""Settings that livekit-sip takes from its environment, too (livekit/sip pkg/config/config.go)."""
_SECRET_NAME: Final = re.compile(r"secret|password|token|credential|private|\bkeys\.", re.IGNORECASE)
_SHOWN: Final = 60
_DEV_KEYS: Final = {"devkey": "secret"}
"""What `livekit-server --dev` takes where no keys are set (livekit/livekit cmd/server/main.go)."""


def at(document: YamlFile, *keys: str | int) -> Place:
    """Where these keys are, or what is around them."""
    return Place(document.path, document.line(*keys))


def server_of(deployment: Deployment) -> YamlFile:
    """The server's yaml, for a check that needs it."""
    if deployment.server is None:
        raise LookupError("a check reads a file that it does not declare")
    return deployment.server


def sip_of(deployment: Deployment) -> YamlFile:
    """The SIP node's yaml, for a check that needs it."""
    if deployment.sip is None:
        raise LookupError("a check reads a file that it does not declare")
    return deployment.sip


def of_service(deployment: Deployment, variable: str, option: str) -> EnvValue | None:
    """What the server's service in compose is given beside its file, by a variable or an option of its command."""
    compose = deployment.compose
    service = compose.server_service if compose else None
    if compose is None or service is None:
        return None
    if given := compose.environment(service).get(variable):
        return EnvValue(given, Place(compose.path, compose.line(service, "environment", variable)))
    text = compose.option(service, option)
    return None if text is None else EnvValue(text, Place(compose.path, compose.line(service, "command")))


def keys_beside(deployment: Deployment) -> EnvValue | None:
    """The key pairs that compose hands to livekit-server, which go over those of its file; None if it hands none."""
    return of_service(deployment, "LIVEKIT_KEYS", "--keys")


def server_keys(deployment: Deployment) -> Mapping[str, str] | None:
    """The key pairs of the server; None if they are in a file that is not here, or cannot be read."""
    server = server_of(deployment)
    if beside := keys_beside(deployment):
        return key_pairs(beside.text)
    if isinstance(given := server.get("keys"), Mapping):
        return {str(key): str(secret) for key, secret in given.items()}
    if key_file := server.get("key_file"):
        try:
            return key_pairs(read_text(server.path.parent / str(key_file))) or {}
        except ConfigError:
            return None
    return _DEV_KEYS if of_service(deployment, "", "--dev") is not None else {}


def keys_place(deployment: Deployment, key: str = "") -> Place:
    """Where the server's key pairs are, or one of them."""
    if beside := keys_beside(deployment):
        return beside.place
    server = server_of(deployment)
    return at(server, "keys", key) if server.get("keys") else at(server, "key_file")


def key_pairs(text: str) -> dict[str, str] | None:
    """The pairs of a key file or of LIVEKIT_KEYS, which are YAML; None if it is no list of pairs, or a half is empty.

    `key:secret` without a blank is one word to YAML, at which livekit-server does not start (cmd/server/main.go).
    """
    root = parse_yaml(Path(), text).root
    return {str(key): str(secret) for key, secret in root.items()} if _are_pairs(root) else None


def _are_pairs(root: Mapping[Any, Any]) -> bool:
    return bool(root) and all(half is not None and str(half).strip() for pair in root.items() for half in pair)


def sip_value(deployment: Deployment, key: str) -> EnvValue | None:
    """A setting of livekit-sip, from its yaml or its service's environment."""
    sip = sip_of(deployment)
    value = sip.get(key)
    if value is not None and str(value):
        return EnvValue(str(value), at(sip, key))
    compose, variable = deployment.compose, SIP_VARIABLES[key]
    service = compose.sip_service if compose else None
    if compose and service and (text := compose.environment(service).get(variable)):
        return EnvValue(text, Place(compose.path, compose.line(service, "environment", variable)))
    return None


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


def webhook_urls_of(deployment: Deployment) -> list[EnvValue]:
    """Where the server sends its webhooks."""
    server = deployment.server
    urls = server.get("webhook", "urls") if server else None
    if server is None or not isinstance(urls, list):
        return []
    return [EnvValue(str(url), at(server, "webhook", "urls", number)) for number, url in enumerate(urls)]


def host_of(url: str) -> str | None:
    """The host of an address; None if there is none."""
    parts = split_url(url)
    return parts.hostname if parts else None


def shown_setting(name: str, value: object) -> str:
    """A value as a finding may show it: short, and nothing of a secret."""
    if _SECRET_NAME.search(name):
        return MASK
    text = shown_url(str(value))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
