"""What an export says of itself is read: where it comes from, when, and whether its PINs are real."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from sipctl.errors import ExitCode
from sipctl.sandbox.server import Sandbox, running_sandbox
from tests.support.desk import Desk
from tests.support.running import Result, env_of, run
from tests.support.yard import owned

PIN = "736150928364"


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path) -> Desk:
    """With one rule, which an export holds."""
    desk = Desk(server=sandbox, folder=tmp_path)
    desk.store(owned("demo", PIN))
    return desk


def rules(desk: Desk, *words: str, code: int = 0, stdin: str = "", **env: str) -> Result:
    assert isinstance(desk.server, Sandbox)
    ended = run("rules", *words, env=env_of(desk.server, **env), stdin=stdin.encode())
    assert ended.code == code, ended
    assert "Traceback" not in ended.stderr
    return ended


def remove_all(desk: Desk) -> None:
    for rule in desk.rules():
        desk.ask(lambda client, one=rule: client.delete_rule(one.sip_dispatch_rule_id))  # type: ignore[misc]


def restore(desk: Desk, text: str, *words: str, code: int = 0, **env: str) -> Result:
    return rules(desk, "restore", "--from-export", "-", "--apply", *words, stdin=text, code=code, **env)


def with_head(text: str, **head: Any) -> str:
    document = json.loads(text)
    document["sipctl"] |= head
    return json.dumps(document)


def test_the_head_says_where_and_when_and_which_pins(desk: Desk) -> None:
    head = json.loads(rules(desk, "export").stdout)["sipctl"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", head.pop("taken_at"))
    assert head == {"schema": "sipctl/snapshot/v1", "server": desk.server.url, "pins": "swapped"}


def test_an_export_of_other_pins_restores_nothing(desk: Desk) -> None:
    export = rules(desk, "export").stdout
    assert PIN not in export
    remove_all(desk)
    for words in ((), ("--dry-run",), ("--allow", "foreign-export")):
        refused = restore(desk, export, *words, code=ExitCode.SAFEGUARD)
        assert "its PINs are swapped for others" in refused.stderr
        assert "`sipctl rules export FILE` writes one that restores" in refused.stderr
    assert desk.rules() == []


def test_what_an_export_into_a_pipe_is(desk: Desk) -> None:
    swapped = rules(desk, "export").stderr
    assert "PINs are swapped for others" in swapped
    assert "`sipctl rules export FILE`" in swapped
    assert "holds PINs in full" in rules(desk, "export", "--show-pins").stderr
    assert rules(desk, "export", "--quiet").stderr == ""


def test_an_export_with_real_pins_comes_back_out_of_a_pipe(desk: Desk) -> None:
    export = rules(desk, "export", "--show-pins").stdout
    remove_all(desk)
    assert "server" not in restore(desk, export).stderr
    assert desk.rule().pin == PIN


def test_an_export_of_another_server_needs_the_word(desk: Desk, tmp_path: Path) -> None:
    export = rules(desk, "export", "--show-pins").stdout
    with running_sandbox() as other:
        there = Desk(server=other, folder=tmp_path)
        refused = restore(there, export, code=ExitCode.SAFEGUARD)
        assert f"is of {desk.server.url}" in refused.stderr
        assert "`--allow foreign-export`" in refused.stderr
        assert there.rules() == []
        restore(there, export, "--allow", "foreign-export")
        assert there.rule().pin == PIN


def test_one_server_has_many_spellings(desk: Desk) -> None:
    export = rules(desk, "export", "--show-pins").stdout
    remove_all(desk)
    restore(desk, export, LIVEKIT_URL=desk.server.url.replace("http://127.0.0.1", "ws://LOCALHOST") + "/")
    assert desk.rule().pin == PIN


@pytest.mark.parametrize(
    "take_out", [["sipctl"], ["sipctl", "server"]], ids=["no head", "the head of an older version"]
)
def test_an_export_that_does_not_say_where_it_comes_from_is_taken_with_a_note(desk: Desk, take_out: list[str]) -> None:
    document = json.loads(rules(desk, "export", "--show-pins").stdout)
    remove_all(desk)
    *path, last = take_out
    inner = document
    for key in path:
        inner = inner[key]
    del inner[last]
    described = restore(desk, json.dumps(document))
    assert "note: stdin does not say of which server it is" in described.stderr
    assert desk.rule().pin == PIN


@pytest.mark.parametrize(
    "head", [{"pins": "encrypted"}, {"pins": None}, {"schema": "sipctl/snapshot/v2"}, {"server": 7}]
)
def test_a_head_of_another_version_is_refused(desk: Desk, head: dict[str, Any]) -> None:
    export = with_head(rules(desk, "export", "--show-pins").stdout, **head)
    remove_all(desk)
    assert "the head of stdin" in restore(desk, export, code=ExitCode.USAGE).stderr
    assert desk.rules() == []


def test_the_command_that_restores_meets_the_same_deployment(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "a b.env").write_text("")
    refused = restore(
        desk, rules(desk, "export").stdout, "--env-file", str(tmp_path / "a b.env"), code=ExitCode.SAFEGUARD
    )
    assert f"`sipctl --env-file {shlex.quote(str(tmp_path / 'a b.env'))} rules export FILE`" in refused.stderr
