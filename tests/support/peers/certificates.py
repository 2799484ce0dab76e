"""Certificates for SIP domains, good ones and bad ones, from an authority made for the run."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

EXPIRED_ON = datetime(2024, 2, 29, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """PEM files of a certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """An authority that no system trusts; its own certificate is in `file`."""

    def __init__(self, folder: Path, name: str = "sipctl test authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        own = _builder(self._name, self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = folder / "authority.pem"
        self.file.write_bytes(own.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def issue(
        self, label: str, *names: str, ended: datetime | None = None, self_signed: bool = False, common: str = ""
    ) -> Pair:
        """A certificate for names ("sip.test", "192.0.2.1", "sip:sip.test"), valid for 90 days or until it `ended`.

        Its common name is the label, or `common`.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(common or label)
        builder = _builder(subject, subject if self_signed else self._name, key, ended)
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        signed = builder.add_extension(alternatives, critical=False).sign(key if self_signed else self._key, SHA256())
        pair = Pair(certificate=self._folder / f"{label}.pem", key=self._folder / f"{label}.key")
        pair.certificate.write_bytes(signed.public_bytes(Encoding.PEM))
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(name: str) -> x509.GeneralName:
    if name.startswith("sip:"):
        return x509.UniformResourceIdentifier(name)
    if name[-1].isdigit():
        return x509.IPAddress(ip_address(name))
    return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, ended: datetime | None = None
) -> x509.CertificateBuilder:
    end = ended or datetime.now(UTC) + timedelta(days=90)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=91))
        .not_valid_after(end)
    )
