"""A call without an offer, which LiveKit never answers: what it does with one shows what it would do with a real one.

No one joins a room by it, and no room is made (seen with livekit-sip 1.8.0). What it shows, and how:

    400 without a reason          a rule takes the call; only the offer is missing
    500 without a reason          a rule takes the call, and livekit-sip has no port left for its sound
    180 once, then nothing, and a CANCEL that nothing answers         no rule takes it
    407, 401                      a trunk wants to know who calls; the password is wrong
    503 at once, no 180 before    several trunks take the call
    503 at once, after a 180      rules clash
    503 after a second, no 180    no one evaluates the call: livekit-server or redis is gone
    503 after repeated 180        livekit-server died over it
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sipctl.operations.trunk_check.probe import host_of
from sipctl.sip.dialog import Dialog
from sipctl.sip.digest import Credentials
from sipctl.sip.transaction import cancel
from sipctl.sip.uri import Uri
from sipctl.transport.asking import Asked, ask, listen, new_branch, new_dialog
from sipctl.transport.driver import Answer, Driver, connected
from sipctl.transport.link import LinkError
from sipctl.transport.targets import Target


class Measured(StrEnum):
    """What LiveKit does with a call."""

    ROUTED = "routed"
    NO_MEDIA_PORT = "no-media-port"
    """A rule takes it, and livekit-sip has no RTP port left: each call holds one for 30 s after its end."""
    DROPPED = "dropped"
    AUTH_REQUIRED = "auth-required"
    AUTH_FAILED = "auth-failed"
    TRUNK_CONFLICT = "trunk-conflict"
    RULE_CONFLICT = "rule-conflict"
    NO_SERVER = "no-server"
    SERVER_DIED = "server-died"
    RINGING = "ringing"
    """It rings on, and a CANCEL ended that."""
    ANSWERED = "answered"
    REFUSED = "refused"
    """Another final answer."""
    SILENT = "silent"


_SETTLE_S: Final = 3.0
"""How long nothing may follow a 180 before the call counts as dropped; what LiveKit does, it does within 1.1 s."""
_PATIENCE_S: Final = 10.0
"""How long ringing that goes on is listened to: livekit-server is given up after 4 s."""
_CANCEL_S: Final = 1.0
_NO_ANSWER_S: Final = 0.7
"""A 503 later than this is one for want of an answer, which livekit-sip waits for a second for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """A call to place: Request-URI and To, the user part of From, and who to be if asked."""

    uri: Uri
    from_user: str
    credentials: Credentials | None = None
    source_ip: str = ""
    within_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What became of a call.

    `code` and `reason` are of the last answer, which came `after_ms` milliseconds after the INVITE; `ringing` counts
    the 180s, `source_ip` is the address of ours that it came from.
    """

    measured: Measured
    source_ip: str = ""
    code: int | None = None
    reason: str = ""
    after_ms: float | None = None
    ringing: int = 0
    detail: str = ""


async def place_call(target: Target, dialled: Dialled) -> Placed:
    """Place a call without an offer, and make sure that nothing of it stays."""
    try:
        async with connected(
            target, domain=dialled.uri.host, source_ip=dialled.source_ip, within_s=dialled.within_s
        ) as driver:
            caller = f"sip:{dialled.from_user}@{host_of(driver)}"
            dialog = new_dialog(driver, dialled.uri, caller=caller)
            asked = await ask(driver, dialog, "INVITE", credentials=dialled.credentials, within_s=_SETTLE_S)
            is_cancelled = await _see_to_its_end(driver, dialog, asked)
            return _placed(asked, driver.link.local.ip, is_cancelled=is_cancelled)
    except LinkError as error:
        return Placed(measured=Measured.SILENT, detail=str(error))


async def _see_to_its_end(driver: Driver, dialog: Dialog, asked: Asked) -> bool:
    """Listen to a call that rings on, give up one that is not decided, and end one that was answered after all.

    Whether a CANCEL was answered.
    """
    if not asked.final and _ringing(asked) > 1:
        await listen(driver, asked, asyncio.get_running_loop().time() + _PATIENCE_S - _SETTLE_S)
    is_cancelled = False
    if not asked.final and not asked.error and asked.provisional:
        is_cancelled = await _cancel(driver, asked)
    if asked.final and asked.final.response.code < 300:
        await _hang_up(driver, dialog, asked, asked.final)
    return is_cancelled


async def _cancel(driver: Driver, asked: Asked) -> bool:
    """Cancel the call; whether that was answered. What answers the call meanwhile is its final answer."""
    clock = asyncio.get_running_loop().time
    request, deadline, is_answered = cancel(asked.request), clock() + _CANCEL_S, False
    driver.start(request)
    while not asked.final and (happening := await driver.next(deadline - clock())) is not None:
        if isinstance(happening, Answer) and happening.request is request:
            is_answered = True
        elif isinstance(happening, Answer) and happening.request is asked.request and happening.response.is_final:
            asked.final = happening
    return is_answered


async def _hang_up(driver: Driver, dialog: Dialog, asked: Asked, final: Answer) -> None:
    """Acknowledge the answer, and end the call at once (RFC 3261 13.2.2.4, 15.1.1)."""
    confirmed = dialog.confirmed_by(final.response)
    number = asked.request.cseq.number if asked.request.cseq else 1
    driver.send(confirmed.request("ACK", number=number, branch=new_branch()))
    await ask(driver, confirmed, "BYE", number=number + 1, within_s=_CANCEL_S)


def _ringing(asked: Asked) -> int:
    return sum(answer.response.code == 180 for answer in asked.provisional)


def _placed(asked: Asked, source_ip: str, *, is_cancelled: bool) -> Placed:
    last = asked.final or (asked.provisional[-1] if asked.provisional else None)
    return Placed(
        measured=_measured(asked, is_cancelled=is_cancelled),
        source_ip=source_ip,
        code=last.response.code if last else None,
        reason=last.response.reason if last else "",
        after_ms=last.delay_s * 1000 if last else None,
        ringing=_ringing(asked),
        detail=str(asked.error or ""),
    )


def _measured(asked: Asked, *, is_cancelled: bool) -> Measured:
    if asked.final:
        return _of_final(asked, asked.final)
    if is_cancelled or _ringing(asked) > 1:
        return Measured.RINGING
    return Measured.DROPPED if asked.provisional else Measured.SILENT


def _of_final(asked: Asked, final: Answer) -> Measured:
    code, reason, ringing = final.response.code, final.response.reason, _ringing(asked)
    if code < 300:
        return Measured.ANSWERED
    if code in {400, 500} and not reason:
        return Measured.ROUTED if code == 400 else Measured.NO_MEDIA_PORT
    if code in {401, 407}:
        return Measured.AUTH_FAILED if asked.was_challenged or code == 401 else Measured.AUTH_REQUIRED
    if code == 487:
        return Measured.RINGING
    return _of_503(final.delay_s, ringing) if code == 503 else Measured.REFUSED


def _of_503(after_s: float, ringing: int) -> Measured:
    if ringing:
        return Measured.SERVER_DIED if ringing > 1 else Measured.RULE_CONFLICT
    return Measured.NO_SERVER if after_s >= _NO_ANSWER_S else Measured.TRUNK_CONFLICT
