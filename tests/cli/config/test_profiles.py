"""Several profiles in one file: adding one, choosing the default, and PINs that follow a profile's name."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.config.paths import embedded_registry
from sipctl.config.writing import with_default, with_profile
from sipctl.errors import ExitCode
from sipctl.sandbox.server import Sandbox
from tests.support.canary import SECRET
from tests.support.running import Result, assert_error, clean_env, env_of, run

ONE = f"""\
# ours
default_profile = "a"   # the usual one

[profiles.a]  # the first
url = 'ws://127.0.0.1:1'
api_key = "k"
api_secret = "{SECRET}"
"""


def store(config: Path, text: str) -> None:
    config.parent.mkdir(exist_ok=True)
    config.write_text(text)
    config.chmod(0o600)


def init(config: Path, profile: str, *words: str) -> Result:
    return run(
        "--config", str(config), "--profile", profile, "config", "init", "--url", "ws://127.0.0.1:2",
        "--api-key", "k", "--api-secret-stdin", *words, stdin=f"{SECRET}\n".encode(), env=clean_env(),
    )  # fmt: skip


def profiles(config: Path, *words: str) -> Result:
    return run("--config", str(config), "config", "profiles", *words, env=clean_env())


def test_a_profile_is_added_and_all_else_keeps_its_bytes(config: Path) -> None:
    store(config, ONE)
    assert init(config, "b").code == ExitCode.DONE
    assert config.read_text().startswith(ONE)
    rows = json.loads(profiles(config, "-o", "json").stdout)["items"]
    assert [(row["name"], row["default"], row["url"]) for row in rows] == [
        ("a", True, "ws://127.0.0.1:1"),
        ("b", False, "ws://127.0.0.1:2"),
    ]
    assert_error(init(config, "b"), ExitCode.SAFEGUARD, "exists")
    assert config.with_name(f"{config.name}.bak").read_text() == ONE


def test_a_lone_profile_stays_the_default(config: Path) -> None:
    store(config, ONE.replace('default_profile = "a"   # the usual one\n', ""))
    assert init(config, "b").code == ExitCode.DONE
    assert tomllib.loads(config.read_text())["default_profile"] == "a"


def test_the_default_is_chosen(config: Path) -> None:
    store(config, ONE)
    init(config, "b")
    before = config.read_text()
    assert profiles(config, "use", "b", "--dry-run").stdout.startswith("would use\tb\n")
    assert config.read_text() == before
    assert profiles(config, "use", "b").code == ExitCode.DONE
    assert config.read_text() == before.replace('default_profile = "a"   #', 'default_profile = "b"   #')
    assert_error(profiles(config, "use", "c"), ExitCode.USAGE, "no profile 'c'", "config profiles")
    assert_error(profiles(config, "drop", "b"), ExitCode.USAGE, "use NAME")


def test_a_file_that_holds_a_fault_is_left_alone(config: Path) -> None:
    store(config, "[profiles.a]\nurl = 1\n")
    assert_error(init(config, "b"), ExitCode.USAGE, ":2:")
    assert config.read_text() == "[profiles.a]\nurl = 1\n"


@given(st.sampled_from(["", "# words\r\n", "# [not a table]\n"]), st.sampled_from(["a", "b c", 'd"e', "é"]))
def test_the_default_alone_changes(head: str, name: str) -> None:
    text = f"{head}{ONE}"
    changed = with_default(
        with_profile(text, Path("x"), name, {"url": "ws://h"}) if name != "a" else text, Path("x"), name
    )
    assert tomllib.loads(changed)["default_profile"] == name
    assert tomllib.loads(changed)["profiles"].keys() == {"a", name}


def test_pins_of_no_profile_are_moved_when_it_gets_a_name(config: Path, sandbox: Sandbox) -> None:
    run("pin", "assign", "standup", env=env_of(sandbox))
    given_out = json.loads(run("pin", "list", "-o", "json", "--show-pins", env=env_of(sandbox)).stdout)["items"]
    nameless, own = embedded_registry(""), embedded_registry("prod")
    assert str(nameless) in init(config, "prod", "--no-move-pins").stderr
    assert nameless.exists()
    told = run("--config", str(config), "pin", "list", env=clean_env())
    assert str(nameless) in told.stderr
    own.unlink()
    assert "moved the PINs" in init(config, "prod", "--force", "--move-pins").stderr
    assert own.stat().st_mode & 0o777 == 0o600
    assert not nameless.exists()
    moved = json.loads(run("--config", str(config), "pin", "list", "-o", "json", "--show-pins", env=clean_env()).stdout)
    assert moved["items"] == given_out
    where = json.loads(run("--config", str(config), "config", "path", "-o", "json", env=clean_env()).stdout)["item"]
    assert (where["registry"], where["registries"]) == (str(own), [])


@pytest.mark.parametrize("profile", ["", "prod"])
def test_a_confirmation_of_no_profile_is_refused(config: Path, sandbox: Sandbox, profile: str) -> None:
    store(config, ONE)
    words = ("--config", str(config), "room", "create", "demo", "--confirm", profile or "b")
    assert_error(run(*words, env=env_of(sandbox)), ExitCode.USAGE, "no such profile", "config profiles")
