"""Tokens whose claims are of the wrong type get the answer that a real livekit-server gives."""

import http.client
import json
import time
from typing import Any

import jwt
import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit

NO_TOKEN = "invalid authorization token"
EXPIRED = "token has invalid claims: token is expired"
DENIED = '{"code":"unauthenticated","msg":"permissions denied"}'
DONE = '{"rooms":[]}'
VALUES: tuple[Any, ...] = ("x", 5, 1.5, True, None, [], ["x"], [1], {}, {"a": 1})
KINDS = {str: "string", int: "number", float: "number", bool: "bool", list: "array", dict: "object"}


def mistyped(value: Any, field: str, wanted: str) -> str:
    kind, struct = KINDS[type(value)], "VideoGrant" if "." in field else "tokenClaims"
    place = f"{struct}.ClaimGrants.{field}"
    fault = f"json: cannot unmarshal {kind} into Go struct field {place} of type {wanted}"
    return f"token is malformed: could not JSON decode claim: {fault}"


def answer(server: Sandbox | RealLiveKit, claims: dict[str, Any] | str) -> tuple[int, str]:
    now = int(time.time())
    whole = {"iss": "devkey", "nbf": now - 5, "exp": now + 600, "video": {"roomList": True}}
    text = claims if isinstance(claims, str) else json.dumps(whole | claims)
    token = jwt.PyJWS().encode(text.encode(), server.api_secret.reveal(), algorithm="HS256")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        connection.request("POST", "/twirp/livekit.RoomService/ListRooms", "{}", headers)
        response = connection.getresponse()
        body = response.read().decode().removeprefix(f"invalid token: {token}, error: ")
        return response.status, body.replace("\u00a0", " ")  # Go's protobuf draws which blank it writes
    finally:
        connection.close()


@pytest.mark.parametrize("name", ["iss", "sub", "jti"])
def test_registered_claims_are_text(livekit: Sandbox | RealLiveKit, name: str) -> None:
    for value in VALUES:
        text = value is None or isinstance(value, str)
        refused = f"invalid API key: {value or ''}" if text and name == "iss" else NO_TOKEN
        assert answer(livekit, {name: value}) == ((200, DONE) if text and name != "iss" else (401, refused)), value


def test_an_audience_is_text_or_a_list_of_text(livekit: Sandbox | RealLiveKit) -> None:
    for value in VALUES:
        sound = value is None or isinstance(value, str) or value in ([], ["x"])
        assert answer(livekit, {"aud": value}) == ((200, DONE) if sound else (401, NO_TOKEN)), value


def test_times_are_numbers_or_text_of_one(livekit: Sandbox | RealLiveKit) -> None:
    for name in ("exp", "nbf", "iat"):
        for value in (*VALUES, "", "0x5", " 5", "5 ", "1_000", "\u0665", "NaN", "-"):
            if isinstance(value, bool) or not isinstance(value, int | float | None):
                assert answer(livekit, {name: value}) == (401, NO_TOKEN), (name, value)
    for value in (5, 1.5, -1, "123", "-1.5e2", 1e300):  # what is over 64 bits turns into the remote past
        assert answer(livekit, {"exp": value}) == (401, EXPIRED), value
        assert answer(livekit, {"nbf": value, "iat": value}) == (200, DONE), value
    assert answer(livekit, {"exp": None, "nbf": None, "iat": None}) == (200, DONE)
    assert answer(livekit, '{"iss": "devkey", "exp": 1e999}') == (401, NO_TOKEN)
    assert answer(livekit, '{"iss": "devkey", "exp": 1' + "0" * 400 + "}") == (401, NO_TOKEN)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("identity", "string"), ("name", "string"), ("kind", "string"), ("roomPreset", "string"),
        ("sha256", "string"), ("metadata", "string"), ("attributes", "map[string]string"),
        ("video", "auth.VideoGrant"), ("sip", "auth.SIPGrant"), ("agent", "auth.AgentGrant"),
        ("inference", "auth.InferenceGrant"),
    ],
)  # fmt: skip
def test_grants_are_of_their_type(livekit: Sandbox | RealLiveKit, name: str, wanted: str) -> None:
    for value in VALUES:
        expected = (200, DONE)
        if name == "attributes" and value == {"a": 1}:
            expected = (401, mistyped(1, name, "string"))
        elif not (value is None or isinstance(value, str if wanted == "string" else dict)):
            expected = (401, mistyped(value, name, wanted))
        elif name == "video":
            expected = (401, DENIED)
        assert answer(livekit, {name: value}) == expected, value


def test_permissions_are_of_their_type(livekit: Sandbox | RealLiveKit) -> None:
    flags = ("roomList", "roomAdmin", "roomJoin", "canPublish", "canUpdateOwnMetadata", "hidden", "recorder", "agent")
    for flag, value in [(flag, value) for flag in flags for value in VALUES]:
        granted = value is True or flag != "roomList"
        expected = (200, DONE) if granted else (401, DENIED)
        if not isinstance(value, bool | None):
            expected = (401, mistyped(value, f"video.{flag}", "bool"))
        assert answer(livekit, {"video": {"roomList": True, flag: value}}) == expected, (flag, value)
    for value in (5, True, [], {}):
        refused = (401, mistyped(value, "video.room", "string"))
        assert answer(livekit, {"video": {"roomList": True, "room": value}}) == refused
    for value in ("x", 5, {}):
        refused = (401, mistyped(value, "video.canPublishSources", "[]string"))
        assert answer(livekit, {"video": {"roomList": True, "canPublishSources": value}}) == refused


def test_a_room_configuration_is_an_object(livekit: Sandbox | RealLiveKit) -> None:
    for value, token in {5: "5", True: "true", "x": '"x"'}.items():
        words = f"could not JSON decode claim: proto: syntax error (line 1:1): unexpected token {token}"
        assert answer(livekit, {"roomConfig": value}) == (401, f"token is malformed: {words}")
    assert answer(livekit, {"roomConfig": None}) == (200, DONE)
    assert answer(livekit, {"roomConfig": {}}) == (200, DONE)
    assert answer(livekit, {"roomConfig": {"emptyTimeout": "x"}})[0] == 401


@pytest.mark.parametrize("claims", ["", "5", "[]", '"x"', "null", "{", '{"exp": NaN}', "[" * 5000, "\x00"])
def test_claims_that_are_no_object(livekit: Sandbox | RealLiveKit, claims: str) -> None:
    assert answer(livekit, claims) == (401, "invalid API key: " if claims == "null" else NO_TOKEN)


def test_a_key_with_half_a_character(livekit: Sandbox | RealLiveKit) -> None:
    assert answer(livekit, '{"iss": "\\ud800"}') == (401, "invalid API key: \ufffd")
