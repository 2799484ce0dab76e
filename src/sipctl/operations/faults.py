"""What a write would bring about that is not there now: an error stops it, a warning is described."""

from collections.abc import Iterable, Iterator
from typing import Final

from sipctl.errors import ConflictError
from sipctl.operations.change import Writer
from sipctl.telephony.linting.fault import CLASH, REFUSED, REFUSED_TRUNKS, TRUNK_CLASH, Fault
from sipctl.telephony.linting.lints import faults_of
from sipctl.telephony.site import Site

_CLASHES: Final = {
    CLASH: "choose another PIN, trunk or number",
    TRUNK_CLASH: "choose other numbers or callers",
}
"""Faults that LiveKit refuses as well, and what helps."""


def judge(writer: Writer, now: Site, then: Site, codes: Iterable[str]) -> tuple[str, ...]:
    """The warnings of a write that turns one site into the other, of these codes, a line each.

    Raises:
        SafeguardError, ConflictError: it would bring about an error, and its code is not allowed.
    """
    wanted = tuple(codes)
    known = {fault.identity for fault in faults_of(now, wanted)}
    new = [fault for fault in faults_of(then, wanted) if fault.identity not in known]
    return tuple(_described(writer, new))


def _described(writer: Writer, faults: Iterable[Fault]) -> Iterator[str]:
    for fault in faults:
        if fault.code not in (*REFUSED, *REFUSED_TRUNKS):
            yield f"{fault.code}: {fault.detail}"
        elif fault.code in _CLASHES and fault.code not in writer.permit.allow:
            raise ConflictError(fault.detail, hint=_CLASHES[fault.code])
        else:
            writer.refuse_unless(fault.code, fault.detail)
