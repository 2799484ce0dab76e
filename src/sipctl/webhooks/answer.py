"""What a receiver answered, what that means, and what LiveKit does at it.

The sender: livekit/protocol webhook/resource_url_notifier.go and hashicorp/go-retryablehttp, measured with 1.13.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final

from sipctl.errors import Cause

RETRY_WAITS_S: Final = (1.0, 2.0, 4.0, 8.0)
"""How long LiveKit waits before each of its retries; after them the event is lost."""

_JSON: Final = "application/json"
_MOVED: Final = frozenset({301, 302, 303})
_RETRIED_KINDS: Final = frozenset({Cause.REFUSED, Cause.DNS, Cause.CUT, Cause.UNREACHABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer: `status` 0 = none came, and `kind` says why (refused, dns, tls, timeout, cut, proxy, unreachable).

    `is_page` = the body is a web page. `retry_after` is the header's text, `took_s` seconds.
    """

    status: int = 0
    kind: str = ""
    content_type: str = ""
    is_page: bool = False
    retry_after: str = ""
    took_s: float = 0.0

    @property
    def is_acknowledged(self) -> bool:
        """Whether the receiver took the event."""
        return 200 <= self.status < 300 and not self.is_page

    @property
    def arrived(self) -> bool:
        """Whether the event reached a server at all, as far as that is known."""
        return bool(self.status) or self.kind in {Cause.TIMEOUT, Cause.CUT}

    @property
    def word(self) -> str:
        """The status, or why there is none: what answers are counted by."""
        return f"{self.status} with a page" if self.is_page and self.status < 300 else str(self.status or self.kind)


def retry_wait(answer: Answer, attempt: int, now: float) -> float | None:
    """The seconds that LiveKit waits after this answer before it tries again; None = it does not.

    `attempt` counts from 0; `now` are Unix seconds, for a Retry-After that is a date.
    """
    status = answer.status
    is_retried = status == 429 or (status >= 500 and status != 501) or answer.kind in _RETRIED_KINDS
    if not is_retried or attempt >= len(RETRY_WAITS_S):
        return None
    after = _retry_after(answer.retry_after, now) if status in {429, 503} else None
    return RETRY_WAITS_S[attempt] if after is None else after


def _retry_after(text: str, now: float) -> float | None:
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(parsedate_to_datetime(text).timestamp() - now, 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


class Meaning(Enum):
    """What an answer means, what LiveKit makes of it ("" = no more than that), and what helps.

    Measured with Meet (suitenumerique/meet core/api/viewsets.py).
    """

    TAKEN = ("took the event", "", "")
    SIGNATURE = (
        "refused the signature", "LiveKit counts that as delivered",
        "it must verify with the same API key and secret, and its clock be right to a minute",
    )  # fmt: skip
    MOVED = (
        "redirects", "LiveKit makes a GET without body of it: the event is lost, though its log says sent",
        "webhook_url needs its https, its host and its trailing slash exactly",
    )  # fmt: skip
    ELSEWHERE = (
        "redirects", "LiveKit repeats the event there", "webhook_url should be the address that it redirects to",
    )  # fmt: skip
    HOST = (
        "does not serve this host", "LiveKit counts that as delivered",
        "webhook_url must name a host that the backend allows",
    )  # fmt: skip
    PLACE = (
        "has no webhook endpoint there", "LiveKit counts that as delivered",
        "Meet's ends in /api/v1.0/rooms/webhooks-livekit/",
    )  # fmt: skip
    EVENT = (
        "does not know the event", "LiveKit counts that as delivered", "is it a backend for LiveKit's webhooks?",
    )  # fmt: skip
    BUSY = ("asks to come back later", "", "it is overloaded, or something before it limits requests")
    FAILED = ("failed at the event", "", "look at its log: an unknown room, a room without PIN, or LiveKit's API")
    PAGE = (
        "answers with a web page, so it is no backend", "LiveKit counts that as delivered",
        "a proxy or a login page stands before it",
    )  # fmt: skip
    OTHER = ("refused the event", "LiveKit counts that as delivered", "look at its log")
    SILENT = ("cannot be reached", "", "is webhook_url right?")
    SLOW = ("did not answer in time", "", "is webhook_url right?")
    CUT = ("closed the connection before it answered", "", "look at its log, and at the proxy before it")
    TLS = (
        "has a certificate that is not trusted", "LiveKit does not try again", "SSL_CERT_FILE names a private CA",
    )  # fmt: skip

    UNASKED = ("was not asked: the recording holds no token", "", "leave out --as-recorded to sign the event anew")

    @property
    def words(self) -> str:
        """What the receiver did."""
        return self.value[0]

    @property
    def consequence(self) -> str:
        """What LiveKit makes of it."""
        return self.value[1]

    @property
    def in_full(self) -> str:
        """Both."""
        return f"{self.words}; {self.consequence}" if self.consequence else self.words

    @property
    def hint(self) -> str:
        """What helps."""
        return self.value[2]


_OF_STATUS: Final = {
    401: Meaning.SIGNATURE, 404: Meaning.PLACE, 405: Meaning.PLACE, 422: Meaning.EVENT, 429: Meaning.BUSY,
}  # fmt: skip
_OF_KIND: Final[Mapping[str, Meaning]] = {
    Cause.TIMEOUT: Meaning.SLOW, Cause.CUT: Meaning.CUT, Cause.TLS: Meaning.TLS, "no-token": Meaning.UNASKED,
}  # fmt: skip


def meaning_of(answer: Answer) -> Meaning:
    """What this answer means."""
    status = answer.status
    if not status:
        return _OF_KIND.get(answer.kind, Meaning.SILENT)
    if status < 300:
        return Meaning.PAGE if answer.is_page else Meaning.TAKEN
    if status < 400:
        return Meaning.MOVED if status in _MOVED else Meaning.ELSEWHERE
    if status == 400:
        return Meaning.SIGNATURE if answer.content_type == _JSON else Meaning.HOST
    return _OF_STATUS.get(status) or (Meaning.FAILED if status >= 500 else Meaning.OTHER)
