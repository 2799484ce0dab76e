"""What a certificate says, and whether it is one for a SIP domain (RFC 5922).

`ssl` tells nothing of a certificate that it refused, so all are read with `cryptography`, whose import takes 0.1 s.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from cryptography import x509
from cryptography.x509.oid import NameOID

from sipctl.transport.targets import is_ip


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What matters of a certificate.

    `names` are those of its subjectAltName with their kind: "DNS:example.org", "URI:sip:example.org", "IP:192.0.2.1".
    `not_before` and `not_after` are Unix seconds.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: float
    not_after: float


class NameMatch(StrEnum):
    """Whether a certificate is one for the domain that was asked for."""

    EXACT = "exact"
    WILDCARD = "wildcard"
    """By a wildcard alone: RFC 5922 7.2 does not allow it, and many peers accept it."""
    NONE = "none"


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate.

    Raises:
        ValueError: it cannot be read.
    """
    read = x509.load_der_x509_certificate(der)
    return Certificate(
        subject=_name(read.subject),
        issuer=_name(read.issuer),
        names=tuple(_names(read)),
        not_before=read.not_valid_before_utc.timestamp(),
        not_after=read.not_valid_after_utc.timestamp(),
    )


def match_name(domain: str, names: Iterable[str]) -> NameMatch:
    """Compare a certificate's names with the domain asked for, which is never the target of an SRV record (4, 7.1).

    Its names of DNS count only if it has no SIP URI.
    """
    domain = domain.lower().removesuffix(".")
    known = [name.lower() for name in names]
    if is_ip(domain):
        return NameMatch.EXACT if f"ip:{ip_address(domain)}" in known else NameMatch.NONE
    domains = [name.removeprefix("uri:sip:") for name in known if name.startswith("uri:sip:")]
    domains = domains or [name.removeprefix("dns:") for name in known if name.startswith("dns:")]
    if domain in domains:
        return NameMatch.EXACT
    parent = domain.partition(".")[2]
    return NameMatch.WILDCARD if parent and f"*.{parent}" in domains else NameMatch.NONE


def _name(name: x509.Name) -> str:
    """The common name, or all of the name where it has none."""
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _names(read: x509.Certificate) -> Iterator[str]:
    try:
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    for kind, label in ((x509.DNSName, "DNS"), (x509.UniformResourceIdentifier, "URI"), (x509.IPAddress, "IP")):
        for value in names.get_values_for_type(kind):
            yield f"{label}:{value}"
