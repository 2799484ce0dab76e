"""Entry point. A lone `--version` is answered before anything else is imported."""

import sys

from sipctl import __version__


def main() -> None:
    """Run the command line and leave with its exit code."""
    if sys.argv[1:] == ["--version"]:
        print(f"sipctl {__version__}")
        return
    _hurry()
    from sipctl.cli.app import run

    sys.exit(run(sys.argv[1:]))


def _hurry() -> None:
    """Save what a process that lives for a second does not need: together a sixth of a long list's time.

    Looking for cycles among objects that stay anyway, and pydantic's search of every installed package for plugins.
    """
    import gc
    import os

    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


if __name__ == "__main__":
    main()
