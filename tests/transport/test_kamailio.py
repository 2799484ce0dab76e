"""A SIP node that we did not write: every transport, both digests, every kind of certificate."""

import asyncio
from pathlib import Path

import pytest

from sipctl.sip.digest import Credentials, challenges_of
from sipctl.sip.headers import parse_retry_after
from sipctl.sip.message import Response
from sipctl.sip.uri import parse_uri
from sipctl.transport.asking import Asked, ask, new_dialog
from sipctl.transport.certificates import NameMatch
from sipctl.transport.driver import connected
from sipctl.transport.link import LinkError, Trouble
from sipctl.transport.targets import Target, Transport
from sipctl.transport.tls import CertificateFault, TlsError, TlsFacts
from tests.support.loopback import target_of
from tests.support.peers.certificates import EXPIRED_ON, Authority
from tests.support.peers.kamailio import PASSWORD, REALM, Kamailio

ALICE = Credentials("alice", PASSWORD)


def target(node: Kamailio, transport: Transport, certificate: str = "good", ip: str = "127.0.0.1") -> Target:
    return target_of(transport, node.tls[certificate] if transport is Transport.TLS else node.port, ip)


def asked(
    where: Target, user: str = "up", *,
    credentials: Credentials | None = None, domain: str = "sip.test", within_s: float = 5.0,
) -> tuple[Asked, TlsFacts | None]:  # fmt: skip
    async def run() -> tuple[Asked, TlsFacts | None]:
        async with connected(where, domain=domain, within_s=within_s) as driver:
            dialog = new_dialog(driver, parse_uri(f"sip:{user}@sip.test"), caller="sip:probe@sip.test")
            return await ask(driver, dialog, "OPTIONS", credentials=credentials, within_s=within_s), driver.tls

    return asyncio.run(run())


def answer(where: Target, user: str, credentials: Credentials | None = None) -> Response:
    [final] = [asked(where, user, credentials=credentials)[0].final]
    assert final
    assert final.faults == ()
    return final.response


@pytest.fixture(autouse=True)
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our authority is trusted as an administrator would have it trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))


@pytest.mark.parametrize("transport", list(Transport))
def test_every_answer_is_read_over_every_transport(kamailio: Kamailio, transport: Transport) -> None:
    where = target(kamailio, transport)
    up = answer(where, "up")
    assert (up.code, up.reason) == (200, "Keepalive")
    assert up.headers.first("Server").startswith("kamailio")
    assert answer(where, "busy").code == 486
    sorry = answer(where, "sorry")
    assert (sorry.code, list(sorry.read("Retry-After", parse_retry_after))) == (503, [30])
    assert asked(where, "silent", within_s=0.5)[0].final is None


@pytest.mark.parametrize("transport", list(Transport))
@pytest.mark.parametrize(("user", "code"), [("secret", 401), ("psecret", 407)])
def test_md5_without_qop_is_accepted(kamailio: Kamailio, transport: Transport, user: str, code: int) -> None:
    check_digest(target(kamailio, transport), user, code, "MD5", [])


@pytest.mark.parametrize("transport", list(Transport))
@pytest.mark.parametrize(("user", "code"), [("secret", 401), ("psecret", 407)])
def test_sha_256_with_qop_is_accepted(kamailio_sha: Kamailio, transport: Transport, user: str, code: int) -> None:
    check_digest(target(kamailio_sha, transport), user, code, "SHA-256", ["auth"])


def check_digest(where: Target, user: str, code: int, algorithm: str, qop: list[str]) -> None:
    refused = answer(where, user)
    [challenge] = challenges_of(refused)
    assert (refused.code, challenge.realm, challenge.algorithm, challenge.qop) == (code, REALM, algorithm, qop)
    assert answer(where, user, ALICE).code == 200
    assert answer(where, user, Credentials("alice", "wrong")).code == code


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_ipv6_works_as_ipv4(kamailio: Kamailio, transport: Transport) -> None:
    up = answer(target(kamailio, transport, ip="::1"), "up")
    assert up.via
    assert (up.code, up.via.host) == (200, "::1")


def test_a_good_certificate_says_what_it_is(kamailio: Kamailio) -> None:
    _, facts = asked(target(kamailio, Transport.TLS))
    assert facts
    assert facts.version == "TLSv1.3"
    assert facts.cipher
    assert (facts.match, facts.fault) == (NameMatch.EXACT, None)
    assert facts.certificate
    assert (facts.certificate.subject, facts.certificate.issuer) == ("good", "sipctl test authority")
    assert facts.certificate.names == ("DNS:sip.test", "IP:127.0.0.1")
    assert 89 < (facts.certificate.not_after - facts.certificate.not_before) / 86400 < 92


def test_an_address_is_a_name_too(kamailio: Kamailio) -> None:
    _, facts = asked(target(kamailio, Transport.TLS), domain="127.0.0.1")
    assert facts
    assert facts.match is NameMatch.EXACT


def test_a_wildcard_is_accepted_and_named(kamailio: Kamailio) -> None:
    _, facts = asked(target(kamailio, Transport.TLS, "wildcard"), domain="pop.sip.test")
    assert facts
    assert facts.match is NameMatch.WILDCARD


def test_a_sip_uri_is_a_name_and_hides_those_of_dns(kamailio: Kamailio) -> None:
    _, facts = asked(target(kamailio, Transport.TLS, "uri"))
    assert facts
    assert facts.match is NameMatch.EXACT
    assert refused(kamailio, "uri", domain="other.test").facts.fault is CertificateFault.WRONG_NAME


def refused(node: Kamailio, certificate: str, domain: str = "sip.test") -> TlsError:
    with pytest.raises(TlsError) as error:
        asked(target(node, Transport.TLS, certificate), domain=domain)
    assert error.value.trouble is Trouble.TLS
    return error.value


@pytest.mark.parametrize(
    ("label", "fault", "subject", "issuer"),
    [
        ("expired", CertificateFault.EXPIRED, "expired", "sipctl test authority"),
        ("self-signed", CertificateFault.SELF_SIGNED, "self-signed", "self-signed"),
        ("wrong", CertificateFault.WRONG_NAME, "wrong", "sipctl test authority"),
    ],
)
def test_a_refused_certificate_is_read_all_the_same(
    kamailio: Kamailio, label: str, fault: CertificateFault, subject: str, issuer: str
) -> None:
    facts = refused(kamailio, label).facts
    assert facts.fault is fault
    assert facts.certificate
    assert (facts.certificate.subject, facts.certificate.issuer) == (subject, issuer)
    if label == "expired":
        assert facts.certificate.not_after == EXPIRED_ON.timestamp()


def test_an_unknown_authority_is_refused(kamailio: Kamailio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path, "another authority").file))
    assert refused(kamailio, "good").facts.fault is CertificateFault.UNKNOWN_ISSUER


def test_tls_to_a_plain_port_and_the_reverse_are_distinguished(kamailio: Kamailio) -> None:
    with pytest.raises(LinkError) as plain:
        asked(target_of(Transport.TLS, kamailio.port), within_s=0.5)
    assert plain.value.trouble is Trouble.TLS
    over_tls, _ = asked(target_of(Transport.TCP, kamailio.tls["good"]))
    assert over_tls.error
    assert over_tls.error.trouble in {Trouble.CLOSED, Trouble.NOT_SIP}
