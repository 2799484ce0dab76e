"""Our steps against recordings, and against livekit-api's own receiver."""

import base64
import hashlib
import itertools
import json
import time
from typing import Any

import jwt
import pytest
from livekit import api

from sipctl.telephony.secret import Secret
from sipctl.webhooks.signing import sign
from sipctl.webhooks.verification import Fault, issued_at, verify
from tests.support.webhooks import KEYS, recorded

SECRET = "a-secret-of-at-least-32-characters"
OURS = {"devkey": Secret(SECRET)}
BODY = b'{"event":"room_started", "room":{"name":"caf\xc3\xa9"}}'


def test_every_recorded_delivery_verifies_at_its_own_time() -> None:
    events = list(recorded())
    assert len(events) == 130
    for event in events:
        at = issued_at(event.authorization)
        assert at is not None
        assert verify(event.body, event.authorization, KEYS, at).fault is None, event.place
        assert verify(event.body, event.authorization, KEYS, at + 1000).fault is Fault.EXPIRED
        assert verify(event.body + b" ", event.authorization, KEYS, at).fault is Fault.HASH


def digest(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def token(now: float, *, secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    own = {"iss": "devkey", "iat": int(now), "nbf": int(now), "exp": int(now) + 300, "sha256": digest(BODY)} | claims
    given = {name: value for name, value in own.items() if value is not None}
    iss = given.get("iss")
    if isinstance(iss, str) or iss is None:
        return jwt.encode(given, secret, algorithm=algorithm)
    return jwt.api_jws.encode(json.dumps(given).encode(), secret, algorithm=algorithm)


@pytest.mark.parametrize(
    ("authorization", "fault", "detail"),
    [
        ("", Fault.MISSING, "no Authorization header"),
        (f"Bearer {token(1000)}", Fault.BEARER, "bare"),
        ("abc", Fault.FORM, "no JSON Web Token"),
        (token(1000, iss="other"), Fault.KEY, "'other'; known: 'devkey'"),
        (token(1000, secret=SECRET[::-1]), Fault.SIGNATURE, "not signed with the secret of the API key 'devkey'"),
        (token(1000, algorithm="HS512"), Fault.SIGNATURE, "not signed"),
        (token(1000, exp=None), Fault.CLAIMS, "exp"),
        (token(1000, exp="soon"), Fault.CLAIMS, "the claim exp is not a time"),
        (token(1200, exp=2000), Fault.EARLY, "valid only in 0:03:20 (iat)"),
        (token(1000, nbf=1061), Fault.EARLY, "valid only in 0:01:01 (nbf)"),
        (token(1000, exp=900), Fault.EXPIRED, "expired 0:01:40 ago"),
        (token(1000, sha256=None), Fault.NO_HASH, "no sha256 claim"),
        (token(1000, sha256=digest(b"other")), Fault.HASH, "not the one that was signed"),
        (token(1000, sha256="===="), Fault.HASH, ""),
        (token(1000), None, ""),
    ],
)  # fmt: skip
def test_each_step_is_named(authorization: str, fault: Fault | None, detail: str) -> None:
    verdict = verify(BODY, authorization, OURS, 1000)
    assert (verdict.fault, detail in verdict.detail) == (fault, True), verdict


@pytest.mark.parametrize("body", [b"\xff", b"no json", b"[1]", b'{"event": 3}', b"{}", b"[" * 100_000])
def test_a_signed_body_that_is_no_event(body: bytes) -> None:
    assert verify(body, sign(body, "devkey", Secret(SECRET), 1000), OURS, 1000).fault is Fault.BODY


def livekits(body: bytes, authorization: str) -> bool:
    try:
        api.WebhookReceiver(api.TokenVerifier("devkey", SECRET)).receive(body.decode(), authorization)
    except Exception:  # noqa: BLE001 - it raises whatever its libraries raise
        return False
    return True


def generated() -> list[tuple[bytes, str]]:
    """Every token of some issuer, secret, algorithm, times, hash and further claims, over some bodies."""
    now = time.time()
    times: list[dict[str, Any]] = [
        {}, {"exp": None}, {"nbf": None, "iat": None}, {"exp": int(now) - 30}, {"exp": int(now) - 90},
        {"iat": int(now) + 30}, {"iat": int(now) + 90}, {"nbf": int(now) + 30}, {"nbf": int(now) + 90},
        {"exp": "x"}, {"iat": "x"}, {"nbf": []}, {"exp": now + 60.5}, {"exp": str(int(now) + 60)}, {"exp": 10**400},
    ]  # fmt: skip
    signed: list[dict[str, Any]] = [
        {}, {"secret": "another-secret-of-at-least-32-chars"}, {"algorithm": "HS384"}, {"iss": None}, {"iss": ""},
        {"iss": "other"}, {"iss": 5},
    ]  # fmt: skip
    claims: list[dict[str, Any]] = [
        {}, {"sha256": None}, {"sha256": ""}, {"sha256": digest(b"x")}, {"sha256": digest(BODY).rstrip("=")},
        {"sha256": digest(BODY)[:10] + "\n" + digest(BODY)[10:]}, {"sha256": 5}, {"sub": 5}, {"jti": 7}, {"aud": "us"},
    ]  # fmt: skip
    made = [token(now, **one, **two, **three) for one, two, three in itertools.product(times, signed, claims)]
    good = token(now)
    made += [
        f"Bearer {good}",
        f"bearer {good}",
        f" {good}",
        good[:-1],
        good + ".",
        good.replace(".", ""),
        "",
        "é",
        "a.b.c",
    ]
    bodies = (BODY, BODY + b" ", b"{")
    return [(body, one) for body in bodies for one in (*made, sign(body, "devkey", Secret(SECRET), now))]


def test_what_livekits_own_receiver_takes_is_what_we_take() -> None:
    cases = generated()
    taken = 0
    for body, authorization in cases:
        ours = verify(body, authorization, OURS, time.time())
        assert (ours.fault is None) == livekits(body, authorization), (body, authorization, ours)
        taken += ours.fault is None
    assert taken > 10
    assert len(cases) > 3000
