"""`trunk create` and `update` look at a trunk as lint does: an error stops them, a warning is a line on stderr."""

import json
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit
from tests.support.running import Result, assert_error, env_of, run

DATA = Path(__file__).parents[2] / "data" / "requests" / "number-wildcard"
NUMBER = ("--number", "+33199000001")


@pytest.fixture
def env(livekit: Sandbox | RealLiveKit) -> dict[str, str]:
    return env_of(livekit)


def trunks(env: dict[str, str]) -> list[dict[str, object]]:
    return list(json.loads(run("trunk", "list", "-o", "json", env=env).stdout)["items"])


def created(env: dict[str, str], *words: str) -> Result:
    return run("trunk", "create", *words, "-o", "name", env=env)


def test_a_wildcard_in_a_request_is_a_warning(env: dict[str, str]) -> None:
    ended = created(env, "--from-file", str(DATA / "trunk.json"))
    assert ended.code == 0
    (line,) = ended.stderr.splitlines()
    assert "TRK303" in line
    assert "LiveKit knows no wildcards: '*' is an ordinary character" in line
    assert [one["numbers"] for one in trunks(env)] == [["+33199*"]]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--number", "sip:+33199000001@example.org"), "TRK303"), (("--number", "0170189900"), "TRK303"),
        ((*NUMBER, "--allowed-address", "0.0.0.0/0"), "TRK306"),
        ((*NUMBER, "--allowed-address", "192.0.2.7:5060", "--allowed-address", "192.0.2.8"), "TRK311"),
        ((*NUMBER, "--allowed-address", "sip.example.org"), "TRK315"), ((*NUMBER, "--auth-username", "u"), "TRK312"),
    ],
)  # fmt: skip
def test_a_warning_is_one_line_and_the_trunk_is_there(env: dict[str, str], words: tuple[str, ...], code: str) -> None:
    dry = created(env, *words, "--dry-run")
    ended = created(env, *words)
    assert (ended.code, len(trunks(env))) == (0, 1)
    assert dry.stderr == ended.stderr
    assert [line.split(": ")[1] for line in ended.stderr.splitlines()] == [code]


def test_a_sound_trunk_is_silent(env: dict[str, str]) -> None:
    ended = created(env, *NUMBER, "--allowed-address", "192.0.2.0/28", "--name", "provider")
    assert (ended.code, ended.stderr) == (0, "")
    again = created(env, *NUMBER, "--allowed-address", "192.0.2.0/28", "--name", "provider")
    assert (again.code, again.stderr, len(trunks(env))) == (0, "", 1)


@pytest.mark.parametrize("words", [("[192.0.2.7]", "192.0.2.8 "), ("sip://192.0.2.7",)])
def test_addresses_that_livekit_reads_none_of_are_refused(env: dict[str, str], words: tuple[str, ...]) -> None:
    addresses = [word for address in words for word in ("--allowed-address", f"({address})")]
    assert_error(created(env, *NUMBER, *addresses), 5, "any source passes", "--allow TRK314")
    assert trunks(env) == []
    allowed = created(env, *NUMBER, *addresses, "--allow", "TRK314")
    assert (allowed.code, len(trunks(env))) == (0, 1)


def test_a_trunk_that_shares_calls_with_another_is_refused(env: dict[str, str]) -> None:
    assert created(env, *NUMBER, "--name", "one").code == 0
    for words in (NUMBER, (*NUMBER, "--dry-run")):
        assert_error(created(env, *words, "--name", "two"), 5, "(one)", "ST_new (two)", "take the same calls")
    assert len(trunks(env)) == 1


def test_two_trunks_for_every_number_are_refused(env: dict[str, str]) -> None:
    assert created(env, "--allowed-address", "192.0.2.7", "--name", "one").code == 0
    assert_error(created(env, "--allowed-address", "192.0.2.8", "--name", "two"), 5, "(one)", "(two)")


def test_an_update_is_judged_as_well(env: dict[str, str]) -> None:
    assert created(env, *NUMBER, "--name", "one").code == 0
    assert created(env, "--number", "+33199000002", "--name", "two").code == 0
    clash = run("trunk", "update", "two", *NUMBER, env=env)
    assert_error(clash, 5, "(one)", "(two)", "take the same calls")
    overlap = run("trunk", "update", "two", *NUMBER, "--caller", "+33612345678", env=env)
    assert_error(overlap, 5, "both have +33199000001", "--allow TRK313")
    warned = run("trunk", "update", "two", "--number", "+33199*", env=env)
    assert (warned.code, "TRK303" in warned.stderr) == (0, True)
    again = run("trunk", "update", "two", "--name", "three", env=env)
    assert (again.code, again.stderr) == (0, "")
