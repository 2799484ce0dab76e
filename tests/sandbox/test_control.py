"""`/sandbox/*`: what may move the sandbox from outside, within which bounds, and that no web page can."""

import http.client
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest

from sipctl.errors import UsageError
from sipctl.sandbox.server import Sandbox
from tests.support.needs import need

JSON = {"Content-Type": "application/json"}
README = Path(__file__).parents[2] / "README.md"
GUEST = {"room": "demo", "identity": "alice"}


def ask(
    sandbox: Sandbox, path: str, headers: Mapping[str, str], body: str | bytes = "{}", verb: str = "POST"
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to exactly these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=20)
    try:
        connection.putrequest(verb, path, skip_host="Host" in headers, skip_accept_encoding=True)
        data = body.encode() if isinstance(body, str) else body
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders(data)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def act(sandbox: Sandbox, action: str, body: Any) -> tuple[int, Any]:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    status, _, answer = ask(sandbox, f"/sandbox/{action}", JSON, text)
    return status, json.loads(answer)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data"}, 415),
        ({"Content-Type": "application/jsonp"}, 415),
        ({"Content-Type": "text/plain; application/json"}, 415),
        ({"Content-Type": "application/json", "Origin": "http://127.0.0.1:8000"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "application/json", "Host": "rebound.example.org"}, 403),
        ({"Content-Type": "application/json", "Host": "rebound.example.org:7880"}, 403),
        ({"Content-Type": "application/json", "Host": "127.0.0.1.example.org"}, 403),
        ({"Content-Type": "application/json", "Host": "a@127.0.0.1"}, 403),
        ({"Content-Type": "application/json", "Host": "192.0.2.1"}, 403),
        ({"Content-Type": "Application/JSON; charset=utf-8"}, 200),
        ({"Content-Type": "application/json", "Host": "localhost:7880"}, 200),
        ({"Content-Type": "application/json", "Host": "[::1]:7880"}, 200),
        ({"Content-Type": "application/json", "Host": "127.0.0.2"}, 200),
    ],
)
def test_who_may_move_it(sandbox: Sandbox, headers: dict[str, str], status: int) -> None:
    for action, body in {"join": GUEST, "clock": {"seconds": 60}, "fault": {"fault": "no-redis"}}.items():
        answered, answer_headers, text = ask(sandbox, f"/sandbox/{action}", headers, json.dumps(body))
        assert answered == status, text
        assert not [name for name in answer_headers if name.startswith("Access-Control")]
        assert list(json.loads(text)) == ([] if status == 200 else ["error"])
    moved = (bool(sandbox.store.rooms), sandbox.store.clock.offset_s > 0, sandbox.store.redis == "none")
    assert moved == (status == 200,) * 3


def test_a_request_that_names_no_host(sandbox: Sandbox) -> None:
    status, _, _ = ask(sandbox, "/sandbox/join", {**JSON, "Host": ""}, json.dumps(GUEST))
    assert status in {400, 403}  # newer versions of aiohttp refuse it before we do
    assert not sandbox.store.rooms


def test_no_preflight_is_granted(sandbox: Sandbox) -> None:
    asked = {"Origin": "http://evil.example.org", "Access-Control-Request-Method": "POST"}
    for path in ("/sandbox/join", "/sandbox/fault", "/sandbox/nosuch"):
        status, headers, _ = ask(sandbox, path, asked, "", verb="OPTIONS")
        assert status == 403
        assert not [name for name in headers if name.startswith("Access-Control")]
    assert ask(sandbox, "/", asked, "", verb="OPTIONS")[0] == 204  # LiveKit's own paths are open, as they are there


@pytest.mark.parametrize(
    ("path", "verb", "status"), [("join", "GET", 405), ("join", "PUT", 405), ("nosuch", "POST", 404)]
)
def test_what_is_no_action(sandbox: Sandbox, path: str, verb: str, status: int) -> None:
    answered, _, text = ask(sandbox, f"/sandbox/{path}", JSON, "{}", verb=verb)
    assert (answered, list(json.loads(text))) == (status, ["error"])


@pytest.mark.parametrize(
    "seconds", ["1e308", "-1e308", "NaN", "Infinity", "1" + "0" * 400, "315360001", '"60"', "[60]", "null", "{}"]
)
def test_the_clock_has_bounds(sandbox: Sandbox, seconds: str) -> None:
    status, answer = act(sandbox, "clock", f'{{"seconds": {seconds}}}')
    assert (status, list(answer)) == (400, ["error"])
    assert sandbox.store.clock.offset_s == 0
    assert act(sandbox, "clock", {"seconds": 315360000}) == (200, {})
    assert act(sandbox, "clock", {"seconds": 1})[0] == 400  # ten years are the most in all
    assert act(sandbox, "join", GUEST) == (200, {})


