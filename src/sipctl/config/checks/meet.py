"""CFG112-CFG119, CFG129 and CFG144: Meet's environment, read as Meet reads it (suitenumerique/meet settings.py)."""

import re
from collections.abc import Iterator
from typing import Final

from sipctl.config.deployment import Deployment, EnvValue, clash, fault
from sipctl.config.model import Setting
from sipctl.config.nearest import nearest
from sipctl.config.urls import same_server, url_fault
from sipctl.config.values import read_boolean
from sipctl.errors import ConfigError
from sipctl.findings.check import Check
from sipctl.findings.record import Finding, Level
from sipctl.masking import shown_url
from sipctl.telephony.e164 import has_extension, is_region, is_valid, to_e164
from sipctl.telephony.pins import MAX_LENGTH, MIN_LENGTH

_BOOLEANS: Final = (
    "ROOM_TELEPHONY_ENABLED", "ROOMKIT_ENABLED", "LIVEKIT_VERIFY_SSL", "LIVEKIT_FORCE_WSS_PROTOCOL",
    "LIVEKIT_ENABLE_FIREFOX_PROXY_WORKAROUND", "CONNECTION_TEST_ENABLED", "ALLOW_UNREGISTERED_ROOMS",
)  # fmt: skip
_COUNTS: Final = ("ROOM_TELEPHONY_PIN_LENGTH", "ROOM_TELEPHONY_PIN_MAX_RETRIES")
_TELEPHONY: Final = (
    "ROOM_TELEPHONY_ENABLED", *_COUNTS, "ROOM_TELEPHONY_PHONE_NUMBER", "ROOM_TELEPHONY_DEFAULT_COUNTRY",
)  # fmt: skip
_LIVEKIT: Final = (
    "LIVEKIT_API_KEY", "LIVEKIT_API_KEY_FILE", "LIVEKIT_API_SECRET", "LIVEKIT_API_SECRET_FILE", "LIVEKIT_API_URL",
    "LIVEKIT_VERIFY_SSL", "LIVEKIT_WEBHOOK_EVENTS_FILTER_REGEX", "LIVEKIT_FORCE_WSS_PROTOCOL",
    "LIVEKIT_ENABLE_FIREFOX_PROXY_WORKAROUND", "LIVEKIT_DEFAULT_SOURCES",
)  # fmt: skip
_READ_BY_NO_ONE: Final = frozenset({"LIVEKIT_INTERNAL_URL"})
_NEAR: Final = 0.85
_ROOMS: Final = tuple(f"{digit}f1b2c3d-{digit}e5f-4a6b-8c7d-0123456789a{digit}" for digit in "0123456789abcdef")
"""Names of rooms as Meet gives them, one for each digit they may begin with."""


def _value(deployment: Deployment, name: str) -> EnvValue | None:
    return (deployment.env or {}).get(name)


def _enabled(deployment: Deployment) -> bool:
    value = _value(deployment, "ROOM_TELEPHONY_ENABLED")
    return value is not None and value.text.lower() in {"yes", "y", "true", "1"}


def two_addresses(deployment: Deployment) -> Iterator[Finding]:
    """LIVEKIT_URL and LIVEKIT_API_URL that differ."""
    one, other = _value(deployment, "LIVEKIT_URL"), _value(deployment, "LIVEKIT_API_URL")
    if one and other and one.text and other.text and not same_server(one.text, other.text):
        yield clash("CFG112", one, other, "LIVEKIT_URL differs from LIVEKIT_API_URL")


def odd_booleans(deployment: Deployment) -> Iterator[Finding]:
    """Words that Meet does not take for booleans."""
    for name in _BOOLEANS:
        value = _value(deployment, name)
        if value:
            try:
                read_boolean(name, Setting(value.text, ""))
            except ConfigError:
                yield fault(
                    "CFG113", value.place, f"{name} is no boolean", observed=value.text, expected="True or False"
                )


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def pin_length(deployment: Deployment) -> Iterator[Finding]:
    """PIN lengths that Meet or livekit-sip cannot work with."""
    value = _value(deployment, "ROOM_TELEPHONY_PIN_LENGTH")
    if value and not (_is_whole(value.text) and MIN_LENGTH <= int(value.text) <= MAX_LENGTH):
        expected = f"{MIN_LENGTH} to {MAX_LENGTH}"
        yield fault(
            "CFG114", value.place, f"ROOM_TELEPHONY_PIN_LENGTH is not {expected}",
            observed=value.text, expected=expected,
        )  # fmt: skip


def pin_retries(deployment: Deployment) -> Iterator[Finding]:
    """The truth about ROOM_TELEPHONY_PIN_MAX_RETRIES, for those who set it."""
    value = _value(deployment, "ROOM_TELEPHONY_PIN_MAX_RETRIES")
    if value is None:
        return
    if not _is_whole(value.text):
        detail = "ROOM_TELEPHONY_PIN_MAX_RETRIES is no whole number: Meet does not start"
        yield fault("CFG115", value.place, detail, level=Level.ERROR, observed=value.text)
    elif int(value.text) == 0:
        yield fault("CFG115", value.place, "with 0 draws no new room gets a PIN", level=Level.ERROR)
    else:
        yield fault(
            "CFG115", value.place,
            f"Meet draws a PIN up to {value.text} times; a caller has one attempt a call all the same",
        )  # fmt: skip


