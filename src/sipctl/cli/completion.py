"""`sipctl completion`."""

import os
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypedDict

import typer

from sipctl.cli import endings
from sipctl.cli.session import Session
from sipctl.command_line import quoted
from sipctl.completion.scripts import FILES, script
from sipctl.errors import UncheckedError
from sipctl.files import write_public
from sipctl.output.formats import Text

_ASKING_S: Final = 5.0
"""How long zsh may take to say where it looks, with everything that a person lets it do at its start."""


class Shell(StrEnum):
    """A shell that can complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


class Script(TypedDict):
    """The script of a shell, and the file that it was written into ("" = it was not)."""

    shell: str
    script: str
    file: str


PRINTS: Final = {"completion": Script}


def run(
    ctx: typer.Context,
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
    install: Annotated[
        bool, typer.Option("--install", help="Write it where this user's shell looks for it, and nothing else.")
    ] = False,
) -> None:
    """Print what makes bash, zsh or fish complete commands, options and names.

    A TAB asks no server. Rooms, rules and trunks are those that the last `list` commands showed; no PIN is kept.

    \b
    Examples:
      sipctl completion bash --install
      sipctl completion fish > sipctl.fish
    """
    session = Session.of(ctx)
    text = script(shell)
    if not install:
        session.emit(_view(shell, text, None))
        return
    looked_through = _zsh_folders() if shell is Shell.ZSH else []
    file = _place(shell, looked_through)
    if session.options.dry_run:
        session.note(f"would write {file}")
    else:
        _write(file, text)
        session.note(f"wrote {file}; shells that are started from now on use it")
    if shell is Shell.ZSH and file.parent not in looked_through:
        session.note(
            f"zsh does not look there yet: put `fpath=({quoted(str(file.parent))} $fpath)` before compinit in .zshrc"
        )
    endings.show(session, _view(shell, text, file))


def _view(shell: Shell, text: str, file: Path | None) -> Text:
    """The script, or the file that it was written into."""
    record = Script(shell=shell.value, script=text, file=str(file or ""))
    return Text(
        schema="sipctl/completion/v1", text=f"{file}\n" if file else text, record=record, name=str(file or shell.value)
    )


def _place(shell: Shell, looked_through: list[Path]) -> Path:
    """Where this user's shell looks for the script of a command when the command is completed first."""
    if shell is Shell.BASH:
        folder = os.environ.get("BASH_COMPLETION_USER_DIR") or _home("XDG_DATA_HOME", ".local/share", "bash-completion")
        return Path(folder) / "completions" / "sipctl"
    if shell is Shell.FISH:
        return _home("XDG_CONFIG_HOME", ".config", "fish") / "completions" / FILES[shell]
    own = [folder for folder in looked_through if folder.is_relative_to(Path.home()) and os.access(folder, os.W_OK)]
    return (own[0] if own else _home("XDG_DATA_HOME", ".local/share", "zsh") / "site-functions") / FILES[shell]


def _home(variable: str, default: str, name: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default) / name


def _zsh_folders() -> list[Path]:
    """Where this user's zsh looks for functions; it reads its start-up files to know. Nothing without zsh."""
    words = ("zsh", "-ic", "print -rl -- SIPCTL $fpath")
    try:
        asked = subprocess.run(  # noqa: S603 - words of our own
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ASKING_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [Path(line) for line in asked.stdout.decode(errors="replace").partition("SIPCTL\n")[2].splitlines()]


def _write(file: Path, text: str) -> None:
    """Write the script, making the folders above it.

    Raises:
        UncheckedError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UncheckedError(f"cannot make the folder {file.parent}: {error.strerror}", code="folder") from error
    write_public(file, text)
