"""The checks, a module for each area. Importing this package registers them all."""

from sipctl.doctor.checks import api, pins, rules, sip, trunks

__all__ = ["api", "pins", "rules", "sip", "trunks"]
