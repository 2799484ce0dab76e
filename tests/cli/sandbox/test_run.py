"""`sandbox run` as a process: what it announces, what it starts with, and what it takes over HTTP."""

import json
import signal
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.running import assert_error, clean_env, command, run

pytestmark = pytest.mark.smoke

RULE = {"sip_dispatch_rule_id": "SDR_a", "name": "SIP_demo",
        "rule": {"dispatch_rule_direct": {"room_name": "demo", "pin": "4821930571"}}}  # fmt: skip


@contextmanager
def running(*words: str) -> Iterator[dict[str, str]]:
    """`sandbox run` while the body runs; what it announced for the environment."""
    process = subprocess.Popen(command("sandbox", "run", *words), env=clean_env(), stdout=subprocess.PIPE)
    assert process.stdout
    try:
        announced: dict[str, str] = {}
        while len(announced) < (2 if "--api-secret-file" in words else 3):
            name, _, value = process.stdout.readline().decode().strip().removeprefix("export ").partition("=")
            announced[name] = value
        yield announced
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
        assert (process.returncode, rest) == (0, b"")


def tell(url: str, act: str, body: Mapping[str, Any] | bytes) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/sandbox/{act}", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_it_announces_an_environment_that_works(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.env"
    file.write_text("old\n")
    file.chmod(0o644)
    seed = tmp_path / "seed.json"
    room = {"name": "demo", "metadata": "about", "max_participants": 7}
    seed.write_text(json.dumps({"rules": [RULE], "rooms": [room]}))
    words = (
        "--env-out",
        str(file),
        "--seed",
        str(seed),
        "--api-key",
        "a key",
        "--fault",
        "empty-list@ListSIPInboundTrunk",
    )
    with running(*words) as announced:
        assert announced["LIVEKIT_API_KEY"] == "'a key'"  # for a shell
        assert len(announced["LIVEKIT_API_SECRET"]) >= 32
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert run("--env-file", str(file), "rules", "list", "-o", "name").stdout == "SDR_a\n"
        shown = json.loads(run("--env-file", str(file), "room", "show", "demo", "-o", "json").stdout)["item"]
        assert (shown["metadata"], shown["max_participants"]) == ("about", 7)


def test_a_secret_from_a_file_is_not_announced(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("canary-of-at-least-32-characters\n")
    with running("--api-secret-file", str(file)) as announced:
        assert announced.keys() == {"LIVEKIT_URL", "LIVEKIT_API_KEY"}
        env = clean_env(**announced, LIVEKIT_API_SECRET_FILE=str(file))
        assert run("room", "list", env=env).code == 0


@pytest.mark.parametrize(
    ("words", "code", "described"),
    [
        (("--fault", "nosuch"), 2, "no fault 'nosuch'"), (("--fault", "latency"), 2, "latency=NUMBER"),
        (("--seed", "/nowhere"), 2, "cannot read /nowhere"), (("--api-secret-file", "/dev/null"), 2, "is empty"),
        (("--env-out", "/nowhere/x"), 3, "cannot write /nowhere/x"), (("--port", "70000"), 2, "--port"),
    ],
)  # fmt: skip
def test_what_it_does_not_start_with(words: tuple[str, ...], code: int, described: str) -> None:
    assert_error(run("sandbox", "run", *words), code, described)


def test_a_port_that_is_taken(sandbox: Sandbox) -> None:
    assert_error(run("sandbox", "run", "--port", str(sandbox.port)), 3, "Address already in use")


def test_people_faults_and_time_over_http(sandbox: Sandbox) -> None:
    url = sandbox.url
    assert tell(url, "join", {"room": "demo", "identity": "alice"}) == (200, {})
    assert tell(url, "join", {"room": "demo", "identity": "bob", "kind": "SIP"}) == (200, {})
    assert {person.kind for person in sandbox.store.rooms["demo"].people.values()} == {0, 3}
    for who in ("alice", "bob"):
        assert tell(url, "leave", {"room": "demo", "identity": who}) == (200, {})
    assert tell(url, "clock", {"seconds": 21}) == (200, {})
    sandbox.store.close_expired_rooms()
    assert sandbox.store.rooms == {}
    env = clean_env(LIVEKIT_URL=url, LIVEKIT_API_KEY="devkey", LIVEKIT_API_SECRET=sandbox.api_secret.reveal())
    assert tell(url, "fault", {"fault": "status=500@ListRooms", "times": 1}) == (200, {})
    assert [run("room", "list", env=env).code for _ in range(2)] == [3, 0]
    assert tell(url, "fault", {"fault": "no-redis"}) == (200, {})
    assert run("rules", "list", env=env).code == 3
    assert tell(url, "fault", {}) == (200, {})
    assert run("rules", "list", env=env).code == 0


def test_a_dead_node_leaves_ghosts(sandbox: Sandbox) -> None:
    sandbox.join("demo", "alice")
    env = clean_env(LIVEKIT_URL=sandbox.url, LIVEKIT_API_KEY="devkey", LIVEKIT_API_SECRET=sandbox.api_secret.reveal())
    sandbox.fault("dead-node")
    assert "ghost" in run("room", "list", "--probe", env=env).stdout
    found = run("doctor", "--only", "API207", "-o", "json", env=env).stdout
    (finding,) = json.loads(found)["findings"]
    assert finding["fix"]["command"] == "sipctl room delete demo"
    assert run("room", "delete", "demo", env=env).code == 0
    assert run("doctor", "--only", "API207", "--fail-on", "warn", env=env).code == 0


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("join", {"room": "demo"}), ("join", {"room": "demo", "identity": "a", "kind": "NOSUCH"}), ("leave", {}),
        ("fault", {"fault": "nosuch"}), ("fault", {"fault": "hang", "times": "often"}), ("fault", {"faults": "hang"}),
        ("clock", {"seconds": "many"}), ("clock", b"[]"), ("join", b"nonsense"), ("join", b"\xff"),
    ],
)  # fmt: skip
def test_actions_that_make_no_sense(sandbox: Sandbox, act: str, body: Mapping[str, Any] | bytes) -> None:
    status, answer = tell(sandbox.url, act, body)
    assert (status, list(answer)) == (400, ["error"])
    env = clean_env(LIVEKIT_URL=sandbox.url, LIVEKIT_API_KEY="devkey", LIVEKIT_API_SECRET=sandbox.api_secret.reveal())
    assert run("room", "list", env=env).code == 0
