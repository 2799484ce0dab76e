"""Challenges read and answered: the vectors of RFC 7616, what LiveKit accepted, and what tears other readers apart."""

import time

import pytest

from sipctl.sip.digest import (
    ANSWERED_IN,
    Challenge,
    Credentials,
    answer_challenge,
    challenges_of,
    choose_challenge,
    digest_response,
    parse_challenges,
)
from sipctl.sip.errors import BuildError, MalformedError
from sipctl.sip.message import Request, Response, build_response
from sipctl.sip.parser import parse
from tests.support.sip_hostile import broken_challenge
from tests.support.sip_recorded import recorded_messages
from tests.support.sip_requests import options_request

MUFASA = {"realm": "http-auth@example.org", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"}
DOE = {"realm": "api@example.org", "nonce": "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK"}


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_vectors_of_rfc_7616(algorithm: str, expected: str) -> None:
    challenge = Challenge("digest", {"algorithm": algorithm, **MUFASA})
    protection = ("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth")
    credentials = Credentials("Mufasa", "Circle of Life")
    assert digest_response(challenge, credentials, "GET", "/dir/index.html", protection) == expected


def test_the_vector_of_rfc_7616_for_sha_512_256() -> None:
    """As erratum 4897 corrects it: the RFC printed the start of a SHA-512."""
    challenge = Challenge("digest", {"algorithm": "SHA-512-256", **DOE})
    protection = ("00000001", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", "auth")
    credentials = Credentials("Jäsøn Doe", "Secret, or not?")
    response = digest_response(challenge, credentials, "GET", "/doe.json", protection)
    assert response == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"


def test_without_qop_the_response_is_that_of_rfc_2069() -> None:
    challenge = Challenge("digest", {"realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093"})
    response = digest_response(challenge, Credentials("Mufasa", "CircleOfLife"), "GET", "/dir/index.html")
    assert response == "1949323746fe6a43ef61f9606e7febea"


def test_livekit_accepted_what_we_would_answer() -> None:
    """Word for word: it refuses a client that adds qop by itself."""
    call = [parse(one.data).message for one in recorded_messages() if one.scenario == "digest-right"]
    [challenged] = [one for one in call if isinstance(one, Response) and one.code == 407]
    _, second = [one for one in call if isinstance(one, Request) and one.method == "INVITE"]
    challenge = choose_challenge(challenged)
    assert challenge
    answer = answer_challenge(challenge, Credentials("alice", "secret1"), second, cnonce="unused")
    assert second.headers.first(ANSWERED_IN[407]) == answer


def challenged(code: int, *values: str) -> Response:
    name = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[code]
    return build_response(options_request(), code, "", [(name, value) for value in values])


def test_several_challenges_come_in_one_header_or_in_several() -> None:
    one = 'Digest realm="a, b=\\"c\\"", nonce="n1", qop="auth,auth-int", Basic realm="x", digest nonce=n2 , realm = r'
    response = challenged(401, one, 'Digest realm="d", nonce="n3"')
    assert [(challenge.scheme, challenge.realm) for challenge in challenges_of(response)] == [
        ("digest", 'a, b="c"'), ("basic", "x"), ("digest", "r"), ("digest", "d"),
    ]  # fmt: skip
    assert challenges_of(response)[0].qop == ["auth", "auth-int"]


def test_the_topmost_known_algorithm_is_taken() -> None:
    unknown = 'Digest realm="r", nonce="n", algorithm=SHA3-512'
    session = 'Digest realm="r", nonce="n", algorithm=MD5-sess'
    sealed = 'Digest realm="r", nonce="n", qop="auth-int"'
    sha = 'Digest realm="r", nonce="n", algorithm="sha-256"'
    md5 = 'Digest realm="r", nonce="n"'
    chosen = choose_challenge(challenged(407, unknown, session, sealed, sha, md5))
    assert chosen
    assert chosen.algorithm == "sha-256"
    assert choose_challenge(challenged(401, unknown, session, sealed, 'Basic realm="r"', "broken")) is None
    assert choose_challenge(build_response(options_request(), 403, "")) is None


def test_protection_is_used_only_where_it_is_offered() -> None:
    credentials = Credentials('a"b', "secret")
    plain = answer_challenge(parse_challenges('Digest realm="r", nonce="n"')[0], credentials, options_request(), "c")
    assert plain.startswith('Digest username="a\\"b", realm="r", nonce="n", uri="sip:b@192.0.2.1", response="')
    assert not any(word in plain for word in ("qop", "nc=", "cnonce", "algorithm", "opaque"))
    full = 'Digest realm="r", nonce="n", qop="auth-int, AUTH", algorithm=SHA-256, opaque="", stale=TRUE'
    [challenge] = parse_challenges(full)
    answered = answer_challenge(challenge, credentials, options_request(), "c")
    assert answered.endswith(', algorithm=SHA-256, qop=auth, nc=00000001, cnonce="c", opaque=""')
    assert challenge.is_stale
    [read] = parse_challenges(answered)
    again = digest_response(read, credentials, "OPTIONS", "sip:b@192.0.2.1", ("00000001", "c", "auth"))
    assert read.params["response"] == again


def test_an_empty_password_is_never_sent_and_no_password_shown() -> None:
    with pytest.raises(BuildError):
        Credentials("alice", "")
    assert "secret" not in repr(Credentials("alice", "secret"))


@pytest.mark.parametrize(
    "text",
    [
        "", "Digest", "Digest ", 'Digest realm="a"; nonce="b"', 'Digest realm="a" nonce="b"', 'Digest realm="a",',
        'Digest realm="a', "Digest realm=", 'realm="a"', 'Digest nonce="a", nonce="b"', ', Digest realm="a"',
    ],
)  # fmt: skip
def test_what_is_no_challenge_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_challenges(text)


def test_a_broken_challenge_is_refused_at_once() -> None:
    challenge = broken_challenge(195)
    assert len(challenge) == 195
    taken = []
    for _ in range(5):
        started = time.process_time()
        with pytest.raises(MalformedError):
            parse_challenges(challenge)
        taken.append(time.process_time() - started)
    assert min(taken) < 0.005
