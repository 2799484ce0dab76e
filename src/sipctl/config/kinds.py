"""Which kind of configuration file a text is, told by its content."""

import json
import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Final


class Kind(StrEnum):
    """A kind of file that sipctl reads."""

    SIPCTL = "sipctl"
    ENV = "env"
    LIVEKIT = "livekit"
    SIP = "sip"
    COMPOSE = "compose"


File = tuple[Path, Kind | None]
"""A file and its kind, None = the one that its content tells."""

SERVER_KEYS: Final = frozenset(
    {
        "port", "bind_addresses", "prometheus_port", "prometheus", "environment", "rtc", "redis", "audio", "video",
        "room", "turn", "ingress", "sip", "webhook", "node_selector", "key_file", "keys", "region", "signal_relay",
        "psrpc", "log_level", "logging", "limit", "development", "metric", "trace", "node_stats", "api", "agents",
        "enable_data_tracks",
    }
)  # fmt: skip
"""Top-level keys of livekit-server's yaml (livekit/livekit pkg/config/config.go)."""

SIP_KEYS: Final = frozenset(
    {
        "redis", "api_key", "api_secret", "ws_url", "health_port", "prometheus_port", "pprof_port", "sip_port",
        "sip_port_listen", "sip_hostname", "outbound_route_headers", "sip_ringing_interval", "tcp", "tls", "rtp_port",
        "logging", "cluster_id", "max_cpu_utilization", "max_active_calls", "sip_trunk_ids", "use_external_ip",
        "local_net", "nat_1_to_1_ip", "listen_ip", "udp_max_payload", "media_use_external_ip", "media_nat_1_to_1_ip",
        "media_timeout", "media_timeout_initial", "symmetric_rtp", "rtp_draining_idle_timeout",
        "rtp_draining_duration", "ignore_local_addr_in_sdp", "codecs", "hide_inbound_port",
        "disable_rejected_invite_cache", "add_record_route", "audio_dtmf", "enable_jitter_buffer",
        "enable_jitter_buffer_prob", "jaeger_url", "experimental",
    }
)  # fmt: skip
"""Keys of livekit-sip's yaml (livekit/sip pkg/config/config.go); it ignores all others in silence."""

_ENV_LINE: Final = re.compile(r"\s*(export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=")
_TOP_KEY: Final = re.compile(r"""^["']?(\w+)["']?\s*:(?:\s|\Z)""", re.MULTILINE)
_SIPCTL_LINE: Final = re.compile(r"^\s*(\[profiles[.\]]|default_profile\s*=)", re.MULTILINE)


def detect_kind(path: Path, text: str) -> Kind | None:
    """The kind of a file; None for what is none of them."""
    if path.suffix == ".toml" or _SIPCTL_LINE.search(text):
        return Kind.SIPCTL
    if text.lstrip().startswith("{"):
        return Kind.COMPOSE if "services" in _json_keys(text) else None
    if _looks_like_env(text):
        return Kind.ENV
    return _yaml_kind(text)


def _json_keys(text: str) -> Iterable[str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ("services",) if '"services"' in text else ()
    return value.keys() if isinstance(value, dict) else ()


def _looks_like_env(text: str) -> bool:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and sum(bool(_ENV_LINE.match(line)) for line in lines) * 2 > len(lines)


def _yaml_kind(text: str) -> Kind | None:
    keys = set(_TOP_KEY.findall(text))
    server, sip = (len(keys & (known - (SERVER_KEYS & SIP_KEYS))) for known in (SERVER_KEYS, SIP_KEYS))
    if server == sip:
        return None
    return Kind.LIVEKIT if server > sip else Kind.SIP
