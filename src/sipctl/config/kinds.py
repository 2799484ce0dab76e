"""Which kind of configuration file a text is, by its content, and by its name where several kinds share that."""

import json
import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Final

from sipctl.config.reading import crowd


class Kind(StrEnum):
    """A kind of file that sipctl reads."""

    SIPCTL = "sipctl"
    ENV = "env"
    LIVEKIT = "livekit"
    SIP = "sip"
    COMPOSE = "compose"
    KUBERNETES = "kubernetes"


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
        "enable_jitter_buffer_prob", "jaeger_url", "experimental", "ringing_timeout_status", "lang", "video", "gst",
        "publish_codecs", "max_active_participants",
    }
)  # fmt: skip
"""Keys of livekit-sip's yaml (livekit/sip pkg/config/config.go) and of La Suite's fork; both ignore all others."""

_OWN_SERVER_KEYS: Final = SERVER_KEYS - SIP_KEYS
_OWN_SIP_KEYS: Final = SIP_KEYS - SERVER_KEYS
_WORKER_KEYS: Final = frozenset({"api_key", "api_secret", "ws_url", "health_port", "cluster_id", "video"})
"""What livekit's other workers name, too."""

_RESOURCE: Final = frozenset({"apiVersion", "kind"})
_ENV_LINE: Final = re.compile(r"\s*(export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=")
_TOP_KEY: Final = re.compile(r"""^["']?(\w+)["']?\s*:(?:\s|\Z)""", re.MULTILINE)
_SIPCTL_LINE: Final = re.compile(r"^[ \t]*(\[profiles[.\]]|default_profile\s*=)", re.MULTILINE)
_WORD: Final = re.compile(r"[a-z]+")


def detect_kind(path: Path, text: str) -> Kind | None:
    """The kind of a file; None for what is none of them."""
    if path.suffix == ".toml" or _SIPCTL_LINE.search(text):
        return Kind.SIPCTL
    if text.lstrip().startswith("{"):
        keys = frozenset(_json_keys(text))
        return Kind.COMPOSE if "services" in keys else Kind.KUBERNETES if keys >= _RESOURCE else None
    if _is_like_env(text):
        return Kind.ENV
    keys = _top_keys(text)
    if keys >= _RESOURCE:
        return Kind.KUBERNETES
    if "services" in keys:
        return Kind.COMPOSE
    return None if _stranger_of(path, keys) else _yaml_kind(path, keys)


def _json_keys(text: str) -> Iterable[str]:
    if crowd(text):
        return ("services",) if '"services"' in text else ()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ("services",) if '"services"' in text else ()
    return value.keys() if isinstance(value, dict) else ()


def _is_like_env(text: str) -> bool:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and sum(bool(_ENV_LINE.match(line)) for line in lines) * 2 > len(lines)


def _top_keys(text: str) -> frozenset[str]:
    return frozenset(_TOP_KEY.findall(text))


def _words(name: str) -> frozenset[str]:
    return frozenset(_WORD.findall(name.lower()))


def _yaml_kind(path: Path, keys: frozenset[str]) -> Kind | None:
    """A file that is called livekit-sip's is never livekit-server's: what is no key of livekit-sip is a fault of it."""
    server, sip = len(keys & _OWN_SERVER_KEYS), len(keys & _OWN_SIP_KEYS)
    words = _words(path.stem)
    if "sip" in words and "server" not in words:
        return Kind.SIP if keys & (SIP_KEYS | _OWN_SERVER_KEYS) else None
    if server == sip:
        return None
    return Kind.LIVEKIT if server > sip else Kind.SIP


class Stranger(StrEnum):
    """A kind of file that sipctl knows by sight and does not read."""

    EGRESS = "livekit-egress's yaml"
    INGRESS = "livekit-ingress's yaml"
    HELM = "a file of Helm values"


_STRANGERS_KEYS: Final = {
    Stranger.EGRESS: frozenset(
        {
            "template_base", "template_port", "template_address", "chrome_flags", "enable_chrome_sandbox", "cpu_cost",
            "s3", "azure", "gcp", "alioss", "storage", "backup_storage", "session_limits", "local_directory",
            "file_output_max_duration", "stream_output_max_duration", "segment_output_max_duration",
            "image_output_max_duration",
        }
    ),
    Stranger.INGRESS: frozenset({"rtmp_port", "whip_port", "http_relay_port", "whip_proxy_enabled"}),
    Stranger.HELM: frozenset(
        {
            "replicaCount", "nodeSelector", "podAnnotations", "podSecurityContext", "serviceAccount", "autoscaling",
            "imagePullSecrets", "fullnameOverride", "nameOverride", "tolerations", "affinity", "loadBalancer",
            "storeKeysInSecret", "envVars", "livekit", "backend", "frontend", "image",
        }
    ),
}  # fmt: skip
"""Keys by which a file of these kinds is known (livekit/egress and livekit/ingress pkg/config, livekit-helm)."""


def stranger_of(path: Path, text: str) -> Stranger | None:
    """What a file is that is of no kind of ours; None if no one can tell."""
    return _stranger_of(path, _top_keys(text))


def _stranger_of(path: Path, keys: frozenset[str]) -> Stranger | None:
    if keys & _STRANGERS_KEYS[Stranger.HELM] or ("values" in _words(path.name) and not keys & _OWN_SIP_KEYS):
        return Stranger.HELM
    return _worker(path, keys)


def _worker(path: Path, keys: frozenset[str]) -> Stranger | None:
    """Whether it is a file of livekit's other workers, which hold what livekit-sip's holds: their names tell."""
    if keys & (_OWN_SIP_KEYS - _WORKER_KEYS | _OWN_SERVER_KEYS):
        return None
    folder = _words(path.parent.name) - {"livekit"}
    for stranger, word in ((Stranger.EGRESS, "egress"), (Stranger.INGRESS, "ingress")):
        if word in _words(path.name) or folder == {word} or keys & _STRANGERS_KEYS[stranger]:
            return stranger
    return None
