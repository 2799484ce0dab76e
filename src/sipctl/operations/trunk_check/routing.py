"""What becomes of a call to our node, measured by one, beside what the stored trunks and rules say of it."""

from dataclasses import dataclass, field
from typing import Final

from sipctl.errors import UsageError
from sipctl.operations.trunk_check.choice import at_node
from sipctl.operations.trunk_check.destination import Destination
from sipctl.operations.trunk_check.invite import Dialled, Measured, Placed, place_call
from sipctl.operations.trunk_check.probe import CALLER, Asking
from sipctl.operations.trunk_check.verdict import State
from sipctl.sip.digest import Credentials
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.call_reading import user_and_host
from sipctl.telephony.matching.route import Outcome, Result, Stage, route
from sipctl.telephony.matching.rules import FITTING
from sipctl.telephony.model import InboundTrunk
from sipctl.telephony.site import Site
from sipctl.transport.targets import Target

_FINE: Final = frozenset(
    {Measured.ROUTED, Measured.DROPPED, Measured.AUTH_REQUIRED, Measured.RINGING, Measured.ANSWERED}
)
"""What LiveKit may well do with a call: a system without a meeting drops all of them."""
_TAKEN: Final = frozenset({Measured.ROUTED, Measured.RINGING, Measured.ANSWERED, Measured.NO_MEDIA_PORT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A call, what became of it, and what `rules explain` says of the same call.

    `explained` is None where it is not known what is stored (`unread` says why), or where it is not our node. `rooms`
    are those that the call can lead to; with a PIN rule the PIN decides.
    """

    target: Target
    call: Call
    placed: Placed
    is_ours: bool = True
    explained: Measured | None = None
    rooms: tuple[str, ...] = ()
    outcome: Outcome | None = field(default=None)
    unread: str = ""

    @property
    def agree(self) -> bool | None:
        """Whether both say the same; None where one of them says nothing."""
        if self.explained is None or self.placed.measured is Measured.SILENT:
            return None
        return self.explained is self.placed.measured or {self.explained, self.placed.measured} <= _TAKEN

    @property
    def room(self) -> str | None:
        """The room that the call leads to, if there is only one."""
        return self.rooms[0] if len(self.rooms) == 1 else None

    @property
    def state(self) -> State:
        """Whether calls go well, and as the stored trunks and rules say."""
        if self.placed.measured not in _FINE or self.agree is False:
            return State.DOWN
        return State.UNKNOWN if self.agree is None and self.is_ours else State.UP


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialling:
    """What the options say of a call: whom it is to ("" = the user of the URI), and from."""

    to: str = ""
    from_: str = CALLER


def dialled(destination: Destination, dialling: Dialling, asking: Asking) -> Dialled:
    """The call to place.

    Raises:
        UsageError: no number is dialled, no one calls, or no URI can say whom.
    """
    uri = destination.uri
    if dialling.to:
        uri = at_node(uri, user_and_host(dialling.to)[0])
    if not uri.user:
        raise UsageError("which number is dialled?", hint="give `--to NUMBER`, or set ROOM_TELEPHONY_PHONE_NUMBER")
    caller = user_and_host(dialling.from_)[0]
    if not caller:
        raise UsageError(
            "--from has no user part, and livekit-server ends where such a call meets a rule that hides numbers",
            hint="give a number or a name",
        )
    return Dialled(
        uri=uri,
        from_user=at_node(uri, caller).user,
        credentials=destination.credentials,
        source_ip=asking.source_ip,
        within_s=asking.within_s,
    )


async def measure(target: Target, call: Dialled, site: Site | None, *, is_ours: bool, unread: str = "") -> Route:
    """Place a call; `site` is what is stored, None = that is not known, for the reason `unread`."""
    placed = await place_call(target, call)
    seen = Call(
        to_user=call.uri.user,
        to_host=call.uri.host,
        from_user=call.from_user,
        from_host=placed.source_ip,
        source_ip=placed.source_ip,
    )
    bare = Route(target=target, call=seen, placed=placed, is_ours=is_ours, unread=unread)
    return _explained(bare, site, call.credentials) if site and placed.source_ip else bare


def _explained(bare: Route, site: Site, credentials: Credentials | None) -> Route:
    outcome = route(site.lists, bare.call)
    explained = expected(outcome, credentials)
    final = outcome.final
    return Route(
        target=bare.target, call=bare.call, placed=bare.placed, is_ours=bare.is_ours, explained=explained,
        outcome=outcome, rooms=_rooms(final) if explained is Measured.ROUTED else (),
    )  # fmt: skip


def expected(outcome: Outcome, credentials: Credentials | None) -> Measured:
    """What a call without an offer shows where this becomes of it."""
    if outcome.result is Result.AUTH_REQUIRED:
        if credentials is None:
            return Measured.AUTH_REQUIRED
        if outcome.trunk and not _is_password_of(outcome.trunk, credentials):
            return Measured.AUTH_FAILED
    final = outcome.final
    if final.result is Result.DROP:
        return Measured.DROPPED
    if final.result is not Result.ERROR:
        return Measured.ROUTED
    if final.fault and final.fault.code == "panic":
        return Measured.SERVER_DIED
    return Measured.TRUNK_CONFLICT if final.stage is Stage.TRUNK else Measured.RULE_CONFLICT


def _is_password_of(trunk: InboundTrunk, credentials: Credentials) -> bool:
    own = (trunk.auth_username, trunk.auth_password.reveal())
    return own == (credentials.username, credentials.password)


def _rooms(final: Outcome) -> tuple[str, ...]:
    """Where the call lands; before a PIN is typed, the room of each rule that fits and has one."""
    if final.landing:
        return (final.landing.room,)
    before = final.before_pin
    if before is None:
        return ()
    fitting = (rule for rule, why in zip(before.rules, before.reasons, strict=True) if why in FITTING)
    return tuple(dict.fromkeys(rule.room_name for rule in fitting if rule.pin))
