"""What `config init` puts into the configuration file, with comments."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tomli_w

from sipctl.config.discover import Found
from sipctl.errors import ConfigError
from sipctl.telephony.text import is_unicode

_HEAD: Final = """\
# Configuration of sipctl. `sipctl config show --origin` prints what is in force and where it comes from.
# A profile describes one deployment; `--profile NAME` or SIPCTL_PROFILE choose another one.
# Precedence: option > --env-file > a profile that was named > environment > default profile > defaults.

"""
_TAIL: Final = """
# More that a profile can hold (the README explains each):
#   sip_health_url = "http://127.0.0.1:8080"        # health_port of livekit-sip, which doctor asks
#   sip_metrics_url = "http://127.0.0.1:6789"       # prometheus_port of livekit-sip, for `pin audit`
#   webhook_url    = "https://meet.example.org/api/v1.0/rooms/webhooks-livekit/"
#   name_template  = "SIP_{room}"                   # the mark of this backend's dispatch rules
#   room_pattern   = "[0-9a-f-]{36}"                # rooms of this backend; default: every room
#   trunk_ids      = ["ST_…"]                       # given to new rules
#   protected      = true                           # every write then needs --confirm PROFILE
#   protect        = ["SDR_…", "lobby"]             # rules, rooms and trunks that are left alone
#   registry       = { layout = "meet" }            # rooms are Meet's: their names are UUIDs
# [[profiles.NAME.ignore]]                          # a finding that you live with
#   code = "TRK309"
#   reason = "the firewall admits the provider alone"
"""


def profile_from(found: Found, chosen: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The profile's table: what was found, with what someone chose over it; paths relative where they can be.

    Raises:
        ConfigError: TOML cannot hold the name of a file.
    """
    paths = {"livekit_yaml": found.livekit_yaml, "sip_yaml": found.sip_yaml, "compose_json": found.compose_json}
    table: dict[str, Any] = {key: _relative(path, folder) for key, path in paths.items() if path}
    if found.env_files:
        table["env_files"] = [_relative(path, folder) for path in found.env_files]
    if found.manifests:
        table["manifests"] = [_relative(path, folder) for path in found.manifests]
    return table | {key: value for key, value in chosen.items() if value}


def _relative(path: Path, folder: Path) -> str:
    whole = path.resolve()
    name = str(whole.relative_to(folder) if whole.is_relative_to(folder) else whole)
    if not is_unicode(name):
        raise ConfigError(f"the name {name} is not UTF-8", hint="rename it: a TOML file is UTF-8")
    return name


def render(name: str, profile: Mapping[str, Any]) -> str:
    """The text of a file with one profile."""
    return _HEAD + tomli_w.dumps({"default_profile": name, "profiles": {name: dict(profile)}}) + _TAIL
