"""The scripts that ask sipctl at each TAB."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

FILES: Final[Mapping[str, str]] = {"bash": "sipctl.bash", "zsh": "_sipctl", "fish": "sipctl.fish"}
"""By shell: the name of its script."""


def script(shell: str) -> str:
    """The script of a shell."""
    return files(__name__).joinpath(FILES[shell]).read_text(encoding="utf-8")
