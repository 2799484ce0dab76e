"""What a purge or a sync is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sipctl.telephony.plan import Part

if TYPE_CHECKING:
    from sipctl.operations.safeguards import Permit


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a run is asked for; None = as the profile says.

    `rate` are the most writes a second, 0 = any number; `lock_wait_s` is how long to wait for another run, and
    `timeout_s` how long a backend may take to answer.
    """

    parts: frozenset[Part]
    permit: "Permit"
    apply: bool
    grace: timedelta | None
    max_delete: int | None
    max_delete_percent: int | None
    look_twice: timedelta | None
    via: str | None
    rooms: Sequence[str]
    rate: float
    lock_wait_s: float
    timeout_s: float

    @property
    def applies(self) -> bool:
        """Whether the run changes anything."""
        return self.apply and not self.permit.dry_run
