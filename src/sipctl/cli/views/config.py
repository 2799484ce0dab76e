"""The configuration as people and scripts read it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sipctl.config.model import Setting, Settings
from sipctl.output.formats import Detail, Listing
from sipctl.telephony.secret import Secret

Row = tuple[str, Setting]


def settings_view(settings: Settings, *, origin: bool) -> Listing[Row]:
    """Every setting that sipctl reads; secrets masked."""
    profile = Setting(settings.profile or None, str(settings.config_file or "default"))
    rows: Iterable[Row] = [("profile", profile), *settings.values.items()]
    return Listing(
        schema="sipctl/settings/v1",
        items=rows,
        columns=("setting", "value", "origin") if origin else ("setting", "value"),
        row=lambda row: _row(row, origin=origin),
        record=lambda row: {"name": row[0], "value": _plain(row[1].value), "origin": row[1].origin},
        name=lambda row: row[0],
    )


def _row(row: Row, *, origin: bool) -> tuple[str, ...]:
    name, setting = row
    return (name, _shown(setting.value), setting.origin) if origin else (name, _shown(setting.value))


def _shown(value: object) -> str:
    if value is None or value == "":
        return "not set"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    return str(value) if isinstance(value, Secret) else value


def paths_view(config: Path, state: Path) -> Detail:
    """Where sipctl's own files are."""
    lines = (("configuration", str(config)), ("state", str(state)))
    record = {"config": str(config), "config_exists": config.exists(), "state": str(state)}
    return Detail(schema="sipctl/paths/v1", lines=lines, record=record, name=str(config))
