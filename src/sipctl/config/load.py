"""The layers of configuration, merged: each setting with its origin; URL, key and secret from one source."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from sipctl.config.envfile import read_env_file
from sipctl.config.in_force import of_profile
from sipctl.config.model import (
    Connection,
    Ignored,
    PurgeSettings,
    RegistrySettings,
    Setting,
    Settings,
    Telephony,
)
from sipctl.config.profile import Profile, choose_profile
from sipctl.config.reading import read_secret
from sipctl.config.urls import check_url, same_server
from sipctl.config.values import check_pattern, check_template, read_boolean, read_count, read_duration
from sipctl.errors import ConfigError
from sipctl.masking import shown_url
from sipctl.telephony.room_names import UUID_PATTERN
from sipctl.telephony.secret import Secret
from sipctl.telephony.text import is_unicode

TELEPHONY_PREFIX: Final = "ROOM_TELEPHONY_"
_MEETS_OWN: Final = "ALLOW_UNREGISTERED_ROOMS"
"""A setting that Meet alone has: with it rooms of other names than UUIDs exist, for which Meet never makes a rule."""
ROOMKIT: Final = "ROOMKIT_ENABLED"
URL_NAMES: Final = ("LIVEKIT_URL", "LIVEKIT_API_URL")
_OWN: Final = {
    "name_template": "SIPCTL_NAME_TEMPLATE",
    "room_pattern": "SIPCTL_ROOM_PATTERN",
    "trunk_ids": "SIPCTL_TRUNK_IDS",
    "sip_host": "SIPCTL_SIP_HOST",
    "sip_health_url": "SIPCTL_SIP_HEALTH_URL",
    "sip_metrics_url": "SIPCTL_SIP_METRICS_URL",
    "livekit_metrics_url": "SIPCTL_LIVEKIT_METRICS_URL",
    "webhook_url": "SIPCTL_WEBHOOK_URL",
}
"""Settings of sipctl's own, by their key in a profile and their environment variable."""
_CONNECTION: Final = {
    "url": "LIVEKIT_URL",
    "api_key": "LIVEKIT_API_KEY",
    "api_key_file": "LIVEKIT_API_KEY_FILE",
    "api_secret": "LIVEKIT_API_SECRET",
    "api_secret_file": "LIVEKIT_API_SECRET_FILE",
}
_PAIR: Final = ("LIVEKIT_API_KEY", "LIVEKIT_API_KEY_FILE", "LIVEKIT_API_SECRET", "LIVEKIT_API_SECRET_FILE")
_REGISTRY: Final = {"url": "SIPCTL_REGISTRY_URL", "state_url": "SIPCTL_REGISTRY_STATE_URL"}
"""Settings of a profile's registry that may hold a password."""
_DATABASE: Final = ("DATABASE_URL", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD")


Reader = Callable[[Path, str], str]
"""What reads the file of a secret; it is given the words of its origin, too. Raises ConfigError."""


@dataclass(frozen=True, slots=True)
class Source:
    """One layer, under the names of environment variables."""

    title: str
    read: Reader
    values: Mapping[str, Setting] = field(default_factory=dict)
    is_env_files: bool = False

    @property
    def url(self) -> tuple[str, Setting] | None:
        """The server that this layer names, and by which of its two names."""
        return next(((name, self.values[name]) for name in URL_NAMES if _given(self.values.get(name))), None)

    def secret(self, name: str) -> Setting | None:
        """A setting that may have a file of its own: `<NAME>_FILE` wins over `<NAME>`, as in Meet.

        Raises:
            ConfigError: the file cannot be read.
        """
        named = self.values.get(f"{name}_FILE")
        if named is None or not named.value:
            setting = self.values.get(name)
            return setting if _given(setting) else None
        path = named.folder / Path(str(named.value)).expanduser()
        return Setting(self.read(path, named.origin), named.origin)


def _given(setting: Setting | None) -> bool:
    return setting is not None and setting.value != ""


def load_settings(
    *, config_path: Path | None, profile: str | None, env_files: Sequence[Path], environ: Mapping[str, str],
    read: Reader = read_secret,
) -> Settings:  # fmt: skip
    """Merge option, `--env-file`, a named profile, the environment, the default profile and defaults; first wins.

    `read` reads the files of secrets.

    Raises:
        ConfigError: a file cannot be read, or a setting has a value that it cannot have.
    """
    chosen = choose_profile(config_path, profile, environ)
    sources = list(_sources(chosen, env_files, environ, read))
    _refuse_broken(sources)
    notes: list[str] = []
    connection = _connection(sources, notes)
    values = {name: setting for source in reversed(sources) for name, setting in source.values.items()}
    if chosen and chosen.table.registry.layout == "meet":
        values.setdefault(
            _OWN["room_pattern"], Setting(UUID_PATTERN, f"layout of profile {chosen.name!r} in {chosen.path}")
        )
    if meets := values.get(_MEETS_OWN):
        origin = f"Meet's rooms, since {_MEETS_OWN} is {meets.origin}"
        values.setdefault(_OWN["room_pattern"], Setting(UUID_PATTERN, origin))
    settings = Settings(
        profile=chosen.name if chosen else "",
        connection_or_none=connection,
        telephony=_telephony(values),
        registry=_registry(chosen, sources),
        purge=_purge(chosen),
        **_own_settings(values),
        **(_files(chosen, env_files) if chosen else {"env_files": tuple(env_files)}),
        values=_shown(values, connection) | _shown_registry(sources),
        notes=tuple(notes),
    )
    return replace(settings, values={**settings.values, **of_profile(settings, chosen)})


def read_names() -> frozenset[str]:
    """The environment variables that settings are read from, but for Meet's database."""
    telephony = (f"{TELEPHONY_PREFIX}{key}" for key in _TELEPHONY_TYPES)
    hidden = (f"{name}{suffix}" for name in _REGISTRY.values() for suffix in ("", "_FILE"))
    return frozenset((*URL_NAMES, *_PAIR, *_OWN.values(), *hidden, *telephony, ROOMKIT))


def _refuse_broken(sources: Iterable[Source]) -> None:
    """Stop at a setting that is not UTF-8.

    Raises:
        ConfigError: there is one.
    """
    for source in sources:
        for name in sorted(read_names() & source.values.keys()):
            setting = source.values[name]
            if not is_unicode(str(setting.value)):
                raise ConfigError(f"{setting.origin} is not UTF-8", hint="write it in UTF-8")


def _sources(
    chosen: Profile | None, env_files: Sequence[Path], environ: Mapping[str, str], read: Reader
) -> Iterator[Source]:
    """The layers, the strongest first. An env file may use `${X}` of what was read before it."""
    from_profile = list(_profile_sources(chosen, environ, read)) if chosen else []
    environment = Source(
        "the environment", read, {name: Setting(value, f"{name} in the environment") for name, value in environ.items()}
    )
    yield _env_source("--env-file", env_files, environ, read)
    if chosen and chosen.named:
        yield from from_profile
        yield environment
    else:
        yield environment
        yield from from_profile


def _profile_sources(chosen: Profile, environ: Mapping[str, str], read: Reader) -> Iterator[Source]:
    title = f"profile {chosen.name!r}"
    own = chosen.table.model_dump(include={*_CONNECTION, *_OWN}, exclude_none=True)
    registry = chosen.table.registry.model_dump(include={*_REGISTRY}, exclude_none=True)
    given = [(_CONNECTION | _OWN, "", own), (_REGISTRY, "registry.", registry)]
    yield Source(
        title,
        read,
        {
            names[key]: Setting(value, f"{table}{key} of {title} in {chosen.path}", chosen.path.parent)
            for names, table, settings in given
            for key, value in settings.items()
        },
    )
    files = [chosen.resolve(name) for name in chosen.table.env_files]
    yield _env_source(f"the env files of {title}", files, environ, read)


def _env_source(title: str, paths: Sequence[Path], environ: Mapping[str, str], read: Reader) -> Source:
    values: dict[str, Setting] = {}
    for path in paths:
        known = {**environ, **{name: str(setting.value) for name, setting in values.items()}}
        for name, entry in read_env_file(path, known).entries.items():
            values[name] = Setting(entry.value, f"{name} in {path}:{entry.line}", path.parent)
    return Source(title, read, values, is_env_files=True)


def _connection(sources: Sequence[Source], notes: list[str]) -> Connection | None:
    """URL, key and secret of the strongest source that names a server; what the others say is named as ignored."""
    at = next((at for at, source in enumerate(sources) if source.url), None)
    if at is None:
        return None
    source = sources[at]
    name, url = source.url or ("", Setting("", ""))
    key, secret = (_required(source, url, kind) for kind in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"))
    other = source.values.get(URL_NAMES[1])
    if (
        name == URL_NAMES[0]
        and other is not None
        and _given(other)
        and not same_server(str(other.value), str(url.value))
    ):
        notes.append(f"{other.origin} is ignored: {URL_NAMES[0]} is set and different")
    for ignored in (*sources[:at], *sources[at + 1 :]):
        notes += _ignored(ignored, source, str(url.value))
    return Connection(
        url=check_url(name, url),
        api_key=str(key.value),
        api_secret=Secret(str(secret.value)),
        origin=url.origin,
        key_origin=key.origin,
        secret_origin=secret.origin,
    )


def _required(source: Source, url: Setting, name: str) -> Setting:
    setting = source.secret(name)
    if setting is None:
        raise ConfigError(
            f"{source.title} has a URL ({url.origin}) but no {name}",
            hint=f"URL, key and secret are taken together: put {name} or {name}_FILE there too",
        )
    return setting


def _ignored(source: Source, taken: Source, url: str) -> Iterator[str]:
    named = source.url
    stray = [source.values[name] for name in _PAIR if _given(source.values.get(name))]
    if named and not same_server(str(named[1].value), url):
        yield f"{named[1].origin} is ignored: the server comes from {taken.title}"
    elif not named and stray:
        yield f"{stray[0].origin} is ignored: key and secret come from {taken.title}"


def _telephony(values: Mapping[str, Setting]) -> Telephony:
    """The five settings and ROOMKIT_ENABLED with Meet's types; a missing one has Meet's default."""
    found = {name.removeprefix(TELEPHONY_PREFIX): name for name in values if name.startswith(TELEPHONY_PREFIX)}
    given = {key: (name, values[name]) for key, name in found.items() if key in _TELEPHONY_TYPES}
    typed: dict[str, Any] = {
        key.lower(): _TELEPHONY_TYPES[key](name, setting) for key, (name, setting) in given.items()
    }
    if ROOMKIT in values:
        given["ROOMKIT"] = (ROOMKIT, values[ROOMKIT])
        typed["roomkit"] = read_boolean(ROOMKIT, values[ROOMKIT])
    return Telephony(**typed, given=frozenset(name for name, _ in given.values()))


def _text(_name: str, setting: Setting) -> str:
    return str(setting.value)


_TELEPHONY_TYPES: Final = {
    "ENABLED": read_boolean,
    "PIN_LENGTH": read_count,
    "PIN_MAX_RETRIES": read_count,
    "PHONE_NUMBER": lambda name, setting: _text(name, setting) or None,
    "DEFAULT_COUNTRY": _text,
}


def _own_settings(values: Mapping[str, Setting]) -> dict[str, Any]:
    """Sipctl's own settings that someone gave; the model has the defaults."""
    own: dict[str, Any] = {key: values[name].value for key, name in _OWN.items() if _given(values.get(name))}
    if isinstance(own.get("trunk_ids"), str):
        own["trunk_ids"] = own["trunk_ids"].replace(",", " ").split()
    if "trunk_ids" in own:
        own["trunk_ids"] = tuple(own["trunk_ids"])
    for key, check in _CHECKED.items():
        if key in own:
            check(_OWN[key], values[_OWN[key]])
    return own


_CHECKED: Final[Mapping[str, Callable[[str, Setting], object]]] = {
    "sip_health_url": check_url,
    "sip_metrics_url": check_url,
    "livekit_metrics_url": check_url,
    "webhook_url": check_url,
    "name_template": check_template,
    "room_pattern": check_pattern,
}


def _registry(chosen: Profile | None, sources: Sequence[Source]) -> RegistrySettings:
    """Where PINs live; Meet's database is found from the env files that Meet itself reads."""
    table = chosen.table.registry if chosen else None
    found = {name: setting for name in _DATABASE if (setting := _first(sources, name))}
    urls: dict[str, Any] = {
        key: setting.value for key, name in _REGISTRY.items() if (setting := _hidden(sources, name))
    }
    return RegistrySettings(
        **urls,
        in_meet=bool(table and table.layout == "meet"),
        database={name: Secret(str(setting.value)) for name, setting in found.items()},
        meets_files=_meets_files(sources),
        **(table.model_dump(include={"leading_zero", "doubles", "quarantine_days"}) if table else {}),
    )


def _meets_files(sources: Sequence[Source]) -> str:
    """Where env files name the database of a Meet; "" if they are none of Meet's."""
    files = [source for source in sources if source.is_env_files]
    if not any(name.startswith(("LIVEKIT_", TELEPHONY_PREFIX)) for source in files for name in source.values):
        return ""
    named = (source.values[name].origin for source in files for name in _DATABASE if name in source.values)
    return next(named, "")


def _purge(chosen: Profile | None) -> PurgeSettings:
    """How careful a purge is; the model has the defaults."""
    if chosen is None:
        return PurgeSettings()
    table = chosen.table.purge
    grace = read_duration(table.grace) if table.grace is not None else None
    return PurgeSettings(
        grace=PurgeSettings().grace if grace is None else grace,
        max_delete=table.max_delete,
        max_delete_percent=table.max_delete_percent,
    )


def _first(sources: Sequence[Source], name: str) -> Setting | None:
    return next((setting for source in sources if (setting := source.secret(name))), None)


def _hidden(sources: Sequence[Source], name: str) -> Setting | None:
    """The setting of the strongest source that gives it, as a secret."""
    setting = _first(sources, name)
    return Setting(Secret(str(setting.value)), setting.origin) if setting else None


def _files(chosen: Profile, env_files: Sequence[Path]) -> dict[str, Any]:
    """What else the profile says: its component files, what it protects, what it ignores."""
    table = chosen.table
    paths = {key: getattr(table, key) for key in ("livekit_yaml", "sip_yaml", "compose_json")}
    return {
        "config_file": chosen.path,
        "env_files": (*map(chosen.resolve, table.env_files), *env_files),
        **{key: chosen.resolve(name) for key, name in paths.items() if name},
        "manifests": tuple(map(chosen.resolve, table.manifests)),
        "protected": table.protected,
        "protect": tuple(table.protect),
        "ignored": tuple(
            Ignored(code=row.code, resource=row.resource, reason=row.reason, until=row.until) for row in table.ignore
        ),
    }


def _shown(values: Mapping[str, Setting], connection: Connection | None) -> dict[str, Setting]:
    """The settings that sipctl reads, under the names administrators know, secrets wrapped."""
    shown: dict[str, Setting] = {}
    if connection:
        shown["LIVEKIT_URL"] = Setting(connection.url, connection.origin)
        shown["LIVEKIT_API_KEY"] = Setting(connection.api_key, connection.key_origin)
        shown["LIVEKIT_API_SECRET"] = Setting(connection.api_secret, connection.secret_origin)
    default = Telephony()
    for key in _TELEPHONY_TYPES:
        name = f"{TELEPHONY_PREFIX}{key}"
        shown[name] = values.get(name) or Setting(getattr(default, key.lower()), "default")
    shown[ROOMKIT] = values.get(ROOMKIT) or Setting(default.roomkit, "default")
    settings = Settings()
    for key, name in _OWN.items():
        shown[name] = values.get(name) or Setting(getattr(settings, key), "default")
    host = shown[_OWN["sip_host"]]
    shown[_OWN["sip_host"]] = replace(host, value=host.value and shown_url(str(host.value)))
    return shown


def _shown_registry(sources: Sequence[Source]) -> dict[str, Setting]:
    return {name: _hidden(sources, name) or Setting(None, "default") for name in _REGISTRY.values()}
