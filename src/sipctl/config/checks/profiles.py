"""CFG140: what sipctl's own file shows beyond its types."""

from collections.abc import Iterator
from typing import Final

from sipctl.config.deployment import ConfigSource, Deployment, fault
from sipctl.config.file import ProfileTable
from sipctl.config.urls import url_fault
from sipctl.findings.check import Check
from sipctl.findings.record import Finding
from sipctl.masking import shown_url

_ADDRESSES: Final = ("url", "sip_health_url", "sip_metrics_url", "livekit_metrics_url", "webhook_url")


def unusable_profiles(deployment: Deployment) -> Iterator[Finding]:
    """A default profile that is not there, addresses that are none, and servers without key or secret."""
    for config in deployment.configs:
        default = config.content.default_profile if config.content else None
        if config.content and default and default not in config.content.profiles:
            known = ", ".join(config.content.profiles) or "none"
            place = config.place("default_profile")
            yield fault("CFG140", place, "default_profile names no profile", observed=default, expected=known)
        for name, table in config.content.profiles.items() if config.content else ():
            yield from _bad_addresses(config, name, table)
            yield from _half_connection(config, name, table)


def _bad_addresses(config: ConfigSource, name: str, table: ProfileTable) -> Iterator[Finding]:
    for key in _ADDRESSES:
        address = getattr(table, key)
        if address is not None and (problem := url_fault(address)):
            place = config.place("profiles", name, key)
            yield fault("CFG140", place, f"{key} {problem}", observed=shown_url(address))


def _half_connection(config: ConfigSource, name: str, table: ProfileTable) -> Iterator[Finding]:
    if table.url is None:
        return
    for key in ("api_key", "api_secret"):
        if getattr(table, key) is None and getattr(table, f"{key}_file") is None:
            place = config.place("profiles", name, "url")
            yield fault("CFG140", place, f"profile {name!r} has a url but neither {key} nor {key}_file")


CHECKS: Final[tuple[Check[Deployment], ...]] = (Check("CFG140", unusable_profiles),)
