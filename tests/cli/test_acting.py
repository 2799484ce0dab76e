"""One rule for acting, checked on every command that writes: one named object at once, anything else with --apply.

The commands are those of the tree: one that writes and has no case here fails, and so does one that writes unseen.
"""

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from sipctl.cli.tree import commands
from tests.support.running import Result
from tests.support.scenario import Machine, Step, machine_in

WRITERS: Final = {leaf.name: leaf.command for leaf in commands() if leaf.command.writes}
WORDS_OF_WRITERS: Final = ("session.write(", "session.lock(", "run_plan(", "write_private(", "write_config(")
SAID: Final = "Nothing was changed; the same with --apply does it"


@dataclass(frozen=True)
class Case:
    """One command line of a writing command. `at_once` = it names one object, or only adds.

    `before` makes what it speaks of, and returns what takes the place of `{}` in the words.
    """

    words: str
    stdin: str = ""
    at_once: bool = True
    before: Callable[[Machine], str] = lambda _machine: ""

    def step(self, made: str, *extra: str) -> Step:
        return Step((*self.words.format(made).split(), *extra), self.stdin)


def of_a_set(words: str, stdin: str = "", before: Callable[[Machine], str] = lambda _machine: "") -> Case:
    return Case(words, stdin, at_once=False, before=before)


def done(machine: Machine, words: str, stdin: str = "") -> Result:
    ended = machine.run(Step(tuple(words.split()), stdin), "table")
    assert ended.code in {0, 6}, ended
    return ended


def with_pins(machine: Machine) -> str:
    done(machine, "pin import pins.csv --apply --allow live-room")
    return ""


def with_a_trunk(machine: Machine) -> str:
    done(machine, "trunk create --number +33199999999 --name spare")
    return ""


def with_a_room(machine: Machine) -> str:
    done(machine, "room create empty-room")
    return ""


def change(machine: Machine) -> str:
    """The id of a change that can be undone."""
    return undo_item(done(machine, "rules update SDR_old --metadata words -o json").stdout)


def undo_item(document: str) -> str:
    return str(json.loads(document)["item"]["undo"].split()[3])


def run_id(machine: Machine) -> str:
    return change(machine).partition("-")[0]


def two_changes(machine: Machine) -> str:
    first = change(machine)
    other = done(machine, "rules update SDR_standup --metadata words --allow live-room -o json")
    return f"{first} {undo_item(other.stdout)}"


def export_of_more(machine: Machine) -> str:
    done(machine, "rules export all.json")
    done(machine, "rules delete SDR_old")
    return "all.json"


def half_way(machine: Machine) -> str:
    with_pins(machine)
    machine.sandbox.fault("status=502@UpdateSIPDispatchRule")
    done(machine, "pin rotate old")
    machine.sandbox.lift_faults()
    return ""


