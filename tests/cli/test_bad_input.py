"""Bad input and hostile surroundings: one `error:` line, the documented exit code, no traceback, no secret shown."""

import json
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from sipctl.errors import ExitCode
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from tests.support.peers.hostile import Answer, cuts, echoes_token, floods, hangs, hostile, says
from tests.support.running import Result, assert_error, clean_env, command, env_of, run, server_env

SECRET = "canary-secret-of-more-than-32-characters"
STEERING = "evil\n\x1b[31mred\x1b[0m\x07\x9b2J\u202e [bold red]markup[/bold red]"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def ask(url: str, *words: str) -> Result:
    """Run a command against a server with the canary as its secret, which must not come out anywhere."""
    result = run(*words, env=server_env(url, SECRET))
    assert SECRET not in result.stdout + result.stderr
    assert "eyJ" not in result.stdout + result.stderr
    return result


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


# --- the configuration ---


def test_no_configuration_at_all() -> None:
    assert_error(run("rules", "list"), 2, "no LiveKit server configured", "sipctl config init")


def test_a_profile_without_any_file(tmp_path: Path) -> None:
    for words in (("--profile", "prod", "rules", "list"), ("doctor", "--profile", "prod")):
        assert_error(run(*words), 2, "no profile 'prod': there is no", "sipctl --profile prod config init")


@pytest.mark.parametrize(
    ("content", "described"),
    [
        pytest.param(b"\xff\xfe[profiles.p]", "not UTF-8", id="not-utf-8"),
        pytest.param(b"#" * 50_000_000, "over 1024 KiB", id="50-MB"),
        pytest.param(b"[profiles.p\n", "is not TOML", id="no-toml"),
        pytest.param(b"[profiles.p]\nurll = 'x'\n", ":2: profiles.p.urll: unknown key; did you mean url?", id="key"),
        pytest.param(b"[profile.p]\n", ":1: profile: unknown key; did you mean profiles?", id="table"),
        pytest.param(b"[profiles.p]\n[profiles.p.registry]\nlayoutt = 'meet'\n", "did you mean layout?", id="inner"),
        pytest.param(b"[profiles.p]\nurl = 1\n", ":2: profiles.p.url: Input should be a valid string", id="number"),
        pytest.param(b"[profiles.p]\nprotected = 'no'\n", ":2: profiles.p.protected: ", id="text-for-boolean"),
        pytest.param(b"profiles = 1\n", ":1: profiles: ", id="number-for-table"),
        pytest.param(b"x = " + b"[" * 5000, "is not TOML", id="deep"),
    ],
)
def test_a_configuration_file_that_is_wrong(tmp_path: Path, content: bytes, described: str) -> None:
    file = write(tmp_path / "config.toml", content)
    assert_error(run("--config", file, "rules", "list"), 2, described)
    assert_error(run("rules", "list", env=clean_env(SIPCTL_CONFIG=file)), 2, described)


@pytest.mark.parametrize("words", [("rules", "list"), ("config", "show")])
def test_a_configuration_file_that_cannot_be_read(tmp_path: Path, words: tuple[str, ...]) -> None:
    circle = tmp_path / "circle.toml"
    circle.symlink_to(circle)
    for path in (tmp_path, circle, tmp_path / "none.toml", Path("/" + "x" * 300)):
        assert_error(run("--config", str(path), *words), 2, "cannot read")


def test_a_default_place_that_cannot_be_looked_at() -> None:
    """As unreadable folders do, a name that is too long makes looking for the file fail, not only reading it."""
    assert_error(run("rules", "list", env=clean_env(XDG_CONFIG_HOME="/" + "x" * 300)), 2)


def test_an_empty_configuration_file_is_fine(tmp_path: Path, sandbox: Sandbox) -> None:
    file = write(tmp_path / "config.toml", "")
    assert run("--config", file, "rules", "list", env=env_of(sandbox)).code == ExitCode.DONE
    assert_error(run("--config", file, "rules", "list"), 2, "no LiveKit server configured")
    assert_error(run("--config", file, "--profile", "prod", "rules", "list"), 2, "no profile 'prod'")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:7880", "localhost", "ftp://x", "//x", "http://", "http://x:y", "http://x?q"]
)
def test_a_url_that_is_none(url: str) -> None:
    assert_error(ask(url, "room", "list"), 2, "LIVEKIT_URL")


