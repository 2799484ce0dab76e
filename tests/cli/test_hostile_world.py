"""What goes wrong around sipctl, tried one by one: one clear error, the documented exit code, nothing secret shown."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from cli.shell import Ended, assert_one_error, environment, sipctl, words
from peers import rogue as peers
from peers.rogue import Answer, rogue
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox

SECRET = "canary-secret-of-more-than-32-characters"


def elsewhere(url: str) -> dict[str, str]:
    return environment(LIVEKIT_URL=url, LIVEKIT_API_KEY="devkey", LIVEKIT_API_SECRET=SECRET)


def assert_secret_kept(ended: Ended) -> None:
    assert SECRET not in ended.out + ended.err
    assert "eyJ" not in ended.out + ended.err


def test_no_configuration_at_all() -> None:
    ended = sipctl("rules", "list")
    assert_one_error(ended, 2)
    assert "config init" in ended.err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * 50_000_000, "over 1024 KiB"),
        (b"[profiles.p]\nurll = 'x'\n", ":2: profiles.p.urll: unknown key; did you mean url?"),
        (b"[profiles.p]\n\ntrunk_ids = 'x'\n", ":3: profiles.p.trunk_ids: Input should be a valid list"),
        (b"[profiles.p\n", "is not TOML"),
        (b"[profiles.p]\nname_template = 'SIP'\n", "{room}"),
        (b"[profiles.p]\nroom_pattern = '('\n", "no regular expression"),
    ],
)
def test_a_broken_configuration_file(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    ended = sipctl("--config", str(file), "rules", "list")
    assert_one_error(ended, 2)
    assert told in ended.err


def test_a_configuration_file_that_is_a_folder_or_unreadable_or_not_there(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml"):
        assert_one_error(sipctl("--config", str(path), "rules", "list"), 2)


def test_an_empty_configuration_file_is_none(tmp_path: Path, sandbox: Sandbox) -> None:
    file = tmp_path / "config.toml"
    file.touch()
    assert sipctl("--config", str(file), "rules", "list", env=environment(sandbox)).code == 0


@pytest.mark.parametrize(
    "url", ["127.0.0.1:7880", "ftp://x", "http://", "http://user:canary-secret@127.0.0.1:1", "http://x:y"]
)
def test_a_url_that_is_none(url: str) -> None:
    ended = sipctl("room", "list", env=elsewhere(url))
    assert_one_error(ended, 2)
    assert "canary-secret" not in ended.err


def test_a_url_with_a_path_leads_to_a_clear_error(sandbox: Sandbox) -> None:
    ended = sipctl("room", "list", env=environment(sandbox, LIVEKIT_URL=f"{sandbox.url}/some/path"))
    assert_one_error(ended, 3)
    assert "not as LiveKit does" in ended.err


def test_a_key_without_its_secret(sandbox: Sandbox) -> None:
    env = environment(sandbox)
    del env["LIVEKIT_API_SECRET"]
    ended = sipctl("room", "list", env=env)
    assert_one_error(ended, 2)
    assert "LIVEKIT_API_SECRET" in ended.err


def test_a_named_profile_goes_over_the_environment_and_says_so(tmp_path: Path, sandbox: Sandbox) -> None:
    file = tmp_path / "config.toml"
    secret = sandbox.api_secret.reveal()
    file.write_text(f'[profiles.p]\nurl = "{sandbox.url}"\napi_key = "devkey"\napi_secret = "{secret}"\n')
    ended = sipctl("--config", str(file), "--profile", "p", "room", "list", env=elsewhere("http://127.0.0.1:1"))
    assert ended.code == 0
    assert "note: LIVEKIT_URL in the environment is ignored: the server comes from profile 'p'" in ended.err


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        pytest.param(peers.plain("200 OK", b"<html>Welcome</html>"), 3, "not as LiveKit does", id="page"),
        pytest.param(
            peers.plain("200 OK", b"\xff\xff", "application/protobuf"), 3, "not as LiveKit does", id="garbage"
        ),
        pytest.param(peers.plain("404 Not Found", b"<html>"), 3, "404", id="404"),
        pytest.param(peers.plain("404 Not Found", b"[1]", "application/json"), 3, "404", id="404-json-list"),
        pytest.param(peers.plain("502 Bad Gateway", b"<html>"), 3, "proxy", id="502"),
        pytest.param(peers.plain("302 Found", b"", extra="Location: https://x/\r\n"), 3, "https://x/", id="302"),
        pytest.param(peers.plain("403 Forbidden", b""), 4, "403", id="403"),
        pytest.param(peers.plain("401 Unauthorized", b"who?"), 4, "not LiveKit's", id="401"),
        pytest.param(peers.echo_token, 4, "secret of API key 'devkey'", id="echoed-token"),
        pytest.param(peers.cut, 3, "broke off", id="cut"),
        pytest.param(peers.flood(200 * 1024 * 1024), 3, "over 128 MiB", id="flood"),
    ],
)
def test_a_server_that_is_broken_or_no_livekit(answer: Answer, code: int, told: str) -> None:
    with rogue(answer) as (url, _):
        ended = sipctl("rules", "list", env=elsewhere(url))
    assert_one_error(ended, code)
    assert told in ended.err
    assert_secret_kept(ended)


def test_a_server_that_hangs() -> None:
    with rogue(peers.hang) as (url, _):
        ended = sipctl("rules", "list", "--timeout", "0.3", env=elsewhere(url))
    assert_one_error(ended, 3)
    assert "within 0.3 s" in ended.err


def test_a_server_that_is_down_or_nowhere() -> None:
    assert_one_error(sipctl("rules", "list", env=elsewhere("http://127.0.0.1:1")), 3)
    assert_one_error(sipctl("rules", "list", env=elsewhere("http://nosuch.invalid")), 3)
    with rogue(peers.plain("200 OK", b"no TLS here")) as (url, _):
        assert_one_error(sipctl("rules", "list", env=elsewhere(url.replace("http", "https"))), 3)


def test_reads_are_tried_twice_writes_once() -> None:
    with rogue(peers.cut) as (url, requests):
        sipctl("room", "list", env=elsewhere(url))
        assert len(requests) == 2


def test_errors_are_json_where_json_is_asked_for(sandbox: Sandbox) -> None:
    for args, code in (
        (("rules", "show", "SDR_none"), 7),
        (("rules", "nosuch"), 2),
        (("rules", "list", "--nosuch"), 2),
    ):
        ended = sipctl(*args, "-o", "json", env=environment(sandbox))
        assert ended.code == code
        error = json.loads(ended.err)["error"]
        assert error["exit_code"] == code
        assert error["message"]


def test_unknown_formats_and_commands(sandbox: Sandbox) -> None:
    assert_one_error(sipctl("rules", "list", "-o", "yaml", env=environment(sandbox)), 2)
    ended = sipctl("rulse", "list")
    assert_one_error(ended, 2)
    assert "Did you mean" in ended.err


def test_names_that_nothing_or_several_have(sandbox: Sandbox) -> None:
    plant_snapshot(
        sandbox.store,
        json.dumps({"rules": [{"name": "twin", "rule": {"dispatch_rule_direct": {"room_name": n}}} for n in "ab"]}),
    )
    env = environment(sandbox)
    for group in ("rules", "room", "trunk"):
        assert_one_error(sipctl(group, "show", "nobody", env=env), 7)
    ended = sipctl("rules", "show", "twin", env=env)
    assert_one_error(ended, 2)
    assert all(identifier in ended.err for identifier in sandbox.store.rules)


def test_two_things_from_one_stdin(sandbox: Sandbox) -> None:
    ended = sipctl("rules", "create", "--from-file", "-", "--pin-stdin", env=environment(sandbox), stdin=b"1234")
    assert_one_error(ended, 2)


def test_names_that_try_to_steer_the_terminal(sandbox: Sandbox) -> None:
    name = "a\n\x1b[31mred\x07 [bold]\u202ex"
    sandbox.join(name, "eve\x1b[2J")
    env = environment(sandbox)
    for args in (("room", "list"), ("room", "show", name), ("room", "list", "-o", "name"), ("doctor", "--settle", "0")):
        ended = sipctl(*args, env=env)
        assert ended.code == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(ended.out + ended.err)
        assert "[bold]" in ended.out or "doctor" in args
    assert_one_error(sipctl("room", "create", "x" * 10_000, env=env), 2)
    ended = sipctl("room", "show", "[/red]\x1b]0;x", env=env)
    assert_one_error(ended, 7)
    assert "\x1b" not in ended.err


def test_a_reader_that_has_seen_enough(sandbox: Sandbox) -> None:
    rules = [{"name": f"r{at}", "rule": {"dispatch_rule_direct": {"room_name": f"room-{at}"}}} for at in range(5000)]
    plant_snapshot(sandbox.store, json.dumps({"rules": rules}))
    with subprocess.Popen(
        words("rules", "list"), env=environment(sandbox), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"id\troom\tpin\tname\ttrunks\towner\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_wait(number: signal.Signals, code: int) -> None:
    with rogue(peers.hang) as (url, requests):
        process = subprocess.Popen(
            words("rules", "list"), env=elsewhere(url), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while not requests and process.poll() is None:
            os.sched_yield()
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (code, b"")
    assert b"Traceback" not in err


@pytest.mark.parametrize("extra", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"FORCE_COLOR": "1"}])
def test_terminals_of_any_kind(sandbox: Sandbox, extra: dict[str, str]) -> None:
    sandbox.join("demo", "alice")
    ended = sipctl("room", "list", env=environment(sandbox, **extra))
    assert ended.code == 0
    assert ended.out.splitlines()[1].startswith("demo\t1\t")
