"""Every lint by its code: what it reads, and the function that finds its faults."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from sipctl.telephony.linting import rules, trunks
from sipctl.telephony.linting.fault import Fault
from sipctl.telephony.linting.shadows import Shadows
from sipctl.telephony.site import Site

_RULES: Final = ("rules",)
_TRUNKS: Final = ("inbound",)
_BOTH: Final = (*_RULES, *_TRUNKS)
_ROOMS: Final = ("rooms",)
"""A command on a rule has to know whether its room is live."""


class Lint(NamedTuple):
    """One lint. Without one of the lists that it `needs` it proves nothing; those that it `sees` may be missing.

    The lists are `rules`, `inbound` and `outbound` (trunks), and `rooms`.
    """

    find: Callable[[Site], Iterable[Fault]]
    needs: tuple[str, ...]
    sees: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def _shadows(site: Site) -> Shadows:
    """Found once for all lints of one site."""
    return Shadows(site)


def _open_rules(code: str) -> Callable[[Site], Iterator[Fault]]:
    return lambda site: (fault for fault in rules.open_rules(_shadows(site)) if fault.code == code)


LINTS: Final[Mapping[str, Lint]] = MappingProxyType(
    {
        "RUL401": Lint(rules.conflicting, _RULES, _ROOMS),
        "RUL402": Lint(_open_rules("RUL402"), _BOTH, _ROOMS),
        "RUL403": Lint(_open_rules("RUL403"), _BOTH, _ROOMS),
        "RUL404": Lint(lambda site: rules.bad_pins(site.lists.rules), _RULES),
        "RUL408": Lint(rules.own_number_as_caller, _BOTH, _ROOMS),
        "RUL412": Lint(lambda site: rules.untyped(site.lists.rules), _RULES, _ROOMS),
        "RUL413": Lint(lambda site: rules.hiding(site.lists.rules), _RULES, _ROOMS),
        "RUL414": Lint(rules.dangling, _BOTH, ("outbound",)),
        "RUL417": Lint(lambda site: rules.shadowed(_shadows(site)), _BOTH),
        "RUL418": Lint(lambda site: rules.written_otherwise(site.lists.rules), _RULES, _ROOMS),
        "RUL419": Lint(lambda site: rules.off_the_trunk(site, _shadows(site).terrain), _BOTH),
        "TRK302": Lint(lambda site: trunks.without_numbers(site.lists.trunks), _TRUNKS),
        "TRK303": Lint(lambda site: trunks.not_in_e164(site.lists.trunks), _TRUNKS),
        "TRK306": Lint(lambda site: trunks.for_the_internet(site.lists.trunks), _TRUNKS),
        "TRK308": Lint(trunks.conflicting, _TRUNKS, _RULES),
        "TRK309": Lint(trunks.bypassed, _BOTH),
        "TRK311": Lint(lambda site: trunks.never_matching(site.lists.trunks), _TRUNKS),
        "TRK312": Lint(lambda site: trunks.half_of_the_credentials(site.lists.trunks), _TRUNKS),
        "TRK313": Lint(lambda site: trunks.overlapping(site.lists.trunks), _TRUNKS),
        "TRK314": Lint(lambda site: trunks.ignored_as_a_whole(site.lists.trunks), _TRUNKS),
        "TRK315": Lint(lambda site: trunks.host_names(site.lists.trunks), _TRUNKS),
    }
)
"""All lints of this version."""


def faults_of(site: Site, codes: Iterable[str]) -> Iterator[Fault]:
    """The faults of some codes."""
    for code in codes:
        yield from LINTS[code].find(site)
