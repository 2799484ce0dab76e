"""What the files of an installation say that a profile holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sipctl.config.checks.webhooks import WEBHOOK_PATH
from sipctl.config.discover import DATABASE, Found
from sipctl.config.envfile import read_env_file
from sipctl.config.reading import read_text
from sipctl.config.yamlfile import parse_yaml
from sipctl.telephony.room_names import UUID_PATTERN

_SIP_PORTS: Final = {"sip_health_url": "health_port", "sip_metrics_url": "prometheus_port"}


def proposed(found: Found) -> dict[str, Any]:
    """Settings by their keys: where PINs and webhooks go, which rooms are Meet's, which ports the SIP node answers on.

    Raises:
        ConfigError: a file cannot be read.
    """
    return {**_of_meet(found), **_of_livekit(found.livekit_yaml), **_of_sip_node(found.sip_yaml)}


def _of_meet(found: Found) -> dict[str, Any]:
    names = {name for path in found.env_files for name in read_env_file(path, {}).entries}
    if names.isdisjoint(DATABASE):
        return {}
    return {"room_pattern": UUID_PATTERN, "registry": {"layout": "meet"}}


def _of_livekit(path: Path | None) -> dict[str, Any]:
    """Of several webhooks the one with Meet's path; else the first."""
    urls = _read(path, "webhook", "urls")
    texts = list(map(str, urls)) if isinstance(urls, list) else []
    meets = (url for url in texts if urlsplit(url).path.startswith(WEBHOOK_PATH.rstrip("/")))
    url = next(meets, texts[0] if texts else "")
    return {"webhook_url": url} if url else {}


def _of_sip_node(path: Path | None) -> Mapping[str, Any]:
    ports = {key: _read(path, name) for key, name in _SIP_PORTS.items()}
    return {key: f"http://127.0.0.1:{port}" for key, port in ports.items() if isinstance(port, int) and port > 0}


def _read(path: Path | None, *keys: str) -> Any:  # noqa: ANN401 - any YAML value
    return parse_yaml(path, read_text(path)).get(*keys) if path else None
