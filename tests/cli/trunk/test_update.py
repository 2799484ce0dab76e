"""`trunk update` and `delete`: lists as a whole, by single entries, and cleared; a trunk that callers need stays."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from sipctl.errors import ExitCode
from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit
from tests.support.running import Result, assert_error, env_of, run

NUMBER, OTHER = "+33199000001", "+33199000002"


@pytest.fixture
def env(livekit: Sandbox | RealLiveKit) -> dict[str, str]:
    return env_of(livekit)


def trunk(env: dict[str, str], *words: str, code: int = 0, stdin: str = "") -> Result:
    ended = run("trunk", *words, env=env, stdin=stdin.encode())
    assert ended.code == code, ended
    return ended


def stored(env: dict[str, str], name: str = "provider") -> dict[str, Any]:
    return dict(json.loads(trunk(env, "show", name, "-o", "json").stdout)["item"])


@pytest.fixture
def provider(env: dict[str, str]) -> dict[str, Any]:
    trunk(
        env, "create", "--name", "provider", "--number", NUMBER, "--allowed-address", "192.0.2.0/28",
        "--caller", "+33612345678", "--auth-username", "u", "--password-stdin", stdin="a-password\n",
    )  # fmt: skip
    return stored(env)


def test_callers_are_listed_at_creation(provider: dict[str, Any]) -> None:
    assert provider["allowed_numbers"] == ["+33612345678"]


@pytest.mark.parametrize(
    ("option", "field"),
    [("--any-number", "numbers"), ("--any-allowed-address", "allowed_addresses"), ("--any-caller", "allowed_numbers")],
)
def test_a_list_is_cleared_and_all_else_stays(
    env: dict[str, str], provider: dict[str, Any], option: str, field: str
) -> None:
    trunk(env, "update", "provider", option)
    now = stored(env)
    assert now[field] == []
    marks = {field, "updated_at", "media"}
    assert {key: now[key] for key in now.keys() - marks} == {key: provider[key] for key in provider.keys() - marks}
    assert now["auth_password"] == "********"


def test_single_entries_come_and_go(env: dict[str, str], provider: dict[str, Any]) -> None:
    trunk(env, "update", "provider", "--add-number", OTHER, "--add-number", NUMBER, "--add-address", "192.0.2.64/28")
    now = stored(env)
    assert (now["numbers"], now["allowed_addresses"]) == ([NUMBER, OTHER], ["192.0.2.0/28", "192.0.2.64/28"])
    trunk(env, "update", "provider", "--remove-number", NUMBER.removeprefix("+"), "--remove-address", "192.0.2.0/28")
    now = stored(env)
    assert (now["numbers"], now["allowed_addresses"]) == ([OTHER], ["192.0.2.64/28"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--remove-number", OTHER), "is not there"), (("--remove-number", NUMBER), "would mean any"),
        (("--add-number", OTHER, "--number", OTHER), "replaces"), (("--add-number", OTHER, "--any-number"), "replaces"),
    ],
)  # fmt: skip
def test_entries_that_make_no_sense(
    env: dict[str, str], provider: dict[str, Any], words: tuple[str, ...], told: str
) -> None:
    assert_error(run("trunk", "update", "provider", *words, env=env), ExitCode.USAGE, told)
    assert stored(env)["numbers"] == provider["numbers"]


def test_another_login(env: dict[str, str], provider: dict[str, Any]) -> None:
    assert provider["auth_username"] == "u"
    shown = trunk(env, "update", "provider", "--auth-username", "v", "--password-stdin", stdin="another-word\n")
    assert stored(env)["auth_username"] == "v"
    assert "another-word" not in shown.stdout + shown.stderr


def test_the_last_trunk_and_the_one_with_the_advertised_number_stay(
    env: dict[str, str], provider: dict[str, Any]
) -> None:
    assert_error(run("trunk", "delete", "provider", env=env), ExitCode.SAFEGUARD, "last inbound", "--allow in-use")
    trunk(env, "create", "--name", "spare", "--number", OTHER, "--allowed-address", "192.0.2.0/28")
    told = env | {"ROOM_TELEPHONY_PHONE_NUMBER": "01 99 00 00 01", "ROOM_TELEPHONY_DEFAULT_COUNTRY": "FR"}
    refused = run("trunk", "delete", "provider", env=told)
    assert_error(refused, ExitCode.SAFEGUARD, "which people dial", "--allow in-use")
    trunk(told, "delete", "spare")
    trunk(told, "delete", provider["sip_trunk_id"], "--allow", "in-use")


def without_marks(shown: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in shown.items() if key not in {"sip_trunk_id", "updated_at", "created_at", "media"}
    }


@pytest.mark.parametrize(
    "words",
    [
        ("--add-number", OTHER), ("--any-caller", "--name", "another"), ("--any-allowed-address",),
        ("--auth-username", "v", "--number", OTHER),
    ],
)  # fmt: skip
def test_a_change_is_undone_by_the_command_that_it_prints(
    env: dict[str, str], provider: dict[str, Any], words: tuple[str, ...]
) -> None:
    changed = json.loads(trunk(env, "update", "provider", *words, "-o", "json").stdout)["item"]
    assert without_marks(stored(env, provider["sip_trunk_id"])) != without_marks(provider)
    (written,) = json.loads(run("rules", "history", "-o", "json", env=env).stdout)["items"][1:]
    assert written["undo"] == changed["undo"]
    assert run(*shlex.split(changed["undo"])[1:], env=env).code == 0
    assert without_marks(stored(env)) == without_marks(provider)


def test_a_deletion_is_undone_with_the_password_that_no_audit_holds(
    env: dict[str, str], provider: dict[str, Any]
) -> None:
    gone = json.loads(trunk(env, "delete", "provider", "--allow", "in-use", "-o", "json").stdout)["item"]
    undo = shlex.split(gone["undo"])[1:]
    assert run(*undo, env=env).code == 2
    assert run(*undo, env=env, stdin=b"a-password\n").code == 0
    assert without_marks(stored(env)) == without_marks(provider)


def test_what_no_option_gives_back_has_no_undo(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "trunk.json"
    file.write_text(json.dumps({"trunk": {"numbers": [NUMBER], "metadata": "words", "name": "provider"}}))
    trunk(env, "create", "--from-file", str(file))
    gone = json.loads(trunk(env, "delete", "provider", "--allow", "in-use", "-o", "json").stdout)["item"]
    assert gone["undo"] == ""
