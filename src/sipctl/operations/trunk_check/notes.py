"""What is worth saying of a target beside its verdict."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from math import floor
from typing import TYPE_CHECKING, Final

from sipctl.operations.trunk_check.check import Checked
from sipctl.operations.trunk_check.probe import Probed
from sipctl.operations.trunk_check.verdict import Verdict
from sipctl.telephony.naming import counted

if TYPE_CHECKING:
    from sipctl.transport.certificates import Certificate

_DAY_S: Final = 86_400
_SOON_DAYS: Final = 30


class Digest(StrEnum):
    """What became of credentials that were there to be sent."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_ASKED = "not-asked"
    UNSUPPORTED = "unsupported"
    """It asks in a manner that is not known here."""


def digest_of(checked: Checked, probed: Probed) -> Digest | None:
    """What became of the credentials; None where there were none, or no answer."""
    if not checked.destination.credentials or not probed.has_answered:
        return None
    is_refused = probed.verdict is Verdict.AUTH_REQUIRED
    if probed.sent_credentials:
        return Digest.REFUSED if is_refused else Digest.ACCEPTED
    return Digest.UNSUPPORTED if is_refused else Digest.NOT_ASKED


_DIGEST_WORDS: Final = {
    Digest.ACCEPTED: "the credentials were accepted",
    Digest.REFUSED: "the credentials were refused",
    Digest.NOT_ASKED: "it asked for no credentials, so they were not tested",
    Digest.UNSUPPORTED: "it asks for credentials by an algorithm that sipctl does not know",
}


def days_left(certificate: "Certificate", now: float) -> int:
    """Whole days until a certificate ends, negative afterwards; `now` are Unix seconds."""
    return floor((certificate.not_after - now) / _DAY_S)


def wants_register(probed: Probed) -> bool:
    """Whether a provider says that it knows only those who register, which LiveKit never does."""
    return "regist" in f"{probed.reason} {probed.warning}".lower()


def notes(checked: Checked, probed: Probed, now: float) -> Iterator[str]:
    """Lines about one target; `now` are Unix seconds."""
    if probed.has_answered and checked.expect and probed.code not in checked.expect:
        yield f"expected {', '.join(map(str, sorted(checked.expect)))}"
    if digest := digest_of(checked, probed):
        yield _DIGEST_WORDS[digest]
    if wants_register(probed):
        yield "it asks for REGISTER, which LiveKit does not send: let the provider know LiveKit by its address"
    if probed.retry_after is not None:
        yield f"wants to be asked again in {probed.retry_after} s"
    if checked.destination.is_ours and probed.verdict is Verdict.OK and not probed.server:
        yield "the answer names neither version nor address, as LiveKit's never does"
    yield from _of_the_way(probed)
    yield from _of_the_certificate(probed, now)


def _of_the_way(probed: Probed) -> Iterator[str]:
    if probed.elsewhere:
        yield f"answers from {', '.join(map(str, probed.elsewhere))}: something on the way rewrites addresses"
    if probed.retransmitted:
        yield f"{probed.retransmitted} of {probed.answered} answers came only after the request was sent again"
    if probed.answered and probed.answered < probed.sent:
        yield f"{probed.sent - probed.answered} of {probed.sent} requests had no answer"
    if probed.strays:
        yield f"ignored {probed.strays} message{'s' if probed.strays > 1 else ''} that answer nothing that was asked"
    if probed.faults:
        yield f"the answer is not as it should be: {'; '.join(probed.faults[:3])}"


def _of_the_certificate(probed: Probed, now: float) -> Iterator[str]:
    facts = probed.tls
    if facts is None or facts.certificate is None:
        return
    certificate = facts.certificate
    if facts.fault or days_left(certificate, now) < _SOON_DAYS:
        yield f"certificate of {certificate.subject!r} by {certificate.issuer!r}, {validity(certificate, now)}"
    if facts.match == "wildcard":
        yield "the certificate has the domain by a wildcard alone, which RFC 5922 does not allow"
    if facts.fault == "wrong-name":
        yield f"the certificate is for {', '.join(certificate.names) or 'no name'}"


def validity(certificate: "Certificate", now: float) -> str:
    """When a certificate ends or has ended."""
    left, ends = days_left(certificate, now), datetime.fromtimestamp(certificate.not_after, UTC)
    if left < 0:
        return f"expired on {ends:%Y-%m-%d}"
    return f"ends on {ends:%Y-%m-%d}, in {counted(left, 'day')}"
