"""Numbers and times of options and settings: the bound is named, and none is too much for us."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sipctl.cli.tree import commands
from sipctl.sandbox.server import Sandbox
from tests.support.running import assert_error, clean_env, env_of, run

EXTREMES = ("nan", "inf", "-inf", "1e308", "1e-300", "-1", "9" * 400, "9" * 5000, "0x10", "٣", "")
NO_TIMES = (
    *("999999d", "366d", "8785h", "99999999999999999999d", "1e9s", "-5s", "nan", "inf", "5 m", "٣s", ""),
    *("9" * 400, "9" * 5000 + "d"),
)


def options(annotations: set[object], metavar: str | None = None) -> Iterator[Any]:
    """Each option of each command that takes one of these types: the words of the command, and the option."""
    for leaf in commands():
        for option in leaf.command.params:
            if option.type_descriptor.annotation in annotations and (metavar is None or option.metavar == metavar):
                yield pytest.param(leaf.words, option, id=f"{leaf.name} {option.opts[0]}")


def arguments(words: tuple[str, ...]) -> list[str]:
    """What a command needs besides."""
    needed: dict[tuple[str, ...], list[str]] = {
        ("pin", "audit"): ["--no-live"],
        ("room", "create"): ["x"],
        ("rules", "explain"): ["--log", "/dev/null"],
        ("rules", "restore"): ["none"],
        ("trunk", "check"): ["--host", "sip:127.0.0.1:1"],
        ("webhook", "replay"): ["/dev/null", "--to", "http://127.0.0.1:1"],
    }
    return needed.get(words, [])


@pytest.mark.parametrize(("words", "option"), list(options({int, float})))
def test_a_number_that_is_too_much(sandbox: Sandbox, words: tuple[str, ...], option: Any) -> None:
    for value in EXTREMES:
        if words == ("sandbox", "run") and value not in {"nan", "-1"}:
            continue  # it would run
        result = run(*words, *arguments(words), f"{option.opts[0]}={value}", env=env_of(sandbox))
        assert result.code in {0, 1, 2, 5, 7}, (value, result)
        assert "Traceback" not in result.stderr
        if value in {"nan", "inf", "-inf", "1e308", "-1", ""}:
            assert_error(result, 2, option.opts[0])


@pytest.mark.parametrize(("words", "option"), list(options({int, float})))
def test_a_number_has_bounds(words: tuple[str, ...], option: Any) -> None:
    assert option.min is not None, words
    assert option.max is not None or option.type_descriptor.annotation is int


@pytest.mark.parametrize(("words", "option"), list(options({str}, "TIME")))
def test_a_time_that_is_too_much(sandbox: Sandbox, words: tuple[str, ...], option: Any) -> None:
    for value in NO_TIMES:
        result = run(*words, *arguments(words), f"{option.opts[0]}={value}", env=env_of(sandbox))
        assert result.code in {0, 2}, (value, result)
        if option.name not in {"since", "until"}:
            assert_error(result, 2, option.opts[0], "365d")


@pytest.mark.parametrize("time", ["0", "0s", "25h", "2d"])
def test_a_second_observation_comes_after_a_second_to_a_day(sandbox: Sandbox, time: str) -> None:
    assert_error(run("rules", "purge", "--look-twice", time, env=env_of(sandbox)), 2, "--look-twice", "1s", "1d")


@pytest.mark.parametrize("rate", ["0.001", "0.0099", "1e-300"])
def test_a_rate_is_at_least_one_in_a_hundred_seconds(sandbox: Sandbox, rate: str) -> None:
    assert_error(run("rules", "purge", "--rate", rate, env=env_of(sandbox)), 2, "--rate", "0.01")


@pytest.mark.parametrize(
    ("setting", "described"),
    [
        ('purge.grace = "999999d"', "365d"),
        ("purge.max_delete = -1", "purge.max_delete"),
        ("purge.max_delete_percent = 101", "purge.max_delete_percent"),
        ("registry.quarantine_days = 99999999", "registry.quarantine_days"),
        (f"registry.quarantine_days = {'9' * 5000}", "not TOML"),
    ],
)
def test_a_setting_that_is_too_much(sandbox: Sandbox, tmp_path: Path, setting: str, described: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[profiles.p]\n{setting}\n")
    for words in (("rules", "purge"), ("pin", "list"), ("config", "validate")):
        result = run("--config", str(config), *words, env=env_of(sandbox))
        assert result.code == (1 if words == ("config", "validate") else 2), result
        assert described in result.stdout + result.stderr


@pytest.mark.parametrize("value", ["999999999", "17", "0", "9" * 400, "-1", "ten"])
def test_a_pin_length_that_is_too_much(value: str) -> None:
    for words in (("assign", "x"), ("audit",), ("list",)):
        result = run("pin", *words, env=clean_env(ROOM_TELEPHONY_PIN_LENGTH=value))
        assert result.code in {0, 1, 2}, result
        assert words == ("list",) or result.code == 2
