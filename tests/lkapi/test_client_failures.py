"""Every way a call to LiveKit can fail, as LiveKitClient reports it: the class, the code, and how often it asked."""

import asyncio
import contextlib
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from livekit.protocol.sip import ListSIPDispatchRuleResponse, SIPDispatchRuleInfo

from sipctl.config.model import Connection
from sipctl.errors import ConflictError, DeniedError, NotFoundError, RejectedError, SipctlError, UncheckedError
from sipctl.lkapi.client import ANSWER_LIMIT, LiveKitClient
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule, InboundTrunk, Room
from sipctl.telephony.secret import Secret
from tests.support.peers.hostile import (
    PROTOBUF,
    Answer,
    cuts,
    echoes_token,
    floods,
    hangs,
    hangs_up,
    hostile,
    in_turn,
    says,
)

SECRET = "canary-secret-of-more-than-32-characters"
RULE = DispatchRule(room_name="demo", pin="4821930571", name="SIP_demo")
TRUNK = InboundTrunk(name="main", numbers=("+33123456789",))

Call = Callable[[LiveKitClient], Awaitable[Any]]

READS: dict[str, Call] = {
    "list_rules": lambda client: client.list_rules(),
    "list_inbound_trunks": lambda client: client.list_inbound_trunks(),
    "list_outbound_trunks": lambda client: client.list_outbound_trunks(),
    "list_rooms": lambda client: client.list_rooms(),
    "list_participants": lambda client: client.list_participants("demo"),
}
WRITES: dict[str, Call] = {
    "create_rule": lambda client: client.create_rule(RULE),
    "delete_rule": lambda client: client.delete_rule("SDR_x"),
    "create_inbound_trunk": lambda client: client.create_inbound_trunk(TRUNK),
    "delete_trunk": lambda client: client.delete_trunk("ST_x"),
    "create_room": lambda client: client.create_room(Room(name="demo")),
    "delete_room": lambda client: client.delete_room("demo"),
}


def connection(url: str, secret: str = SECRET, key: str = "devkey") -> Connection:
    return Connection(
        url=url,
        api_key=key,
        api_secret=Secret(secret),
        origin="LIVEKIT_URL in test",
        key_origin="LIVEKIT_API_KEY in test",
        secret_origin="LIVEKIT_API_SECRET in test",
    )


def of(sandbox: Sandbox) -> Connection:
    return connection(sandbox.url, sandbox.api_secret.reveal())


def ask(where: Connection, call: Call, timeout_s: float = 20) -> Any:
    async def asked() -> Any:
        async with LiveKitClient(where, timeout_s=timeout_s) as client:
            return await call(client)

    return asyncio.run(asked())


def failure(where: Connection, call: Call = READS["list_rules"], timeout_s: float = 20) -> SipctlError:
    with pytest.raises(SipctlError) as caught:
        ask(where, call, timeout_s)
    assert SECRET not in f"{caught.value.message}{caught.value.hint}"
    assert "eyJ" not in f"{caught.value.message}{caught.value.hint}"
    return caught.value


def kind(error: SipctlError) -> tuple[type[SipctlError], str]:
    return type(error), error.code


def twirp(status: int, code: str, message: str) -> Answer:
    return says(status, f'{{"code":"{code}","msg":"{message}"}}', "application/json")


# --- what a key, a secret and a clock can do ---


def test_a_key_that_the_server_does_not_know(sandbox: Sandbox) -> None:
    error = failure(connection(sandbox.url, sandbox.api_secret.reveal(), key="strange"))
    assert kind(error) == (DeniedError, "unknown-key")
    assert "'strange' (LIVEKIT_API_KEY in test)" in error.message


def test_a_secret_that_is_not_the_servers(sandbox: Sandbox) -> None:
    error = failure(connection(sandbox.url))
    assert kind(error) == (DeniedError, "wrong-secret")
    assert "(LIVEKIT_API_SECRET in test)" in error.message


def test_a_refusal_that_repeats_the_token_is_not_passed_on() -> None:
    with hostile(echoes_token) as server:
        assert kind(failure(connection(server.url))) == (DeniedError, "wrong-secret")


