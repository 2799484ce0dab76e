"""Printed commands: real shells hand the program the very words that were meant."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sipctl.command_line import CommandLine, prose_below, prose_text, quoted
from tests.support.hostile_text import HOSTILE, WORDS
from tests.support.needs import need
from tests.support.peers.shells import SHELLS, Shell, missing

NAMES = WORDS.filter(lambda name: not name.endswith("\n"))
COMMANDS = st.builds(
    CommandLine,
    st.just(("pin", "show")),
    st.lists(NAMES, max_size=2).map(tuple),
    st.one_of(st.just(()), NAMES.map(lambda name: ("--room", name))),
)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_a_shell_gives_the_words_that_were_meant(shell: str, locale: str, tmp_path: Path) -> None:
    need(missing())
    pasted = Shell(shell, tmp_path)

    @given(st.lists(COMMANDS, min_size=1, max_size=40))
    @example([CommandLine.of("pin", "show").on(name) for name in HOSTILE])
    @settings(max_examples=60)
    def holds(commands: list[CommandLine]) -> None:
        lines = list(map(str, commands))
        assert pasted.paste(lines, locale) == [list(command.argv) for command in commands]
        assert pasted.left_behind() == set()

    holds()


@given(COMMANDS)
def test_a_command_is_one_line_of_printable_text(command: CommandLine) -> None:
    assert str(command).isprintable()
    assert str(command).startswith("sipctl pin show")


@pytest.mark.parametrize("name", ["a\0b", "a\n", "\ud800"])
def test_there_is_no_command_for_what_no_shell_can_hold(name: str) -> None:
    command = CommandLine.of("pin", "show").on(name)
    assert (bool(command), str(command), prose_text((command, " shows it"))) == (False, "", "")


def test_what_looks_like_an_option_comes_last() -> None:
    update = CommandLine.of("rules", "update").having("--any-trunk")
    assert str(update.on("SDR_a")) == "sipctl rules update SDR_a --any-trunk"
    assert str(update.on("-x")) == "sipctl rules update --any-trunk -- -x"


def test_commands_in_a_text_meet_the_same_deployment() -> None:
    advice = ("first ", CommandLine.of("config", "init"), ", then go on")
    assert prose_text(advice) == "first `sipctl config init`, then go on"
    assert prose_text(prose_below(advice, ("--profile", "a b"))) == (
        "first `sipctl --profile 'a b' config init`, then go on"
    )


def test_words_that_mean_themselves_stay_as_they_are() -> None:
    assert quoted("SDR_7h", "+33123456789", "192.0.2.0/24", "a@b", "--x=y") == (
        "SDR_7h +33123456789 192.0.2.0/24 a@b --x=y"
    )