def phone_number(deployment: Deployment) -> Iterator[Finding]:
    """A missing, impossible or unassigned number."""
    value = _value(deployment, "ROOM_TELEPHONY_PHONE_NUMBER")
    if value is None or not value.text:
        if _enabled(deployment):
            named = value or (deployment.env or {})["ROOM_TELEPHONY_ENABLED"]
            yield fault("CFG116", named.place, "telephony is on, but ROOM_TELEPHONY_PHONE_NUMBER is not set")
        return
    country = deployment.text("ROOM_TELEPHONY_DEFAULT_COUNTRY") or "US"
    name, described = "ROOM_TELEPHONY_PHONE_NUMBER", {"observed": value.text, "expected": "E.164, such as +33123456789"}
    if to_e164(value.text, country) is None:
        detail = f"{name} is no phone number, dialled from {country}: Meet shows none"
        yield fault("CFG116", value.place, detail, level=Level.ERROR, **described)
    elif not is_valid(value.text, country):
        detail = f"{name} is none that a provider could assign, dialled from {country}"
        yield fault("CFG116", value.place, detail, **described)
    elif has_extension(value.text, country):
        detail = f"{name} has an extension, which Meet shows; a provider routes the number alone"
        yield fault("CFG116", value.place, detail, observed=value.text)


def country(deployment: Deployment) -> Iterator[Finding]:
    """A default country that is none."""
    value = _value(deployment, "ROOM_TELEPHONY_DEFAULT_COUNTRY")
    if value and not is_region(value.text):
        described = "is no country" if value.text else "is empty: Meet shows no number"
        detail = f"ROOM_TELEPHONY_DEFAULT_COUNTRY {described}"
        yield fault("CFG117", value.place, detail, observed=value.text, expected="two letters, such as FR")


def no_server(deployment: Deployment) -> Iterator[Finding]:
    """Addresses of LiveKit that are none, and an environment that speaks of telephony, but not of LiveKit."""
    for name in ("LIVEKIT_API_URL", "LIVEKIT_URL"):
        address = _value(deployment, name)
        if address and address.text and (problem := url_fault(address.text)):
            detail, fix = f"{name} {problem}", "write an address such as https://livekit.example.org"
            observed = shown_url(address.text)
            yield fault("CFG118", address.place, detail, level=Level.ERROR, observed=observed, fix=fix)
    env = deployment.env or {}
    telephony = next((value for name, value in env.items() if name.startswith("ROOM_TELEPHONY_")), None)
    for name in ("LIVEKIT_API_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        if telephony and not deployment.text(name) and not deployment.text(f"{name}_FILE"):
            yield fault("CFG118", env.get(name, telephony).place, f"{name} is not set in these files")


def misspelt(deployment: Deployment) -> Iterator[Finding]:
    """Names that are nearly Meet's."""
    for name, value in (deployment.env or {}).items():
        known = _TELEPHONY if name.startswith("ROOM_TELEPHONY_") else _LIVEKIT
        if name in known or not name.startswith(("ROOM_TELEPH", "LIVEKIT_", "ROOM_TELE", "TELEPHONY_")):
            continue
        near = nearest(name, (*_TELEPHONY, *_LIVEKIT), cutoff=_NEAR)
        if name in _READ_BY_NO_ONE:
            yield fault("CFG119", value.place, f"no code of Meet reads {name}", level=Level.INFO)
        elif near or name.startswith("ROOM_TELEPHONY_"):
            fix = f"write {near}" if near else ""
            yield fault("CFG119", value.place, f"Meet has no setting {name}", fix=fix)


def room_filter(deployment: Deployment) -> Iterator[Finding]:
    """A filter that keeps out the rooms that it should let through."""
    value = _value(deployment, "LIVEKIT_WEBHOOK_EVENTS_FILTER_REGEX")
    if value is None or not value.text:
        return
    try:
        lost = [room for room in _ROOMS if not re.search(value.text, room)]
    except re.error as error:
        yield fault(
            "CFG129",
            value.place,
            f"LIVEKIT_WEBHOOK_EVENTS_FILTER_REGEX is no regular expression: {error}",
            observed=value.text,
        )
        return
    if lost:
        yield fault(
            "CFG129",
            value.place,
            f"LIVEKIT_WEBHOOK_EVENTS_FILTER_REGEX finds nothing in a room name such as {lost[0]}",
            observed=value.text,
        )


def unverified(deployment: Deployment) -> Iterator[Finding]:
    """A Meet that does not look at LiveKit's certificate."""
    value = _value(deployment, "LIVEKIT_VERIFY_SSL")
    if value and value.text.lower() in {"no", "n", "false", "0"}:
        yield fault("CFG144", value.place, "LIVEKIT_VERIFY_SSL is off", observed=value.text)


CHECKS: Final[tuple[Check[Deployment], ...]] = (
    Check("CFG112", two_addresses, needs=("env",)),
    Check("CFG113", odd_booleans, needs=("env",)),
    Check("CFG114", pin_length, needs=("env",)),
    Check("CFG115", pin_retries, needs=("env",)),
    Check("CFG116", phone_number, needs=("env",)),
    Check("CFG117", country, needs=("env",)),
    Check("CFG118", no_server, needs=("env",)),
    Check("CFG119", misspelt, needs=("env",)),
    Check("CFG129", room_filter, needs=("env",)),
    Check("CFG144", unverified, needs=("env",)),
)
