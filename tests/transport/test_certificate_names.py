"""RFC 5922: which name makes a certificate one for a SIP domain."""

import pytest

from sipctl.transport.certificates import NameMatch, match_name


@pytest.mark.parametrize(
    ("domain", "names", "match"),
    [
        ("sip.example.org", ["DNS:a.org", "DNS:SIP.Example.ORG"], NameMatch.EXACT),
        ("Sip.Example.org.", ["DNS:sip.example.org"], NameMatch.EXACT),
        ("example.org", ["URI:sip:example.org", "DNS:other.org"], NameMatch.EXACT),
        ("other.org", ["URI:sip:example.org", "DNS:other.org"], NameMatch.NONE),
        ("other.org", ["URI:https://example.org", "DNS:other.org"], NameMatch.EXACT),
        ("a.example.org", ["DNS:*.example.org"], NameMatch.WILDCARD),
        ("a.example.org", ["DNS:*.example.org", "DNS:a.example.org"], NameMatch.EXACT),
        ("example.org", ["DNS:*.example.org"], NameMatch.NONE),
        ("a.b.example.org", ["DNS:*.example.org"], NameMatch.NONE),
        ("a.example.org", ["DNS:a*.example.org", "DNS:*"], NameMatch.NONE),
        ("localhost", ["DNS:*."], NameMatch.NONE),
        ("192.0.2.1", ["IP:192.0.2.1"], NameMatch.EXACT),
        ("192.0.2.1", ["DNS:192.0.2.1", "DNS:*.0.2.1"], NameMatch.NONE),
        ("2001:DB8::1", ["IP:2001:db8::1"], NameMatch.EXACT),
        ("2001:db8:0::1", ["IP:2001:db8::1"], NameMatch.EXACT),
        ("sip.example.org", [], NameMatch.NONE),
    ],
)
def test_names_of_certificates(domain: str, names: list[str], match: NameMatch) -> None:
    assert match_name(domain, names) is match
