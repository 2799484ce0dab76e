"""Changing a list by single entries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sipctl.errors import UsageError
from sipctl.telephony.numbers import normalize_number


@dataclass(frozen=True, slots=True)
class Amendment:
    """Entries that a list gains and loses; numbers are the same however they are written."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def applied_to(self, entries: Sequence[str]) -> tuple[str, ...]:
        """The list afterwards, in its order, what is new at its end.

        Raises:
            UsageError: an entry is not there, or none would be left: an empty list means any.
        """
        there = {normalize_number(one): one for one in entries}
        missing = next((one for one in self.removed if normalize_number(one) not in there), None)
        if missing is not None:
            raise UsageError(f"{missing!r} is not there", hint=f"there are {', '.join(entries) or 'none'}")
        gone = {normalize_number(one) for one in self.removed}
        kept = [one for key, one in there.items() if key not in gone]
        kept += [one for one in dict.fromkeys(self.added) if normalize_number(one) not in there]
        if not kept:
            raise UsageError("nothing would be left of the list, which would mean any", hint="if it is meant, --any-…")
        return tuple(kept)


def amended_fields(edits: Mapping[str, Any], before: object) -> dict[str, Any]:
    """The edits of a thing, lists that are changed by single entries as they shall be.

    Raises:
        UsageError: as of `Amendment.applied_to`.
    """
    return {
        name: value.applied_to(getattr(before, name)) if isinstance(value, Amendment) else value
        for name, value in edits.items()
    }