@pytest.mark.parametrize(("seconds", "described"), [(-3600, "behind ours"), (7 * 3600, "ahead of ours")])
def test_a_clock_that_is_too_far_off(sandbox: Sandbox, seconds: int, described: str) -> None:
    sandbox.advance(seconds)
    error = failure(of(sandbox))
    assert kind(error) == (DeniedError, "clock-skew")
    said = re.search(rf"the server's clock is (\d+) s {described}", error.message)
    assert said
    assert int(said[1]) == pytest.approx(abs(seconds), abs=2)


def test_a_server_an_hour_ahead_takes_our_tokens_and_tells_its_skew(sandbox: Sandbox) -> None:
    """livekit-api's tokens last six hours, so only `doctor` has anything to say about this clock."""
    sandbox.advance(3600)

    async def skew(client: LiveKitClient) -> float | None:
        assert client.skew_s is None
        await client.list_rooms()
        return client.skew_s

    assert ask(of(sandbox), skew) == pytest.approx(3600, abs=2)


def test_a_token_without_the_grant() -> None:
    with hostile(twirp(401, "unauthenticated", "permissions denied")) as server:
        assert kind(failure(connection(server.url))) == (DeniedError, "no-grant")
    with hostile(twirp(403, "permission_denied", "no")) as server:
        assert kind(failure(connection(server.url))) == (DeniedError, "no-grant")


def test_an_authentication_that_is_not_livekits() -> None:
    with hostile(says(401, "<h1>Who are you?</h1>")) as server:
        assert kind(failure(connection(server.url))) == (DeniedError, "denied")
    with hostile(says(403, "<h1>No</h1>")) as server:
        assert kind(failure(connection(server.url))) == (DeniedError, "denied")


# --- a LiveKit that fails ---


@pytest.mark.parametrize(("fault", "code"), [("no-redis", "sip-not-connected"), ("redis-lost", "redis-lost")])
def test_a_server_without_its_redis(sandbox: Sandbox, fault: str, code: str) -> None:
    sandbox.fault(fault)
    assert kind(failure(of(sandbox))) == (UncheckedError, code)
    sandbox.lift_faults()
    assert list(ask(of(sandbox), READS["list_rules"])) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("internal", (UncheckedError, "internal")),
        ("unknown", (UncheckedError, "internal")),
        ("unavailable", (UncheckedError, "unavailable")),
        ("resource_exhausted", (UncheckedError, "overloaded")),
        ("bad_route", (UncheckedError, "foreign-server")),
        ("deadline_exceeded", (UncheckedError, "deadline_exceeded")),
        ("malformed", (RejectedError, "rejected")),
        ("failed_precondition", (RejectedError, "rejected")),
    ],
)
def test_a_refusal_of_livekits_own(code: str, expected: tuple[type[SipctlError], str]) -> None:
    with hostile(twirp(500, code, "so it is")) as server:
        error = failure(connection(server.url))
    assert kind(error) == expected
    assert "so it is" in error.message
    assert len(server.paths) == 1


# --- what is not there, or there already ---


def test_a_conflict_is_described_without_livekits_words(sandbox: Sandbox) -> None:
    ask(of(sandbox), WRITES["create_rule"])
    error = failure(of(sandbox), WRITES["create_rule"])
    assert kind(error) == (ConflictError, "conflict")
    assert RULE.pin not in error.message + error.hint


def test_trunks_that_clash(sandbox: Sandbox) -> None:
    ask(of(sandbox), WRITES["create_inbound_trunk"])
    error = failure(of(sandbox), WRITES["create_inbound_trunk"])
    assert kind(error) == (ConflictError, "conflict")
    assert "trunk list" in error.hint


def test_what_livekits_validation_refuses(sandbox: Sandbox) -> None:
    error = failure(of(sandbox), lambda client: client.create_inbound_trunk(InboundTrunk(name="open")))
    assert kind(error) == (RejectedError, "rejected")
    assert "for security" in error.message


@pytest.mark.parametrize("call", ["delete_rule", "delete_room"])
def test_a_thing_that_does_not_exist(sandbox: Sandbox, call: str) -> None:
    assert kind(failure(of(sandbox), WRITES[call])) == (NotFoundError, "not-found")


