"""The number that people dial."""

from sipctl.config.model import Settings
from sipctl.telephony.e164 import to_e164


def advertised_number(settings: Settings) -> str:
    """That number as a provider sends it; "" = no one said, or it is none."""
    telephony = settings.telephony
    return to_e164(telephony.phone_number, telephony.default_country) or "" if telephony.phone_number else ""
