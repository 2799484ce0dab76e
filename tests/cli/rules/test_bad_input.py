"""Wrong words and dead servers: purge, sync, restore and export."""

import pytest

from sipctl.errors import ExitCode
from tests.support.cron import Cron
from tests.support.running import assert_error, run


@pytest.mark.parametrize(
    ("words", "described"),
    [
        (["purge", "--grace", "soon"], "--grace 'soon'"),
        (["purge", "--look-twice", "-1s"], "'--look-twice': '-1s'"),
        (["purge", "--via", "pigeon"], "--via: unknown value 'pigeon'"),
        (["purge", "--via", "webhook"], "needs the profile's webhook_url"),
        (["purge", "--max-delete", "many"], "--max-delete"),
        (["sync", "--only", "everything"], "choose one of purge, repair, create"),
        (["restore"], "nothing to restore"),
        (["restore", "a", "--from-export", "b"], "--from-export go with no other"),
        (["restore", "a", "--trunk", "ST_old"], "OLD=NEW"),
    ],
)
def test_words_that_say_nothing(sandboxed: Cron, words: list[str], described: str) -> None:
    assert_error(run("rules", *words, env=sandboxed.env), ExitCode.USAGE, described)


@pytest.mark.parametrize("words", [["purge"], ["sync"], ["restore", "--from-export", "-"], ["export"]])
def test_a_dead_server(sandboxed: Cron, words: list[str]) -> None:
    sandboxed.env["LIVEKIT_URL"] = "http://127.0.0.1:9"
    assert_error(run("rules", *words, env=sandboxed.env, stdin=b'{"rules": []}'), ExitCode.UNCHECKED, "127.0.0.1:9")


@pytest.mark.parametrize("words", [["purge", "--apply"], ["sync", "--apply", "--allow", "unattended"]])
def test_a_list_that_is_denied_is_no_empty_list(sandboxed: Cron, words: list[str]) -> None:
    sandboxed.observed_long_ago()
    sandboxed.server.fault("status=403@ListRooms")
    ended = sandboxed.rules(*words, code=ExitCode.DENIED)
    assert "403" in ended.stderr
    assert sandboxed.rooms() == ["live", "stale"]
