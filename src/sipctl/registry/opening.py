"""From settings to an open registry."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL

from sipctl.config.model import RegistrySettings, Settings
from sipctl.config.own_files import secure_database
from sipctl.errors import ConfigError, UncheckedError
from sipctl.registry.database import open_engine
from sipctl.registry.looks import Looks
from sipctl.registry.store import Registry
from sipctl.telephony.secret import Secret

_MEETS_DEFAULTS: Final = {"DB_HOST": "localhost", "DB_NAME": "meet", "DB_USER": "dinum", "DB_PORT": "5432"}
"""What Meet takes if nobody says (suitenumerique/meet settings.py)."""


@contextmanager
def open_registry(settings: RegistrySettings, embedded_file: Path, timeout_s: float) -> Iterator[Registry]:
    """The registry of these settings; `embedded_file` is the one that is used if nobody names another.

    `timeout_s` limits each wait for a database, in seconds.

    Raises:
        ConfigError: there is no such database, a newer sipctl made it, or it is corrupt.
        UncheckedError: it cannot be reached, or is locked.
        RailError: it is a file of ours that others can read, or a link.
    """
    home_url = _meets_url(settings) if settings.in_meet else settings.url.reveal() or _own(embedded_file)
    home = open_engine(home_url, timeout_s)
    notes = open_engine(settings.state_url.reveal() or _own(embedded_file), timeout_s) if settings.in_meet else home
    registry = Registry(home, notes, in_meet=settings.in_meet, quarantine_days=settings.quarantine_days)
    try:
        yield registry
    finally:
        registry.close()


def open_looks(settings: Settings, folder: Path, timeout_s: float) -> Looks:
    """Where looks at the server are remembered: at `state_url`, else in a file of the state folder.

    Profiles that share a server but not the mark of their rules look at other rules, and so have looks of their own.

    Raises:
        ConfigError: a newer sipctl made it, or it is corrupt.
        UncheckedError: it cannot be written, or is locked.
        RailError: it is a file of ours that others can read, or a link.
    """
    url = settings.registry.state_url.reveal() or _own(folder / "looks.db")
    looked_at = " ".join(filter(None, (settings.connection.url, settings.name_template, settings.room_pattern)))
    return Looks(open_engine(url, timeout_s), looked_at)


def _own(file: Path) -> str:
    """The address of an SQLite file of ours, closed to others."""
    try:
        secure_database(file)
    except OSError as error:
        raise UncheckedError(
            f"cannot open {file}: {error.strerror}", code="registry", hint="check the folder"
        ) from error
    return f"sqlite:///{file}"


def _meets_url(settings: RegistrySettings) -> str:
    """Meet's database: what the profile says, else DATABASE_URL, else DB_*.

    Raises:
        ConfigError: nobody says which.
    """
    given = settings.url.reveal() or _text(settings.database, "DATABASE_URL")
    if given:
        return given.replace("postgres://", "postgresql://", 1)
    if not settings.database:
        raise ConfigError(
            'layout = "meet" needs Meet\'s database', hint="name Meet's env files in the profile, or registry.url"
        )
    values = {name: _text(settings.database, name) or default for name, default in _MEETS_DEFAULTS.items()}
    host = values["DB_HOST"]
    in_folder = host.startswith("/")  # a socket's, which a URL cannot have in the place of a host
    return URL.create(
        "postgresql",
        username=values["DB_USER"],
        password=_text(settings.database, "DB_PASSWORD") or None,
        host=None if in_folder else host,
        port=int(values["DB_PORT"]),
        database=values["DB_NAME"],
        query={"host": host} if in_folder else {},
    ).render_as_string(hide_password=False)


def _text(values: Mapping[str, Secret], name: str) -> str:
    return values[name].reveal() if name in values else ""