def test_replacing_a_rule_that_is_gone(sandbox: Sandbox) -> None:
    gone = DispatchRule(sip_dispatch_rule_id="SDR_none", room_name="demo")
    assert kind(failure(of(sandbox), lambda client: client.replace_rule(gone, gone))) == (NotFoundError, "not-found")


# --- another server at that address ---


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param(says(200, "<html>Welcome</html>"), "foreign-server", id="page"),
        pytest.param(says(200, "{}", "application/json"), "foreign-server", id="json"),
        pytest.param(says(200, b"\xff\xff\xff", PROTOBUF), "foreign-server", id="garbage"),
        pytest.param(says(404, "not here"), "foreign-server", id="404"),
        pytest.param(says(500, "oops"), "foreign-server", id="500"),
        pytest.param(says(500, "[1]", "application/json"), "foreign-server", id="json-list"),
        pytest.param(says(500, '{"code": 5}', "application/json"), "foreign-server", id="code-no-text"),
        pytest.param(says(500, "[" * 4000, "application/json"), "foreign-server", id="deep-json"),
        pytest.param(says(500, b"\xff\xfe\x00"), "foreign-server", id="binary"),
        pytest.param(says(429, "slow down"), "overloaded", id="429"),
        pytest.param(says(502, "<h1>Bad Gateway</h1>"), "gateway", id="502"),
        pytest.param(says(503), "gateway", id="503"),
        pytest.param(says(504), "gateway", id="504"),
    ],
)
def test_an_answer_that_livekit_did_not_write(answer: Answer, code: str) -> None:
    with hostile(answer) as server:
        assert kind(failure(connection(server.url))) == (UncheckedError, code)
    assert len(server.paths) == 1


def test_a_rule_of_no_time_that_there_is() -> None:
    """The rules are converted one by one when they are wanted: that, too, must fail in our own words, or not at all."""
    rules = ListSIPDispatchRuleResponse(items=[SIPDispatchRuleInfo(sip_dispatch_rule_id="SDR_x")])
    rules.items[0].created_at.seconds = 2**62
    with hostile(says(200, rules.SerializeToString(), PROTOBUF)) as server, contextlib.suppress(UncheckedError):
        (rule,) = ask(connection(server.url), READS["list_rules"])
        assert rule.sip_dispatch_rule_id == "SDR_x"


@pytest.mark.parametrize("date", ["", "soon", "Tue, 99999999999999999999 Jan 2024 00:00:00 -0000"])
def test_a_date_that_is_none_is_no_skew(date: str) -> None:
    async def skew(client: LiveKitClient) -> float | None:
        await client.list_rooms()
        return client.skew_s

    with hostile(says(200, b"", PROTOBUF, Date=date)) as server:
        assert ask(connection(server.url), skew) is None


def test_a_page_instead_of_the_sandbox(sandbox: Sandbox) -> None:
    sandbox.fault("page")
    assert kind(failure(of(sandbox))) == (UncheckedError, "foreign-server")
    sandbox.lift_faults()
    sandbox.fault("status=502")
    assert kind(failure(of(sandbox))) == (UncheckedError, "gateway")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_named_and_not_followed(status: int) -> None:
    """Following would hand the token to the server that the answer names."""
    with hostile(says(200, b"", PROTOBUF)) as target:
        location = f"{target.url}/elsewhere"
        with hostile(says(status, Location=location)) as server:
            error = failure(connection(server.url))
        assert kind(error) == (UncheckedError, "redirected")
        assert location in error.hint
        assert target.paths == []


