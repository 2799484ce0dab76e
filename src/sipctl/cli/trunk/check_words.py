"""What became of a call, in words."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sipctl.operations.trunk_check.routing import Route

_MEASURED: Final = {
    "routed": "is routed",
    "no-media-port": "fails: a rule takes it, and livekit-sip has no RTP port left",
    "dropped": "is dropped: no trunk and no rule takes it, and the caller hears ringing without end",
    "auth-required": "is asked for a password: a trunk takes it, and wants to know who calls",
    "auth-failed": "is refused: the password is not that of the trunk",
    "trunk-conflict": "fails: several trunks take it",
    "rule-conflict": "fails: rules clash",
    "no-server": "fails: livekit-server, or its redis, is not there to decide",
    "server-died": "fails: livekit-server ended over it",
    "ringing": "rings; it was cancelled",
    "answered": "was answered, although it had no offer; it was ended at once",
    "refused": "is refused",
    "silent": "has no answer",
}
"""What becomes of the call, by what was measured."""

_EXPLAINED: Final = _MEASURED | {"dropped": "is dropped", "auth-required": "is asked for a password"}
_CAUSES: Final = "another redis, a source address that NAT rewrites, or another version of LiveKit"


def route_lines(route: "Route") -> tuple[str, str, str]:
    """The three parts of the verdict: SIP answers, the call is routed, LiveKit and explain agree."""
    placed, call = route.placed, route.call
    answer = f"{placed.code} {placed.reason}".strip() if placed.code else placed.detail
    after = f" after {placed.after_ms:.0f} ms" if placed.after_ms is not None else ""
    seen = f" ({answer}{after})" if answer else ""
    return (
        f"SIP answers: {route.target.transport} {route.target.address}",
        f"a call to {call.to_user} from {call.from_user} {_MEASURED[placed.measured]}{_where(route)}{seen}",
        _comparison(route),
    )


def _where(route: "Route") -> str:
    if route.placed.measured != "routed":
        return ""
    if route.room:
        return f" into room {route.room}"
    return f" into one of {len(route.rooms)} rooms, by its PIN" if route.rooms else ""


def _comparison(route: "Route") -> str:
    if route.agree is None:
        reason = route.unread or ("nothing was measured" if route.is_ours else "it is not our node")
        return f"LiveKit and explain are not compared: {reason}"
    if route.agree:
        return "LiveKit and explain agree"
    said = _EXPLAINED[route.explained] if route.explained else ""
    return f"LiveKit and explain differ: by the trunks and rules that are stored, the call {said}; {_CAUSES}"
