"""`sipctl config show`."""

from typing import Annotated, Any, Final, TypedDict

import typer

from sipctl.cli.session import Session
from sipctl.config.model import Setting, Settings
from sipctl.output.formats import Listing
from sipctl.telephony.secret import Secret

Named = tuple[str, Setting]


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

    \b
    Examples:
      sipctl config show
      sipctl config show --origin --profile prod
      sipctl config show -o json
    """
    session = Session.of(ctx)
    session.emit(_view(session.settings, origin=origin))


def _view(settings: Settings, *, origin: bool) -> Listing[Named]:
    """Every setting that sipctl reads."""
    return Listing(
        schema="sipctl/settings/v1",
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
    if value is None or value == "":
        return "not set"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    return str(value) if isinstance(value, Secret) else value
