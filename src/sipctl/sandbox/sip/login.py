"""The digest that livekit-sip asks of a trunk's caller: MD5, no qop, a state for each Call-ID (RFC 2069's form)."""

from collections import OrderedDict
from enum import Enum, auto
from typing import Final

from sipctl.sip.digest import Challenge, Credentials, digest_response, parse_challenges
from sipctl.sip.errors import MalformedError
from sipctl.sip.message import Request
from sipctl.telephony.model import InboundTrunk

_REMEMBERED: Final = 500
"""Calls whose challenge is remembered (livekit/sip pkg/sip/inbound.go)."""
_REALM: Final = "LiveKit"


class Login(Enum):
    """What becomes of a call of a trunk with a password."""

    CHALLENGED = auto()
    PASSED = auto()
    WRONG = auto()
    UNREADABLE = auto()


class Challenges:
    """The challenges that were given, by Call-ID."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, str] = OrderedDict()

    def give(self, request: Request, trunk: InboundTrunk, now: float) -> str:
        """A new challenge: the value of Proxy-Authenticate. `now` are Unix seconds."""
        nonce = self._given[request.call_id] = f"{int(now * 1_000_000)}-{request.call_id}"
        while len(self._given) > _REMEMBERED:
            self._given.popitem(last=False)
        return f'Digest realm="{trunk.auth_realm or _REALM}", nonce="{nonce}", algorithm=MD5'

    def judge(self, request: Request, trunk: InboundTrunk) -> Login:
        """What the credentials of a request are worth. Only Proxy-Authorization is read."""
        value = request.headers.first("Proxy-Authorization")
        if not value:
            return Login.CHALLENGED
        try:
            [shown] = parse_challenges(value)
        except (MalformedError, ValueError):
            return Login.UNREADABLE
        nonce = self._given.get(request.call_id)
        if nonce is None or shown.scheme != "digest":
            return Login.UNREADABLE
        return Login.PASSED if self._is_right(shown, nonce, trunk) else Login.WRONG

    @staticmethod
    def _is_right(shown: Challenge, nonce: str, trunk: InboundTrunk) -> bool:
        """The response must be that of our own nonce and realm; a client that adds qop computes another one."""
        own = Challenge("digest", {"realm": trunk.auth_realm or _REALM, "nonce": nonce, "algorithm": "MD5"})
        known = Credentials(trunk.auth_username, trunk.auth_password.reveal())
        right = digest_response(own, known, "INVITE", shown.params.get("uri", ""))
        is_ours = (shown.params.get("username"), shown.params.get("nonce")) == (trunk.auth_username, nonce)
        return is_ours and shown.params.get("realm") == own.params["realm"] and shown.params.get("response") == right
