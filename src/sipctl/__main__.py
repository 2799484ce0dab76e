"""Entry point. A shell's TAB, and a lone `--version`, are answered before anything else is imported."""

import os
import sys

from sipctl import __version__

_CANNOT_WRITE = 3


def main() -> None:
    """Run the command line and leave with its exit code."""
    if sys.argv[1:2] == ["__complete"]:
        from sipctl.completion.answer import main as complete

        sys.exit(complete(sys.argv[2:]))
    _open_closed_streams()
    from sipctl.output.outlet import open_outlets

    open_outlets()
    if sys.argv[1:] == ["--version"]:
        sys.exit(_tell_version())
    _hurry()
    _hush_warnings()
    from sipctl.cli.app import run

    sys.exit(run(sys.argv[1:]))


def _open_closed_streams() -> None:
    """Lead a standard stream that the caller closed nowhere, so that no file of ours takes its place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this stream's
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115 - a number


def _tell_version() -> int:
    try:
        print(f"sipctl {__version__}", flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        print(f"error: cannot write the output: {error.strerror}", file=sys.stderr)
        return _CANNOT_WRITE
    return 0


def _hurry() -> None:
    """Save what a process that lives for a second does not need: together a sixth of a long list's time.

    Looking for cycles among objects that stay anyway, and pydantic's search of every installed package for plugins.
    """
    import gc

    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _hush_warnings() -> None:
    """Keep Python's warnings off stderr, unless the interpreter was given filters for them."""
    if not sys.warnoptions:
        import warnings

        warnings.simplefilter("ignore")


if __name__ == "__main__":
    main()
