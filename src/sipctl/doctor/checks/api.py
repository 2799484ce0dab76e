"""API2xx: whether LiveKit answers, lets us in, and is whole."""

from collections.abc import Iterator
from typing import Final

from sipctl.command_line import CommandLine
from sipctl.doctor.facts import Facts
from sipctl.errors import Cause, DeniedError, SipctlError
from sipctl.findings.check import Check, found, skipped
from sipctl.findings.record import Finding, Level
from sipctl.lkapi.clocks import CLOCKS_AGREE_S
from sipctl.telephony.commands import room_reference

_LIMIT_S = 60
"""The leeway of LiveKit's token verifier in seconds (livekit/protocol auth/verifier.go)."""
_NO_SIP = frozenset({Cause.SIP_NOT_CONNECTED, Cause.REDIS_LOST})


def _failure(code: str, facts: Facts, error: SipctlError) -> Finding:
    connection = facts.settings.connection_or_none
    where = f"server {connection.url}" if connection else "server"
    return found(code, where, error.message, source="ListRooms", fix=error.advice)


def answers(facts: Facts) -> Iterator[Finding]:
    """A server that cannot be reached, or is no LiveKit."""
    error = facts.server.error
    if error and not isinstance(error, DeniedError) and error.code not in _NO_SIP:
        yield _failure("API201", facts, error)


def accepts_the_key(facts: Facts) -> Iterator[Finding]:
    """A key or a secret that the server does not know."""
    error = facts.server.error
    if isinstance(error, DeniedError) and error.code != Cause.NO_GRANT:
        yield _failure("API202", facts, error)
    elif error and not isinstance(error, DeniedError):
        yield skipped("API202", f"not checked: {error.message}")


def grants(facts: Facts) -> Iterator[Finding]:
    """Calls that are refused for want of a grant."""
    questions = {
        "sip.admin": facts.rules.error,
        "video.roomList": facts.rooms.error,
        "video.roomAdmin": facts.participants.error,
    }
    for grant, error in questions.items():
        if error and error.code == Cause.NO_GRANT:
            yield found("API203", f"grant {grant}", error.message, expected=grant, fix=error.advice)


def clocks(facts: Facts) -> Iterator[Finding]:
    """Clocks that are about to refuse tokens, or do already."""
    skew = facts.skew_s.get()
    if abs(skew) > CLOCKS_AGREE_S:
        side = "ahead of" if skew > 0 else "behind"
        yield found(
            "API204",
            "clock",
            f"the server's clock is {abs(skew):.0f} s {side} ours; tokens are refused from {_LIMIT_S} s on",
            observed=f"{skew:+.0f} s",
            expected=f"within {CLOCKS_AGREE_S:g} s",
            source="Date header",
            level=Level.ERROR if abs(skew) > _LIMIT_S else None,
        )


def sip_connected(facts: Facts) -> Iterator[Finding]:
    """A server whose SIP half is dead."""
    error = facts.rules.error
    if error and error.code in _NO_SIP:
        yield found("API205", "redis", error.message, source="ListSIPDispatchRule", fix=error.advice)
    elif error:
        yield skipped("API205", f"not checked: {error.message}")


def version(_facts: Facts) -> Iterator[Finding]:
    """LiveKit's version, which no call of the API tells."""
    yield skipped("API206", "LiveKit tells its version only to those who join a room, which doctor does not do")


def ghosts(facts: Facts) -> Iterator[Finding]:
    """Rooms whose node is gone."""
    sids = {room.name: room.sid for room in facts.rooms.value or ()}
    for room in sorted(facts.ghosts.get()):
        yield found(
            "API207",
            f"room {room}",
            f"room {room!r} is listed, but no one answers for it",
            source="SendData",
            command=CommandLine.of("room", "delete").on(room_reference(room, sids.get(room, ""))),
        )


CHECKS: Final[tuple[Check[Facts], ...]] = (
    Check("API201", answers, needs=("asked",), sees=("server",)),
    Check("API202", accepts_the_key, needs=("asked",), sees=("server",)),
    Check("API203", grants, needs=("asked",), sees=("rules", "rooms", "participants")),
    Check("API204", clocks, needs=("skew_s",), sees=("server",)),
    Check("API205", sip_connected, needs=("asked",), sees=("rules",)),
    Check("API206", version, needs=("asked",)),
    Check("API207", ghosts, needs=("ghosts",)),
)
