"""`sipctl webhook send`, to a backend that does as Meet does, and to receivers that do not."""

import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sipctl.sandbox.server import Sandbox
from sipctl.webhooks.verification import verify
from tests.support.peers.backend import Backend, running_backend
from tests.support.peers.hostile import cuts, hangs, hostile, in_turn, says
from tests.support.running import Result, assert_error, env_of, run
from tests.support.schemas import validate

if TYPE_CHECKING:
    from tests.support.peers.certificates import Authority

ROOM = "6f1c2a0e-52d3-4b7e-9d0a-1c7f3e5b8a24"
SCENARIOS = Path(__file__).parents[3] / "docs" / "scenarios"


@pytest.fixture
def backend(sandbox: Sandbox) -> Iterator[Backend]:
    with running_backend(Backend(sandbox, {ROOM: "4821930571"})) as running:
        yield running


def sent(sandbox: Sandbox, *words: str, stdin: bytes = b"") -> Result:
    return run("webhook", "send", *words, env=env_of(sandbox), stdin=stdin)


def test_a_room_starts_and_finishes(sandbox: Sandbox, backend: Backend) -> None:
    done = sent(sandbox, "room_started", "--room", ROOM, "--to", backend.url, "-o", "json")
    validate(json.loads(done.stdout))
    (item,) = json.loads(done.stdout)["items"]
    assert (done.code, item["what"], item["room"], item["status"]) == (0, "room_started", ROOM, 200)
    assert [rule.rule.dispatch_rule_direct.room_name for rule in sandbox.store.rules.values()] == [ROOM]
    assert sent(sandbox, "room_finished", "--room", ROOM, "--to", backend.url).code == 0
    assert not sandbox.store.rules
    assert backend.events == [("room_started", ROOM), ("room_finished", ROOM)]


def test_the_webhook_url_of_the_profile(sandbox: Sandbox, backend: Backend) -> None:
    env = env_of(sandbox, SIPCTL_WEBHOOK_URL=backend.url)
    assert run("webhook", "send", "participant_joined", "--room", ROOM, "--participant", "bob", env=env).code == 0
    assert backend.events == [("participant_joined", ROOM)]


@pytest.mark.parametrize("path", sorted(SCENARIOS.iterdir()), ids=lambda path: path.name)
def test_the_scenarios_of_the_documents(path: Path, sandbox: Sandbox, backend: Backend) -> None:
    done = sent(sandbox, "--scenario", str(path), "--to", backend.url, "-o", "json")
    validate(json.loads(done.stdout))
    assert done.code == 0, done
    assert [step["fault"] for step in json.loads(done.stdout)["items"] if step["fault"]] == []
    assert not sandbox.store.rules


def test_a_scenario_that_a_backend_fails(sandbox: Sandbox, backend: Backend, tmp_path: Path) -> None:
    backend.mood = "ignores"
    text = (SCENARIOS / "good-meeting.toml").read_text().replace('within = "10s"', "within = 0")
    (tmp_path / "story.toml").write_text(text)
    done = sent(sandbox, "--scenario", str(tmp_path / "story.toml"), "--to", backend.url, "-o", "junit")
    assert (done.code, done.stdout.count("<failure")) == (1, 1)
    assert "room has no rule, expected one" in done.stdout
    names = sent(sandbox, "--scenario", str(tmp_path / "story.toml"), "--to", backend.url, "-o", "name")
    assert (names.code, names.stdout) == (1, "2\n")


def test_what_is_printed_verifies(sandbox: Sandbox) -> None:
    done = sent(sandbox, "room_started", "--room", "a", "--to", "http://127.0.0.1:1", "--print", "-o", "json")
    validate(json.loads(done.stdout))
    item = json.loads(done.stdout)["item"]
    keys = {sandbox.api_key: sandbox.api_secret}
    assert verify(item["body"].encode(), item["headers"]["Authorization"], keys, time.time()).fault is None
    assert sandbox.api_secret.reveal() not in done.stdout


def test_an_event_of_a_file_is_sent_as_it_is_or_edited(sandbox: Sandbox) -> None:
    body = '{"event":"room_started",  "room":{"name":"a"},"future":[1]}'
    plain = ("--from", "-", "--to", "http://127.0.0.1:1", "--print")
    words = (*plain, "-o", "json")
    line = json.dumps({"body": body}).encode()
    assert json.loads(sent(sandbox, *words, stdin=line).stdout)["item"]["body"] == body
    edited = json.loads(sent(sandbox, *words, "--set", "room.name=b", stdin=line).stdout)["item"]["body"]
    assert json.loads(edited) == {"event": "room_started", "room": {"name": "b"}, "future": [1]}
    assert_error(sent(sandbox, *plain, stdin=line + b"\n" + line), 2, "several events")
    assert_error(sent(sandbox, *plain), 2, "no event")


