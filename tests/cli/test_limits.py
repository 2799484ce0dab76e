"""Input that was made to cost time or memory is refused by the name of its limit, with little of either.

Without the limits each of these needs minutes, or more memory than the test may have.
"""

import asyncio
import contextlib
import gzip
import json
import resource
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web
from livekit.protocol.room import ListRoomsResponse
from livekit.protocol.sip import ListSIPDispatchRuleResponse, SIPDispatchRuleInfo

from sipctl.errors import UncheckedError
from sipctl.lkapi.health import read_wrong_pins
from sipctl.sandbox.server import Sandbox
from tests.support.peers.hostile import PROTOBUF, Answer, hostile, says
from tests.support.running import Result, assert_error, command, env_of, run, server_env

pytestmark = pytest.mark.timeout(120)
MEMORY = 1024**3
SECRET = "canary-secret-of-more-than-32-characters"


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """This process may have a GiB more than it has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def limited(*words: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Result:
    with little_memory():
        return run(*words, env=env, stdin=stdin)


def unfolding(first: str, again: str, count: int) -> str:
    """Lines of which each names the one before several times."""
    return first + "".join(again.replace("THIS", f"a{at}").replace("LAST", f"a{at - 1}") for at in range(1, count))


ALIASES = unfolding("a0: &a0 [x, x, x]\n", "THIS: &THIS [*LAST, *LAST, *LAST, *LAST, *LAST, *LAST, *LAST]\n", 12)
MAPS = unfolding("a0: &a0 {x: 1}\n", "THIS: &THIS {a: *LAST, b: *LAST, c: *LAST}\n", 30)
ENV = unfolding("a0=xxxxxxxx\n", "THIS=${LAST}${LAST}\n", 60)
TOML = "[profiles.p]\n"


def compose(*texts: str) -> str:
    """A project of services that hand over these texts."""
    services = {f"sip{at}": {"environment": {"SIP_CONFIG_BODY": text}} for at, text in enumerate(texts)}
    return json.dumps({"services": services})


BOMBS = {
    "yaml-aliases": ("livekit", ALIASES, "its aliases unfold to over 100,000 values"),
    "yaml-aliases-twice": ("livekit", f"{ALIASES}port: 1\nport: 2\n", "its aliases unfold to over 100,000 values"),
    "yaml-maps": ("livekit", MAPS, "its aliases unfold to over 100,000 values"),
    "yaml-length": ("livekit", "port: 1\n" + "#\n" * 500_000, "over 128 KiB of YAML"),
    "yaml-lines": ("livekit", "port: 1\n" + "#\n" * 11_000, "over 10,000 lines"),
    "yaml-line": ("livekit", "rtc: " + "!" * 40_000, "line of over 32,768 characters"),
    "env-lines": ("env", "A=1\n" * 250_000, "over 10,000 lines"),
    "env-blank-lines": ("env", "\n" * 1_000_000 + "A=1\n", "over 10,000 lines"),
    "env-line": ("env", "A=" + "x" * 1_000_000, "line of over 32,768 characters"),
    "env-blanks": ("env", ("A=x" + " " * 30_000 + "y\n") * 30, "over 256 blanks in a row"),
    "env-unfolds": ("env", ENV, "unfolds to over 128 KiB"),
    "env-unfolds-wide": ("env", "A=" + "x" * 30_000 + "\nB=" + "${A}" * 99 + "\n", "unfolds to over 128 KiB"),
    "env-unfolds-long": ("env", "A=" + "x" * 30_000 + "\n" + "B=${A}${A}\n" * 9_000, "unfolds the file to over 2048"),
    "env-references": ("env", ("A=" + "${" * 16_000 + "\n") * 30, "names over 100 variables"),
    "toml-dots": ("sipctl", TOML + "a." * 500_000 + "a = 1\n", "line of over 32,768 characters"),
    "toml-keys": ("sipctl", TOML + "".join(f"key{at} = 1\n" for at in range(5_000)), "unknown key"),
    "toml-lines": ("sipctl", TOML + "#\n" * 500_000, "over 10,000 lines"),
    "toml-number": ("sipctl", TOML + "x = " + "9" * 5_000, "not TOML"),
    "json-depth": ("compose", '{"services":' + "[" * 500_000, "nests too deep"),
    "json-texts": ("compose", compose("#\n" * 90_000), "texts of over 10,000 lines"),
    "json-objects": ("compose", '{"services": [' + "{}," * 700_000 + "{}]}", "over 600,000 objects and lists"),
    "json-aliases": ("compose", compose(*[ALIASES] * 30), "its aliases unfold"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_configuration_file(name: str) -> None:
    kind, text, described = BOMBS[name]
    result = limited("config", "validate", "-", "--kind", kind, stdin=text.encode())
    assert result.code == 1, result.stderr[:500]
    assert described in result.stdout


@pytest.mark.parametrize(
    "text", ["\n" * 1_000_000, " \n" * 500_000, "\t" * 1_000_000, "a:\n" * 300_000, "{" + "{}," * 5_000_000]
)
def test_a_text_of_no_kind(text: str) -> None:
    result = limited("config", "validate", "-", stdin=text.encode())
    assert (result.code, "CFG101" in result.stdout) == (1, True), result.stderr[:500]


def test_a_project_of_compose_may_be_larger_than_other_files(tmp_path: Path) -> None:
    files = {"project.json": '{"services": {"a": {"image": "' + "x" * 1_500_000 + '"}}}', "common": "A=1\n" * 400_000}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert limited("config", "validate", str(tmp_path / "project.json")).code == 0
    assert limited("config", "validate", "-", stdin=files["project.json"].encode()).code == 0
    refused = limited("config", "validate", str(tmp_path / "common"))
    assert (refused.code, "is over 1024 KiB" in refused.stdout) == (1, True)
    (tmp_path / "project.json").write_text("{" + " " * 17_000_000 + "}")
    refused = limited("config", "validate", str(tmp_path / "project.json"))
    assert (refused.code, "is over 16384 KiB" in refused.stdout) == (1, True)


@pytest.mark.parametrize("name", ["env-unfolds", "env-lines", "env-blanks"])
def test_an_env_file_that_settings_come_from(tmp_path: Path, name: str) -> None:
    file = tmp_path / "env"
    file.write_text(BOMBS[name][1])
    result = limited("--env-file", str(file), "config", "show", "--origin")
    assert result.code == 0, result.stderr[:500]


def test_a_folder_that_is_no_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipctl.config.discover._FILES_LIMIT", 10)
    (tmp_path / "inner").mkdir()
    for file in range(11):
        (tmp_path / "inner" / str(file)).touch()
    refused = run("config", "init", "--from", str(tmp_path), "--config", str(tmp_path / "c.toml"))
    assert_error(refused, 2, "holds over 10 files")


@pytest.mark.parametrize(
    ("suffix", "text", "described"),
    [
        ("yaml", f"calls: []\n{ALIASES}", "its aliases unfold"),
        ("yaml", "calls:\n" + "- {from: '1'}\n" * 20_000, "TOML or JSON lines"),
        ("toml", "a." * 1_000_000 + "a = 1\n", "line of over 32,768 characters"),
        ("toml", "#\n" * 1_000_000, "over 100,000 lines"),
        ("toml", "x = " + "[" * 30_000, "not TOML"),
        ("toml", "x = " + "9" * 5_000, "not TOML"),
        ("jsonl", "[" * 1_000_000, "not JSON"),
    ],
)
def test_a_file_of_tests(sandbox: Sandbox, tmp_path: Path, suffix: str, text: str, described: str) -> None:
    file = tmp_path / f"cases.{suffix}"
    file.write_text(text)
    assert_error(limited("rules", "test", str(file), env=env_of(sandbox)), 2, described)


TYPE = "# TYPE livekit_sip_calls_terminated counter\n"
LINE = 'livekit_sip_calls_terminated{reason="wrong-pin"} 3\n'
STARTED = "process_start_time_seconds 1.7e+09\n"
LABELS = ",".join(f'l{at}="{at}"' for at in range(150_000))


@pytest.mark.parametrize(
    ("page", "count"),
    [
        (f"{LINE}{STARTED}other{{{LABELS}}} 1\n", 3),
        (f"{LINE}{STARTED}livekit_sip_calls_terminated{{{LABELS}}} 1\n", None),
        (STARTED + TYPE + LINE * 10_000, 30_000),
    ],
    ids=["another's", "its own", "lines"],
)
def test_a_page_of_metrics(page: str, count: int | None) -> None:
    with hostile(says(200, page, "text/plain")) as server, little_memory():
        if count is None:
            with pytest.raises(UncheckedError, match="not with the metrics of livekit-sip"):
                asyncio.run(read_wrong_pins(server.url, 20))
        else:
            assert asyncio.run(read_wrong_pins(server.url, 20)).count == count


def zipped(message: bytes) -> Answer:
    """A list that is a thousand times longer when it is unpacked."""
    packed = gzip.compress(message)

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=packed, headers={"Content-Type": PROTOBUF, "Content-Encoding": "gzip"})

    return answer


def rules(count: int, name: str = "") -> bytes:
    one = ListSIPDispatchRuleResponse(items=[SIPDispatchRuleInfo(sip_dispatch_rule_id=name, name=name)])
    return one.SerializeToString() * count


def test_a_gzip_that_unpacks_to_more_than_a_million_rules() -> None:
    with hostile(zipped(rules(1_000_001))) as server:
        result = limited("rules", "list", env=server_env(server.url, SECRET))
    assert_error(result, 3, "lists more than 1,000,000 items", "--max-items N")


@pytest.mark.parametrize("words", ["rules list", "rules purge", "room list", "trunk list"])
def test_as_many_items_as_are_asked_for(words: str) -> None:
    for count, code in ((10, 0), (11, 3)):
        message = rules(count, "SDR_x") if "rules" in words else b"\x0a\x00" * count
        with hostile(zipped(message)) as server:
            result = run(*words.split(), "--max-items", "10", env=server_env(server.url, SECRET))
        assert result.code in {code, 5 if code == 0 else code}, result
        assert ("more than 10 items" in result.stderr) == bool(code)


def test_the_time_limit_covers_the_reading_of_an_answer() -> None:
    """The answer comes at once; it is its conversion that takes seconds."""
    with hostile(zipped(rules(900_000, "SDR_x"))) as server:
        result = run("rules", "list", "-o", "name", "--timeout", "2", env=server_env(server.url, SECRET))
    assert result.code == 3, result.stderr
    assert "did not answer within 2 s" in result.stderr
    assert server.paths == ["/twirp/livekit.SIP/ListSIPDispatchRule"]


def test_a_long_list_within_the_time_limit_is_read_at_the_pace_of_its_reader(sandbox: Sandbox) -> None:
    message = ListRoomsResponse(rooms=[{"name": f"room-{at}"} for at in range(20_000)]).SerializeToString()
    with hostile(zipped(message)) as server:
        result = run("room", "list", "-o", "name", env=server_env(server.url, SECRET))
    assert (result.code, len(result.stdout.splitlines())) == (0, 20_000)


CALL = '{"ts": 1, "msg": "x", "callID": "#", "toUser": "1"}\n'


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("rules lint --offline FILE", '{"rules": [' + "{}," * 20 + "{}]}"),
        ("rules restore --from-export FILE", '{"rules": [' + "{}," * 20 + "{}]}"),
        ("doctor --offline --snapshot FILE", '{"rooms": [' + '"a",' * 20 + '"a"]}'),
        ("pin import FILE", "room,pin\n" + "".join(f"r{at},48219305{at:02}\n" for at in range(21))),
        ("pin import FILE", json.dumps([{"room": f"r{at}", "pin": f"48219305{at:02}"} for at in range(21)])),
        ("pin import FILE.jsonl", "".join(f'{{"room": "r{at}", "pin": "48219305{at:02}"}}\n' for at in range(21))),
        ("rules explain --log FILE", "".join(CALL.replace("#", str(at)) for at in range(21))),
    ],
)  # fmt: skip
def test_a_file_with_more_items_than_are_asked_for(sandbox: Sandbox, tmp_path: Path, words: str, text: str) -> None:
    for name in ("FILE", "FILE.jsonl"):
        (tmp_path / name).write_text(text)
    line = [str(tmp_path / word) if word.startswith("FILE") else word for word in words.split()]
    assert_error(run(*line, "--max-items", "20", env=env_of(sandbox)), 2, "more than 20", "--max-items")
    assert run(*line, "--max-items", "30", env=env_of(sandbox)).code in {0, 1, 2}


@pytest.mark.parametrize(
    ("words", "start"),
    [("rules lint --offline FILE", '{"rules": ['), ("pin import FILE", "["), ("pin import FILE", '{"items": [')],
)
def test_a_file_whose_objects_would_fill_the_memory(sandbox: Sandbox, tmp_path: Path, words: str, start: str) -> None:
    """Three bytes make an object of sixty-four; they are counted before the file is parsed, whatever follows."""
    file = tmp_path / "bomb.json"
    file.write_text(start + "{}," * 40_000 + "this is no JSON")
    line = [str(file) if word == "FILE" else word for word in words.split()]
    assert_error(limited(*line, "--max-items", "1000", env=env_of(sandbox)), 2, "more than 1,000")


@pytest.mark.parametrize(
    ("words", "described"),
    [
        ("pin assign --stdin", "line 1 of stdin is over 4096 bytes"),
        ("rules lint --offline -", "over 128 MiB"),
        ("config validate -", "over 4 MiB"),
    ],
)
def test_a_stdin_without_end(sandbox: Sandbox, words: str, described: str) -> None:
    with subprocess.Popen(["sh", "-c", "yes aaaaaaa | tr -d '\\n'"], stdout=subprocess.PIPE) as endless:
        ended = subprocess.run(
            command(*words.split()), env=env_of(sandbox), stdin=endless.stdout, capture_output=True, check=False
        )
        assert endless.stdout
        endless.stdout.close()
    assert (ended.returncode, described in ended.stderr.decode()) == (2, True), ended
