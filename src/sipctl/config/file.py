"""sipctl's own configuration file: TOML, one table a profile."""

import re
import tomllib
from collections import Counter
from datetime import date
from functools import lru_cache
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sipctl.config.nearest import nearest
from sipctl.config.reading import Fault, FaultKind, sprawl
from sipctl.config.values import DURATION_FAULT, pattern_fault, read_duration, template_fault

_PART: Final = re.compile(r""""[^"]*"|'[^']*'|[A-Za-z0-9_-]+""")
_KEY: Final = rf"(?:{_PART.pattern})(?:\s*\.\s*(?:{_PART.pattern}))*"
_HEADING: Final = re.compile(rf"\s*(\[\[?)\s*({_KEY})\s*\]")
_ASSIGNMENT: Final = re.compile(rf"\s*({_KEY})\s*=")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RegistryTable(_Table):
    """Where PINs live. With `layout = "meet"` in Meet's own tables, and room names are UUIDs."""

    url: str | None = Field(default=None, repr=False)
    state_url: str | None = Field(default=None, repr=False)
    layout: Literal["meet", "sipctl"] | None = None
    leading_zero: bool = True
    doubles: bool = True
    quarantine_days: int = Field(default=365, ge=0, le=36500)


class PurgeTable(_Table):
    """How careful a purge is."""

    grace: str | None = None
    max_delete: int = Field(default=20, ge=0)
    max_delete_percent: int = Field(default=30, ge=0, le=100)

    @field_validator("grace")
    @classmethod
    def _is_a_duration(cls, value: str | None) -> str | None:
        if value is not None and read_duration(value) is None:
            raise ValueError(DURATION_FAULT)
        return value


class IgnoreTable(_Table):
    """One finding that someone decided to live with: its code, the resource (None = any), why, and how long."""

    code: str = Field(pattern=r"^[A-Z0-9]{3}\d{3}$")
    resource: str | None = None
    reason: str = Field(min_length=1)
    until: date | None = None


class ProfileTable(_Table):
    """One deployment. Paths are relative to the file's folder."""

    url: str | None = None
    api_key: str | None = None
    api_key_file: str | None = None
    api_secret: str | None = Field(default=None, repr=False)
    api_secret_file: str | None = None
    env_files: list[str] = []
    livekit_yaml: str | None = None
    sip_yaml: str | None = None
    compose_json: str | None = None
    manifests: list[str] = []
    sip_host: str | None = None
    sip_health_url: str | None = None
    sip_metrics_url: str | None = None
    livekit_metrics_url: str | None = None
    webhook_url: str | None = None
    name_template: str | None = None
    room_pattern: str | None = None
    trunk_ids: list[str] | None = None
    protected: bool = False
    protect: list[str] = []
    registry: RegistryTable = RegistryTable()
    purge: PurgeTable = PurgeTable()
    ignore: list[IgnoreTable] = []

    @field_validator("name_template")
    @classmethod
    def _holds_the_room(cls, value: str | None) -> str | None:
        if value is not None and (fault := template_fault(value)):
            raise ValueError(fault)
        return value

    @field_validator("room_pattern")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        if value is not None and (fault := pattern_fault(value)):
            raise ValueError(fault)
        return value


class ConfigFile(_Table):
    """The whole file."""

    default_profile: str | None = None
    profiles: dict[str, ProfileTable] = {}

    @property
    def holds_secrets(self) -> bool:
        """Whether a secret, or a database address that may hold a password, is in the file itself."""
        tables = self.profiles.values()
        return any(table.api_secret or table.registry.url or table.registry.state_url for table in tables)


def parse_config(text: str) -> tuple[ConfigFile | None, list[Fault]]:
    """The file's content, or everything that is wrong with it."""
    if found := sprawl(text):
        return None, [found]
    try:
        value = tomllib.loads(text)
    except RecursionError:
        return None, [Fault(1, "", "is not TOML: it nests too deep")]
    except ValueError as error:  # a number of 5,000 digits is no TOMLDecodeError
        line = re.search(r"at line (\d+)", str(error))
        return None, [Fault(int(line[1]) if line else len(text.splitlines()), "", f"is not TOML: {error}")]
    try:
        return ConfigFile.model_validate(value), []
    except ValidationError as error:
        return None, [_fault(text, detail) for detail in error.errors(include_url=False, include_input=False)]


def _fault(text: str, detail: Any) -> Fault:  # noqa: ANN401 - pydantic's own TypedDict of any location
    keys = tuple(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return Fault(line_of(text, keys), ".".join(keys), f"unknown key{_suggestion(keys)}", FaultKind.UNKNOWN_KEY)
    message = str(detail["msg"]).removeprefix("Value error, ")
    return Fault(line_of(text, keys), ".".join(keys), message, FaultKind.VALUE)


def _suggestion(keys: tuple[str, ...]) -> str:
    inner: type[BaseModel] = RegistryTable if "registry" in keys else IgnoreTable
    tables: dict[int, type[BaseModel]] = {1: ConfigFile, 3: ProfileTable}
    near = nearest(keys[-1], tables.get(len(keys), inner).model_fields)
    return f"; did you mean {near}?" if near else ""


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """The 1-based line of a TOML key, or the nearest one around it that is written out; 0 if none is."""
    places = _places(text)
    return next((places[keys[:size]] for size in range(len(keys), 0, -1) if keys[:size] in places), 0)


@lru_cache(maxsize=1)
def _places(text: str) -> dict[tuple[str, ...], int]:
    """The first line of every key, in a heading or before a `=`. Members of `[[x]]` count from x.0 on."""
    places: dict[tuple[str, ...], int] = {}
    members: Counter[tuple[str, ...]] = Counter()
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if heading := _HEADING.match(line):
            table = _parts(heading[2])
            if heading[1] == "[[":
                members[table] += 1
                table = (*table, str(members[table] - 1))
            named = table
        elif assignment := _ASSIGNMENT.match(line):
            named = (*table, *_parts(assignment[1]))
        else:
            continue
        for size in range(1, len(named) + 1):
            places.setdefault(named[:size], number)
    return places


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part[0].strip("\"'") for part in _PART.finditer(dotted))
