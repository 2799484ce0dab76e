"""Every target of every URI, asked side by side under one deadline, and what all of them come to."""

import asyncio
import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sipctl.errors import ExitCode, UsageError
from sipctl.operations.trunk_check.destination import Destination
from sipctl.operations.trunk_check.probe import Asking, Probed, probe
from sipctl.operations.trunk_check.verdict import State, Verdict
from sipctl.transport.link import is_own_address
from sipctl.transport.resolve import Resolution, resolve
from sipctl.transport.targets import Failure, Target, Transport

MAX_TARGETS: Final = 100
"""The most targets of one URI that are asked; a zone may list thousands."""
_UNCHECKABLE: Final = frozenset({Failure.SERVER_FAILED, Failure.TIMED_OUT})
"""Failures of DNS that say nothing about the name."""


class Depth(StrEnum):
    """How much is done."""

    DNS = "dns"
    """Names are resolved, and no target is asked."""
    OPTIONS = "options"
    INVITE = "invite"
    """Also a call without an offer is placed, which shows what would become of a real one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a run is asked to do.

    `expect` are the status codes that count as up, none = any final answer; `nameservers` as of `resolve`.
    """

    depth: Depth = Depth.OPTIONS
    asking: Asking = field(default_factory=Asking)
    expect: frozenset[int] = frozenset()
    nameservers: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One URI: how it was resolved, and what each of its targets does, in the order in which callers try them.

    `left_out` counts targets that were too many to be asked.
    """

    destination: Destination
    resolution: Resolution
    probed: tuple[Probed, ...]
    expect: frozenset[int] = frozenset()
    left_out: int = 0

    @property
    def states(self) -> list[State]:
        """The state of each target, or the one of a name without targets."""
        nothing = State.DOWN if self.destination.unusable else State.UNKNOWN
        return [self.state(one) for one in self.probed] or [nothing]

    def state(self, probed: Probed) -> State:
        """Whether a target is up. Silence says nothing of a provider, since many drop what strangers ask."""
        if probed.verdict is None:
            return State.UP
        if probed.has_answered:
            return State.UP if self._is_welcome(probed) else State.DOWN
        is_open = probed.verdict is Verdict.SILENT and not self.destination.is_ours
        return State.UNKNOWN if is_open and not self.expect else State.DOWN

    def _is_welcome(self, probed: Probed) -> bool:
        """Whether an answer is one that is expected; credentials that are refused never are."""
        is_refused = probed.sent_credentials and probed.verdict is Verdict.AUTH_REQUIRED
        return not is_refused and (not self.expect or probed.code in self.expect)

    @property
    def path(self) -> Probed | None:
        """The target that a caller reaches: the first that answers, and not with 503 (RFC 3263 4.3)."""
        return next((one for one in self.probed if one.has_answered and one.code != 503), None)

    @property
    def dns_failure(self) -> str:
        """Why there is no target; "" if there is one."""
        if self.probed or self.destination.unusable:
            return self.destination.unusable
        if self.resolution.refused:
            return f'the domain serves no SIP over {", ".join(sorted(set(self.resolution.refused)))}: its SRV is "."'
        return _WORDS.get(self.resolution.failure or Failure.NO_RECORDS, "")

    @property
    def is_resolver_dead(self) -> bool:
        """Whether there is no target because no name server answers."""
        return not self.probed and self.resolution.failure in _UNCHECKABLE


_WORDS: Final = {
    Failure.NO_RECORDS: "the name has no address",
    Failure.NO_SUCH_NAME: "there is no such name",
    Failure.BAD_NAME: "no name of DNS can be so",
    Failure.SERVER_FAILED: "every name server refused or failed, or none is configured",
    Failure.TIMED_OUT: "no name server answered in time",
}


class Overall(StrEnum):
    """What all targets of a run come to."""

    UP = "up"
    PARTLY_UP = "partly-up"
    DOWN = "down"
    UNKNOWN = "unknown"


def overall(states: Iterable[State]) -> Overall:
    """What these states come to."""
    found = set(states)
    if found == {State.UP}:
        return Overall.UP
    if State.DOWN in found:
        return Overall.PARTLY_UP if State.UP in found else Overall.DOWN
    return Overall.UNKNOWN


def exit_code_of(states: Iterable[State]) -> ExitCode:
    """What a run ends with whose targets have these states."""
    found = set(states)
    if State.DOWN in found:
        return ExitCode.FINDINGS
    return ExitCode.UNCHECKED if State.UNKNOWN in found else ExitCode.DONE


async def check(destinations: Sequence[Destination], wanted: Wanted) -> list[Checked]:
    """Check every destination; the time is for all of them together, once for their names and once for the rest.

    Raises:
        UsageError: the source address is not one of this machine, or a URI is none that requests can be sent to.
    """
    _refuse_foreign_source(wanted.asking.source_ip)
    resolved = await asyncio.gather(*(_resolve(one, wanted) for one in destinations))
    targets = [found.targets[:MAX_TARGETS] for found in resolved]
    if any(target.transport is Transport.TLS for one in targets for target in one):
        importlib.import_module("sipctl.transport.tls")  # which takes 0.1 s, and would count as a round trip
    probed = await asyncio.gather(*map(_probe_all, destinations, targets, [wanted] * len(targets)))
    return [
        Checked(
            destination=destination,
            resolution=resolution,
            probed=tuple(found),
            expect=wanted.expect,
            left_out=max(len(resolution.targets) - MAX_TARGETS, 0),
        )
        for destination, resolution, found in zip(destinations, resolved, probed, strict=True)
    ]


async def _resolve(destination: Destination, wanted: Wanted) -> Resolution:
    if destination.unusable:
        return Resolution(())
    return await resolve(destination.uri, nameservers=wanted.nameservers, within_s=wanted.asking.within_s)


async def _probe_all(destination: Destination, targets: Sequence[Target], wanted: Wanted) -> Sequence[Probed]:
    if wanted.depth is Depth.DNS:
        return [Probed(target=target) for target in targets]
    return await asyncio.gather(*(probe(target, destination, wanted.asking) for target in targets))


def _refuse_foreign_source(source_ip: str) -> None:
    """Targets of the other address family may be there, too; what is no address of this machine is no one's."""
    if source_ip and not is_own_address(source_ip):
        raise UsageError(
            f"--source-address {source_ip!r} is no address of this machine",
            hint="`ip address` lists them; leave it out, and routing chooses",
        )
