"""What holds for the whole tree: who imports whom, sizes, and that every command explains itself."""

import ast
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sipctl.cli.app import COMMANDS
from sipctl.cli.tree import commands

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sipctl"
FILES = sorted(SOURCE.rglob("*.py"))


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_imports_point_down() -> None:
    words = [str(Path(sys.executable).with_name("lint-imports")), "--config", str(ROOT / ".importlinter")]
    ended = subprocess.run(words, cwd=ROOT / "src", capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_the_sdk_stays_where_it_belongs() -> None:
    for file in FILES:
        package = file.relative_to(SOURCE).parts[0]
        names = imported(file)
        if package != "lkapi":
            assert not [name for name in names if name.startswith("livekit.api")], file
        if package not in {"lkapi", "sandbox", "webhooks"}:
            assert not [name for name in names if name.split(".")[0] == "livekit"], file
        assert "click" not in {name.split(".")[0] for name in names}, file


def test_sizes() -> None:
    for file in FILES:
        text = file.read_text()
        assert len(text.splitlines()) <= 400, file
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{file}:{node.lineno}"


def test_few_ignores() -> None:
    ignores = [line for file in FILES for line in file.read_text().splitlines() if "type: ignore" in line]
    assert len(ignores) < 5, ignores


OWN_COMMAND = re.compile(rf"\bsipctl ({'|'.join(COMMANDS)})\b")
"""A command of ours in a text, such as `sipctl pin show`."""


def is_text_with_holes(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(one, ast.FormattedValue) for one in node.values)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Mod)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"


def holes_between_backticks(text: ast.AST) -> Iterator[str]:
    before = ""
    for part in text.values if isinstance(text, ast.JoinedStr) else ():
        if isinstance(part, ast.Constant):
            before += str(part.value)
        elif isinstance(part, ast.FormattedValue) and before.count("`") % 2:
            yield ast.unparse(part.value)


def test_a_command_with_a_hole_is_a_value() -> None:
    for file in FILES:
        if file.name != "command_line.py":
            for text in filter(is_text_with_holes, ast.walk(ast.parse(file.read_text()))):
                literals = [str(one.value) for one in ast.walk(text) if isinstance(one, ast.Constant)]
                assert not any(map(OWN_COMMAND.search, literals)), f"{file}: make it a CommandLine: {literals}"
                holes = holes_between_backticks(text)
                assert all(hole.startswith("quoted(") for hole in holes), f"{file}: `quoted(…)` is missing: {literals}"


def test_a_command_between_backticks_is_a_value_too() -> None:
    """Or it would not say with which profile and files it is meant. Comments that we write into files stay text."""
    for file in FILES:
        tree = ast.parse(file.read_text())
        docs = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
        texts = (one for one in ast.walk(tree) if isinstance(one, ast.Constant) and id(one) not in docs)
        found = [one.value for one in texts if isinstance(one.value, str) and not one.value.startswith("#")]
        assert not [text for text in found if re.search(f"`{OWN_COMMAND.pattern}", text)], file


def test_words_are_quoted_in_one_place() -> None:
    quoting = {file.name for file in FILES if {"shlex.quote", "shlex.join"} & imported(file)}
    called = {file.name for file in FILES if re.search(r"shlex\.(quote|join)", file.read_text())}
    assert quoting | called == set()


def modules_after(*args: str) -> set[str]:
    code = (
        "import runpy, sys\nsys.argv[0] = 'sipctl'\n"
        "try:\n    runpy.run_module('sipctl', run_name='__main__')\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *args], env={"PYTHONPATH": str(SOURCE.parent), "HOME": "/nonexistent"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return set(ended.stderr.rsplit("\n", 1)[-1].split())


@pytest.mark.parametrize("group", [name for name, entry in COMMANDS.items() if entry.commands])
def test_the_help_of_a_group_loads_no_command(group: str) -> None:
    assert not {name for name in modules_after(group, "--help") if name.startswith(f"sipctl.cli.{group}")}


def test_the_version_costs_nothing() -> None:
    assert not modules_after("--version") & {"typer", "rich", "platformdirs", "aiohttp", "pydantic"}


@pytest.mark.parametrize("words", ["", *(leaf.name for leaf in commands())])
def test_help_loads_nothing_heavy(words: str) -> None:
    heavy = {"livekit", "aiohttp", "ruamel.yaml", "phonenumbers", "filelock", "junitparser", "dns", "cryptography"}
    assert not modules_after(*words.split(), "--help") & (heavy | {"sqlalchemy", "pydantic", "prometheus_client"})


@pytest.mark.parametrize(
    ("name", "command"), [pytest.param(leaf.name, leaf.command, id=leaf.name) for leaf in commands()]
)
def test_every_command_has_examples(name: str, command: Any) -> None:
    examples = str(command.help).partition("Examples:")[2].splitlines()
    shown = [line.strip() for line in examples if f"sipctl {name}" in line]
    assert 2 <= len(shown) <= 4, command.help
    assert all(len(line) <= 76 for line in examples), "longer ones break at 80 columns"


def test_the_help_of_a_group_says_of_each_command_what_the_command_says() -> None:
    for leaf in commands():
        assert leaf.summary == str(leaf.command.help).splitlines()[0], leaf.name


def test_what_is_generated_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    generated = runpy.run_path(str(ROOT / "docs" / "generate"))["generated"]()
    stale = [path for path, text in generated.items() if not path.exists() or path.read_text() != text]
    assert stale == [], "run `python docs/generate`"
    folders = {path.parent for path in generated if SOURCE not in path.parents}
    assert {path for folder in folders for path in folder.iterdir()} - set(generated) == set(), "they are of no use"
