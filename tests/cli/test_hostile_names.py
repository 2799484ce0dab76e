"""What sipctl prints about hostile names: commands mean the same thing in every shell, files come back as they were."""

import contextlib
import json
import os
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sipctl.command_line import quoted
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from tests.support.hostile_text import HOSTILE
from tests.support.needs import need
from tests.support.peers.shells import SHELLS, Shell, missing
from tests.support.running import clean_env, command, env_of, run

NAMES = [name for name in HOSTILE if name.strip()]
"""Those that can be a room's."""


def assigned(env: dict[str, str], names: list[str]) -> dict[str, str]:
    """A PIN for each of these rooms; its undo command by room."""
    undo = {}
    for name in names:
        described = run("pin", "assign", "--no-live", "--", name, env=env)
        assert described.code == 0, described
        undo[name] = described.stderr.strip().removeprefix("undo: ")
    return undo


def held(env: dict[str, str]) -> dict[str, str]:
    ended = run("pin", "list", "--show-pins", "-o", "json", env=env)
    return {one["room"]: one["pin"] for one in json.loads(ended.stdout)["items"]}


@pytest.mark.parametrize("shell", SHELLS)
def test_what_undoes_an_assign_releases_that_room(shell: str, tmp_path: Path) -> None:
    need(missing())
    env = clean_env()
    undo = assigned(env, NAMES)
    (folder := tmp_path / "shell").mkdir()
    pasted = Shell(shell, folder).paste(list(undo.values()), "C.UTF-8")
    assert len(pasted) == len(NAMES)
    for name, words in zip(undo, pasted, strict=True):
        assert name in held(env)
        assert run(*words, env=env).code == 0
        assert name not in held(env)


def test_what_undoes_the_making_of_a_room_ends_that_room(sandbox: Sandbox, tmp_path: Path) -> None:
    need(missing())
    env = env_of(sandbox)
    shell = Shell("sh", tmp_path)
    for name in [*NAMES, "RM_23456789ABCD"]:
        made = json.loads(run("room", "create", "-o", "json", "--", name, env=env).stdout)["item"]
        assert made["after"]["name"] == name
        (words,) = shell.paste([made["undo"]], "C.UTF-8")
        assert run(*words, env=env).code == 0
        assert json.loads(run("room", "list", "-o", "json", env=env).stdout)["items"] == []


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "\u202emoor", "RM_23456789ABCD"])
def test_a_room_whose_name_is_unclear_is_named_by_its_id(sandbox: Sandbox, name: str) -> None:
    undo = json.loads(run("room", "create", "-o", "json", name, env=env_of(sandbox)).stdout)["item"]["undo"]
    (room,) = sandbox.store.rooms.values()
    assert undo == f"sipctl room delete {room.info.sid}"


def test_the_command_of_a_finding_meets_the_same_room_and_deployment(sandbox: Sandbox, tmp_path: Path) -> None:
    need(missing())
    env = env_of(sandbox)
    shell = Shell("sh", tmp_path)
    (file := tmp_path / "it's; $(touch x).env").write_text("# nothing\n")
    assigned(env, NAMES)
    old = held(env)
    rules = [
        {"sip_dispatch_rule_id": f"SDR_{at}", "name": f"SIP_{name}",
         "rule": {"dispatch_rule_direct": {"room_name": name, "pin": old[name]}}}
        for at, name in enumerate(NAMES)
    ]  # fmt: skip
    plant_snapshot(sandbox.store, json.dumps({"rules": rules, "rooms": NAMES}))
    assert run("pin", "rotate", "--all", "--no-live", "--apply", env=env).code == 0
    words = ("doctor", "--env-file", str(file), "--only", "PIN505", "--settle", "0", "-o", "json")
    findings = json.loads(run(*words, env=env).stdout)["findings"]
    pasted = shell.paste([one["fix"]["command"] for one in findings], "C.UTF-8")
    assert [words[:2] for words in pasted] == [["--env-file", str(file)]] * len(NAMES)
    assert sorted(words[words.index("--room") + 1] for words in pasted) == sorted(NAMES)
    for own in pasted:
        plan = json.loads(run(*own, "--dry-run", "-o", "json", env=env).stdout)
        assert {one["room"] for one in plan["items"]} == {own[own.index("--room") + 1]}


