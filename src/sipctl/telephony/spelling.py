"""The same call with its numbers in E.164: the commonest fault is a number that someone writes in another way."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from sipctl.telephony.e164 import is_e164, region_of, to_e164
from sipctl.telephony.matching.call import Call
from sipctl.telephony.model import InboundTrunk
from sipctl.telephony.numbers import normalize_number

_PHONE_NUMBER: Final = re.compile(r"\+?[0-9][0-9 ()./-]{2,}\Z")


def regions(country: str, trunks: Iterable[InboundTrunk]) -> tuple[str, ...]:
    """The default country, then those of the trunks' own numbers."""
    own = {region_of(number) for trunk in trunks for number in trunk.numbers}
    return tuple(dict.fromkeys([country, *sorted(filter(None, own))]))


def in_e164(call: Call, countries: Iterable[str]) -> Iterator[Call]:
    """The call as a provider that sends E.164 would send it, for each country in which that is something else."""
    seen = {call}
    for country in countries:
        spelled = replace(call, to_user=_spelled(call.to_user, country), from_user=_spelled(call.from_user, country))
        if spelled not in seen:
            seen.add(spelled)
            yield spelled


def _spelled(number: str, country: str) -> str:
    """The number in E.164, without an escaped plus and URI parameters; what is no phone number stays as it is."""
    bare = unquote(number).partition(";")[0]
    if not _PHONE_NUMBER.match(bare):
        return number
    return bare if is_e164(bare) else to_e164(bare, country) or number


def is_same_number(one: str, other: str, countries: Iterable[str]) -> bool:
    """Whether two spellings are one phone number, if not for LiveKit then for people."""
    if normalize_number(one) == normalize_number(other):
        return True
    return any(_spelled(one, country) == _spelled(other, country) for country in countries)
