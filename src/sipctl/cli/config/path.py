"""`sipctl config path`."""

import os
from pathlib import Path
from typing import Final, TypedDict

import typer

from sipctl.cli.session import Session
from sipctl.config.paths import state_dir
from sipctl.config.profile import choose_config_path
from sipctl.output.formats import Detail


class Paths(TypedDict):
    """Where sipctl's own files are."""

    config: str
    config_exists: bool
    state: str


PRINTS: Final = {"paths": Paths}


def run(ctx: typer.Context) -> None:
    """Print where the configuration file, the state folder and the component files are.

    \b
    Examples:
      sipctl config path
      sipctl config path -o json
    """
    session = Session.of(ctx)
    session.emit(_view(choose_config_path(session.options.config, os.environ), state_dir()))


def _view(config: Path, state: Path) -> Detail:
    lines = (("configuration", str(config)), ("state", str(state)))
    record = Paths(config=str(config), config_exists=config.exists(), state=str(state))
    return Detail(schema="sipctl/paths/v1", lines=lines, record=record, name=str(config))
