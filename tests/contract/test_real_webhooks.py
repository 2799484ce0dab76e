"""The real livekit-server sends its webhooks to `webhook listen` and to `webhook serve`."""

import json
import signal
from pathlib import Path

import pytest

from tests.support.needs import need_real_server
from tests.support.peers.hostile import hostile, says
from tests.support.peers.livekit import API_SECRET, RealLiveKit, free_ports, running_livekit
from tests.support.peers.receiver import running_receiver
from tests.support.running import env_of, run, server_env, until
from tests.support.serving import serving
from tests.support.webhooks import events_of

SERVE = ("webhook", "serve", "--assign")
pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


def test_a_real_meeting_is_recorded_verified_and_replayed(tmp_path: Path) -> None:
    need_real_server()
    path, env = tmp_path / "meeting.jsonl", server_env("http://127.0.0.1:1", API_SECRET)
    with (
        serving("webhook", "listen", "--write", str(path), env=env) as listening,
        running_livekit(tmp_path, settings={"departure_timeout": 1, "webhook": listening.url}) as server,
    ):
        server.join("standup", "alice")
        server.join("standup", "bob")
        server.leave("standup", "bob")
        server.leave("standup", "alice")
        until(lambda: b'"room_finished' in path.read_bytes().replace(b'\\"', b'"'))
        assert listening.end(signal.SIGTERM) == 0
    names = [event.head.name for event in events_of(path)]
    assert names[0] == "room_started"
    assert names[-1] == "room_finished"
    assert names.count("participant_joined") == names.count("participant_left") == 2
    verified = run("webhook", "verify", str(path), env=env)
    assert (verified.code, f"{len(names)} of {len(names)} events verified" in verified.stderr) == (0, True)
    with running_receiver(API_SECRET) as receiver:
        assert run("webhook", "replay", str(path), "--to", receiver.url, env=env).code == 0
        assert receiver.bodies == [event.body for event in events_of(path)]


def rooms_with_rules(server: RealLiveKit) -> list[str]:
    done = run("rules", "list", "-o", "jsonl", env=env_of(server))
    assert done.code == 0, done
    rules = [json.loads(line)["rule"]["dispatch_rule_direct"] for line in done.stdout.splitlines()]
    assert all(rule["pin"] for rule in rules)
    return sorted(rule["room_name"] for rule in rules)


def test_rules_come_and_go_with_real_meetings_though_the_receiver_is_killed(tmp_path: Path) -> None:
    need_real_server()
    bind = f"127.0.0.1:{free_ports(1)}"
    words = (*SERVE, "--bind", bind, "--grace", "0", "--every", "30")
    with running_livekit(tmp_path, settings={"departure_timeout": 1, "webhook": f"http://{bind}/"}) as server:
        with serving(*words, env=env_of(server)) as serve:
            server.join("lobby", "carol")
            until(lambda: rooms_with_rules(server) == ["lobby"])
            server.join("standup", "alice")
            until(lambda: rooms_with_rules(server) == ["lobby", "standup"])
            serve.end(signal.SIGKILL)
        server.leave("standup", "alice")  # while no one receives
        server.join("retro", "bob")
        with serving(*words, env=env_of(server)) as serve:
            until(lambda: rooms_with_rules(server) == ["lobby", "retro"])
            server.leave("retro", "bob")
            until(lambda: rooms_with_rules(server) == ["lobby"])
            assert serve.end(signal.SIGTERM) == 0


def test_the_readmes_story(tmp_path: Path) -> None:
    """A meeting is recorded, read, and played into serve, which makes its rule; a webhook that redirects is named."""
    need_real_server()
    path = tmp_path / "meeting.jsonl"
    env = server_env("http://127.0.0.1:1", API_SECRET)
    with (
        serving("webhook", "listen", "--write", str(path), env=env) as listening,
        running_livekit(tmp_path, settings={"departure_timeout": 1, "webhook": listening.url}) as server,
        serving(
            "webhook", "serve", "--bind", "127.0.0.1:0", "--assign", "--every", "3600", env=env_of(server)
        ) as serve,
    ):
        server.join("standup", "alice")
        until(lambda: path.exists() and b"participant_joined" in path.read_bytes())
        assert rooms_with_rules(server) == []
        assert run("webhook", "verify", str(path), env=env_of(server)).code == 0
        words = ("webhook", "replay", str(path), "--to", serve.url, "--expect-rule", "standup")
        replayed = run(*words, env=env_of(server))
        assert (replayed.code, "✓ rules of room standup" in replayed.stdout) == (0, True), replayed
        assert rooms_with_rules(server) == ["standup"]
        with hostile(says(301, Location="/hook/")) as moved:
            examined = run("doctor", "--only", "WHK", env=env_of(server, SIPCTL_WEBHOOK_URL=f"{moved.url}/hook"))
        assert examined.code == 1
        assert "WHK602" in examined.stdout
