"""Which databases the settings of a registry name: for PINs, for what we note besides, and for the lock."""

from typing import Final
from urllib.parse import quote

from sipctl.config.model import RegistrySettings, Settings
from sipctl.config.paths import embedded_registry
from sipctl.errors import ConfigError
from sipctl.masking import shown_url
from sipctl.telephony.text import is_unicode

_MEETS_DEFAULTS: Final = {"DB_HOST": "localhost", "DB_NAME": "meet", "DB_USER": "dinum", "DB_PORT": "5432"}
"""What Meet takes for a setting that is not given (suitenumerique/meet settings.py)."""
_POSTGRESQL: Final = ("postgresql:", "postgresql+", "postgres:")


def registry_place(settings: Settings) -> str:
    """Where the PINs of the profile in force are, as it may be shown."""
    if settings.registry.in_meet:
        return "Meet's tables"
    return shown_url(settings.registry.url.reveal()) or str(embedded_registry(settings.profile))


def home_url(settings: RegistrySettings) -> str:
    """The database where the PINs in use are; "" = the embedded file.

    Raises:
        ConfigError: it is Meet's, and no setting names it, or DB_PORT is no port.
    """
    return _meets_url(settings) if settings.in_meet else settings.url.reveal()


def state_url(settings: RegistrySettings) -> str:
    """The database that remembers observations and runs; "" = a file of the state folder.

    Hosts that share a registry of our own share its database for these, too. Meet's database holds no table of ours.
    """
    own = settings.url.reveal()
    return settings.state_url.reveal() or (own if not settings.in_meet and _is_postgresql(own) else "")


def lock_url(settings: RegistrySettings) -> str:
    """The PostgreSQL that hosts share, in which the lock is held besides the host's own; "" = none is shared.

    Raises:
        ConfigError: Meet's DB_PORT is no port.
    """
    meets = _meets_url(settings) if settings.is_backends else ""
    return next(filter(_is_postgresql, (meets, state_url(settings))), "")


def _is_postgresql(url: str) -> bool:
    return url.startswith(_POSTGRESQL)


def _meets_url(settings: RegistrySettings) -> str:
    """Meet's database: what the profile says, else DATABASE_URL, else DB_*."""
    given = settings.url.reveal() or _text(settings, "DATABASE_URL")
    if given:
        return given.replace("postgres://", "postgresql://", 1)
    if not settings.database:
        raise ConfigError(
            'layout = "meet" needs Meet\'s database', hint="name Meet's env files in the profile, or registry.url"
        )
    host, name, user = (_text(settings, key) for key in ("DB_HOST", "DB_NAME", "DB_USER"))
    password = _text(settings, "DB_PASSWORD")
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    if host.startswith("/"):  # the folder of a socket, which a URL cannot have in the place of a host
        return f"postgresql://{login}@:{_port(settings)}/{name}?host={quote(host)}"
    return f"postgresql://{login}@{f'[{host}]' if ':' in host else host}:{_port(settings)}/{name}"


def _port(settings: RegistrySettings) -> int:
    text = _text(settings, "DB_PORT").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):
        raise ConfigError(f"DB_PORT={text} is no port", hint="write a number from 1 to 65535, or leave it out: 5432")
    return int(text)


def _text(settings: RegistrySettings, name: str) -> str:
    given = settings.database[name].reveal() if name in settings.database else ""
    if not is_unicode(given):
        raise ConfigError(f"{name} is not UTF-8", hint="write it in UTF-8")
    return given or _MEETS_DEFAULTS.get(name, "")
