"""SIP over TLS: the certificate is verified for the domain asked for, and read even where it is refused."""

import asyncio
import os
import ssl
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from sipctl.transport.certificates import Certificate, NameMatch, match_name, read_certificate
from sipctl.transport.link import LinkError, Receiver, Trouble, link_error
from sipctl.transport.targets import Target
from sipctl.transport.tcp import StreamLink, connected_socket


class CertificateFault(StrEnum):
    """Why a certificate was refused."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    SELF_SIGNED = "self-signed"
    UNKNOWN_ISSUER = "unknown-issuer"
    WRONG_NAME = "wrong-name"
    OTHER = "other"


_FAULTS: Final = {
    9: CertificateFault.NOT_YET_VALID,
    10: CertificateFault.EXPIRED,
    18: CertificateFault.SELF_SIGNED,
    19: CertificateFault.UNKNOWN_ISSUER,
    20: CertificateFault.UNKNOWN_ISSUER,
    21: CertificateFault.UNKNOWN_ISSUER,
}
"""Verification codes of OpenSSL (openssl-verification-options(1), X509_V_ERR_...)."""

_SECOND_HANDSHAKE_S: Final = 2.0
"""Seconds to read a certificate that was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """What a handshake showed. `alpn` is "" if the peer chose none; `certificate` is None if it could not be read."""

    version: str = ""
    cipher: str = ""
    alpn: str = ""
    certificate: Certificate | None = None
    match: NameMatch = NameMatch.NONE
    fault: CertificateFault | None = None


class TlsError(LinkError):
    """A handshake that failed, and what it showed; without a certificate the peer speaks no TLS of ours."""

    def __init__(self, detail: str, facts: TlsFacts | None = None) -> None:
        super().__init__(Trouble.TLS, detail)
        self.facts = facts or TlsFacts()


async def open_tls(
    target: Target, domain: str, receiver: Receiver, source_ip: str, deadline: float
) -> tuple[StreamLink, TlsFacts]:
    """Connect over TLS until the deadline, a time of the loop; `domain` is the host of the URI.

    Trusted are the authorities of the system and of SSL_CERT_FILE.

    Raises:
        LinkError: the target refuses, does not answer, or cannot be reached.
        TlsError: it speaks no TLS, or its certificate does not hold; nothing of SIP was sent.
    """
    domain = domain.removesuffix(".")
    context = _context(os.environ.get("SSL_CERT_FILE", ""))
    connected = await connected_socket(target.address, source_ip, deadline)
    try:
        async with asyncio.timeout_at(deadline):
            link = await StreamLink.over(connected, target, receiver, context, domain)
    except ssl.SSLCertVerificationError as error:
        fault = _FAULTS.get(error.verify_code, CertificateFault.OTHER)
        certificate = await _shown_certificate(target, domain, source_ip)
        raise TlsError(error.verify_message, TlsFacts(certificate=certificate, fault=fault)) from error
    except ssl.SSLError as error:
        raise TlsError((error.reason or str(error)).replace("_", " ").lower()) from error
    except TimeoutError as error:
        raise TlsError("connected, but the handshake is not answered") from error
    except OSError as error:
        raise TlsError(str(link_error(error))) from error
    facts = _facts(link, domain)
    if facts.fault:
        link.close()
        raise TlsError(f"the certificate is not for {domain}", facts)
    return link, facts


@lru_cache(maxsize=1)
def _context(_authorities: str) -> ssl.SSLContext:
    """A context that verifies the chain; OpenSSL itself heeds SSL_CERT_FILE, and takes 20 ms to read its authorities.

    Names are compared by the rules of RFC 5922, which `ssl` does not know.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.set_alpn_protocols(["sip"])
    return context


def _facts(link: StreamLink, domain: str) -> TlsFacts:
    shown = link.tls()
    der = shown.getpeercert(binary_form=True) if shown else None
    certificate = _read(der)
    match = match_name(domain, certificate.names) if certificate else NameMatch.NONE
    cipher = shown.cipher() if shown else None
    return TlsFacts(
        version=(shown.version() if shown else None) or "",
        cipher=cipher[0] if cipher else "",
        alpn=(shown.selected_alpn_protocol() if shown else None) or "",
        certificate=certificate,
        match=match,
        fault=CertificateFault.WRONG_NAME if match is NameMatch.NONE else None,
    )


async def _shown_certificate(target: Target, domain: str, source_ip: str) -> Certificate | None:
    """The certificate that was refused, from a second handshake that verifies nothing, and sends nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    deadline = asyncio.get_running_loop().time() + _SECOND_HANDSHAKE_S
    try:
        connected = await connected_socket(target.address, source_ip, deadline)
        async with asyncio.timeout_at(deadline):
            _, writer = await asyncio.open_connection(sock=connected, ssl=context, server_hostname=domain)
    except (OSError, LinkError):
        return None
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return _read(der)


def _read(der: bytes | None) -> Certificate | None:
    try:
        return read_certificate(der) if der else None
    except ValueError:
        return None
