"""Why LiveKit cannot decide: the errors that a call meets instead of an answer."""

from dataclasses import dataclass

from sipctl.telephony.model import DispatchRule, InboundTrunk


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchFault:
    """An error of LiveKit's own matching.

    `code` is the Twirp code, or "panic" where livekit-server itself dies. `text` is LiveKit's wording where it is its
    own, else ours. `rules` and `trunks` are what clashes, in the order of their ids.
    """

    code: str
    text: str
    rules: tuple[DispatchRule, ...] = ()
    trunks: tuple[InboundTrunk, ...] = ()
