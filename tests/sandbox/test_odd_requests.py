"""Whatever body, content type, header and token it is sent, the sandbox answers with an error of its own, never 500."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import jwt
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import Error, MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from livekit.protocol.sip import CreateSIPDispatchRuleRequest, SIPDispatchRule, SIPDispatchRuleInfo

from sipctl.sandbox import api
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox, running_sandbox

Strategy = st.SearchStrategy[Any]

METHODS = {f"{service}/{name}": method for service, one in api.SERVICES.items() for name, method in one.methods.items()}
CONTENT_TYPES = ("application/json", "application/protobuf")
STATUSES = {200, 400, 401, 404, 409, 412, 503}
"""All that LiveKit's errors come to, and 503 where no SIP node is there to answer."""

SERVERS_OWN_500 = "unknown"
"""The code with which livekit-server itself answers 500 to some requests."""

SNAPSHOT = json.dumps({
    "trunks": [{"sip_trunk_id": "ST_a", "numbers": ["+33199000001"]}, {"sip_trunk_id": "ST_b", "numbers": ["+1"]}],
    "rules": [
        {"sip_dispatch_rule_id": "SDR_a", "rule": {"dispatch_rule_direct": {"room_name": "demo", "pin": "1234"}}},
        {"sip_dispatch_rule_id": "SDR_b", "trunk_ids": ["ST_a"], "rule": {"dispatch_rule_individual": {"pin": "5678"}}},
    ],
    "rooms": [{"name": "demo"}],
})  # fmt: skip

LISTS = [f"/twirp/{method}" for method in METHODS if "/List" in method and "Participants" not in method]
CALL = json.dumps({"to": "+33199000001", "from": "+1", "pin": "1234"}).encode()

# --- messages of any shape ---

_WORDS = st.sampled_from(
    ("", "demo", "SDR_a", "ST_a", "ST_b", "alice", "+33199000001", "1234", "sip:x@y", "é\x00\n", "x" * 300)
)
_SPECIAL_TYPES = {"google.protobuf.Duration", "google.protobuf.Timestamp"}
_CPP = FieldDescriptor


def _scalar(field: FieldDescriptor) -> Strategy:
    edges: dict[int, Strategy] = {
        _CPP.CPPTYPE_STRING: _WORDS if field.type == _CPP.TYPE_STRING else st.binary(max_size=20),
        _CPP.CPPTYPE_BOOL: st.booleans(),
        _CPP.CPPTYPE_ENUM: st.integers(-(2**31), 2**31 - 1) | st.integers(0, 5),
        _CPP.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1) | st.integers(0, 5),
        _CPP.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1) | st.integers(0, 5),
        _CPP.CPPTYPE_UINT32: st.integers(0, 2**32 - 1) | st.integers(0, 5),
        _CPP.CPPTYPE_UINT64: st.integers(0, 2**64 - 1) | st.integers(0, 5),
        _CPP.CPPTYPE_FLOAT: st.floats(width=32),
        _CPP.CPPTYPE_DOUBLE: st.floats(),
    }
    return edges[field.cpp_type]


def _fill(message: Message, draw: Any, depth: int = 0) -> Message:
    """Set some fields of a message to anything that its types allow."""
    for field in message.DESCRIPTOR.fields:
        if draw(st.integers(0, 3)) > (1 if depth < 4 else 0):
            continue
        _fill_field(message, field, draw, depth)
    return message


def _fill_field(message: Message, field: Any, draw: Any, depth: int) -> None:
    value = getattr(message, field.name)
    if field.message_type and field.message_type.GetOptions().map_entry:
        value.update(draw(st.dictionaries(*map(_scalar, field.message_type.fields), max_size=2)))
    elif field.message_type and field.is_repeated:
        for _ in range(draw(st.integers(0, 2))):
            _fill(value.add(), draw, depth + 1)
    elif field.message_type:
        value.SetInParent()
        _fill(value, draw, depth + 1)
    elif field.is_repeated:
        value.extend(draw(st.lists(_scalar(field), max_size=3)))
    else:
        setattr(message, field.name, draw(_scalar(field)))


@st.composite
def _message(draw: Any, kind: Descriptor) -> Message:
    return _fill(GetMessageClass(kind)(), draw)


