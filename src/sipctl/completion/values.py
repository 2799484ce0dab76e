"""Names and ids that the last lists showed, read for a TAB.

It must be done before a person notices, so nothing is imported here that the interpreter has not loaded anyway.
"""

import os

ROOMS, RULES, TRUNKS, REGISTERED = "rooms", "rules", "trunks", "registered"
"""What is kept: live rooms, rules, trunks, and the rooms that the registry knows."""


def path_of(profile: str, kind: str) -> str:
    """The file of the values of one kind, in the user's cache folder; it need not exist. `profile` "" = none named."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(cache):
        cache = os.path.expanduser("~/.cache")
    return os.path.join(cache, "sipctl", "completion", f"{profile.encode(errors='replace').hex()}-{kind}")


def read_values(profile: str, kind: str) -> list[tuple[str, str]]:
    """Each value that the last list with this profile showed, and a word about it; nothing if there was no list."""
    try:
        with open(path_of(profile, kind), encoding="utf-8") as file:
            rows = file.read().split("\n")
    except (OSError, UnicodeError):
        return []
    return [(value, about) for value, _, about in (row.partition("\t") for row in rows) if value]
