"""What `config init` puts into the configuration file, with comments."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tomli_w

from sipctl.config.discover import Found
from sipctl.config.profile import parse
from sipctl.errors import ConfigError
from sipctl.telephony.text import is_unicode

_DEFAULT_LINE: Final = r"""^[ \t]*default_profile[ \t]*=[ \t]*("[^"\r\n]*"|'[^'\r\n]*')"""
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


def with_profile(text: str, path: Path, name: str, profile: Mapping[str, Any]) -> str:
    """The text of the file with one profile more at its end; what is there keeps its bytes.

    A lone profile is the default without being named so. It stays the default: a line at the top names it.

    Raises:
        ConfigError: the file holds a fault, or is written in a way that nothing can be added to.
    """
    before = parse(text, path)
    added = tomli_w.dumps({"profiles": {name: dict(profile)}})
    whole = f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}\n{added}"
    if not before.default_profile and len(before.profiles) == 1:
        whole = with_default(whole, path, next(iter(before.profiles)))
    return whole


def with_default(text: str, path: Path, name: str) -> str:
    """The text with this profile as the default one; everything else keeps its bytes.

    Raises:
        ConfigError: the key is written in a way that it cannot be changed.
    """
    line = tomli_w.dumps({"default_profile": name}).rstrip()
    tables = re.search(r"^[ \t]*\[", text, re.MULTILINE)
    head, rest = (text[: tables.start()], text[tables.start() :]) if tables else (text, "")
    head, count = re.subn(_DEFAULT_LINE, lambda _: line, head, count=1, flags=re.MULTILINE)
    changed = head + rest if count else f"{line}\n{head}{rest}"
    if _content(changed) != _content(text) | {"default_profile": name}:
        raise ConfigError(f"cannot change default_profile in {path}", hint=f"write this at the top of the file: {line}")
    return changed


def _content(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