@pytest.mark.parametrize(
    "url",
    [
        "http://eve:hunter2@127.0.0.1:1", "eve:hunter2@127.0.0.1:1", "http://hunter2@x:y", "ws://eve:hunter2@",
        "http://eve:a/b@hunter2@x", "https://x/?token=hunter2", "https://x/#hunter2", "https://x/ hunter2@y",
    ],
)  # fmt: skip
def test_credentials_in_a_url_are_never_echoed(tmp_path: Path, url: str) -> None:
    env = server_env(url, SECRET)
    file = write(tmp_path / "config.toml", f'[profiles.p]\nurl = "{url}"\napi_key = "k"\napi_secret = "{SECRET}"\n')
    for result in (
        run("room", "list", env=env),
        run("config", "show", env=env),
        run("room", "list", "-o", "json", env=env),
        run("--config", file, "--profile", "p", "room", "list"),
    ):
        assert result.code == ExitCode.USAGE, result
        assert "hunter2" not in result.stdout + result.stderr
        assert SECRET not in result.stdout + result.stderr


@pytest.mark.parametrize("missing", ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
def test_half_a_connection(sandbox: Sandbox, missing: str) -> None:
    env = env_of(sandbox)
    assert_error(run("room", "list", env=env | {missing: ""}), 2, f"no {missing}")
    del env[missing]
    assert_error(run("room", "list", env=env), 2, f"no {missing}")


def test_a_named_profile_goes_over_the_environment_and_says_so(tmp_path: Path, sandbox: Sandbox) -> None:
    secret = sandbox.api_secret.reveal()
    file = write(
        tmp_path / "config.toml",
        f'[profiles.p]\nurl = "{sandbox.url}"\napi_key = "devkey"\napi_secret = "{secret}"\n',
    )
    result = run("--config", file, "--profile", "p", "room", "list", env=server_env("http://127.0.0.1:1", SECRET))
    assert result.code == ExitCode.DONE
    assert result.stderr == (
        "note: LIVEKIT_URL in the environment is ignored: the server comes from profile 'p'\nno live rooms\n"
    )


# --- the server ---


def test_a_server_that_is_down() -> None:
    assert_error(ask("http://127.0.0.1:1", "rules", "list"), 3, "cannot connect", "Connection refused")


@pytest.mark.parametrize(
    ("answer", "code", "described"),
    [
        pytest.param(says(200, "<html>Welcome</html>"), 3, "not as LiveKit does", id="page"),
        pytest.param(says(502, "<html>Bad Gateway</html>"), 3, "answered 502", id="502"),
        pytest.param(cuts, 3, "broke off", id="cut"),
        pytest.param(echoes_token, 4, "the secret of API key 'devkey' is not the server's", id="echoed-token"),
    ],
)
def test_a_server_that_is_broken_or_no_livekit(answer: Answer, code: int, described: str) -> None:
    with hostile(answer) as server:
        assert_error(ask(server.url, "rules", "list"), code, described)


def test_a_server_that_hangs() -> None:
    with hostile(hangs) as server:
        assert_error(ask(server.url, "rules", "list", "--timeout", "0.3"), 3, "did not answer within 0.3 s")


def test_a_server_that_never_ends() -> None:
    with hostile(floods(130)) as server:
        assert_error(ask(server.url, "rules", "list"), 3, "over 128 MiB")


@pytest.mark.parametrize(("text", "described"), [("\x1b]0;owned\x07\u202e", "\\x1b"), ("a\nerror: b", "a\\nerror: b")])
def test_a_refusal_that_tries_to_steer_the_terminal(text: str, described: str) -> None:
    body = json.dumps({"code": "internal", "msg": text})
    with hostile(says(500, body, "application/json")) as server:
        result = ask(server.url, "rules", "list")
    assert_error(result, 3, described)
    assert not CONTROLS.search(result.stderr)


@pytest.mark.parametrize("time", [2**60, -(2**63)])
def test_a_room_of_no_time_that_there_is(sandbox: Sandbox, time: int) -> None:
    sandbox.store.open_room("demo").info.creation_time = time
    for words in (("list",), ("show", "demo"), ("list", "-o", "json")):
        result = run("room", *words, env=env_of(sandbox))
        assert result.code == ExitCode.DONE, result
        assert "demo" in result.stdout


# --- the command line ---


@pytest.mark.parametrize("words", [("rules", "list"), ("room", "list"), ("config", "show"), ("room", "create", "x")])
def test_an_unknown_format(sandbox: Sandbox, words: tuple[str, ...]) -> None:
    assert_error(run(*words, "-o", "yaml", env=env_of(sandbox)), 2, "no output format 'yaml'", "table, json")
    assert not sandbox.calls


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("-o", "json", "rules", "list", "-o", "yaml"), 2),
        (("rules", "-o", "jsonl", "list", "--output=yaml"), 2),
        (("--output", "json", "rules", "nosuch"), 2),
        (("rules", "list", "--nosuch", "-ojson"), 2),
        (("room", "list", "--timeout", "soon", "-o", "json"), 2),
        (("rules", "show", "SDR_none", "--output=json"), 7),
    ],
)
def test_errors_are_json_where_json_is_asked_for_anywhere(sandbox: Sandbox, words: tuple[str, ...], code: int) -> None:
    result = run(*words, env=env_of(sandbox))
    assert (result.code, result.stdout) == (code, "")
    error = json.loads(result.stderr)["error"]
    assert error.keys() == {"code", "message", "hint", "exit_code"}
    assert error["exit_code"] == code


