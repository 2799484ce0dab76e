"""The checks of a live deployment, a module for each area."""

from typing import Final

from sipctl.doctor.checks import api, lints, pins, reach, rules, sip, trunks, webhooks
from sipctl.doctor.facts import Facts
from sipctl.findings.check import Check

CHECKS: Final[tuple[Check[Facts], ...]] = (
    *api.CHECKS, *lints.CHECKS, *pins.CHECKS, *rules.CHECKS, *reach.CHECKS, *sip.CHECKS, *trunks.CHECKS,
    *webhooks.CHECKS,
)  # fmt: skip
"""Every check of this version."""