def test_an_answer_without_end() -> None:
    with hostile(floods(ANSWER_LIMIT // 1024 // 1024 + 2)) as server:
        assert kind(failure(connection(server.url))) == (UncheckedError, "oversize")
    assert len(server.paths) == 1


def test_a_refusal_without_end() -> None:
    with hostile(says(500, b"x" * 20_000_000)) as server:
        error = failure(connection(server.url))
    assert kind(error) == (UncheckedError, "foreign-server")
    assert len(error.message) < 300


# --- the network ---


def test_no_one_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure(connection(f"http://127.0.0.1:{port}"))
    assert kind(error) == (UncheckedError, "refused")
    assert "Connection refused" in error.message


def test_a_name_that_no_one_has() -> None:
    error = failure(connection("http://nosuch.invalid"))
    assert kind(error) == (UncheckedError, "dns")
    assert "'nosuch.invalid'" in error.message


def proxied(monkeypatch: pytest.MonkeyPatch, proxy: str, scheme: str = "http") -> SipctlError:
    monkeypatch.setenv(f"{scheme}_proxy", proxy)
    return failure(connection(f"{scheme}://livekit.invalid"))


def test_a_proxy_that_does_not_answer_is_not_livekit(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = proxied(monkeypatch, f"http://user:hunter2@127.0.0.1:{port}")
    assert kind(error) == (UncheckedError, "proxy")
    assert error.message == f"cannot connect to the proxy 127.0.0.1:{port}: Connection refused"
    assert "HTTP_PROXY" in error.hint


def test_a_proxy_that_no_one_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    error = proxied(monkeypatch, "http://nosuch.invalid:3128")
    assert kind(error) == (UncheckedError, "dns")
    assert "'nosuch.invalid'" in error.message
    assert "HTTP_PROXY" in error.hint


def test_a_proxy_that_opens_no_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(says(200, "")) as proxy:  # it knows no CONNECT
        error = proxied(monkeypatch, proxy.url, "https")
    assert kind(error) == (UncheckedError, "proxy")
    assert error.message == "the proxy does not lead to https://livekit.invalid: it answered 404"
    assert "NO_PROXY" in error.hint


def test_no_tls_where_tls_is_meant(sandbox: Sandbox) -> None:
    error = failure(connection(sandbox.url.replace("http:", "https:")))
    assert kind(error) == (UncheckedError, "tls")


@pytest.mark.parametrize("calls", [READS, WRITES], ids=["reads", "writes"])
def test_a_server_that_hangs_is_not_asked_again(calls: dict[str, Call]) -> None:
    for name, call in calls.items():
        with hostile(hangs) as server:
            error = failure(connection(server.url), call, timeout_s=0.3)
        assert kind(error) == (UncheckedError, "timeout"), name
        assert "0.3 s" in error.message
        assert len(server.paths) <= 1, name


@pytest.mark.parametrize("answer", [cuts, hangs_up])
@pytest.mark.parametrize("name", READS)
def test_a_read_is_tried_twice_when_the_connection_breaks(answer: Answer, name: str) -> None:
    with hostile(answer) as server:
        assert kind(failure(connection(server.url), READS[name])) == (UncheckedError, "cut")
    assert len(server.paths) == 2


@pytest.mark.parametrize("answer", [cuts, hangs_up])
@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_tried_once_when_the_connection_breaks(answer: Answer, name: str) -> None:
    with hostile(answer) as server:
        assert kind(failure(connection(server.url), WRITES[name])) == (UncheckedError, "cut")
    assert len(server.paths) == 1


@pytest.mark.parametrize("answer", [cuts, hangs_up])
def test_a_read_succeeds_at_the_second_try(answer: Answer) -> None:
    with hostile(in_turn(answer, says(200, b"", PROTOBUF))) as server:
        assert ask(connection(server.url), READS["list_rooms"]) == []
    assert len(server.paths) == 2


def test_both_tries_share_one_time_limit() -> None:
    with hostile(in_turn(cuts, hangs)) as server:
        assert kind(failure(connection(server.url), timeout_s=1)) == (UncheckedError, "timeout")
    assert len(server.paths) == 2


def test_a_cut_in_the_middle_of_a_real_answer(sandbox: Sandbox) -> None:
    ask(of(sandbox), WRITES["create_rule"])
    sandbox.fault("cut@ListSIPDispatchRule", times=1)
    assert [rule.room_name for rule in ask(of(sandbox), READS["list_rules"])] == ["demo"]
    sandbox.fault("cut@CreateRoom")
    before = len(sandbox.calls)
    assert kind(failure(of(sandbox), WRITES["create_room"])) == (UncheckedError, "cut")
    assert [call.method for call in list(sandbox.calls)[before:]] == ["CreateRoom"]
