"""The settings of one run, each with the place it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from sipctl.command_line import CommandLine
from sipctl.errors import ConfigError
from sipctl.telephony.e164 import to_e164
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.secret import Secret


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and its origin in words: "option --profile", "LIVEKIT_URL in env.d/common:3", "default".

    `folder` is where a relative path in the value starts.
    """

    value: object
    origin: str
    folder: Path = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach one LiveKit server. Key and secret come from the same source as the URL, never mixed.

    The origins say in words where each of the three comes from.
    """

    url: str
    api_key: str
    api_secret: Secret
    origin: str = ""
    key_origin: str = ""
    secret_origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telephony:
    """The five ROOM_TELEPHONY_* settings with Meet's types and defaults (suitenumerique/meet settings.py).

    `roomkit` is ROOMKIT_ENABLED: Meet makes PINs and rules for devices in meeting rooms, too. `given` holds the names
    of settings that were given; any other one is never compared with anything.
    """

    enabled: bool = False
    pin_length: int = 10
    pin_max_retries: int = 5
    phone_number: str | None = None
    default_country: str = "US"
    roomkit: bool = False
    given: frozenset[str] = frozenset()

    @property
    def is_off(self) -> bool:
        """Whether the backend writes no rules: neither for callers nor for meeting-room devices."""
        return "ROOM_TELEPHONY_ENABLED" in self.given and not (self.enabled or self.roomkit)

    @property
    def dialled(self) -> str:
        """The number that people dial, in E.164 as a provider sends it; "" if none is set."""
        number = self.phone_number or ""
        return number and (to_e164(number, self.default_country) or number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A finding that someone decided to live with; `resource` None = wherever it occurs, `until` None = for good."""

    code: str
    reason: str
    resource: str | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """Where PINs live, and how they are drawn.

    `url` empty = SQLite in the data folder. `state_url` keeps observations, the lock, and what we note of PINs
    beside Meet's tables; empty = files of our own. `database` are Meet's DB_* settings, or DATABASE_URL; `meets_files`
    says in words where env files of Meet's name it, "" = none does. PINs that were taken away stay in quarantine for
    `quarantine_days`.
    """

    url: Secret = Secret()
    state_url: Secret = Secret()
    in_meet: bool = False
    database: Mapping[str, Secret] = field(default_factory=dict)
    meets_files: str = ""
    leading_zero: bool = True
    doubles: bool = True
    quarantine_days: int = 365

    @property
    def is_embedded(self) -> bool:
        """Whether the PINs are in the profile's own file, for no setting names another place."""
        return not (self.url or self.in_meet)

    @property
    def is_backends(self) -> bool:
        """Whether the PINs are read where the backend itself keeps them: in Meet's tables, and it is known where."""
        return self.in_meet and bool(self.url or self.database)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeSettings:
    """How careful a purge is: how long a rule must be stale, and how much one run may delete.

    `max_delete_percent` is of the owned rules, and counts from ten of them up.
    """

    grace: timedelta = timedelta(minutes=10)
    max_delete: int = 20
    max_delete_percent: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that one run of sipctl is given. `values` keeps each setting with its origin, for `config show`.

    `trunk_ids` None = unset, never compared; `notes` are lines for stderr that name what was ignored and why.
    """

    profile: str = ""
    connection_or_none: Connection | None = None
    telephony: Telephony = Telephony()
    registry: RegistrySettings = RegistrySettings()
    purge: PurgeSettings = PurgeSettings()
    name_template: str = "SIP_{room}"
    room_pattern: str | None = None
    trunk_ids: tuple[str, ...] | None = None
    protected: bool = False
    protect: tuple[str, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    sip_host: str | None = None
    sip_health_url: str | None = None
    sip_metrics_url: str | None = None
    livekit_metrics_url: str | None = None
    webhook_url: str | None = None
    config_file: Path | None = None
    env_files: tuple[Path, ...] = ()
    livekit_yaml: Path | None = None
    sip_yaml: Path | None = None
    compose_json: Path | None = None
    manifests: tuple[Path, ...] = ()
    values: Mapping[str, Setting] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def mark(self) -> Ownership:
        """The mark of this profile's rules and rooms."""
        return Ownership(self.name_template, self.room_pattern)

    @property
    def connection(self) -> Connection:
        """The server to talk to.

        Raises:
            ConfigError: no one said which.
        """
        if self.connection_or_none is None:
            raise ConfigError(
                "no LiveKit server configured",
                hint=(
                    "set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or run ",
                    CommandLine.of("config", "init"),
                ),
            )
        return self.connection_or_none
