"""One question to one target: a request, its answer, and the credentials if they are asked for."""

import asyncio
import secrets
from dataclasses import dataclass, field

from sipctl.sip.dialog import Dialog
from sipctl.sip.digest import ANSWERED_IN, Credentials, answer_challenge, choose_challenge
from sipctl.sip.headers import MAGIC_COOKIE
from sipctl.sip.message import Request
from sipctl.sip.uri import Uri
from sipctl.transport.driver import Answer, Broken, Driver, Stray, Unanswered
from sipctl.transport.link import LinkError


@dataclass(slots=True, kw_only=True)
class Asked:
    """What became of a request.

    `request` is the last one sent, the one with credentials if there were two. Without a `final` answer there is an
    `error`, or the time was over. `strays` answer nothing that was asked.
    """

    request: Request
    provisional: list[Answer] = field(default_factory=list)
    final: Answer | None = None
    error: LinkError | None = None
    strays: list[Stray] = field(default_factory=list)
    was_challenged: bool = False


def new_branch() -> str:
    """A branch that no other transaction has (RFC 3261 8.1.1.7)."""
    return MAGIC_COOKIE + secrets.token_hex(8)


def new_dialog(driver: Driver, uri: Uri, *, caller: str, called: str = "") -> Dialog:
    """What requests of ours to a URI have in common, with a Call-ID and a tag that nothing else has.

    `caller` and `called` are URIs for From and To; `called` "" = the URI itself.
    """
    local = driver.link.local
    transport = driver.link.transport
    return Dialog(
        target=uri.text,
        local=f"<{caller}>;tag={secrets.token_hex(4)}",
        remote=f"<{called or uri.text}>",
        call_id=f"{secrets.token_hex(12)}@{local.ip}",
        transport=transport.upper(),
        sent_by=str(local),
        contact=f"sip:{local};transport={transport}",
    )


async def ask(
    driver: Driver, dialog: Dialog, method: str, *,
    number: int = 1, credentials: Credentials | None = None, within_s: float,
) -> Asked:  # fmt: skip
    """Send a request, and once more with credentials if a challenge asks for them.

    Twice more only if the peer says that nothing but the nonce was wrong (`stale`, RFC 7616 3.3). Other requests of
    the dialog may follow with numbers above that of `Asked.request`.
    """
    deadline = asyncio.get_running_loop().time() + within_s
    asked = await _ask_once(driver, dialog.request(method, number=number, branch=new_branch()), deadline)
    if not credentials:
        return asked
    for attempt in (1, 2):
        challenge = choose_challenge(asked.final.response) if asked.final else None
        if not asked.final or not challenge or (attempt == 2 and not challenge.is_stale):
            break
        plain = dialog.request(method, number=number + attempt, branch=new_branch())
        answer = answer_challenge(challenge, credentials, plain, cnonce=secrets.token_hex(8))
        request = plain.adding([(ANSWERED_IN[asked.final.response.code], answer)])
        earlier, asked = asked, await _ask_once(driver, request, deadline)
        asked.strays[:0], asked.was_challenged = earlier.strays, True
    return asked


async def _ask_once(driver: Driver, request: Request, deadline: float) -> Asked:
    """What answers one request until the deadline, a time of the loop."""
    asked = Asked(request=request)
    driver.start(request)
    await listen(driver, asked, deadline)
    return asked


async def listen(driver: Driver, asked: Asked, deadline: float) -> None:
    """Note what becomes of a request that has been sent, until it is decided or the deadline, a time of the loop."""
    while not asked.final and not asked.error:
        happening = await driver.next(deadline - asyncio.get_running_loop().time())
        match happening:
            case Answer(request=answered, response=response) if answered is asked.request:
                if response.is_final:
                    asked.final = happening
                else:
                    asked.provisional.append(happening)
            case Broken(error=error):
                asked.error = error
            case Stray():
                asked.strays.append(happening)
            case Unanswered(request=failed) if failed is asked.request:
                return
            case None:
                return
