"""The help of every command: usage lines, `-h`, the words of `--allow`, the options of every command."""

import importlib
import keyword
import re

import pytest
import typer

from sipctl.cli.options import shared_parameters
from sipctl.cli.tree import Leaf, commands
from sipctl.operations.safeguards import SAFEGUARDS
from tests.support.running import clean_env, run

LEAVES = {leaf.name: leaf for leaf in commands()}
USAGE = re.compile(r"Usage: [a-z -]+ \[OPTIONS\](( [A-Z|]+…?)|( \[[A-Z|]+…?\]))*")


def module_of(leaf: Leaf) -> str:
    return "sipctl.cli." + ".".join(f"{word}_" if keyword.iskeyword(word) else word for word in leaf.words)


def takes_allow(leaf: Leaf) -> bool:
    return any("--allow" in parameter.opts for parameter in leaf.command.params)


@pytest.mark.parametrize("name", LEAVES)
def test_usage_names_operands_as_people_write_them(name: str) -> None:
    command = LEAVES[name].command
    assert USAGE.fullmatch(command.get_usage(typer.Context(command, info_name=f"sipctl {name}")))


@pytest.mark.parametrize("name", [name for name, leaf in LEAVES.items() if takes_allow(leaf)])
def test_the_help_has_the_words_of_allow(name: str) -> None:
    words = importlib.import_module(module_of(LEAVES[name])).ALLOWS
    assert set(words) <= set(SAFEGUARDS)
    (option,) = (one for one in LEAVES[name].command.params if "--allow" in one.opts)
    assert option.help.endswith(f" {', '.join(words) or 'This command has none'}.")


def test_each_word_is_one_of_some_command() -> None:
    modules = [importlib.import_module(module_of(leaf)) for leaf in LEAVES.values()]
    assert {word for module in modules for word in getattr(module, "ALLOWS", ())} == set(SAFEGUARDS)


@pytest.mark.parametrize("words", [(), ("rules",), ("rules", "purge"), ("doctor",)])
def test_the_help_names_the_shared_options_in_one_line(words: tuple[str, ...]) -> None:
    env = clean_env() | {"COLUMNS": "80"}
    short, long = run(*words, "-h", env=env), run(*words, "--help", env=env)
    assert (short.code, short.stdout) == (0, long.stdout)
    assert "sipctl options" in long.stdout
    assert "--max-items" not in long.stdout


def test_options_lists_what_every_command_takes() -> None:
    names = run("options", "-o", "name", env=clean_env()).stdout.split()
    assert names == [parameter.opts[0] for parameter in shared_parameters()]
