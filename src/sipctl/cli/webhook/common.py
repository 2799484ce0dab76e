"""What commands on webhooks share."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.inputs import STDIN, check_stdin_files
from sipctl.cli.session import Session
from sipctl.errors import PartialError
from sipctl.telephony.naming import counted
from sipctl.telephony.secret import Secret
from sipctl.webhooks.event_files import EventFiles
from sipctl.webhooks.event_lines import EventLine

LINES: Final = {"event-line": EventLine}

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="Event files or folders of them, gzipped or not; - for stdin.")
]


To = Annotated[
    str | None, typer.Option("--to", metavar="URL", help="The receiver; default: the profile's webhook_url.")
]


def opened(session: Session, paths: list[Path]) -> EventFiles:
    """The events of these files; the first broken ones are described on stderr.

    Raises:
        UsageError: one cannot be read, or stdin is named twice.
    """
    check_stdin_files(paths)
    return EventFiles.named(paths, lambda line: session.streams.warn(f"note: {line}"))


def own_keys(session: Session) -> Mapping[str, Secret]:
    """The API key that may sign, with its secret.

    Raises:
        ConfigError: none is configured.
    """
    connection = session.settings.connection
    return {connection.api_key: connection.api_secret}


def read_to_the_end(files: EventFiles, rest: Iterator[object]) -> None:
    """Read what no one printed: the exit code is of all events. The rest of a pipe may never come.

    Raises:
        UsageError: a file cannot be read to its end, or there was no event at all.
        PartialError: some lines were broken.
    """
    if STDIN not in files.paths:
        for _ in rest:
            pass
    files.refuse_none()
    if files.broken:
        raise PartialError(f"{counted(files.broken, 'line')} could not be read", hint="the rest was done")
