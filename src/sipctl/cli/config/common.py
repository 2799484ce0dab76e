"""What several commands on the configuration share: writing the file."""

from pathlib import Path
from typing import Final

from sipctl.config.own_files import make_folder
from sipctl.errors import SafeguardError, UncheckedError
from sipctl.files import write_private

_ANY_BYTES: Final = "latin-1"
"""Text that any bytes are, and that becomes the same bytes again."""


def refuse_existing(path: Path, *, force: bool) -> None:
    """Stop before an existing file, unless `force` is set.

    Raises:
        SafeguardError: there is a file, and `force` is not set.
    """
    if path.is_file() and not force:
        raise SafeguardError(
            f"{path} exists", code="exists", hint="add another profile with --profile, or replace the file with --force"
        )


def write_config(path: Path, text: str, *, force: bool) -> Path | None:
    """Write the file in one step; the place of a copy of the older file, or None.

    Raises:
        SafeguardError: there is a file, and `force` is not set; or others would read what is no file.
        UncheckedError: the folder cannot be written to.
    """
    refuse_existing(path, force=force)
    kept = path.with_name(f"{path.name}.bak") if path.is_file() else None
    try:
        make_folder(path.parent)
        if kept:
            write_private(kept, [path.read_bytes().decode(_ANY_BYTES)], encoding=_ANY_BYTES)
    except OSError as error:
        raise UncheckedError(f"cannot write {path}: {error.strerror}", hint="check the folder") from error
    write_private(path, [text])
    return kept
