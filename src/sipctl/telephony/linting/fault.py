"""One thing that is wrong with a rule or a trunk."""

from dataclasses import dataclass

from sipctl.findings import Level
from sipctl.telephony.model import DispatchRule, InboundTrunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault under its stable code, about one thing, or about several in words.

    `detail` says in one sentence what follows for callers; `level` is what it weighs if not what its code does.
    `observed` and `expected` are evidence, PINs masked. `remedy` are the words of the command on the thing that helps:
    ("delete",) or the options of an update; () = none.
    """

    code: str
    about: DispatchRule | InboundTrunk | str
    detail: str
    observed: str = ""
    expected: str = ""
    remedy: tuple[str, ...] = ()
    level: Level | None = None
