"""One call explained: how it ends, on what else that depends, and what would change it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sipctl.telephony.explaining.advice import Advice, advise
from sipctl.telephony.explaining.sources import Source, sources_that_matter
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.route import Outcome, route
from sipctl.telephony.site import Site
from sipctl.telephony.spelling import in_e164


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The call again, with one thing changed, and how it ends then. `source` is what it comes from, if that changed."""

    call: Call
    outcome: Outcome
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A call and its outcome, with the reasons in it.

    Where no one said the source and it matters, `sources` are the different endings, and `outcome` is the first of
    them: a call from a provider. `in_e164` is the call with its numbers in E.164, if that ends differently.
    """

    call: Call
    outcome: Outcome
    sources: tuple[Variant, ...] = ()
    in_e164: Variant | None = None
    advice: tuple[Advice, ...] = ()

    @property
    def meant(self) -> Call:
        """The call that the outcome is of: from a source that was chosen, if none was given and it matters."""
        return self.sources[0].call if self.sources else self.call


def explain(site: Site, call: Call) -> Explanation:
    """Explain one call."""
    variants = by_source(site.lists, call)
    meant, outcome = (variants[0].call, variants[0].outcome) if variants else (call, route(site.lists, call))
    spelled = next(_spelled(site, meant, outcome), None)
    return Explanation(
        call=call,
        outcome=outcome,
        sources=tuple(variants) if len(variants) > 1 else (),
        in_e164=spelled,
        advice=tuple(advise(site, meant, outcome)),
    )


def by_source(lists: WholeLists, call: Call) -> Sequence[Variant]:
    """The different endings for the different sources of a call whose source no one said, a provider's first."""
    if call.source_ip:
        return ()
    endings: dict[object, Variant] = {}
    for source in sources_that_matter(lists.trunks, call):
        meant = replace(call, source_ip=source.address)
        outcome = route(lists, meant)
        endings.setdefault(ending(outcome), Variant(call=meant, outcome=outcome, source=source))
    return list(endings.values())


def _spelled(site: Site, call: Call, outcome: Outcome) -> Iterator[Variant]:
    for spelled in in_e164(call, site.countries):
        other = route(site.lists, spelled)
        if ending(other) != ending(outcome):
            yield Variant(call=spelled, outcome=other)


def ending(outcome: Outcome) -> object:
    """What makes two outcomes the same for those who call: what happens, and by which rule."""
    final = outcome.final
    return outcome.result, final.result, final.stage, final.rule and final.rule.sip_dispatch_rule_id
