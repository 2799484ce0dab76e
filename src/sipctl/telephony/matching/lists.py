"""Trunks and rules as LiveKit reads them: whole, in the order of ids."""

from collections.abc import Iterable, Sequence
from operator import attrgetter

from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.fault import MatchFault
from sipctl.telephony.matching.rules import is_listed, listing_fault
from sipctl.telephony.model import DispatchRule, InboundTrunk


class WholeLists:
    """Looks at every trunk and every rule, so that each gets its reason."""

    def __init__(self, trunks: Iterable[InboundTrunk], rules: Iterable[DispatchRule]) -> None:
        self.trunks = sorted(trunks, key=attrgetter("sip_trunk_id"))
        self.rules = sorted(rules, key=attrgetter("sip_dispatch_rule_id"))

    def trunks_for(self, _call: Call) -> Sequence[InboundTrunk]:
        """Every trunk."""
        return self.trunks

    def rules_for(self, _trunk: InboundTrunk | None, _call: Call, _typed: str | None) -> Sequence[DispatchRule]:
        """Every rule."""
        return self.rules

    def fault_for(self, trunk: InboundTrunk | None) -> MatchFault | None:
        """The error of the rules listed for this trunk."""
        return listing_fault([rule for rule in self.rules if is_listed(rule, trunk)])
