"""Every way to get a command of `pin` wrong."""

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.pin_commands import pin, pins
from tests.support.running import assert_error, env_of, run


@pytest.mark.parametrize(
    ("words", "stdin", "code", "described"),
    [
        ("assign", "", 2, "no room named"),
        ("assign --stdin", "", 2, "no room on stdin"),
        ("assign a --pin-stdin", "", 2, "no PIN on stdin"),
        ("assign a b --pin-stdin", "1234567890", 2, "for one room"),
        ("assign a --stdin --pin-stdin", "x", 2, "both read stdin"),
        ("assign a --live", "", 2, "--live goes with --missing"),
        ("rotate", "", 2, "no room named"),
        ("rotate a --recover", "", 2, "one of them"),
        ("rotate a --all", "", 2, "one of them"),
        ("rotate --all --stdin", "a", 2, "one of them"),
        ("rotate nobody", "", 7, "knows no room 'nobody'"),
        ("show nobody", "", 7, "'nobody'"),
        ("release nobody", "", 7, "'nobody'"),
        ("lookup", "", 2, "no PIN on stdin"),
        ("lookup", "5550123456", 7, "no one has this PIN"),
        ("import nowhere.csv", "", 2, "nowhere.csv"),
        ("import -", "", 2, "the file is empty"),
        ("import -", "name;number\nx;1\n", 2, "columns are room, pin"),
        ("import -", "[1]", 2, "no object"),
        ("import -", '{"items": 1}', 2, "not JSON of PINs"),
        ("import -", '[{"room": "a", "pin": 1234567890}]', 2, "no text"),
        ("import -", "room,pin\na,12345678\n", 2, "8 digits instead of 10"),
        ("import -", "room,pin\na,12345678901234567\n", 2, "4 to 16 digits"),
        ("import -", "room,pin\nb,0123456789\na,1.23E+9\n", 2, "row 3: a spreadsheet made a number of the PIN of 'a'"),
        ("import -", "room,pin\ra,0123456789\r", 2, "row 1: new-line character"),
        ("import -", '[{"room": "\\ud800", "pin": "0123456789"}]', 2, "row 1 holds half a character"),
        ("export x.unknown", "", 2, "names no format"),
        ("audit --only NON999", "", 2, "NON999"),
        ("audit --fail-on never", "", 2, "never"),
        ("audit --also-profile nobody", "", 2, "config.toml"),
    ],
)
def test_words_that_make_no_sense(words: str, stdin: str, code: int, described: str) -> None:
    assert_error(run("pin", *words.split(), stdin=stdin.encode()), code, described)


def test_livekit_down(sandbox: Sandbox) -> None:
    env = env_of(sandbox, LIVEKIT_URL="http://127.0.0.1:9")
    for words in (("assign", "a"), ("assign", "--missing", "--live"), ("rotate", "--all", "--apply")):
        assert_error(run("pin", *words, env=env), 3, "127.0.0.1:9")
    assert pins(env) == {}
    pin("assign", "a", "--no-live", env=env)
    pin("rotate", "a", "--no-live", env=env)
    assert sorted(pins(env)) == ["a"]
    assert_error(run("pin", "show", "a", env=env), 3)
    pin("show", "a", "--no-live", env=env)
