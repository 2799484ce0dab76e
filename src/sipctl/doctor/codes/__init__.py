"""Every code of the live checks: what it means, what a caller hears, what to do. The table only grows."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sipctl.config.codes import CONFIG_CODES
from sipctl.doctor.codes.pins import PIN_CODES
from sipctl.doctor.codes.rules import RULE_CODES
from sipctl.doctor.codes.servers import API_CODES, SIP_CODES
from sipctl.doctor.codes.trunks import TRUNK_CODES
from sipctl.findings import Code

_TABLES: Final = (CONFIG_CODES, API_CODES, TRUNK_CODES, RULE_CODES, PIN_CODES, SIP_CODES)

CODES: Final[Mapping[str, Code]] = MappingProxyType({code.code: code for table in _TABLES for code in table})
"""All codes of this version."""
