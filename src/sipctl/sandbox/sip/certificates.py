"""Certificates of the sandbox, made when it starts: a good one, and what faults put in its place."""

import ssl
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAYS: Final = 90
_LOOPBACK: Final = (x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost"))
_NAMES: Final[dict[str, tuple[x509.GeneralName, ...]]] = {
    "": _LOOPBACK,
    "sip-certificate-wrong": (x509.DNSName("other.example.org"),),
    "sip-certificate-wildcard": (x509.DNSName("*.localhost"),),
    "sip-certificate-expired": _LOOPBACK,
}


class Certificates:
    """An authority of the sandbox's own, and a certificate for each fault; `authority` is the file to trust."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sipctl-sandbox-")
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._issuer = _name("sipctl sandbox")
        own = _builder(self._issuer, self._issuer, self._key, _DAYS).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.authority = Path(self._folder.name) / "authority.pem"
        self.authority.write_bytes(own.sign(self._key, SHA256()).public_bytes(Encoding.PEM))
        self._contexts = {fault: self._context_of(fault) for fault in _NAMES}

    def context(self, fault: Callable[[], str]) -> ssl.SSLContext:
        """A context that shows the good certificate, or the one of the fault that is in force at the handshake."""
        context = self._contexts[""]

        def choose(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = self._contexts[fault()]

        context.sni_callback = choose
        return context

    def close(self) -> None:
        """Delete the files."""
        self._folder.cleanup()

    def _context_of(self, fault: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        days = -1 if fault == "sip-certificate-expired" else _DAYS
        builder = _builder(_name("sipctl sandbox node"), self._issuer, key, days)
        signed = builder.add_extension(x509.SubjectAlternativeName(_NAMES[fault]), critical=False).sign(
            self._key, SHA256()
        )
        pair = Path(self._folder.name) / f"{fault or 'good'}.pem"
        pair.touch(0o600)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pair.write_bytes(private + signed.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        context.set_alpn_protocols(["sip"])
        return context


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    """A certificate that ends in so many days; a negative number = it has ended."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=_DAYS + 1))
        .not_valid_after(now + timedelta(days=days))
    )
