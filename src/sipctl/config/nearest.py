"""Which known name someone meant who wrote another one."""

import difflib
from collections.abc import Iterable
from typing import Final

_NEAR: Final = 0.8
"""A letter too many, too few, or two in the wrong order in a name of ten; `trunks` for `turn` is a guess."""


def nearest(name: str, known: Iterable[str], cutoff: float = _NEAR) -> str:
    """The known name that is nearly this one, or the only one that goes on after it; "" if there is none.

    `cutoff` is how much of both must be the same, up to 1: more where all names have one beginning.
    """
    names = list(known)
    longer = [one for one in names if one.startswith(f"{name}_")]
    return longer[0] if len(longer) == 1 else "".join(difflib.get_close_matches(name, names, n=1, cutoff=cutoff))
