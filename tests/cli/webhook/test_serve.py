"""`sipctl webhook serve`: events are hints, LiveKit's state is the truth, all safeguards hold."""

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from sipctl.telephony.secret import Secret
from sipctl.webhooks.signing import sign
from tests.support.peers.postgres import Postgres
from tests.support.running import assert_error, env_of, run, until
from tests.support.serving import Serving, serving


def rules(sandbox: Sandbox) -> dict[str, str]:
    """The PIN of each room's rule; no room has two."""
    direct = [rule.rule.dispatch_rule_direct for rule in list(sandbox.store.rules.values())]
    pins = {one.room_name: one.pin for one in direct}
    assert len(pins) == len(direct)
    return pins


def announced(sandbox: Sandbox, url: str, event: str, room: str) -> None:
    done = run("webhook", "send", event, "--room", room, "--to", url, env=env_of(sandbox))
    assert done.code == 0, done


def page(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def other(sandbox: Sandbox) -> None:
    """A room that is live all the time, so that the list of rooms is not empty."""
    sandbox.join("other", "carol")


@pytest.fixture
def serve(sandbox: Sandbox, other: None) -> Iterator[Serving]:
    with serving(*words(), env=env_of(sandbox)) as one:
        until(lambda: page(f"{one.url}/healthz")[0] == 200)
        yield one


def words(*more: str) -> tuple[str, ...]:
    return ("webhook", "serve", "--bind", "127.0.0.1:0", "--assign", "--grace", "0", *more)


def test_a_rule_comes_with_its_room_and_goes_with_it(sandbox: Sandbox, serve: Serving) -> None:
    sandbox.join("standup", "alice")
    announced(sandbox, serve.url, "room_started", "standup")
    until(lambda: "standup" in rules(sandbox))
    assert len(rules(sandbox)["standup"]) == 10
    del sandbox.store.rooms["standup"]
    announced(sandbox, serve.url, "room_finished", "standup")
    until(lambda: "standup" not in rules(sandbox))
    assert list(rules(sandbox)) == ["other"]
    before = serve_runs(serve)
    until(lambda: serve_runs(serve) > before)  # the run that deleted the rule has ended, and is printed
    assert serve.end(signal.SIGTERM) == 0
    lines = serve.out.decode()
    assert "assigned a PIN to room 'standup'" in lines
    assert "create: room 'standup' (attended, and without a rule): done" in lines
    assert "delete: room 'standup' (its room is not live): done" in lines
    assert "Traceback" not in serve.err.decode()


def test_an_event_is_a_hint_and_never_the_truth(sandbox: Sandbox, serve: Serving) -> None:
    sandbox.join("standup", "alice")
    announced(sandbox, serve.url, "participant_joined", "standup")
    until(lambda: "standup" in rules(sandbox))
    pin = rules(sandbox)["standup"]
    announced(sandbox, serve.url, "room_finished", "standup")  # a lie: alice is inside
    announced(sandbox, serve.url, "room_started", "nowhere")  # and so is this
    before = serve_runs(serve)
    until(lambda: serve_runs(serve) > before)
    assert rules(sandbox)["standup"] == pin
    assert "nowhere" not in rules(sandbox)


def serve_runs(serve: Serving) -> float:
    text = page(f"{serve.url}/metrics")[1]
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("sipctl_webhook_runs_total"))


def test_a_room_that_people_enter_late_gets_its_rule_by_a_later_look(sandbox: Sandbox, serve: Serving) -> None:
    sandbox.store.open_room("late")
    announced(sandbox, serve.url, "room_started", "late")
    before = serve_runs(serve)
    until(lambda: serve_runs(serve) > before)
    assert "late" not in rules(sandbox)  # no one is in it
    sandbox.join("late", "alice")
    until(lambda: "late" in rules(sandbox))  # though no event says so


def test_wrong_signatures_touch_nothing(sandbox: Sandbox, serve: Serving) -> None:
    sandbox.join("standup", "alice")
    before = serve_runs(serve)
    body = b'{"event":"room_started","room":{"name":"standup"}}'
    for token in ("", "x", sign(body, "devkey", Secret("another-secret-of-32-characters-at-least"), time.time())):
        request = urllib.request.Request(serve.url, body, {"Authorization": token}, method="POST")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(request, timeout=30)
    assert serve_runs(serve) == before
    assert "standup" not in rules(sandbox)
    metrics = page(f"{serve.url}/metrics")[1]
    assert 'sipctl_webhook_events_total{event="other",verdict="no-token"} 1.0' in metrics
    assert page(f"{serve.url}/else")[0] == 404


def test_without_any_event_the_minutes_run_brings_all_in_order(sandbox: Sandbox, other: None) -> None:
    with serving(*words("--every", "1"), env=env_of(sandbox)) as serve:
        until(lambda: "other" in rules(sandbox))
        sandbox.join("standup", "alice")
        until(lambda: "standup" in rules(sandbox))
        del sandbox.store.rooms["standup"]
        until(lambda: "standup" not in rules(sandbox))
        assert serve.end(signal.SIGINT) == 0


def test_the_health_follows_the_last_sync(sandbox: Sandbox, other: None) -> None:
    with serving(*words("--every", "1"), env=env_of(sandbox)) as serve:
        until(lambda: page(f"{serve.url}/healthz") == (200, '{"status": "ok"}'))
        sandbox.fault("status=503@ListRooms")
        until(lambda: page(f"{serve.url}/healthz")[0] == 503)
        assert "503" in page(f"{serve.url}/healthz")[1]
        assert "sipctl_webhook_healthy 0.0" in page(f"{serve.url}/metrics")[1]
        sandbox.join("standup", "alice")
        announced(sandbox, serve.url, "room_started", "standup")  # it is answered all the same
        sandbox.lift_faults()
        until(lambda: page(f"{serve.url}/healthz")[0] == 200)
        until(lambda: "standup" in rules(sandbox))
        assert serve.out.count(b"failed: ") == 1  # what goes on failing is said once


