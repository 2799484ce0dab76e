"""From settings to an open registry."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sipctl.config.databases import home_url, state_url
from sipctl.config.model import RegistrySettings, Settings
from sipctl.config.own_files import secure_database
from sipctl.config.urls import server_name
from sipctl.errors import UncheckedError
from sipctl.registry.database import open_engine, sharing_host
from sipctl.registry.observations import Observations
from sipctl.registry.store import Registry


@contextmanager
def open_registry(settings: RegistrySettings, embedded_file: Path, timeout_s: float) -> Iterator[Registry]:
    """The registry of these settings; `embedded_file` is the one that is used if no one names another.

    `timeout_s` limits each wait for a database, in seconds.

    Raises:
        ConfigError: there is no such database, a newer sipctl made it, or it is corrupt.
        UncheckedError: it cannot be reached, or is locked.
        SafeguardError: it is a file of ours that others can read, or a link.
    """
    home = open_engine(home_url(settings) or _own(embedded_file), timeout_s)
    notes = open_engine(settings.state_url.reveal() or _own(embedded_file), timeout_s) if settings.in_meet else home
    registry = Registry(home, notes, in_meet=settings.in_meet, quarantine_days=settings.quarantine_days)
    try:
        yield registry
    finally:
        registry.close()


def open_observations(settings: Settings, folder: Path, timeout_s: float) -> Observations:
    """Where observations of the server are kept: in a database that hosts share, else in a file of the state folder.

    However its address is spelled, a server has one memory for each mark of rules: profiles that share a server but
    not the mark look at other rules.

    Raises:
        ConfigError: a newer sipctl made it, or it is corrupt.
        UncheckedError: it cannot be written, or is locked.
        SafeguardError: it is a file of ours that others can read, or a link.
    """
    url = state_url(settings.registry) or _own(folder / "looks.db")
    engine = open_engine(url, timeout_s)
    server = server_name(settings.connection.url, sharing_host(engine))
    looked_at = " ".join(filter(None, (server, settings.name_template, settings.room_pattern)))
    return Observations(engine, looked_at)


def _own(file: Path) -> str:
    """The address of an SQLite file of ours, closed to others."""
    try:
        secure_database(file)
    except OSError as error:
        raise UncheckedError(
            f"cannot open {file}: {error.strerror}", code="registry", hint="check the folder"
        ) from error
    return f"sqlite:///{file}"
