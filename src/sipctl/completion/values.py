"""Names and ids that the last lists showed, read for a TAB.

It must be done before a person notices, so nothing is imported here that the interpreter has not loaded anyway.
"""

import os

ROOMS, RULES, TRUNKS, REGISTERED = "rooms", "rules", "trunks", "registered"
"""What is kept: live rooms, rules, trunks, and the rooms that the registry knows."""


def path_of(profile: str, kind: str) -> str:
    """The file of the values of one kind, in the user's cache folder; it need not exist. `profile` "" = none named."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    usual = os.path.join(home if os.path.isabs(home) else os.path.expanduser("~/.cache"), "sipctl")
    cache = os.environ.get("SIPCTL_CACHE_DIR") or usual
    return os.path.join(cache, "completion", f"{profile.encode(errors='replace').hex()}-{kind}")


def read_values(profile: str, kind: str) -> list[tuple[str, str]]:
    """Each value that the last list with this profile showed, and a word about it; nothing if there was no list."""
    try:
        with open(path_of(profile, kind), encoding="utf-8") as file:
            rows = file.read().split("\n")
    except (OSError, UnicodeError):
        return []
    return [(value, about) for value, _, about in (row.partition("\t") for row in rows) if value]
