"""Every way a database can fail, in our own words.

What a driver or a server says may hold a row, a PIN, or a password where a host should be. So none of its
words is passed on: they only choose among ours (PostgreSQL's manual, appendix A; sqlite.org/rescode.html).
"""

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from sipctl.errors import ConfigError, ConflictError, SipctlError, UncheckedError

_TABLES_HINT: Final = "check layout and database"
_URL_HINT: Final = "check the database's url"
_TIME_HINT: Final = "--timeout SECONDS waits longer"


@dataclass(frozen=True, slots=True)
class _Cause:
    """Why a database cannot be used; `is_ours` = the configuration is wrong, and trying again does not help."""

    reason: str
    hint: str = "check the database"
    is_ours: bool = False


_BY_STATE: Final = {
    "22021": _Cause("it takes no text with such a character", "a name or a PIN holds one that is none", is_ours=True),
    "25006": _Cause("it is read-only", "is it a standby? write to the primary"),
    "3F000": _Cause("it has not the tables it should have", _TABLES_HINT, is_ours=True),
    "40P01": _Cause("other programs write to the same rows all the time", "try again"),
    "42501": _Cause("its user lacks a right on the tables", "grant it SELECT, INSERT, UPDATE and DELETE"),
    "42703": _Cause("it has not the tables it should have", _TABLES_HINT, is_ours=True),
    "42P01": _Cause("it has not the tables it should have", _TABLES_HINT, is_ours=True),
    "53100": _Cause("its disk is full", "free some space there"),
    "53300": _Cause("it has too many connections", "try again"),
    "57014": _Cause("it did not answer in time", _TIME_HINT),
    "57P01": _Cause("it is shutting down, or this session was ended", "try again"),
    "57P02": _Cause("it crashed", "try again"),
    "57P03": _Cause("it is starting or shutting down", "try again"),
}
"""PostgreSQL's causes by their SQLSTATE."""

_BY_WORDS: Final = (
    ("connection refused", _Cause("no server listens there", "check that it runs, its host and its port")),
    ("resolve host", _Cause("its host name cannot be resolved", _URL_HINT)),
    ("translate host name", _Cause("its host name cannot be resolved", _URL_HINT)),
    ("no such file or directory", _Cause("there is no such socket or file", "check that it runs, and its host")),
    ("password authentication failed", _Cause("it refused user or password", _URL_HINT)),
    ("no password supplied", _Cause("it asks for a password", _URL_HINT)),
    ("role ", _Cause("it has no such user, which it calls role", _URL_HINT)),
    ("pg_hba.conf", _Cause("it lets no such user in from this host", "pg_hba.conf on its host says who may")),
    ("too many clients", _Cause("it has too many connections", "try again")),
    ("starting up", _Cause("it is starting", "try again")),
    ("shutting down", _Cause("it is shutting down", "try again")),
    ("permission denied", _Cause("we may not open it", "check who owns it")),
    ("invalid connection option", _Cause("its url has a parameter that is none", _URL_HINT, is_ours=True)),
    ("invalid ", _Cause("its url has a value that is none", _URL_HINT, is_ours=True)),
    ("timeout", _Cause("it did not answer in time", _TIME_HINT)),
    ("certificate", _Cause("no TLS with it", "check sslmode and sslrootcert in the url")),
    ("ssl", _Cause("no TLS with it", "check sslmode in the url")),
    ("database ", _Cause("the server has no such database: it does not exist", _URL_HINT)),
    ("nul (0x00)", _Cause("it takes no text with a NUL in it", "a name or a PIN holds one", is_ours=True)),
    ("closed the connection", _Cause("it broke the connection off", "try again")),
    ("connection is closed", _Cause("it broke the connection off", "try again")),
)
"""The causes that have no SQLSTATE, by words of libpq or psycopg in lower case, the first that fits."""

_BY_CODE: Final = {
    "SQLITE_BUSY": _Cause("it is locked by another program", "try again"),
    "SQLITE_LOCKED": _Cause("it is locked by another program", "try again"),
    "SQLITE_READONLY": _Cause("it is read-only", "check who owns the file and its folder"),
    "SQLITE_CANTOPEN": _Cause("the file cannot be opened", "check who owns the file and its folder"),
    "SQLITE_PERM": _Cause("the file cannot be opened", "check who owns the file and its folder"),
    "SQLITE_FULL": _Cause("the disk is full", "free some space"),
    "SQLITE_IOERR": _Cause("the disk failed, or is full", "check the disk"),
    "SQLITE_ERROR": _Cause("it has not the tables it should have", _TABLES_HINT, is_ours=True),
}
"""SQLite's causes, by the first two words of their names."""
_CORRUPT: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})
_UNREADABLE: Final = "could not decode"


def failure(what: str, place: URL, error: DBAPIError | ArgumentError, if_corrupt: str) -> SipctlError:
    """The error for what went wrong with a database: `what` it is for, and where it is."""
    named = f"{what} ({place_of(place)})"
    if isinstance(error, IntegrityError):
        return ConflictError(f"{named}: another run wrote the same at the same moment", hint="try again")
    if isinstance(error, ArgumentError):
        return ConfigError(f"{named} cannot be used: its url has a value that is none", hint=_URL_HINT)
    if _is_corrupt(error):
        return ConfigError(f"{named} is corrupt", hint=if_corrupt)
    cause = _cause(error)
    if cause.is_ours:
        return ConfigError(f"{named} cannot be used: {cause.reason}", hint=cause.hint)
    return UncheckedError(f"{named} cannot be used: {cause.reason}", code="registry", hint=cause.hint)


def place_of(url: URL) -> str:
    """Where a database is: its file, or host, port and name; never its user, password or parameters."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    host = url.host or "its socket"
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def _is_corrupt(error: DBAPIError) -> bool:
    return _sqlite_code(error) in _CORRUPT or _UNREADABLE in str(error.orig).lower()


def _sqlite_code(error: DBAPIError) -> str:
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    return "_".join(name.split("_")[:2])  # SQLITE_IOERR_WRITE and its like are kinds of one


def _cause(error: DBAPIError) -> _Cause:
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if known := _BY_STATE.get(state) or _BY_CODE.get(_sqlite_code(error)):
        return known
    if state:
        return _Cause(f"it answered with SQLSTATE {state}")
    words = re.sub(r'"[^"]*"', "", str(error.orig)).lower()
    return next((cause for needle, cause in _BY_WORDS if needle in words), _Cause("it failed"))
