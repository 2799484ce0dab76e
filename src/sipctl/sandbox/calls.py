"""Calls evaluated on what the sandbox holds, as a SIP node of it would have them evaluated."""

from typing import Any

from sipctl.lkapi.convert import rule_from_message, trunk_from_message
from sipctl.sandbox.store import Store
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.record import outcome_record
from sipctl.telephony.matching.route import route


def evaluate_call(store: Store, call: Call) -> dict[str, Any]:
    """The outcome. Without redis no one answers livekit-sip, which then refuses the call with 503 after a second."""
    if store.redis != "connected":
        silence = {"error_code": "unavailable", "error": "no response from servers"}
        return {"outcome": "error", "stage": "trunk", "trunk_id": "", "rule_id": "", **silence}
    trunks, rules = map(trunk_from_message, store.inbound.values()), map(rule_from_message, store.rules.values())
    return dict(outcome_record(route(WholeLists(trunks, rules), call)))
