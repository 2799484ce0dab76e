"""What a TAB is answered, word by word; and that it asks no one, keeps no PIN, and costs next to nothing."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sipctl.cli.tree import commands
from sipctl.completion.answer import bash_answer, shell_answer
from sipctl.completion.keeping import LIMIT, kept
from sipctl.completion.values import ROOMS, RULES, path_of, read_values
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from tests.support.hostile_text import HOSTILE
from tests.support.running import clean_env, env_of, run

PIN = "4821930571"


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in clean_env().items():
        if name in {"HOME", "XDG_CONFIG_HOME"}:
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


def fish(*typed: str) -> list[str]:
    """The words offered, without what is said about them."""
    first, *rest = shell_answer("fish", list(typed))
    return ["FILES"] if first == "files" else [line.partition("\t")[0] for line in rest]


def keep(kind: str, *names: str, profile: str = "") -> None:
    for _ in kept(names, lambda name: [(name, "")], [profile], kind):
        pass


def test_commands_and_their_groups() -> None:
    assert fish("ru") == ["rules"]
    assert fish("--profile", "prod", "rules", "sh") == ["show"]
    assert "purge" in fish("rules", "")


def test_every_command_and_option_is_offered() -> None:
    for leaf in commands():
        *before, last = leaf.words
        assert last in fish(*before, "")
        offered = set(fish(*leaf.words, "-"))
        own = {word for one in leaf.command.params if one.opts[0][0] == "-" and not one.hidden for word in one.opts}
        assert own | {"--profile", "-o", "--help"} <= offered, leaf.name


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (("rules", "list", "--sort", "n"), ["name"]),
        (("rules", "list", "--sort=n"), ["--sort=name"]),
        (("rules", "purge", "--via", ""), ["livekit", "webhook"]),
        (("rules", "sync", "--only", "c"), ["create"]),
        (("doctor", "--fail-on", "w"), ["warn"]),
        (("rules", "create", "--allow", "live"), ["live-room"]),
        (("--color", ""), ["auto", "always", "never"]),
        (("room", "list", "-o", "j"), ["json", "jsonl"]),
        (("doctor", "-o", "ju"), ["junit"]),
        (("pin", "export", "--output=c"), ["--output=csv"]),
        (("doctor", "--only", "RUL40"), ["RUL401", "RUL402"]),
        (("doctor", "--skip", "TR"), ["TRK", "TRK301"]),
        (("sandbox", "run", "--fault", "lag"), ["lagging-list"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("config", "validate", ""), ["FILES"]),
        (("rules", "lint", "--offline", "sn"), ["FILES"]),
        (("--env-file=en",), ["FILES"]),
        (("rules", "list", "--name", ""), []),
        (("rules", "list", "--", "--"), []),
        (("rules", "show", "one", ""), []),
        (("no-such-command", ""), []),
    ],
)  # fmt: skip
def test_words(typed: tuple[str, ...], offered: list[str]) -> None:
    assert fish(*typed)[: len(offered) or None] == offered


def test_options_where_a_command_takes_no_operand() -> None:
    assert "--stale" in fish("rules", "list", "")


def test_profiles_are_those_of_the_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fish("--profile", "") == []
    usual = Path(os.environ["XDG_CONFIG_HOME"]) / "sipctl" / "config.toml"
    usual.parent.mkdir(parents=True)
    usual.write_text("[profiles.prod]\n[profiles.staging]\n")
    other = tmp_path / "other.toml"
    other.write_text("[profiles.elsewhere]\n")
    assert fish("--profile", "") == ["prod", "staging"]
    assert fish("rules", "create", "--confirm", "s") == ["staging"]
    assert fish("--config", str(other), "--profile=") == ["--profile=elsewhere"]
    monkeypatch.setenv("SIPCTL_CONFIG", str(other))
    assert fish("--profile", "") == ["elsewhere"]
    other.write_text("not toml")
    assert fish("--profile", "") == []


def test_names_are_those_of_the_last_list_with_the_same_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(ROOMS, "standup", "retro")
    keep(ROOMS, "board", profile="prod")
    assert fish("room", "show", "") == ["standup", "retro"]
    assert fish("--profile", "prod", "room", "show", "") == ["board"]
    assert fish("room", "show", "--profile=prod", "") == ["board"]
    assert fish("pin", "rotate", "standup", "r") == ["retro"]
    monkeypatch.setenv("SIPCTL_PROFILE", "prod")
    assert fish("room", "show", "") == ["board"]


def test_bash_gets_what_stands_behind_its_last_break() -> None:
    keep(RULES, "provider:fr", "it's on", "a b")
    assert bash_answer(["rules", "show", "pr"]) == ["words", "provider:fr"]
    assert bash_answer(["rules", "show", "provider", ":", "f"]) == ["words", "fr"]
    assert bash_answer(["rules", "show", "provider", ":"]) == ["words", "fr"]
    assert bash_answer(["rules", "list", "--sort", "=", "n"]) == ["words", "name"]
    assert bash_answer(["rules", "list", "--sort", "="])[:2] == ["words", "id"]
    assert bash_answer(["rules", "list", "--sort=n"]) == ["words", "--sort=name"]
    assert bash_answer(["rules", "show", "it"]) == ["words", "'it'\\''s on'"]
    assert bash_answer(["rules", "show", "'a"]) == ["words", "a b"]
    assert bash_answer(["rules", "show", "'i"]) == ["words"]


def test_lists_refresh_the_names_and_keep_no_pin(sandbox: Sandbox) -> None:
    rule = {"sip_dispatch_rule_id": "SDR_a", "name": "SIP_demo",
            "rule": {"dispatchRuleDirect": {"roomName": "demo", "pin": PIN}}}  # fmt: skip
    trunk = {"sip_trunk_id": "ST_a", "name": "provider", "numbers": ["+33123456789"], "auth_username": "u",
             "auth_password": "a-password"}  # fmt: skip
    plant_snapshot(sandbox.store, json.dumps({"trunks": [trunk], "rules": [rule], "rooms": ["demo"]}))
    for words in (["rules", "list"], ["room", "list"], ["trunk", "list"], ["rules", "list", "--open"]):
        assert run(*words, "--show-pins", env=env_of(sandbox)).code == 0
    assert run("pin", "assign", "fresh", "--no-live", env=env_of(sandbox)).code == 0
    assert run("pin", "list", "--show-pins", env=env_of(sandbox)).code == 0
    assert fish("rules", "delete", "") == ["SDR_a", "SIP_demo"]
    assert fish("trunk", "show", "") == ["ST_a", "provider"]
    assert fish("room", "show", "") == ["demo", "fresh"]
    files = list(Path(path_of("", RULES)).parent.iterdir())
    held = "".join(file.read_text() for file in files)
    pin = json.loads(run("pin", "show", "fresh", "--show-pins", "-o", "json", env=env_of(sandbox)).stdout)["item"][
        "pin"
    ]
    assert not [secret for secret in (PIN, pin, "+33123456789", "a-password") if secret in held]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700


def test_a_list_that_is_not_read_to_its_end_changes_nothing() -> None:
    keep(ROOMS, "standup")
    next(kept(["other", "third"], lambda name: [(name, "")], [""], ROOMS))
    assert fish("room", "show", "") == ["standup"]


def test_a_cache_that_cannot_be_written_is_no_failure(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sandbox.join("standup", "alice")
    listed = run("room", "list", env=env_of(sandbox, XDG_CACHE_HOME=str(tmp_path / "file")))
    assert (listed.code, listed.stderr) == (0, "")


def test_hostile_names_are_left_out_and_there_is_a_limit() -> None:
    keep(ROOMS, *HOSTILE, *(f"room-{number}" for number in range(LIMIT + 5)))
    names = [value for value, _ in read_values("", ROOMS)]
    assert len(names) <= LIMIT
    assert all(name.isprintable() for name in names)


def test_nothing_is_imported_for_words() -> None:
    code = (
        "import sys\nbefore = set(sys.modules)\nfrom sipctl.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nsys.stderr.write(' '.join(set(sys.modules) - before))"
    )
    words = [sys.executable, "-c", code, "__complete", "bash", "rules", "list", "--"]
    ended = subprocess.run(words, env=clean_env(), capture_output=True, text=True, check=True)
    assert "--stale" in ended.stdout
    assert set(ended.stderr.split()) == {
        "sipctl", "sipctl.__main__", "sipctl.completion", "sipctl.completion.answer", "sipctl.completion.values"
    }  # fmt: skip