def test_the_end_of_the_last_room_is_no_failure(sandbox: Sandbox) -> None:
    sandbox.join("standup", "alice")
    with serving(*words("--every", "1")[:-4], "--every", "1", "--grace", "2s", env=env_of(sandbox)) as serve:
        until(lambda: "standup" in rules(sandbox))
        del sandbox.store.rooms["standup"]
        until(lambda: b"waiting: LiveKit lists no room at all" in serve.out)
        assert page(f"{serve.url}/healthz")[0] == 200
        until(lambda: not rules(sandbox))


def test_a_process_that_is_killed_goes_on_where_livekit_is(sandbox: Sandbox, other: None) -> None:
    sandbox.fault("latency=300@CreateSIPDispatchRule")
    with serving(*words(), env=env_of(sandbox)) as serve:
        for number in range(5):
            sandbox.join(f"room-{number}", "alice")
            announced(sandbox, serve.url, "room_started", f"room-{number}")
        until(lambda: len(rules(sandbox)) > 1)
        serve.end(signal.SIGKILL)
    sandbox.lift_faults()
    with serving(*words(), env=env_of(sandbox)):
        until(lambda: len(rules(sandbox)) == 6)


def test_a_dry_run_says_what_it_would_do_once(sandbox: Sandbox, other: None) -> None:
    assert run("pin", "assign", "standup", env=env_of(sandbox)).code == 0
    sandbox.join("standup", "alice")
    with serving(*words("--every", "1", "--dry-run")[:4], "--every", "1", "--dry-run", env=env_of(sandbox)) as serve:
        until(lambda: serve_runs(serve) >= 3)
        serve.end(signal.SIGTERM)
    assert serve.out.count(b"would create: room 'standup' (attended, and without a rule)") == 1
    assert not sandbox.store.rules


def test_many_deletions_at_once_need_an_event_each(sandbox: Sandbox, other: None, tmp_path: Path) -> None:
    rooms = [f"room-{number:02}" for number in range(25)]
    with serving(*words("--every", "2"), env=env_of(sandbox)) as serve:
        for room in rooms:
            sandbox.join(room, "alice")
        until(lambda: len(rules(sandbox)) == 26)
        for room in rooms:
            del sandbox.store.rooms[room]
        until(lambda: b"failed: would delete 25 of 26 owned rules" in serve.out)
        assert page(f"{serve.url}/healthz")[0] == 503
        assert len(rules(sandbox)) == 26
        for room in rooms[:5]:
            announced(sandbox, serve.url, "room_finished", room)
        until(lambda: len(rules(sandbox)) == 21)
        assert set(rooms[:5]).isdisjoint(rules(sandbox))


def test_what_it_refuses_to_start_with(sandbox: Sandbox, tmp_path: Path) -> None:
    env = env_of(sandbox)
    assert_error(run("webhook", "serve", env=env), 2, "there is no registry of PINs", "--assign")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        assert_error(run("webhook", "serve", "--assign", "--bind", bind, env=env), 3, f"cannot listen on {bind}")
    assert_error(run("webhook", "serve", "--grace", "long", env=env), 2, "--grace 'long' is not a time")
    (tmp_path / "sipctl.toml").write_text(
        f'[profiles.prod]\nurl = "{sandbox.url}"\napi_key = "devkey"\napi_secret = "s"\nprotected = true\n'
    )
    (tmp_path / "sipctl.toml").chmod(0o600)
    refused = run("webhook", "serve", "--assign", "--config", str(tmp_path / "sipctl.toml"))
    assert_error(refused, 5, "profile 'prod' is protected")


def test_two_on_one_postgresql_make_one_rule_for_each_room(
    sandbox: Sandbox, other: None, postgres: Postgres, tmp_path: Path
) -> None:
    shared = {"SIPCTL_REGISTRY_URL": postgres.new_database()}
    hosts = [env_of(sandbox, **shared, SIPCTL_STATE_DIR=str(tmp_path / name)) for name in ("one", "two")]
    with serving(*words("--every", "2"), env=hosts[0]) as one, serving(*words("--every", "2"), env=hosts[1]) as two:
        rooms = [f"room-{number}" for number in range(12)]
        for room in rooms:
            sandbox.join(room, "alice")
            for serve in (one, two):
                announced(sandbox, serve.url, "room_started", room)
        until(lambda: len(rules(sandbox)) == 13)
        assert len(set(rules(sandbox).values())) == 13
        for room in rooms[:6]:
            del sandbox.store.rooms[room]
            announced(sandbox, two.url, "room_finished", room)
        until(lambda: len(rules(sandbox)) == 7)


def test_it_answers_while_it_works(sandbox: Sandbox, serve: Serving) -> None:
    """Every delivery is answered while hundreds of rooms are brought in order."""
    for number in range(200):
        sandbox.join(f"room-{number}", "alice")
    for number in range(200):
        body = json.dumps({"event": "room_started", "room": {"name": f"room-{number}"}}).encode()
        token = sign(body, "devkey", sandbox.api_secret, time.time())
        request = urllib.request.Request(serve.url, body, {"Authorization": token}, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
    until(lambda: len(rules(sandbox)) == 201)