@pytest.mark.parametrize(
    ("mood", "code", "described"),
    [
        ({"secret": "another-secret-of-at-least-32-characters"}, 4, "refused the signature (400)"),
        ({"production": True}, 3, "redirects (301); LiveKit makes a GET without body of it: the event is lost"),
        ({"production": True, "is_https": True, "hosts": ("meet.test",)}, 3, "does not serve this host (400)"),
        ({"mood": "refuses"}, 3, "failed at the event (500)"),
    ],
)
def test_a_backend_that_does_not_take_it(
    mood: dict[str, object], code: int, described: str, sandbox: Sandbox, backend: Backend
) -> None:
    vars(backend).update(mood)
    assert_error(sent(sandbox, "room_started", "--room", ROOM, "--to", backend.url), code, described)
    assert not sandbox.store.rules


@pytest.mark.parametrize(
    ("answer", "described"),
    [
        (says(307, Location="http://127.0.0.1:1/"), "redirects (307); LiveKit repeats the event there"),
        (says(200, "<!DOCTYPE html><html>Sign in</html>"), "answers with a web page, so it is no backend (200)"),
        (says(404, "no"), "has no webhook endpoint there (404); LiveKit counts that as delivered"),
        (hangs, "did not answer within 0.3 s"),
    ],
)
def test_receivers_that_are_none(answer: object, described: str, sandbox: Sandbox) -> None:
    with hostile(answer) as server:  # type: ignore[arg-type]
        url = f"{server.url}/hook"
        assert_error(sent(sandbox, "room_started", "--room", "a", "--to", url, "--timeout", "0.3"), 3, described)
        assert server.paths == ["/hook"]  # no redirect is followed


def test_an_event_is_tried_again_as_livekit_does(sandbox: Sandbox) -> None:
    with hostile(in_turn(says(503, **{"Retry-After": "0"}), says(429, **{"Retry-After": "0"}), says(200))) as server:
        words = ("room_started", "--room", "a", "--to", server.url)
        assert_error(sent(sandbox, *words), 3, "failed at the event (503)")
        assert sent(sandbox, *words, "--retries", "4").code == 0
        assert len(server.paths) == 3


def test_a_connection_that_is_cut(sandbox: Sandbox) -> None:
    with hostile(cuts) as server:  # the head of an answer came, and what it says counts
        assert sent(sandbox, "room_started", "--room", "a", "--to", server.url).code == 0
    assert_error(sent(sandbox, "room_started", "--room", "a", "--to", "http://127.0.0.1:1"), 3, "cannot be reached")


def test_a_certificate_that_no_one_vouches_for(sandbox: Sandbox, authority: "Authority") -> None:
    pair = authority.issue("hook", "127.0.0.1", self_signed=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    with hostile(says(200), tls) as server:
        words = ("room_started", "--room", "a", "--to", server.url)
        assert_error(sent(sandbox, *words), 3, "has a certificate that is not trusted; LiveKit does not try again")
        assert server.paths == []


def test_a_protected_profile_is_confirmed_unless_the_receiver_is_this_machine(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(sandbox.api_secret.reveal())
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "sipctl.toml").write_text(
        f'[profiles.prod]\nurl = "{sandbox.url}"\napi_key = "devkey"\napi_secret_file = "secret"\nprotected = true\n'
    )
    words = ("webhook", "send", "room_started", "--room", "a", "--config", str(tmp_path / "sipctl.toml"))
    with hostile(says(200)) as server:
        assert run(*words, "--to", server.url).code == 0
    refused = run(*words, "--to", "http://meet.invalid/")
    assert_error(refused, 5, "profile 'prod' is protected", "--confirm prod")
    assert run(*words, "--to", "http://meet.invalid/", "--confirm", "prod").code == 3
    assert run(*words, "--to", "http://meet.invalid/", "--dry-run").code == 0


def test_words_that_make_no_sense(sandbox: Sandbox, tmp_path: Path) -> None:
    url = ("--to", "http://127.0.0.1:1")
    assert_error(sent(sandbox, *url), 2, "no event named")
    assert_error(sent(sandbox, "room_started", *url), 2, "of which room?")
    assert_error(sent(sandbox, "room_paused", "--room", "a", *url), 2, "no event 'room_paused'")
    assert_error(sent(sandbox, "room_started", "--from", "x", *url), 2, "exclude each other")
    assert_error(sent(sandbox, "room_started", "--room", "a"), 2, "no one to send events to")
    assert_error(sent(sandbox, "room_started", "--room", "a", "--to", "ftp://x"), 2, "no http:// or https://")
    assert_error(sent(sandbox, "room_started", "--room", "a", "--to", "http://u:p@x/"), 2, "holds credentials")
    assert_error(sent(sandbox, "room_started", "--room", "a", "--set", "x", *url), 2, "no PATH=VALUE")
    (tmp_path / "bad.toml").write_text("steps = 1")
    assert_error(sent(sandbox, "--scenario", str(tmp_path / "bad.toml"), *url), 2, "a list of")
    (tmp_path / "story.toml").write_text('room = "a"\nsteps = [{event = "room_started"}]')
    assert_error(sent(sandbox, "--scenario", str(tmp_path / "story.toml"), "--print", *url), 2, "--print is for one")
    nobody = sent(sandbox, "--scenario", str(tmp_path / "story.toml"), *url)
    assert (nobody.code, "no event arrived" in nobody.stderr) == (3, True)