@st.composite
def _damaged(draw: Any, whole: Strategy) -> bytes:
    """Bytes with some of them changed, lost or added."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(("flip", "lose", "add", "cut"))):
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "lose":
                del data[at : at + draw(st.integers(1, 8))]
            case "add":
                data[at:at] = draw(st.binary(min_size=1, max_size=8))
            case "cut":
                del data[at:]
    return bytes(data)


def _json_values(kind: Descriptor) -> Strategy:
    names = [name for field in kind.fields for name in (field.name, field.json_name)]
    scalars = (
        st.none() | st.booleans() | st.integers() | st.floats() | _WORDS | st.sampled_from(("\ud800", "1e9", "-1s"))
    )
    inner = st.recursive(
        scalars,
        lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(_WORDS | st.sampled_from(names or [""]), deeper),
        max_leaves=8,
    )
    return st.dictionaries(st.sampled_from(names or [""]), inner) | inner


def _as_json(message: Message) -> bytes:
    try:
        return json.dumps(MessageToDict(message)).encode()
    except Error:  # a time that JSON cannot say
        return b"{}"


def _bodies(kind: Descriptor) -> Strategy:
    whole = _message(kind).map(lambda message: message.SerializeToString()) | _message(kind).map(_as_json)
    return (
        whole
        | _damaged(whole)
        | _json_values(kind).map(lambda value: json.dumps(value).encode())
        | st.binary(max_size=60)
    )


# --- the server ---


class Client:
    """One connection to a sandbox, with a token that may do anything in the room `demo`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        grants = {"roomCreate": True, "roomList": True, "roomAdmin": True, "room": "demo"}
        self.token = self.sign({"video": grants, "sip": {"admin": True, "call": True}})
        self.connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=20)

    def sign(self, claims: Any) -> str:
        given = {"iss": "devkey", "exp": int(time.time()) + 600, **claims}
        return jwt.PyJWS().encode(json.dumps(given).encode(), self.sandbox.api_secret.reveal(), "HS256")

    def refill(self) -> None:
        store = self.sandbox.store
        for things in (store.rules, store.inbound, store.outbound, store.rooms):
            things.clear()
        plant_snapshot(store, SNAPSHOT)
        store.join("demo", "alice")

    def send(self, path: str, content_type: str, body: bytes, token: str = "") -> tuple[int, bytes]:
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {token or self.token}"}
        self.connection.request("POST", path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with running_sandbox() as sandbox:
        one = Client(sandbox)
        with closing(one.connection):
            yield one


def assert_own_answer(status: int, answer: bytes) -> None:
    """The sandbox decided upon this answer; it did not stumble."""
    assert status in STATUSES or json.loads(answer)["code"] == SERVERS_OWN_500, answer


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=25, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
@given(data=st.data())
def test_no_body_is_too_odd(client: Client, method: str, data: Any) -> None:
    client.refill()
    kind = METHODS[method].request.DESCRIPTOR
    for _ in range(data.draw(st.integers(1, 3))):
        content_type, body = data.draw(st.sampled_from(CONTENT_TYPES)), data.draw(_bodies(kind))
        note(f"{method} {content_type} {body!r}")
        assert_own_answer(*client.send(f"/twirp/{method}", content_type, body))
    for path in LISTS:
        assert client.send(path, "application/json", b"{}")[0] == 200
    assert client.send("/sandbox/call", "application/json", CALL)[0] == 200


_TIMELESS = CreateSIPDispatchRuleRequest(
    dispatch_rule=SIPDispatchRuleInfo(rule=SIPDispatchRule(), created_at=Timestamp(nanos=-1))
)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/protobuf", _TIMELESS.SerializeToString()),
        ("application/json", b'{"room_config": "\\ud800", "inboundNumbers": 2.8, "attributes": -6.4}'),
        ("application/json", b'{"dispatch_rule": {"name": "\\udfff"}}'),
        ("application/json", b'{"dispatch_rule": ' * 3000),
        ("application/json", b"9" * 5000),
    ],
)
def test_what_was_too_odd_once(client: Client, content_type: str, body: bytes) -> None:
    status, answer = client.send("/twirp/livekit.SIP/CreateSIPDispatchRule", content_type, body)
    assert (status, json.loads(answer)["code"]) == (400, "malformed")


_HEADER = st.text(st.sampled_from([chr(code) for code in range(256) if chr(code).isprintable()]), max_size=30)


@settings(max_examples=200, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
@given(
    path=st.sampled_from(("/", "/rtc/validate", "/twirp/livekit.SIP/", "/twirp/livekit.Egress/List", "/sandbox/join"))
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30).map("/{}".format),
    headers=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("Content-Type", "Authorization", "Origin", "Accept", "Content-Encoding"), _HEADER),
    ),
    token=st.none() | _HEADER | st.just("\xff.\xff.\xff"),
    verb=st.sampled_from(("GET", "POST", "PUT", "OPTIONS", "DELETE", "HEAD")),
)
def test_no_head_is_too_odd(client: Client, path: str, headers: dict[str, str], token: str | None, verb: str) -> None:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    sent = {name: value.strip().encode("latin-1") for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", client.sandbox.port, timeout=20)) as connection:
        connection.request(verb, path, b"{}", sent)
        assert connection.getresponse().status < 500


_CLAIM = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("room", "roomList", "admin")), inner),
    max_leaves=5,
)
_CLAIM_NAMES = (
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "video",
    "sip",
    "agent",
    "attributes",
    "roomConfig",
    "kind",
)


@settings(max_examples=200, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
@given(claims=st.dictionaries(st.sampled_from(_CLAIM_NAMES), _CLAIM))
def test_no_claim_is_too_odd(client: Client, claims: dict[str, Any]) -> None:
    token = client.sign(claims)
    for path in ("/twirp/livekit.RoomService/ListRooms", "/twirp/livekit.SIP/ListSIPTrunk", "/rtc/validate"):
        assert client.send(path, "application/json", b"{}", token)[0] in {200, 400, 401}
