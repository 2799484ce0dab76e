"""The checks, a module for each area. Importing this package registers them all."""

from sipctl.doctor.checks import api, rules, sip, trunks

__all__ = ["api", "rules", "sip", "trunks"]
