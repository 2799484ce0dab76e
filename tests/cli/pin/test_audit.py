"""`pin audit`: what is wrong with PINs, and how exposed they are."""

import json
from pathlib import Path

from sipctl.sandbox.server import Sandbox
from tests.support.pin_commands import pin, pins
from tests.support.running import clean_env
from tests.support.schemas import validate


def test_found_by_the_audit_and_rotated() -> None:
    pin("assign", "long", env=clean_env(ROOM_TELEPHONY_PIN_LENGTH="12"))
    pin("assign", "trivial", "--pin-stdin", stdin="1234567890")
    pin("assign", "good", "--pin-stdin", stdin="5029384756")
    report = json.loads(pin("audit", "-o", "json", code=0).stdout)
    validate(report)
    found = {(one["code"], one["resource"]) for one in report["findings"] if one["level"] == "warn"}
    assert found == {("PIN502", "room long"), ("PIN507", "room trivial")}
    assert report["exposure"]["every room"]["pins"] == 3
    named = pin("audit", "--only", "PIN502", "-o", "name").stdout
    assert named == "long\n"
    pin("rotate", "--stdin", "--apply", stdin=named)
    assert len(pins()["long"]) == 10
    pin("rotate", "trivial")
    assert json.loads(pin("audit", "-o", "json").stdout)["counts"]["warn"] == 0


def test_the_figures_name_their_inputs() -> None:
    pin("assign", "a")
    described = pin("audit", "--lines", "100", "--seconds-per-call", "4", "--target", "0.001").stdout
    assert "100 lines at 4 s a call" in described
    assert "10,000,000,000 possible PINs" in described
    assert "keep that below 1 chance in 1,000" in described


def test_a_pin_in_a_header_needs_no_call() -> None:
    pin("assign", "a")
    by_call, by_header, by_hand = (
        json.loads(pin("audit", *words, "-o", "json").stdout)["exposure"]["every room"]
        for words in ((), ("--inline-pin",), ("--inline-pin", "--seconds-per-call", "2"))
    )
    assert (by_call["seconds_per_call"], by_header["seconds_per_call"], by_hand["seconds_per_call"]) == (8, 0.01, 2)
    assert by_header["chance_per_day"] > 700 * by_call["chance_per_day"]
    assert by_header["minimum_length"] > by_call["minimum_length"]
    described = pin("audit", "--inline-pin").stdout
    assert "30 lines at 0.01 s a guess" in described
    assert "PIN511 does not count" in described
    assert "X-PIN" not in pin("audit").stdout


def test_two_profiles_do_not_share_pins_unseen(sandbox: Sandbox, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[profiles.one]\n[profiles.two]\n")
    env = clean_env(SIPCTL_CONFIG=str(config))
    for profile, room in (("one", "a"), ("two", "b")):
        pin("assign", room, "--pin-stdin", "--profile", profile, env=env, stdin="5029384756")
    assert sorted(one.name for one in Path(env["SIPCTL_DATA_DIR"]).glob("*.db")) == ["pins-one.db", "pins-two.db"]
    report = json.loads(pin("audit", "--profile", "one", "--also-profile", "two", "-o", "json", env=env, code=1).stdout)
    (error,) = (one for one in report["findings"] if one["level"] == "error")
    assert (error["code"], error["resource"]) == ("PIN506", "room a")
    assert "'two'" in error["detail"]
