"""When a command acts: on one object that is named at once, on anything else once its plan was seen."""

from pathlib import Path
from typing import Annotated

import typer

from sipctl.cli.session import Session
from sipctl.errors import SafeguardError

Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


def acts(session: Session, *, on_one: bool) -> bool:
    """Whether this run changes anything. `on_one` = it names one object, or only adds; else it takes `--apply`."""
    options = session.options
    return not options.dry_run and (on_one or options.apply)


def writes_file(session: Session, file: Path, *, force: bool = False) -> bool:
    """Whether this run writes a file that holds PINs; of one that does not it is said that it would.

    Raises:
        SafeguardError: there is a regular file of that name, and it is not to be replaced.
    """
    if file.is_file() and not force:
        raise SafeguardError(f"{file} exists", code="exists", hint="name another file, or replace it with --force")
    if not acts(session, on_one=True):
        session.note(f"would write {file}, readable by you alone, with PINs in full")
        return False
    return True


def say_how_to_act(session: Session) -> None:
    """Say of a plan that it is one, and what carries it out."""
    options = session.options
    how = "with --apply"
    if options.dry_run:
        how = "without --dry-run" if options.apply else "with --apply instead of --dry-run"
    session.note(f"Nothing was changed; the same {how} does it")
