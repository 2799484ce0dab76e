"""`sipctl config show`."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, TypedDict

import typer

from sipctl.cli.session import Session
from sipctl.config.load import load_settings
from sipctl.config.model import Setting, Settings
from sipctl.config.reading import read_secret
from sipctl.errors import ConfigError
from sipctl.output.formats import Listing
from sipctl.telephony.secret import Secret

Named = tuple[str, Setting]

_UNREADABLE: Final = "unreadable"


class SettingRow(TypedDict):
    """A setting in force; secrets are masked."""

    name: str
    value: str | int | bool | list[str] | None
    origin: str


PRINTS: Final = {"settings": list[SettingRow]}


def run(
    ctx: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
) -> None:
    """Show the settings in force; secrets stay hidden.

    A secret whose file cannot be read is shown as `unreadable`, with the reason on stderr.

    \b
    Examples:
      sipctl config show
      sipctl config show --origin --profile prod
      sipctl config show -o json
    """
    session, secrets = Session.of(ctx), _Secrets()
    options = session.options
    settings = load_settings(
        config_path=options.config, profile=options.profile, env_files=options.env_file, environ=os.environ,
        read=secrets.read,
    )  # fmt: skip
    for note in (*settings.notes, *secrets.unreadable.values()):
        session.note(f"note: {note}")
    given = settings.values.items()
    shown = {name: replace(one, value=_UNREADABLE) if one.origin in secrets.unreadable else one for name, one in given}
    session.emit(_view(replace(settings, values=shown), origin=origin))


class _Secrets:
    """Reads the files of secrets; what cannot be read is remembered by its origin, with the reason."""

    def __init__(self) -> None:
        self.unreadable: dict[str, str] = {}

    def read(self, path: Path, origin: str) -> str:
        """The secret; a word in its place that is shown nowhere if it cannot be read."""
        try:
            return read_secret(path, origin)
        except ConfigError as error:
            self.unreadable[origin] = error.message
            return _UNREADABLE


def _view(settings: Settings, *, origin: bool) -> Listing[Named]:
    """Every setting that sipctl reads."""
    return Listing(
        schema="sipctl/settings/v1",
        things="settings",
        items=_named(settings),
        columns=("setting", "value", "origin") if origin else ("setting", "value"),
        row=lambda one: _cells(*one) if origin else _cells(*one)[:2],
        record=_row,
        name=lambda one: one[0],
    )


def setting_rows(settings: Settings) -> list[SettingRow]:
    """Every setting that sipctl reads, secrets masked."""
    return [_row(one) for one in _named(settings)]


def _named(settings: Settings) -> list[Named]:
    profile = Setting(settings.profile or None, str(settings.config_file or "default"))
    return [("profile", profile), *settings.values.items()]


def _row(one: Named) -> SettingRow:
    name, setting = one
    return SettingRow(name=name, value=_plain(setting.value), origin=setting.origin)


def _cells(name: str, setting: Setting) -> tuple[str, ...]:
    return name, _shown(setting.value), setting.origin


def _shown(value: object) -> str:
    if value is None or value in ("", [], ()):
        return "not set"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    return str(value) if isinstance(value, Secret) else value