@pytest.mark.parametrize(
    "words",
    [
        ("nosuch",),
        ("rules", "show"),
        ("rules", "list", "--timeout", "0"),
        ("rules", "list", "--timeout", "nan"),
        ("rules", "list", "--timeout", "inf"),
        ("rules", "list", "--sort", "colour"),
        ("rules", "list", "--color", "maybe"),
        ("room", "create", ""),
        ("room", "create", "x", "--max-participants", "-1"),
        ("room", "create", "x", "--empty-timeout", "99999999999"),
        ("rules", "create", "--room", "x", "--allow", "everything"),
    ],
)
def test_a_command_line_that_makes_no_sense(sandbox: Sandbox, words: tuple[str, ...]) -> None:
    assert_error(run(*words, env=env_of(sandbox)), 2)
    assert sandbox.store.rooms == {}


def test_names_that_nothing_has(sandbox: Sandbox) -> None:
    for words in (
        *((group, act, reference) for group in ("rules", "room") for act in ("show", "delete") for reference in "xé"),
        ("trunk", "show", "ST_none"),
        ("rules", "update", "SDR_none", "--name", "y"),
        ("rules", "restore", "nosuch-1"),
    ):
        assert_error(run(*words, env=env_of(sandbox)), 7)


def test_a_name_that_several_have(sandbox: Sandbox) -> None:
    plant(sandbox, {"name": "twin", "rule": direct("a")}, {"name": "twin", "rule": direct("b")})
    for words in (("show", "twin"), ("delete", "twin"), ("update", "twin", "--name", "y")):
        assert_error(run("rules", *words, env=env_of(sandbox)), 2, "names 2 dispatch rules", *sandbox.store.rules)
    assert len(sandbox.store.rules) == 2


def test_two_options_that_read_stdin(sandbox: Sandbox) -> None:
    words = ("rules", "create", "--from-file", "-", "--pin-stdin")
    assert_error(run(*words, env=env_of(sandbox), stdin=b"4821930571\n"), 2)
    assert sandbox.store.rules == {}


def test_one_stdin_for_two_files() -> None:
    assert_error(run("config", "validate", "-", "-", stdin=b"{}"), 2)


@pytest.mark.parametrize("stdin", [b"", b"\n", b"\xff\xfe\n", b"12ab\n", b"\x1b[31m1234\n", b"1" * 5000])
def test_a_pin_that_is_none(sandbox: Sandbox, stdin: bytes) -> None:
    result = run("rules", "create", "--room", "demo", "--pin-stdin", env=env_of(sandbox), stdin=stdin)
    assert_error(result, 2)
    assert "12ab" not in result.stderr
    assert sandbox.store.rules == {}


@pytest.mark.parametrize("kind", ["sipctl", "livekit", "compose"])
def test_a_file_to_validate_that_nests_too_deep(kind: str) -> None:
    head = b"x = " if kind == "sipctl" else b""
    result = run("config", "validate", "-", "--kind", kind, stdin=head + b"[" * 5000)
    assert result.code in {ExitCode.FINDINGS, ExitCode.USAGE}, result
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("stdin", [b"", b"[]", b"{", b"\xff", b"null", b'{"nosuch": 1}', b"[" * 5000])
def test_a_request_from_a_file_that_is_none(sandbox: Sandbox, stdin: bytes) -> None:
    assert_error(run("rules", "create", "--from-file", "-", env=env_of(sandbox), stdin=stdin), 2)
    assert sandbox.store.rules == {}


# --- a bug of ours ---


