"""The sandbox as a SIP node: what it answers, message by message, is what livekit-sip was recorded to answer."""

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox, running_sandbox
from sipctl.sip.message import Response
from sipctl.sip.parser import parse
from tests.support.running import clean_env, command, run
from tests.support.schemas import validate
from tests.support.sip_recorded import Recorded, recorded_messages

NUMBER = "+33199000001"
PATIENCE_S = 20.0
"""How long an answer that is expected may take, on a machine that is busy."""
SETUPS = Path(__file__).parents[1] / "data" / "sip" / "setups.json"
"""The trunks and rules that were stored when the calls were recorded."""


@pytest.fixture
def node() -> Iterator[Sandbox]:
    with running_sandbox(Sandbox(with_sip=True)) as running:
        yield running


def sip_port(sandbox: Sandbox) -> int:
    assert sandbox.sip
    return sandbox.sip.port


class Caller:
    """A socket that speaks to the node."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", sip_port(sandbox)))

    def heard(self, within_s: float, expected: int = 0) -> list[Response]:
        """What comes within this time, after as many responses as are expected, which are waited for."""
        found: list[Response] = []
        end = time.monotonic() + within_s
        try:
            while (left := end - time.monotonic()) > 0:
                self.socket.settimeout(left if len(found) >= expected else PATIENCE_S)
                message = parse(self.socket.recv(65_535)).message
                assert isinstance(message, Response)
                found.append(message)
                end = time.monotonic() + within_s if len(found) <= expected else end
        except TimeoutError:
            pass
        return found

    def say(self, data: bytes, within_s: float = 0.15, expected: int = 0) -> list[Response]:
        self.socket.send(data)
        return self.heard(within_s, expected)

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def caller(node: Sandbox) -> Iterator[Caller]:
    one = Caller(node)
    yield one
    one.close()


@dataclass(kw_only=True)
class Exchange:
    """A message of a caller, and what LiveKit sent before the caller spoke again."""

    sent: Recorded
    answers: list[Response] = field(default_factory=list)


def exchanges(scenario: str) -> list[Exchange]:
    found: list[Exchange] = []
    for message in recorded_messages():
        if message.scenario != scenario:
            continue
        if not message.from_livekit:
            found.append(Exchange(sent=message))
        else:
            answer = parse(message.data).message
            if isinstance(answer, Response) and found:
                found[-1].answers.append(answer)
    return found


def shape(response: Response) -> list[str]:
    """The start line and the headers, without what differs from run to run."""
    lines = [response.start_line, *(f"{header.name}: {header.value}" for header in response.headers)]
    text = re.sub("[\udc80-\udcff]", "\ufffd", "\n".join(lines))  # as the recorder wrote what is no UTF-8
    text = re.sub(r"(rport=|127\.0\.0\.1:)\d+", r"\1PORT", text)
    text = re.sub(r"tag=(SCL_\w{12}|[0-9a-f]{8}-[0-9a-f-]{27})", "tag=TAG", text)
    return re.sub(r'nonce="\d+-', 'nonce="TIME-', text).splitlines()


ALIKE = ("options-udp", "methods-other", "malformed-udp")


@pytest.mark.parametrize("scenario", ALIKE)
def test_every_message_is_answered_as_livekit_answered_it(node: Sandbox, caller: Caller, scenario: str) -> None:
    told = exchanges(scenario)
    assert len(told) >= 7
    for one in told:
        if "Content-Type: text" in str(one.sent.data):
            continue
        mine = caller.say(one.sent.data, 0.02, len(one.answers))
        assert [shape(answer) for answer in mine] == [shape(answer) for answer in one.answers], one.sent.defect


def test_what_belongs_to_no_call(caller: Caller) -> None:
    for one in exchanges("dialog-unknown"):
        if one.sent.data.startswith((b"BYE", b"NOTIFY", b"ACK", b"CANCEL")):
            assert [shape(answer) for answer in caller.say(one.sent.data, 0.02, len(one.answers))] == [
                shape(answer) for answer in one.answers
            ]


def test_broken_messages_on_a_connection(node: Sandbox) -> None:
    """Each on a connection of its own, and then an OPTIONS on the same one."""
    pairs = exchanges("malformed-tcp")
    assert len(pairs) == 18
    for broken, after in zip(pairs[::2], pairs[1::2], strict=True):
        with socket.create_connection(("127.0.0.1", sip_port(node))) as connection:
            for one in (broken, after):
                connection.sendall(one.sent.data)
                heard = answered_codes(connection, len(one.answers))
                assert heard == [answer.code for answer in one.answers], broken.sent.defect


def answered_codes(connection: socket.socket, expected: int) -> list[int]:
    """The codes of what comes; as many as are expected are waited for."""
    heard, found = b"", list[int]()
    while True:
        connection.settimeout(0.05 if len(found) >= expected else PATIENCE_S)
        try:
            piece = connection.recv(65_535)
        except TimeoutError:
            return found
        assert piece
        heard += piece
        found = [int(code) for code in re.findall(rb"^SIP/2\.0 (\d+)", heard, re.MULTILINE)]


SILENT_OR_REFUSED = (
    "invite-address-not-allowed", "invite-allowed-numbers-miss", "invite-nothing-configured", "invite-no-sdp",
    "invite-to-national-format", "invite-trunk-no-rule", "rule-dangling-trunk-id", "rule-inbound-numbers-miss",
    "to-user-differs", "trunks-conflict-stored", "rules-conflict-stored", "rules-conflict-other-trunk",
    "digest-none", "digest-garbage", "digest-wrong-password", "digest-wrong-user", "digest-wrong-realm",
    "digest-stale-nonce", "digest-qop-auth", "digest-authorization-header", "digest-new-call-id", "sdp-g729-only",
    "redis-stopped",
)  # fmt: skip
"""Recorded calls that LiveKit never answers."""


def invites(scenario: str) -> list[Exchange]:
    return [one for one in exchanges(scenario) if one.sent.data.startswith(b"INVITE")]


def without_repeats(answers: list[Response]) -> list[tuple[str, ...]]:
    """A response that came again since no ACK arrived in time counts once."""
    return list(dict.fromkeys(tuple(shape(answer)) for answer in answers))


@pytest.mark.parametrize("scenario", SILENT_OR_REFUSED)
def test_a_call_that_is_not_answered(scenario: str) -> None:
    setup = json.loads(SETUPS.read_text())[scenario]
    with running_sandbox(Sandbox(with_sip=True)) as node:
        plant_snapshot(node.store, json.dumps(setup))
        if scenario == "redis-stopped":
            node.fault("redis-lost")
        one = Caller(node)
        for exchange in invites(scenario):
            mine = one.say(exchange.sent.data, 0.05, len(without_repeats(exchange.answers)))
            assert without_repeats(mine) == without_repeats(exchange.answers)
        one.close()


def invite(*, branch: str = "z9hG4bKa", call_id: str = "a@b", body: str = "", to: str = NUMBER) -> bytes:
    return (
        f"INVITE sip:{to}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch={branch};rport\r\nMax-Forwards: 70\r\n"
        f"From: <sip:+33612345678@127.0.0.1>;tag=t\r\nTo: <sip:{to}@127.0.0.1>\r\nCall-ID: {call_id}\r\n"
        f"CSeq: 1 INVITE\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n"
SEED = json.dumps({
    "trunks": [{"sip_trunk_id": "ST_a", "numbers": [NUMBER]}],
    "rules": [{"sip_dispatch_rule_id": "SDR_a", "trunk_ids": ["ST_a"],
               "rule": {"dispatch_rule_direct": {"room_name": "standup", "pin": "4821"}}}],
})  # fmt: skip


def codes(answers: list[Response]) -> list[int]:
    return [answer.code for answer in answers]


def test_a_call_that_would_be_answered_rings_until_it_is_cancelled(node: Sandbox, caller: Caller) -> None:
    plant_snapshot(node.store, SEED)
    ringing = invite(body=OFFER)
    assert codes(caller.say(ringing, 0.2, 3)) == [100, 180, 180]
    assert 100 not in codes(caller.say(ringing)), "the same INVITE again is absorbed"
    cancel = ringing.replace(b"INVITE", b"CANCEL").partition(b"\r\n\r\n")[0].replace(b"Content-Length: ", b"X: ")
    ended = caller.say(cancel + b"\r\nContent-Length: 0\r\n\r\n", 0.3, 2)
    ends = [answer.start_line for answer in ended if answer.code != 180]
    assert ends == ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]
    assert caller.heard(1.2) == []


def test_a_refused_call_is_refused_again_without_being_judged(node: Sandbox, caller: Caller) -> None:
    plant_snapshot(node.store, SEED)
    assert codes(caller.say(invite(), 0.05, 3)) == [100, 180, 400]
    node.store.rules.clear()
    assert codes(caller.say(invite(branch="z9hG4bKb"), 0.05, 1)) == [400]
    assert codes(caller.say(invite(branch="z9hG4bKc", call_id="another"), 0.1, 2)) == [100, 180]


def checked(
    node: Sandbox, *words: str, transport: str = "udp", code: int = 0, env: Mapping[str, str] | None = None
) -> dict[str, Any]:
    port = sip_port(node) + (transport == "tls")
    known = clean_env(
        LIVEKIT_URL=node.url, LIVEKIT_API_KEY="devkey", LIVEKIT_API_SECRET=node.api_secret.reveal(),
        SIPCTL_SIP_HOST=f"sip:127.0.0.1:{port};transport={transport}", **(env or {}),
    )  # fmt: skip
    result = run("trunk", "check", "--count", "1", "--deadline", "1.5", *words, "-o", "json", env=known)
    assert (result.code, result.stderr) == (code, ""), result
    document = json.loads(result.stdout)
    validate(document)
    item: dict[str, Any] = document["item"]
    return item


def trusting(node: Sandbox) -> dict[str, str]:
    assert node.sip
    return {"SSL_CERT_FILE": str(node.sip.certificates.authority)}


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_trunk_check_finds_it_up(node: Sandbox, transport: str) -> None:
    [target] = checked(node, transport=transport, env=trusting(node) if transport == "tls" else {})["targets"]
    assert (target["verdict"], target["code"], target["server"]) == ("ok", 200, "")
    assert (target["tls"] or {}).get("match") == ("exact" if transport == "tls" else None)


@pytest.mark.parametrize(
    ("seed", "measured", "code"),
    [
        ('{"trunks": []}', "dropped", 0), (SEED, "routed", 0),
        (SEED.replace('"numbers"', '"auth_username": "a", "auth_password": "b", "numbers"'), "auth-required", 0),
    ],
)  # fmt: skip
def test_the_call_of_a_check_shows_what_explain_says(node: Sandbox, seed: str, measured: str, code: int) -> None:
    plant_snapshot(node.store, seed)
    route = checked(node, "--depth", "invite", "--to", NUMBER, code=code)["route"]
    assert (route["measured"], route["explained"], route["agree"]) == (measured, measured, True)


def test_a_call_without_a_server(node: Sandbox) -> None:
    node.fault("redis-lost")
    route = checked(node, "--depth", "invite", "--to", NUMBER, code=1)["route"]
    assert (route["measured"], route["agree"]) == ("no-server", None)


@pytest.mark.parametrize(
    ("fault", "transport", "verdict", "code"),
    [
        ("sip-silence", "udp", "silent", 1), ("sip-silence@INVITE", "udp", "ok", 0), ("sip-delay=200", "udp", "ok", 0),
        ("sip-drop=2", "udp", "ok", 0), ("sip-busy=30", "udp", "overloaded", 0), ("sip-garbage", "udp", "not-sip", 1),
        ("sip-garbage", "tcp", "not-sip", 1), ("sip-oversize", "udp", "ok", 0), ("sip-oversize", "tcp", "ok", 0),
        ("sip-elsewhere", "udp", "ok", 0), ("sip-certificate-wrong", "tls", "tls-failed", 1),
        ("sip-certificate-expired", "tls", "tls-failed", 1), ("sip-certificate-wildcard", "tls", "tls-failed", 1),
        ("redis-lost", "udp", "ok", 0), ("latency=1", "udp", "ok", 0),
    ],
)  # fmt: skip
def test_a_fault_strikes_and_ends(node: Sandbox, fault: str, transport: str, verdict: str, code: int) -> None:
    more = trusting(node) if transport == "tls" else {}
    node.fault(fault)
    host = f"sip:127.0.0.1:{sip_port(node) + (transport == 'tls')};transport={transport}"
    struck = checked(node, "--host", host, transport=transport, code=code, env=more)
    [target] = struck["targets"]
    assert target["verdict"] == verdict, target
    if fault == "sip-busy=30":
        assert target["retry_after_s"] == 30
    if fault == "sip-elsewhere":
        assert target["answered_from"]
    if fault == "sip-delay=200":
        assert target["rtt_ms"]["min"] >= 200
    node.lift_faults()
    [target] = checked(node, "--host", host, transport=transport, env=more)["targets"]
    assert (target["verdict"], target["answered_from"]) == ("ok", [])


def test_a_request_that_is_lost_is_sent_again(node: Sandbox) -> None:
    node.fault("sip-drop=2")
    host = f"sip:127.0.0.1:{sip_port(node)}"
    [target] = checked(node, "--host", host, "--count", "3", "--deadline", "6")["targets"]
    assert target["answered"] == 3
    assert target["retransmitted"] >= 1


def test_sandbox_run_prints_where_it_listens(tmp_path: Any) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(SEED)
    words = command("sandbox", "run", "--sip", "--seed", str(seed))
    process = subprocess.Popen(words, env=clean_env(), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        lines = [process.stdout.readline().strip() for _ in range(5)]
    finally:
        process.terminate()
        assert process.wait(20) == 0
    told = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    assert re.fullmatch(r"sip:127\.0\.0\.1:\d+", told["SIPCTL_SIP_HOST"])
    port = int(told["SIPCTL_SIP_HOST"].rpartition(":")[2])
    assert lines[-1].startswith(f"# TLS: sips:127.0.0.1:{port + 1}, SSL_CERT_FILE=")
    process.stdout.close()