CASES: Final[dict[str, list[Case]]] = {
    "config init": [
        Case("config init --url ws://127.0.0.1:1 --api-key k --api-secret-stdin --config new.toml", "s" * 32),
    ],
    "config profiles": [Case("config profiles use guarded")],
    "pin assign": [
        Case("pin assign one", before=with_pins), Case("pin assign one two", before=with_pins),
        Case("pin assign --stdin", "one\ntwo\n", before=with_pins),
        Case("pin assign --missing --live", before=with_pins),
    ],
    "pin export": [Case("pin export pins.json")],
    "pin import": [of_a_set("pin import pins.csv"), of_a_set("pin import -", "room,pin\none,7301946258\n")],
    "pin release": [Case("pin release missing --allow live-room", before=with_pins)],
    "pin rotate": [
        Case("pin rotate old", before=with_pins), of_a_set("pin rotate old german --allow live-room", before=with_pins),
        of_a_set("pin rotate --stdin", "old\n", before=with_pins), of_a_set("pin rotate --all", before=with_pins),
        of_a_set("pin rotate --recover", before=half_way),
    ],
    "room create": [Case("room create new")],
    "room delete": [
        Case("room delete empty-room", before=with_a_room),
        of_a_set("room delete empty empty-room", before=with_a_room),
    ],
    "rules create": [Case("rules create --room made --pin-stdin", "6035918274")],
    "rules delete": [Case("rules delete SDR_old"), of_a_set("rules delete SDR_old SDR_agents --allow foreign")],
    "rules export": [Case("rules export rules.json")],
    "rules purge": [of_a_set("rules purge --grace 0"), of_a_set("rules purge --grace 0 --room old")],
    "rules restore": [
        Case("rules restore {}", before=change), Case("rules restore --id SDR_old", before=change),
        of_a_set("rules restore --run {}", before=run_id),
        of_a_set("rules restore {} --allow live-room", before=two_changes),
        of_a_set("rules restore --id SDR_old --id SDR_standup --allow live-room", before=two_changes),
        of_a_set("rules restore --from-export {}", before=export_of_more),
    ],
    "rules sync": [of_a_set("rules sync --grace 0")],
    "rules test": [Case("rules test made.toml --init")],
    "rules update": [Case("rules update SDR_old --metadata words")],
    "trunk create": [Case("trunk create --number +33199999998")],
    "trunk delete": [
        Case("trunk delete spare", before=with_a_trunk),
        of_a_set("trunk delete spare germany --allow in-use", before=with_a_trunk),
    ],
    "trunk update": [Case("trunk update spare --number +33199999997", before=with_a_trunk)],
}  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    folder = tmp_path / "work"
    folder.mkdir()
    with machine_in(folder) as one:
        yield one


def state(machine: Machine) -> Any:
    """All that a command can change: what LiveKit holds, what the registry holds, and the files of the folder."""
    store = machine.sandbox.store
    held = [sorted(map(str, kind.values())) for kind in (store.rules, store.inbound, store.outbound, store.rooms)]
    pins = machine.run(Step(("pin", "list", "--show-pins")), "table").stdout
    files = {path.name: path.read_bytes() for path in sorted(machine.folder.iterdir()) if path.is_file()}
    return held, pins, files


ALL: Final = [case for cases in CASES.values() for case in cases]


def test_every_command_that_writes_has_cases_here() -> None:
    assert set(CASES) == set(WRITERS)
    for name, cases in CASES.items():
        assert all(case.words.startswith(name) for case in cases)


def test_no_command_writes_unseen() -> None:
    for leaf in commands():
        source = inspect.getsource(sys.modules[leaf.command.callback.__module__])
        assert leaf.command.writes or not any(words in source for words in WORDS_OF_WRITERS), leaf.name


@pytest.mark.parametrize("name", WRITERS)
def test_each_takes_apply_and_a_dry_run(name: str) -> None:
    taken = {word for parameter in WRITERS[name].get_params(typer.Context(WRITERS[name])) for word in parameter.opts}
    assert taken >= {"--apply", "--dry-run"}


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.words)
def test_the_rule(machine: Machine, case: Case) -> None:
    made = case.before(machine)
    before = state(machine)
    for extra in (("--dry-run",), ("--dry-run", "--apply")):
        ended = machine.run(case.step(made, *extra), "table")
        assert ended.code == 0, ended
        assert state(machine) == before
    if not case.at_once:
        assert "--dry-run" in ended.stderr
        plan = machine.run(case.step(made), "table")
        assert (plan.code, plan.stderr.splitlines()[-1]) == (0, SAID)
        assert state(machine) == before
    ended = machine.run(case.step(made) if case.at_once else case.step(made, "--apply"), "table")
    assert ended.code == 0, ended
    assert SAID not in ended.stderr
    assert state(machine) != before


@pytest.mark.parametrize("case", [one for one in ALL if one.at_once], ids=lambda case: case.words)
def test_apply_is_taken_where_it_is_not_needed(machine: Machine, case: Case) -> None:
    made = case.before(machine)
    before = state(machine)
    ended = machine.run(case.step(made, "--apply"), "table")
    assert ended.code == 0, ended
    assert state(machine) != before
