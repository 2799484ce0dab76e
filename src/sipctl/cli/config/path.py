"""`sipctl config path`."""

import os
from pathlib import Path
from typing import Final, TypedDict

import typer

from sipctl.cli.session import Session
from sipctl.config.databases import registry_place
from sipctl.config.paths import embedded_registries, state_dir
from sipctl.config.profile import choose_config_path
from sipctl.errors import ConfigError
from sipctl.output.formats import Detail


class Paths(TypedDict):
    """Where sipctl's own files are; `registries` are the files with PINs of other profiles."""

    config: str
    config_exists: bool
    state: str
    registry: str
    registries: list[str]


PRINTS: Final = {"paths": Paths}


def run(ctx: typer.Context) -> None:
    """Print where the configuration file, the state folder and the component files are.

    \b
    Examples:
      sipctl config path
      sipctl config path -o json
    """
    session = Session.of(ctx)
    config = choose_config_path(session.options.config, os.environ)
    session.emit(_view(config, state_dir(), _registry(session)))


def _registry(session: Session) -> str:
    """Where the PINs of the profile in force are; "" if the configuration cannot be read."""
    try:
        return registry_place(session.settings)
    except ConfigError as error:
        session.streams.note(f"note: {error.message}")
        return ""


def _view(config: Path, state: Path, registry: str) -> Detail:
    others = [str(file) for file in embedded_registries() if str(file) != registry]
    lines = [("configuration", str(config)), ("state", str(state)), ("registry", registry or "unknown")]
    lines += [("of other profiles", file) for file in others]
    record = Paths(
        config=str(config), config_exists=config.exists(), state=str(state), registry=registry, registries=others
    )
    return Detail(schema="sipctl/paths/v1", lines=tuple(lines), record=record, name=str(config))
