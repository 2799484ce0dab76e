"""Routing tests that `--init` proposes: they hold at the moment in which they are written."""

from hypothesis import given, settings

from sipctl.operations.routing_tests import propose_cases, read_cases
from sipctl.telephony.explaining.expectation import Case, judge
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.site import Site
from tests.support.routing import NUMBERS, dispatch_rules, inbound_trunks


@settings(max_examples=60)
@given(inbound_trunks(), dispatch_rules(max_size=5))
def test_what_is_proposed_holds_now(trunks: list[InboundTrunk], rules: list[DispatchRule]) -> None:
    site = Site(lists=WholeLists(trunks, rules))
    for case in proposed(site):
        assert judge(site, case).failures == (), case


def proposed(site: Site) -> list[Case]:
    """The tests; none where LiveKit fails every call."""
    text = propose_cases(site, NUMBERS[0])
    return read_cases(text, ".toml", None) if "[[calls]]" in text else []
