"""Every code: what it means, what a caller hears, what to do. The tables only grow."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sipctl.findings.codes.api import API_CODES
from sipctl.findings.codes.config import CONFIG_CODES
from sipctl.findings.codes.pins import PIN_CODES
from sipctl.findings.codes.prompts import PROMPT_CODES
from sipctl.findings.codes.rules import RULE_CODES
from sipctl.findings.codes.sip import SIP_CODES
from sipctl.findings.codes.trunks import TRUNK_CODES
from sipctl.findings.codes.webhooks import WEBHOOK_CODES
from sipctl.findings.record import Code

_TABLES: Final = (CONFIG_CODES, API_CODES, TRUNK_CODES, RULE_CODES, PIN_CODES, WEBHOOK_CODES, SIP_CODES, PROMPT_CODES)

CODES: Final[Mapping[str, Code]] = MappingProxyType({code.code: code for table in _TABLES for code in table})
"""All codes of this version."""
