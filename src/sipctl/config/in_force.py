"""What a profile alone can say, as `config show` lists it: every such setting, given or not, and where from."""

from collections.abc import Iterator, Mapping
from typing import Any

from sipctl.config.model import Ignored, Setting, Settings
from sipctl.config.profile import Profile
from sipctl.config.values import duration_text


def of_profile(settings: Settings, chosen: Profile | None) -> dict[str, Setting]:
    """The settings of a profile's table and its parts, by their names in the file, such as purge.grace."""
    given = set(_given(chosen.table.model_dump(exclude_unset=True))) if chosen else set()
    origin = f"profile {chosen.name!r} in {chosen.path}" if chosen else ""
    return {
        name: Setting(value, f"{name} of {origin}" if name in given else "default")
        for name, value in _in_force(settings).items()
    }


def _given(table: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in table.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _given(value, f"{prefix}{key}.")


def _in_force(settings: Settings) -> dict[str, object]:
    registry, purge = settings.registry, settings.purge
    files = {key: getattr(settings, key) for key in ("livekit_yaml", "sip_yaml", "compose_json")}
    return {
        "env_files": list(map(str, settings.env_files)),
        **{key: str(path) if path else None for key, path in files.items()},
        "manifests": list(map(str, settings.manifests)),
        "protected": settings.protected,
        "protect": list(settings.protect),
        "registry.layout": "meet" if registry.in_meet else "sipctl",
        "registry.leading_zero": registry.leading_zero,
        "registry.doubles": registry.doubles,
        "registry.quarantine_days": registry.quarantine_days,
        "purge.grace": duration_text(purge.grace),
        "purge.max_delete": purge.max_delete,
        "purge.max_delete_percent": purge.max_delete_percent,
        "ignore": list(map(_suppression, settings.ignored)),
    }


def _suppression(entry: Ignored) -> str:
    where = f" of {entry.resource}" if entry.resource else ""
    until = f" until {entry.until}" if entry.until else ""
    return f"{entry.code}{where}{until}: {entry.reason}"