def test_exported_csv_is_read_back_by_an_import(tmp_path: Path) -> None:
    assigned(clean_env(), NAMES)
    for raw in ([], ["--raw"]):
        file = tmp_path / f"pins{len(raw)}.csv"
        assert run("pin", "export", str(file), *raw).code == 0
        lines = file.read_text().split("\n")
        assert any(line.startswith("=1+1,") for line in lines) == bool(raw)
        fresh = clean_env(SIPCTL_DATA_DIR=str(tmp_path / file.stem))
        names = {name: pin for name, pin in held(clean_env()).items() if not raw or not name.startswith("'")}
        ended = run("pin", "import", str(file), "--apply", "--no-live", env=fresh)
        assert ended.code == 0, ended
        assert held(fresh).items() >= names.items()


def test_raw_is_for_csv_alone() -> None:
    refused = run("pin", "export", "--raw")
    assert (refused.code, "--raw is for csv alone" in refused.stderr) == (2, True)


def test_a_file_is_not_escaped_for_the_terminal_beside_it(tmp_path: Path) -> None:
    assigned(clean_env(), ["a\tb"])
    file = tmp_path / "pins.csv"
    assert on_a_terminal("pin", "export", str(file)) == ""
    assert '"a\tb"' in file.read_text()
    assert "a\\tb" in on_a_terminal("pin", "export", "-o", "csv")


def on_a_terminal(*words: str) -> str:
    """What a run writes to stdout where that is a terminal."""
    ours, terminal = os.openpty()
    subprocess.run(command(*words), env=clean_env(), stdout=terminal, stderr=subprocess.DEVNULL, check=True)
    os.close(terminal)
    written = b""
    with contextlib.suppress(OSError):  # Linux says so at the end of what was written
        while chunk := os.read(ours, 4096):
            written += chunk
    os.close(ours)
    return written.decode()


def test_names_that_lines_cannot_hold_are_left_out_and_said() -> None:
    assigned(clean_env(), ["a\nb", "c", "--all"])
    ended = run("pin", "list", "-o", "name")
    assert (ended.code, ended.stdout) == (6, "--all\nc\n")
    assert (
        ended.stderr
        == "error: left out 'a\\nb': a line cannot hold such a name as it is\nhint: -o json holds every name\n"
    )


RULES = [
    {"sip_dispatch_rule_id": "SDR_a", "name": "SIP_a", "trunk_ids": ["ST_gone"],
     "rule": {"dispatch_rule_direct": {"room_name": "a", "pin": "48219305"}}},
]  # fmt: skip
CALL = {"to": "+33199000001", "from": "+33612345678"}


@pytest.fixture
def offline(tmp_path: Path) -> str:
    """A snapshot in which a call is dropped, and a change of its rule would let it in."""
    (file := tmp_path / "snapshot.json").write_text(json.dumps({"rules": RULES, "trunks": [], "rooms": ["a"]}))
    return str(file)


def test_what_is_advised_meets_the_same_deployment(tmp_path: Path, offline: str) -> None:
    (config := tmp_path / "it's.toml").write_text("[profiles.'a b']\n")
    chosen = ("--config", str(config), "--profile", "a b")
    begin = f"sipctl {quoted(*chosen)} "
    call = ("--to", CALL["to"], "--from", CALL["from"], "--offline", offline)
    (cases := tmp_path / "cases.jsonl").write_text(json.dumps({"name": "a", **CALL, "expect": {"outcome": "accept"}}))
    printed = (
        run("rules", "explain", *chosen, *call).stdout,
        run("rules", "test", *chosen, str(cases), "--offline", offline).stdout,
        run("doctor", *chosen, "--offline", "--snapshot", offline, "--only", "TRK301").stdout,
        run("pin", "release", "nobody", *chosen, "--no-live").stderr,
    )
    for text in printed:
        commands = re.findall(r"sipctl .*", text)
        assert commands, text
        assert all(command.startswith(begin) for command in commands), text


def test_junit_of_tests_is_xml_whatever_their_names(tmp_path: Path, offline: str) -> None:
    cases = [{"name": name, **CALL, "expect": {"room": name}} for name in NAMES]
    (file := tmp_path / "cases.jsonl").write_text("".join(f"{json.dumps(case)}\n" for case in cases))
    ended = run("rules", "test", str(file), "--offline", offline, "-o", "junit")
    assert len(list(ElementTree.fromstring(ended.stdout).iter("testcase"))) == len(NAMES)
