"""Options of every command: wherever they stand, the nearest one wins; what is printed to paste names them again."""

import json
import shlex
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.planting import plant_rule
from tests.support.running import assert_error, env_of, run


@pytest.mark.parametrize(
    ("words", "style"),
    [
        ("-o name room list", "name"), ("room -o name list", "name"), ("room list -o name", "name"),
        ("-o json room -o jsonl list -o name", "name"), ("-o name room -o json list", "json"),
        ("-o json room list", "json"), ("room --output=jsonl list", "jsonl"), ("room list -oname", "name"),
        ("-o json room list -o name -o jsonl", "jsonl"),
    ],
)  # fmt: skip
def test_the_nearest_one_wins(sandbox: Sandbox, words: str, style: str) -> None:
    sandbox.join("demo", "alice")
    text = run(*words.split(), env=env_of(sandbox)).stdout
    shapes = {"name": text == "demo\n", "json": text.startswith('{"schema"'), "jsonl": text.startswith('{"sid"')}
    assert [name for name, fits in shapes.items() if fits] == [style]


def test_every_option_is_taken_in_all_three_places(sandbox: Sandbox, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[profiles.p]\n")
    env_file = tmp_path / "env"
    env_file.write_text("ROOM_TELEPHONY_PIN_LENGTH=7\n")
    given = ["--profile p", f"--config {config}", f"--env-file {env_file}", "--timeout 5", "-o table", "--quiet", "-v",
             "--color never", "--show-pins", "--dry-run"]  # fmt: skip
    for option in given:
        needed = ["--config", str(config)] if option.startswith("--profile") else []
        for words in (f"{option} room list", f"room {option} list", f"room list {option}"):
            assert run(*needed, *words.split(), env=env_of(sandbox)).code == 0, words


def test_env_files_of_one_place_come_together_and_the_nearest_place_replaces_the_others(tmp_path: Path) -> None:
    for name, text in (("a", "ROOM_TELEPHONY_PIN_LENGTH=6\n"), ("b", "ROOM_TELEPHONY_PIN_MAX_RETRIES=3\n")):
        (tmp_path / name).write_text(text)

    def shown(*words: str) -> set[str]:
        items = json.loads(run(*words, "-o", "json").stdout)["items"]
        return {
            item["value"]
            for item in items
            if item["name"].startswith("ROOM_TELEPHONY_PIN") and item["origin"] != "default"
        }

    a, b = ("--env-file", str(tmp_path / "a")), ("--env-file", str(tmp_path / "b"))
    assert shown("config", "show", *a, *b) == {"6", "3"}
    assert shown(*a, "config", "show", *b) == {"3"}


def test_a_dry_run_before_the_command_is_one(sandbox: Sandbox) -> None:
    assert run("--dry-run", "room", "create", "demo", env=env_of(sandbox)).code == 0
    assert sandbox.store.rooms == {}


def test_what_is_printed_to_paste_meets_the_same_deployment(sandbox: Sandbox, tmp_path: Path) -> None:
    config = tmp_path / "my config.toml"
    secret = sandbox.api_secret.reveal()
    config.write_text(f'[profiles.p]\nurl = "{sandbox.url}"\napi_key = "devkey"\napi_secret = "{secret}"\n')
    words = ("--config", str(config), "rules", "--profile", "p")
    made = run(*words, "create", "--room", "a", "--pin-stdin", "-o", "json", stdin=b"4821930571\n")
    undo = json.loads(made.stdout)["item"]["undo"]
    assert shlex.split(undo)[:5] == ["sipctl", "--config", str(config), "--profile", "p"]
    assert run(*shlex.split(undo)[1:]).code == 0
    assert sandbox.store.rules == {}
    plant_rule(sandbox, "SDR_z", "ended", "4821930571")
    report = json.loads(run("--config", str(config), "doctor", "--settle", "0", "-o", "json").stdout)
    (command,) = (one["fix"]["command"] for one in report["findings"] if one["code"] == "RUL405")
    assert command == f"sipctl --config '{config}' rules delete SDR_z"
    assert run(*shlex.split(command)[1:]).code == 0


def test_an_option_that_a_command_does_not_have() -> None:
    assert_error(run("room", "list", "--room", "x"), 2, "No such option: --room")
