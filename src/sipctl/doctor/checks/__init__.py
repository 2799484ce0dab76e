"""The checks, a module for each area. Importing this package registers them all."""

from sipctl.doctor.checks import api, configuration, rules, sip, trunks

__all__ = ["api", "configuration", "rules", "sip", "trunks"]
