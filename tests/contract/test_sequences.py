"""Random sequences of SIP calls get the same answers from the sandbox and from a real livekit-server."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from sipctl.sandbox.server import Sandbox, running_sandbox
from sipctl.sandbox.store import Store
from tests.support.peers.livekit import RealLiveKit
from tests.support.twirp import twirp_answer

Json = dict[str, Any]
Strategy = st.SearchStrategy[Any]


@dataclass(frozen=True)
class Ref:
    """The id of the thing that was created as the `at`th of its kind, wrapping round."""

    kind: str
    at: int


class GivenIds(random.Random):
    """Lets the sandbox draw the id that the real server drew, so that order and texts are comparable, too."""

    def __init__(self) -> None:
        super().__init__()
        self.next_id = ""

    def choice(self, seq: Any) -> Any:
        """The next character of the next id, else any."""
        if not self.next_id:
            return super().choice(seq)
        drawn, self.next_id = self.next_id[0], self.next_id[1:]
        return drawn


@dataclass
class Pair:
    """The two servers and the ids of what was created on them, oldest first."""

    real: RealLiveKit
    sandbox: Sandbox
    ids: dict[str, list[str]] = field(default_factory=lambda: {"SDR": [], "ST": []})

    def send(self, method: str, body: Json) -> None:
        filled = self._filled(body)
        note(f"{method} {json.dumps(filled)}")
        expected = twirp_answer(self.real, method, filled)
        identifier = _created_id(method, expected)
        entropy = self.sandbox.store.entropy
        assert isinstance(entropy, GivenIds)
        entropy.next_id = identifier.partition("_")[2]
        got = twirp_answer(self.sandbox, method, filled)
        assert got == expected, f"{method} {json.dumps(filled)}"
        if identifier:
            self.ids[identifier.partition("_")[0]].append(identifier)

    def _filled(self, value: Any) -> Any:
        if isinstance(value, Ref):
            ids = self.ids[value.kind]
            return ids[value.at % len(ids)] if ids else f"{value.kind}_none_yet"
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        return value


def _created_id(method: str, answer: tuple[int, Mapping[str, Any]]) -> str:
    status, body = answer
    if status != 200 or not method.startswith("Create"):
        return ""
    return str(body.get("sip_dispatch_rule_id") or body.get("sip_trunk_id"))


def _some(**fields: Strategy) -> Strategy:
    """A body with some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def _body(some: Strategy | None = None, **fields: Strategy) -> Strategy:
    """A body with all of these fields, and what `some` draws."""
    drawn = st.just({}) if some is None else some
    return st.tuples(drawn, st.fixed_dictionaries(fields)).map(lambda pair: {**pair[0], **pair[1]})


def _mostly(usual: Strategy, *odd: Any) -> Strategy:
    """The usual one nearly always; hypothesis itself draws the ends of a range more often than the rest."""
    return st.integers(0, 15).flatmap(lambda drawn: st.sampled_from(odd) if drawn in {7, 11} else usual)


def _list_update(items: Strategy) -> Strategy:
    acts = ("set", "add", "remove")
    return _mostly(st.builds(lambda act, values: {act: values}, st.sampled_from(acts), items), {"clear": True}, {})


def _ids(kind: str) -> Strategy:
    return _mostly(st.builds(Ref, st.just(kind), st.integers(0, 3)), f"{kind}_unknown", "")


