"""Entry point. A lone `--version` is answered before anything else is imported."""

import sys

from sipctl import __version__


def main() -> None:
    """Run the command line and leave with its exit code."""
    if sys.argv[1:] == ["--version"]:
        print(f"sipctl {__version__}")
        return
    from sipctl.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