@pytest.mark.parametrize("style", ["table", "json"])
def test_a_bug_leaves_a_file_and_no_wall_of_text(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("of our own making")

    monkeypatch.setattr("sipctl.cli.room.list._view", broken)
    result = run("room", "list", "-o", style, env=env_of(sandbox))
    assert (result.code, result.stdout) == (ExitCode.BUG, "")
    assert "of our own making" not in result.stderr
    (file,) = (tmp_path / "state").glob("bug-*.txt")
    assert str(file) in result.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert "RuntimeError: of our own making" in file.read_text()
    assert sandbox.api_secret.reveal() not in file.read_text()


def test_a_bug_where_no_file_can_be_written(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipctl.cli.room.list._view", None)
    (tmp_path / "file").write_text("")
    result = run("room", "list", env=env_of(sandbox, SIPCTL_STATE_DIR=str(tmp_path / "file")))
    assert result.code == ExitCode.BUG
    assert "the traceback above" in result.stderr


# --- what reaches the screen ---


def direct(room: str) -> dict[str, dict[str, str]]:
    return {"dispatch_rule_direct": {"room_name": room, "pin": "4821930571"}}


def plant(sandbox: Sandbox, *rules: Mapping[str, object]) -> None:
    plant_snapshot(sandbox.store, json.dumps({"rules": rules}))


def test_a_new_room_with_a_name_that_steers(sandbox: Sandbox) -> None:
    result = run("room", "create", STEERING, env=env_of(sandbox))
    assert result.code == ExitCode.DONE, result
    assert list(sandbox.store.rooms) == [STEERING]
    assert not CONTROLS.search(result.stdout + result.stderr)
    assert "[bold red]markup[/bold red]" in result.stdout


@pytest.mark.parametrize("style", ["table", "name"])
def test_stored_names_that_steer(sandbox: Sandbox, style: str) -> None:
    sandbox.join(STEERING, STEERING)
    plant(sandbox, {"sip_dispatch_rule_id": "SDR_x", "name": STEERING, "metadata": STEERING, "rule": direct(STEERING)})
    for words in (("room", "list"), ("room", "show", STEERING), ("rules", "list"), ("rules", "show", "SDR_x")):
        result = run(*words, "-o", style, env=env_of(sandbox))
        is_left_out = style == "name" and words[0] == "room"  # a line cannot hold the name as it is
        assert result.code == (ExitCode.PARTIAL if is_left_out else ExitCode.DONE), result
        assert not CONTROLS.search(result.stdout + result.stderr)
        assert "\\x1b[31mred" in (result.stderr if is_left_out else result.stdout) or result.stdout == "SDR_x\n"


@pytest.mark.parametrize("style", ["json", "jsonl"])
def test_json_keeps_names_that_steer_and_escapes_them(sandbox: Sandbox, style: str) -> None:
    plant(sandbox, {"sip_dispatch_rule_id": "SDR_x", "name": STEERING, "rule": direct(STEERING)})
    result = run("rules", "list", "-o", style, env=env_of(sandbox))
    assert result.code == ExitCode.DONE
    assert not CONTROLS.search(result.stdout)
    value = json.loads(result.stdout)
    assert (value["items"][0] if style == "json" else value)["name"] == STEERING


def test_names_that_steer_and_that_no_one_has(sandbox: Sandbox) -> None:
    for words in (("room", "show"), ("room", "delete"), ("rules", "show"), ("trunk", "show")):
        result = run(*words, STEERING, env=env_of(sandbox))
        assert_error(result, 7)
        assert not CONTROLS.search(result.stderr)


def test_a_name_of_ten_thousand_letters(sandbox: Sandbox) -> None:
    name = "x" * 10_000
    assert_error(run("room", "create", name, env=env_of(sandbox)), 2)
    assert_error(run("room", "show", name, env=env_of(sandbox)), 7)
    plant(sandbox, {"name": "long", "rule": direct(name)})
    result = run("rules", "show", "long", env=env_of(sandbox))
    assert (result.code, name in result.stdout) == (ExitCode.DONE, True)


@pytest.mark.parametrize(
    "words",
    [
        ("room", "show", "\udcff"),
        ("rules", "show", "\udcff"),
        ("room", "create", "\udcff"),
        ("room", "create", "demo", "--metadata", "\udcff"),
        ("rules", "create", "--room", "\udcff", "--pin-stdin"),
    ],
)
def test_a_word_that_is_not_utf_8(sandbox: Sandbox, words: tuple[str, ...]) -> None:
    result = run(*words, env=env_of(sandbox), stdin=b"4821930571\n")
    assert_error(result, 7 if "show" in words and result.code != 2 else 2)
    assert (sandbox.store.rooms, sandbox.store.rules) == ({}, {})


@pytest.mark.parametrize("style", ["table", "json", "jsonl", "name"])
def test_a_reader_that_has_seen_enough(sandbox: Sandbox, style: str) -> None:
    plant(sandbox, *({"name": f"rule-{at}", "rule": direct(f"room-{at}")} for at in range(5000)))
    with (
        subprocess.Popen(
            command("rules", "list", "-o", style),
            env=env_of(sandbox),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
        subprocess.Popen(["head", "-n", "1"], stdin=process.stdout, stdout=subprocess.PIPE) as head,
    ):
        assert process.stdout
        process.stdout.close()
        line, _ = head.communicate(timeout=40)
        assert process.stderr
        complaint = process.stderr.read()
    assert line.endswith(b"\n")
    assert (process.returncode, complaint) == (ExitCode.DONE, b"")


@pytest.mark.parametrize("words", [("rules", "list"), ("--help",), ("--version",)])
def test_a_full_disk_behind_stdout(sandbox: Sandbox, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            command(*words), env=env_of(sandbox), stdout=full, stderr=subprocess.PIPE, check=False, timeout=40
        )
    assert ended.returncode == ExitCode.UNCHECKED
    assert b"error: cannot write the output: No space left on device\n" in ended.stderr


@pytest.mark.parametrize(
    ("closed", "words"),
    [
        ("2>&-", "rules show none"),
        (">&- 2>&- <&-", "room create demo"),
        ("<&-", "room create demo"),
        (">&-", "--version"),
    ],
)
def test_streams_that_the_caller_closed(sandbox: Sandbox, closed: str, words: str) -> None:
    line = f"exec {shlex.join(command(*words.split()))} {closed}"
    ended = subprocess.run(line, shell=True, env=env_of(sandbox), capture_output=True, check=False, timeout=40)
    assert ended.returncode == (ExitCode.NOT_FOUND if "none" in words else ExitCode.DONE), ended
    assert b"Traceback" not in ended.stderr


def test_the_version_beside_other_options(sandbox: Sandbox) -> None:
    for words in (("-o", "json", "--version"), ("--version", "--quiet"), ("--version", "rules", "list")):
        result = run(*words, env=env_of(sandbox))
        assert (result.code, result.stdout.split()[0], result.stderr) == (0, "sipctl", "")


@pytest.mark.parametrize("extra", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "xterm-256color"}])
@pytest.mark.parametrize("words", [("--help",), ("rules", "list"), ("rules", "list", "--nosuch")])
def test_a_pipe_gets_no_colour_whatever_the_terminal(
    sandbox: Sandbox, words: tuple[str, ...], extra: dict[str, str]
) -> None:
    result = run(*words, env=env_of(sandbox, **extra))
    assert result.code == (2 if "--nosuch" in words else 0)
    assert "\x1b" not in result.stdout + result.stderr


# --- signals ---


@pytest.mark.parametrize(
    ("number", "code", "described"),
    [
        (signal.SIGINT, 130, b"interrupted"),
        (signal.SIGTERM, 143, b"terminated"),
        (signal.SIGHUP, 129, b"hung-up"),
    ],
)
@pytest.mark.parametrize("words", [("rules", "list"), ("room", "create", "demo")])
def test_a_signal_while_the_server_hangs(
    number: signal.Signals, code: int, described: bytes, words: tuple[str, ...]
) -> None:
    with hostile(hangs) as server:
        process = subprocess.Popen(
            command(*words), env=server_env(server.url, SECRET), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert server.asked.wait(30)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    note = b"note: nothing was changed\n" if "create" in words else b""
    assert (process.returncode, out, err) == (code, b"", note + b"error: " + described + b"\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_in_the_middle_of_a_write_says_where_to_look(
    sandbox: Sandbox, tmp_path: Path, number: signal.Signals
) -> None:
    sandbox.fault("hang@CreateSIPDispatchRule")
    process = subprocess.Popen(
        command("rules", "create", "--room", "demo", "--pin-stdin"),
        env=env_of(sandbox), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(b"4821930571\n")
    process.stdin.close()
    audit = tmp_path / "state" / "audit.jsonl"
    deadline = time.monotonic() + 30
    while not audit.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(30) == 128 + number
    assert process.stdout
    assert process.stderr
    with process.stdout, process.stderr:
        assert str(audit).encode() in process.stderr.read()
    assert [json.loads(line)["result"] for line in audit.read_text().splitlines()] == ["", "unknown"]