@pytest.mark.parametrize(
    ("fault", "described"),
    [
        ("latency=3600001", "latency is a number from 0 to 3600000"), ("latency=" + "9" * 30, "from 0 to 3600000"),
        ("latency=" + "9" * 5000, "is written"), ("status=99", "from 200 to 599"), ("status=600", "from 200 to 599"),
        ("flaky=101", "from 0 to 100"), ("latency=²", "is written"), ("latency=-1", "is written"),
        ("hang@" + "x" * 200, "is written"),
    ],
)  # fmt: skip
def test_faults_have_bounds(sandbox: Sandbox, fault: str, described: str) -> None:
    status, answer = act(sandbox, "fault", {"fault": fault})
    assert status == 400
    assert described in answer["error"]
    assert len(answer["error"]) < 300
    with pytest.raises(UsageError):
        sandbox.fault(fault)


@pytest.mark.parametrize("times", ["-1", "1000001", "1" + "0" * 400, '"often"', "1.5", "null"])
def test_how_often_a_fault_strikes_has_bounds(sandbox: Sandbox, times: str) -> None:
    status, answer = act(sandbox, "fault", f'{{"fault": "hang", "times": {times}}}')
    assert (status, list(answer)) == (400, ["error"])
    assert ask(sandbox, "/", {})[0] == 200


def test_not_more_than_a_thousand_faults(sandbox: Sandbox) -> None:
    for _ in range(1000):
        sandbox.fault("latency=0@NoSuchMethod")
    status, answer = act(sandbox, "fault", {"fault": "hang"})
    assert status == 400
    assert "1000 faults" in answer["error"]
    assert act(sandbox, "fault", {}) == (200, {})
    assert act(sandbox, "fault", {"fault": "status=500@ListRooms", "times": 1}) == (200, {})


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("join", {"room": "\ud800", "identity": "a"}), ("join", {"room": "demo", "identity": "\ud800"}),
        ("join", {"room": ["demo"], "identity": "a"}), ("join", {"room": "demo", "identity": {}}),
        ("join", {"room": "demo", "identity": "a", "kind": []}), ("join", {"room": "r" * 70000, "identity": "a"}),
        ("leave", {"room": [], "identity": "a"}), ("leave", []), ("leave", 5), ("fault", {"fault": 5}),
        ("fault", []), ("fault", "x"), ("clock", {"seconds": 1, "more": 2}), ("call", {"to": 5}), ("call", None),
        ("join", "[" * 60000), ("clock", "9" * 5000), ("join", b"\xff\xfe"), ("join", b"\x00"),
    ],
)  # fmt: skip
def test_odd_bodies_are_refused_and_change_nothing(sandbox: Sandbox, action: str, body: Any) -> None:
    status, answer = act(sandbox, action, body)
    assert (status in {400, 413}, list(answer)) == (True, ["error"])
    assert sandbox.store.rooms == {}


def test_the_record_of_calls_is_short_and_holds_no_bodies(sandbox: Sandbox) -> None:
    path, body = "/twirp/livekit.RoomService/ListRooms", json.dumps({"names": ["CANARY" * 1000]})
    wrong = jwt.encode({"iss": "devkey"}, "wrong" * 10, algorithm="HS256")
    for token in ("", wrong, jwt.encode({"iss": "devkey"}, sandbox.api_secret.reveal(), algorithm="HS256")):
        ask(sandbox, path, JSON | {"Authorization": f"Bearer {token}" if token else ""}, body)
    assert [(call.method, call.status) for call in sandbox.calls] == [("ListRooms", 401)] * 2
    assert "CANARY" not in repr(sandbox.calls)
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=20)
    for _ in range(1100):
        connection.request("POST", path, "{}", JSON)
        connection.getresponse().read()
    connection.close()
    assert len(sandbox.calls) == 1000


def curl_lines() -> list[str]:
    return re.findall(r"^curl .*$", README.read_text(), re.MULTILINE)


def test_readme_has_a_line_for_every_action() -> None:
    actions = {line.rpartition("/sandbox/")[2] for line in curl_lines()}
    assert actions == {"join", "leave", "fault", "clock", "call"}


@pytest.mark.parametrize("line", curl_lines())
def test_the_lines_of_the_readme_work(sandbox: Sandbox, line: str) -> None:
    need("" if shutil.which("curl") else "no curl installed")
    words = shlex.split(line.replace("PORT", str(sandbox.port)))
    ended = subprocess.run([*words, "-sS", "--fail-with-body"], capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    assert isinstance(json.loads(ended.stdout), dict)
