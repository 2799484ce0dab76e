"""WHK610-WHK613: what LiveKit lost, and what the backend answers to signed events."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.peers.backend import Backend, running_backend
from tests.support.peers.hostile import hostile, says
from tests.support.running import env_of, run

ROOM = "6f1c2a0e-52d3-4b7e-9d0a-1c7f3e5b8a24"
METRICS = (Path(__file__).parents[1] / "data" / "metrics" / "livekit-server-1.13.5.prom").read_text()


@pytest.fixture
def backend(sandbox: Sandbox) -> Iterator[Backend]:
    with running_backend(Backend(sandbox, {ROOM: "4821930571"})) as running:
        yield running


def examined(sandbox: Sandbox, *words: str, **env: str) -> dict[str, dict[str, Any]]:
    done = run("doctor", "--only", "WHK", "-o", "json", *words, env=env_of(sandbox, **env))
    assert done.stderr == "", done
    return {one["code"]: one for one in json.loads(done.stdout)["findings"]}


def levels(findings: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {code: one["level"] for code, one in findings.items() if code >= "WHK610"}


def test_a_sound_backend_takes_the_event_and_refuses_the_forged_one(sandbox: Sandbox, backend: Backend) -> None:
    found = levels(examined(sandbox, "--probe-webhook", SIPCTL_WEBHOOK_URL=backend.url))
    assert found == {"WHK610": "skipped", "WHK611": "ok", "WHK612": "ok", "WHK613": "ok"}
    ((event, _),) = backend.events
    assert event == "track_unpublished"
    assert not sandbox.store.rules


def test_nothing_signed_is_sent_without_the_option(sandbox: Sandbox, backend: Backend) -> None:
    found = examined(sandbox, SIPCTL_WEBHOOK_URL=backend.url)
    assert levels(found)["WHK611"] == "skipped"
    assert "--probe-webhook" in found["WHK611"]["detail"]
    assert backend.events == []


def test_another_secret(sandbox: Sandbox, backend: Backend) -> None:
    backend.secret = "another-secret-of-at-least-32-characters"
    found = examined(sandbox, "--probe-webhook", SIPCTL_WEBHOOK_URL=backend.url)
    assert found["WHK611"]["level"] == "error"
    assert "refused the signature" in found["WHK611"]["detail"]
    assert sandbox.api_secret.reveal() not in json.dumps(found)


def test_a_receiver_that_takes_what_anyone_signed(sandbox: Sandbox) -> None:
    with hostile(says(200, "{}", "application/json")) as server:
        found = levels(examined(sandbox, "--probe-webhook", SIPCTL_WEBHOOK_URL=f"{server.url}/"))
    assert (found["WHK611"], found["WHK612"]) == ("ok", "error")


def test_a_webhook_that_redirects_is_named(sandbox: Sandbox, backend: Backend) -> None:
    backend.production = True
    found = examined(sandbox, "--probe-webhook", SIPCTL_WEBHOOK_URL=backend.url)
    assert found["WHK602"]["level"] == "error"
    assert "LiveKit makes a GET without body of it" in found["WHK611"]["detail"]


def metrics(*lines: str) -> str:
    return METRICS + "".join(f"livekit_webhook_dispatch_total{{{line}\n" for line in lines)


def test_what_livekit_lost_is_counted_by_its_reason(sandbox: Sandbox) -> None:
    text = metrics('node_id="a",reason="",status="failure"} 2', 'node_id="a",reason="age",status="drop"} 3')
    with hostile(says(200, text, "text/plain")) as server:
        found = examined(sandbox, SIPCTL_LIVEKIT_METRICS_URL=f"{server.url}/metrics")
    assert found["WHK610"]["level"] == "warn"
    assert found["WHK610"]["detail"] == "LiveKit lost 5 events since it started (age: 3, failure: 2), and sent 3"


def test_a_server_that_lost_nothing_and_one_that_is_none(sandbox: Sandbox) -> None:
    with hostile(says(200, METRICS, "text/plain")) as server:
        assert levels(examined(sandbox, SIPCTL_LIVEKIT_METRICS_URL=server.url))["WHK610"] == "ok"
    with hostile(says(200, "go_goroutines 5\n", "text/plain")) as server:
        found = examined(sandbox, SIPCTL_LIVEKIT_METRICS_URL=server.url)
    assert found["WHK610"]["level"] == "unknown"
    assert "not with the metrics of livekit-server" in found["WHK610"]["detail"]
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    assert levels(examined(sandbox, SIPCTL_LIVEKIT_METRICS_URL=url))["WHK610"] == "unknown"
