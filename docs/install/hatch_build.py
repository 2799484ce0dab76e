"""Puts the man pages and completions of a wheel where programs look for them, below the prefix of the environment."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPLETIONS = {
    "sipctl.bash": "bash-completion/completions/sipctl",
    "_sipctl": "zsh/site-functions/_sipctl",
    "sipctl.fish": "fish/vendor_completions.d/sipctl.fish",
}


class ShareHook(BuildHookInterface):
    """Names each file with its place under `share`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling calls it so
        """Add the files to the wheel that is being built."""
        root = Path(self.root)
        pages = {str(page): f"share/man/man{page.suffix[1:]}/{page.name}" for page in sorted((root / "man").iterdir())}
        scripts = {str(root / "completions" / name): f"share/{place}" for name, place in COMPLETIONS.items()}
        build_data["shared_data"] |= pages | scripts
