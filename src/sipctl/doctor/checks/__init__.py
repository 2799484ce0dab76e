"""The checks, a module for each area. Importing this package registers them all."""

from sipctl.doctor.checks import api, lints, pins, rules, sip, trunks

__all__ = ["api", "lints", "pins", "rules", "sip", "trunks"]
