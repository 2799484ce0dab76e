"""Every lint by its code: what it reads, and the function that finds its faults."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from sipctl.telephony.linting import rules, trunks
from sipctl.telephony.linting.fault import Fault
from sipctl.telephony.linting.shadows import Shadows
from sipctl.telephony.site import Site


class Lint(NamedTuple):
    """One lint. `needs_rules` and `needs_trunks` tell without which lists it proves nothing."""

    find: Callable[[Site], Iterable[Fault]]
    needs_rules: bool = True
    needs_trunks: bool = True


@lru_cache(maxsize=1)
def _shadows(site: Site) -> Shadows:
    """Found once for all lints of one site."""
    return Shadows(site)


def _open_rules(code: str) -> Callable[[Site], Iterator[Fault]]:
    return lambda site: (fault for fault in rules.open_rules(_shadows(site)) if fault.code == code)


LINTS: Final[Mapping[str, Lint]] = MappingProxyType(
    {
        "RUL401": Lint(lambda site: rules.conflicting(site.lists.rules), needs_trunks=False),
        "RUL402": Lint(_open_rules("RUL402")),
        "RUL403": Lint(_open_rules("RUL403")),
        "RUL404": Lint(lambda site: rules.untypable(site.lists.rules), needs_trunks=False),
        "RUL408": Lint(rules.own_number_as_caller),
        "RUL412": Lint(lambda site: rules.untyped(site.lists.rules), needs_trunks=False),
        "RUL413": Lint(lambda site: rules.hiding(site.lists.rules), needs_trunks=False),
        "RUL414": Lint(rules.dangling),
        "RUL417": Lint(lambda site: rules.shadowed(_shadows(site))),
        "RUL418": Lint(lambda site: rules.written_otherwise(site.lists.rules), needs_trunks=False),
        "RUL419": Lint(lambda site: rules.off_the_trunk(site, _shadows(site).terrain)),
        "TRK302": Lint(lambda site: trunks.without_numbers(site.lists.trunks), needs_rules=False),
        "TRK306": Lint(lambda site: trunks.for_the_internet(site.lists.trunks), needs_rules=False),
        "TRK308": Lint(lambda site: trunks.conflicting(site.lists.trunks), needs_rules=False),
        "TRK309": Lint(trunks.bypassed),
        "TRK311": Lint(lambda site: trunks.never_matching(site.lists.trunks), needs_rules=False),
        "TRK312": Lint(lambda site: trunks.half_of_the_credentials(site.lists.trunks), needs_rules=False),
        "TRK313": Lint(lambda site: trunks.overlapping(site.lists.trunks), needs_rules=False),
        "TRK314": Lint(lambda site: trunks.ignored_as_a_whole(site.lists.trunks), needs_rules=False),
        "TRK315": Lint(lambda site: trunks.host_names(site.lists.trunks), needs_rules=False),
    }
)
"""All lints of this version."""

CLASH: Final = "RUL401"
"""Two rules with one key."""

REFUSED: Final = (CLASH, "RUL402", "RUL417")
"""Faults with which no write of a rule may end unless somebody allows it: clashing, outranking, shadowing."""


def faults_of(site: Site, codes: Iterable[str]) -> Iterator[Fault]:
    """The faults of some codes."""
    for code in codes:
        yield from LINTS[code].find(site)
