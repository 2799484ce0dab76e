"""The checks of configuration files, a module for each area."""

from typing import Final

from sipctl.config.checks import compose, files, keys, livekit, media, meet, profiles, redis, secrets, webhooks
from sipctl.config.deployment import Deployment
from sipctl.findings.check import Check

CHECKS: Final[tuple[Check[Deployment], ...]] = (
    *compose.CHECKS, *files.CHECKS, *keys.CHECKS, *livekit.CHECKS, *media.CHECKS, *meet.CHECKS, *profiles.CHECKS,
    *redis.CHECKS, *secrets.CHECKS, *webhooks.CHECKS,
)  # fmt: skip
"""Every check of this version."""
