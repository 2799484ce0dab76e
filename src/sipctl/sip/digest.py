"""Digest authentication of a client (RFC 3261 22.4, RFC 7616, RFC 8760): challenges read, and answered."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from sipctl.sip.errors import BuildError, MalformedError
from sipctl.sip.grammar import QUOTED, TOKEN, WSP, quote, unquote
from sipctl.sip.message import Request, Response

CHALLENGED_IN: Final = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}
"""The header that challenges, by the code of the response (RFC 3261 22.2, 22.3)."""
ANSWERED_IN: Final = {401: "Authorization", 407: "Proxy-Authorization"}
"""The header of the next request that answers."""

_HASHES: Final = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}
"""The algorithms that we know, by their names in `hashlib`."""
_FIRST_USE: Final = "00000001"
"""The nonce count: each challenge is answered once."""

_SCHEME = re.compile(rf"[ \t]*+({TOKEN})[ \t]++(?={TOKEN}[ \t]*+=)")
_PARAM = re.compile(rf'[ \t]*+({TOKEN})[ \t]*+=[ \t]*+(?:([^ \t",]++)|({QUOTED}))[ \t]*+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge, or one set of credentials.

    `scheme` is in lower case, as are the names of `params`; their values are as they came between the quotes, which
    is also how they are hashed and sent back (RFC 7616 3.4.2, `unq`).
    """

    scheme: str
    params: dict[str, str] = field(default_factory=dict)

    @property
    def realm(self) -> str:
        """The protection domain, for people to read."""
        return unquote(f'"{self.params.get("realm", "")}"')

    @property
    def algorithm(self) -> str:
        """The algorithm as the peer spells it; one that names none means MD5."""
        return self.params.get("algorithm", "MD5")

    @property
    def is_stale(self) -> bool:
        """Whether only the nonce was refused, so that the password may well be right."""
        return self.params.get("stale", "").lower() == "true"

    @property
    def qop(self) -> list[str]:
        """The qualities of protection on offer, in lower case; none = as RFC 2069 knew it."""
        return [option.strip(WSP).lower() for option in self.params.get("qop", "").split(",") if option]

    @property
    def can_be_answered(self) -> bool:
        """Whether it is a digest of a kind that we know."""
        is_known = self.scheme == "digest" and self.algorithm.lower() in _HASHES
        return is_known and "nonce" in self.params and (not self.qop or "auth" in self.qop)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user, and a password that is never shown and never empty."""

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.password:
            raise BuildError("an empty password is never sent")


def parse_challenges(text: str) -> list[Challenge]:
    """Read one WWW-Authenticate or Proxy-Authenticate, which may hold several challenges, or one Authorization.

    Commas separate challenges, and also the parameters of one; where two words precede an equals sign,
    the first one is the scheme of a new challenge.

    Raises:
        MalformedError: it is not made of schemes with their parameters, or has a parameter twice.
    """
    challenges: list[Challenge] = []
    at = 0
    while True:
        if scheme := _SCHEME.match(text, at):
            challenges.append(Challenge(scheme[1].lower()))
            at = scheme.end()
        param = _PARAM.match(text, at)
        if not param or not challenges or param[1].lower() in challenges[-1].params:
            raise MalformedError("no challenge")
        challenges[-1].params[param[1].lower()] = param[3][1:-1] if param[3] else param[2]
        at = param.end() + 1
        if at > len(text):
            return challenges
        if text[at - 1] != ",":
            raise MalformedError("no comma between two parameters")


def challenges_of(response: Response) -> list[Challenge]:
    """All challenges of a 401 or 407, the topmost first."""
    name = CHALLENGED_IN.get(response.code, "")
    return [challenge for challenges in response.read(name, parse_challenges) for challenge in challenges]


def choose_challenge(response: Response) -> Challenge | None:
    """The topmost challenge that we can answer (RFC 8760 2.4), or None."""
    return next((challenge for challenge in challenges_of(response) if challenge.can_be_answered), None)


def answer_challenge(challenge: Challenge, credentials: Credentials, request: Request, cnonce: str) -> str:
    """The value of the header that answers a challenge, for a request that is about to be sent again.

    `cnonce` is random text. It is sent only where the peer offers `qop`: LiveKit refuses a client that adds it
    unasked (livekit/sip pkg/sip/inbound.go).
    """
    protection = (_FIRST_USE, cnonce, "auth") if challenge.qop else ()
    params = {name: f'"{challenge.params.get(name, "")}"' for name in ("realm", "nonce")}
    params = {"username": quote(credentials.username), **params, "uri": f'"{request.uri}"'}
    params["response"] = f'"{digest_response(challenge, credentials, request.method, request.uri, protection)}"'
    if "algorithm" in challenge.params:
        params["algorithm"] = challenge.algorithm
    if protection:
        params |= {"qop": "auth", "nc": _FIRST_USE, "cnonce": f'"{cnonce}"'}
    if "opaque" in challenge.params:
        params["opaque"] = f'"{challenge.params["opaque"]}"'
    return "Digest " + ", ".join(f"{name}={value}" for name, value in params.items())


def digest_response(
    challenge: Challenge, credentials: Credentials, method: str, uri: str, protection: tuple[str, ...] = ()
) -> str:
    """The response in hexadecimal digits (RFC 7616 3.4.1).

    `protection` holds nc, cnonce and qop, or nothing where the challenge offers no qop.
    """
    realm, nonce = challenge.params.get("realm", ""), challenge.params.get("nonce", "")
    secret = _hash(challenge.algorithm, credentials.username, realm, credentials.password)
    return _hash(challenge.algorithm, secret, nonce, *protection, _hash(challenge.algorithm, method, uri))


def _hash(algorithm: str, *parts: str) -> str:
    data = ":".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.new(_HASHES[algorithm.lower()], data, usedforsecurity=False).hexdigest()