NAMES = st.sampled_from(["first", "", 'quo"ted', "é\n"])
NUMBER = st.sampled_from(["+15550100", "+1 (555) 0100", "15550100", "anonymous"])
NUMBERS = st.lists(NUMBER, max_size=2)
SOME_NUMBERS = _mostly(st.lists(NUMBER, min_size=1, max_size=2), [])
RULE_IDS, TRUNK_IDS = _ids("SDR"), _ids("ST")
SOME_TRUNKS = st.lists(TRUNK_IDS, max_size=2)
PINS = st.sampled_from(["1234", "5678", ""])
PREFIXED = _some(room_prefix=st.just("demo"), pin=PINS, no_randomness=st.booleans())
RULE_TYPES = _mostly(
    st.one_of(
        _body(dispatch_rule_direct=_body(room_name=st.sampled_from(["demo", "other"]), pin=PINS)),
        _body(dispatch_rule_individual=PREFIXED),
        _body(dispatch_rule_callee=_some(room_prefix=st.just("demo"), pin=PINS, randomize=st.booleans())),
    ),
    {},
)
LEGACY_RULES = _body(
    _some(name=NAMES, trunk_ids=SOME_TRUNKS, inbound_numbers=NUMBERS, hide_phone_number=st.booleans()), rule=RULE_TYPES
)
RULES = _mostly(
    _body(
        _some(name=NAMES, trunk_ids=SOME_TRUNKS, numbers=NUMBERS, inbound_numbers=NUMBERS, metadata=NAMES),
        rule=RULE_TYPES,
    ),
    {"name": "without a type"},
)
RULE_UPDATES = _some(
    name=NAMES,
    metadata=NAMES,
    trunk_ids=_list_update(SOME_TRUNKS),
    rule=RULE_TYPES,
    attributes=st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["", "1"]), max_size=2),
    media_encryption=st.sampled_from(["SIP_MEDIA_ENCRYPT_DISABLE", "SIP_MEDIA_ENCRYPT_ALLOW"]),
)
TRUNKS = _body(
    _some(
        name=NAMES,
        allowed_numbers=NUMBERS,
        allowed_addresses=st.just(["192.0.2.0/24"]),
        auth_username=st.just("user"),
        krisp_enabled=st.booleans(),
    ),
    numbers=SOME_NUMBERS,
)
TRUNK_UPDATES = _some(
    name=NAMES,
    numbers=_list_update(SOME_NUMBERS),
    allowed_numbers=_list_update(NUMBERS),
    auth_username=st.sampled_from(["", "user"]),
)
PAGES = _some(after_id=st.one_of(RULE_IDS, TRUNK_IDS), limit=st.integers(0, 2))


def _call(method: str, body: Strategy) -> Strategy:
    return st.tuples(st.just(method), body)


CREATES = st.one_of(
    _call("CreateSIPDispatchRule", _body(dispatch_rule=RULES)),
    _call("CreateSIPDispatchRule", LEGACY_RULES),
    _call("CreateSIPInboundTrunk", _body(trunk=TRUNKS)),
)
CALLS = st.one_of(
    CREATES,
    _call("UpdateSIPDispatchRule", _body(sip_dispatch_rule_id=RULE_IDS, replace=RULES)),
    _call("UpdateSIPDispatchRule", _body(sip_dispatch_rule_id=RULE_IDS, update=RULE_UPDATES)),
    _call("UpdateSIPInboundTrunk", _body(sip_trunk_id=TRUNK_IDS, replace=TRUNKS)),
    _call("UpdateSIPInboundTrunk", _body(sip_trunk_id=TRUNK_IDS, update=TRUNK_UPDATES)),
    _call("DeleteSIPDispatchRule", _body(sip_dispatch_rule_id=RULE_IDS)),
    _call("DeleteSIPTrunk", _body(sip_trunk_id=TRUNK_IDS)),
    _call(
        "ListSIPDispatchRule",
        _some(dispatch_rule_ids=st.lists(RULE_IDS, max_size=2), trunk_ids=SOME_TRUNKS, page=PAGES),
    ),
    _call("ListSIPInboundTrunk", _some(trunk_ids=SOME_TRUNKS, numbers=NUMBERS, page=PAGES)),
)
SEQUENCES = st.tuples(st.lists(CREATES, min_size=4, max_size=6), st.lists(CALLS, min_size=3, max_size=6)).map(
    lambda parts: [*parts[0], *parts[1]]
)


def _updated(numbers: list[str], update: Json) -> list[tuple[str, Json]]:
    """A trunk with these numbers, updated."""
    return [
        ("CreateSIPInboundTrunk", {"trunk": {"numbers": numbers}}),
        ("UpdateSIPInboundTrunk", {"sip_trunk_id": Ref("ST", 0), "update": {"numbers": update}}),
    ]


@pytest.mark.real
@pytest.mark.timeout(240)  # a failure is shrunk before it is reported
@settings(max_examples=15, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=SEQUENCES)
@example(calls=_updated(["1"], {"add": ["2", "2"]}))
@example(calls=_updated(["1", "1", "2"], {"remove": ["1"]}))
def test_sequences(real: RealLiveKit, calls: list[tuple[str, Json]]) -> None:
    real.clear()
    with running_sandbox(Sandbox(store=Store(entropy=GivenIds()))) as sandbox:
        pair = Pair(real, sandbox)
        for method, body in calls:
            pair.send(method, body)
        for method in ("ListSIPDispatchRule", "ListSIPInboundTrunk"):
            pair.send(method, {})
