"""Secrets and PINs reach no screen, file or exception: every command, every format, every way to fail."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import running_sandbox
from tests.support.hostile_text import HOSTILE
from tests.support.peers.hostile import hostile, says
from tests.support.running import Result, env_of, run
from tests.support.scenario import FORMATS, STEPS, Machine, Step, machine_in, recorded

PASSWORD = "a-password-that-nobody-sees"
TYPED = "a-secret-of-at-least-32-characters"
PINS = tuple(f"48219305{number:02}" for number in range(1, 6))
SAID = "dial redis://u:hunter2@h:6379: password=hunter2 token=eyJhbGciOiJIUzI1NiJ9.hunter2"
TELLS_PINS = ("--show-pins", "--pin", "export")
"""Words of command lines that ask for PINs, or hold one."""


def asks_for_pins(command: str) -> bool:
    return any(word in command.split() for word in TELLS_PINS) or "--calls" in command


@pytest.mark.parametrize("style", FORMATS)
def test_no_format_of_any_command_shows_a_secret_or_a_pin(style: str) -> None:
    """What every command prints is recorded, and compared with what it prints today (tests/outputs)."""
    steps = json.loads(recorded(style).read_text())
    for step in steps:
        shown = "\n".join(step["stdout"] + step["stderr"])
        assert PASSWORD not in shown, step["command"]
        assert TYPED not in shown, step["command"]
        if not asks_for_pins(step["command"]):
            assert not [pin for pin in PINS if pin in shown], step["command"]


@contextmanager
def failing(kind: str, machine: Machine) -> Iterator[dict[str, str]]:
    """An environment in which every call to LiveKit fails in one way."""
    own = {"LIVEKIT_API_KEY": machine.sandbox.api_key, "LIVEKIT_API_SECRET": f"hunter2-{'x' * 32}"}
    base = machine.env | {"SIPCTL_CONFIG": "nothing.toml"} | own
    Path("nothing.toml").write_text("")
    if kind == "down":
        yield base | {"LIVEKIT_URL": "http://127.0.0.1:1"}
    elif kind == "denied":
        yield base | {"LIVEKIT_URL": machine.sandbox.url}
    elif kind == "damaged configuration":
        Path("nothing.toml").write_text('[profiles.p]\napi_secret = "hunter2-secret"\nurl = 5\nodd = "hunter2-x"\n')
        Path("nothing.toml").chmod(0o600)
        yield base
    else:
        body = json.dumps({"code": "internal", "msg": SAID})
        with hostile(says(500, body, "application/json")) as server:
            yield base | {"LIVEKIT_URL": server.url}


FIRST_STEPS = list({step.command: step for step in reversed(STEPS) if "--wait" not in step.words}.values())


@pytest.mark.parametrize("kind", ["down", "denied", "damaged configuration", "an error that tells secrets"])
@pytest.mark.parametrize("style", ["table", "json"])
def test_no_way_to_fail_shows_a_secret(kind: str, style: str, tmp_path: Path) -> None:
    with machine_in(tmp_path) as machine, failing(kind, machine) as env:
        for step in FIRST_STEPS:
            ended = failed(step, env, style)
            shown = ended.stdout + ended.stderr
            assert "hunter2" not in shown, step
            assert "Traceback" not in shown, step
            assert machine.sandbox.api_secret.reveal() not in shown
            if not asks_for_pins(" ".join(step.words)):
                assert not [pin for pin in PINS if pin in shown and pin not in step.stdin], step
    for file in tmp_path.parent.rglob("bug-*.txt"):
        pytest.fail(file.read_text())


def failed(step: Step, env: dict[str, str], style: str) -> Result:
    words = (*step.words, "--timeout", "0.5", *(("-o", "json") if style == "json" else ()))
    return run(*words, env=env, stdin=step.stdin.encode())


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that steer a terminal, or turn text around."""
READS = (
    "rules list", "rules lint", "rules show SDR_0", "room list", "room show -- {room}", "trunk list", "trunk show ST_0",
    "doctor --settle 0 -v", "pin list", "pin audit", "rules purge --grace 0", "rules sync --grace 0", "rules export",
    "rules explain --from +33612345678 --to +33123456789 --pin 1000", "config show", "rules delete SDR_0 --dry-run",
)  # fmt: skip


@pytest.mark.parametrize("style", FORMATS)
def test_hostile_names_steer_no_terminal(style: str, tmp_path: Path) -> None:
    """Rooms, people, rules and trunks with every hostile name, through every command that shows them."""
    names = [name for name in HOSTILE if name.strip() and len(name.encode()) < 200]
    with running_sandbox() as sandbox:
        for name in names:
            sandbox.join(room=name, identity=name)
        plant_snapshot(sandbox.store, json.dumps({
            "trunks": [{"sip_trunk_id": f"ST_{at}", "name": name, "numbers": [f"+3312345{at:04}"], "metadata": name}
                       for at, name in enumerate(names)],
            "rules": [{"sip_dispatch_rule_id": f"SDR_{at}", "name": name, "metadata": name,
                       "rule": {"dispatchRuleDirect": {"roomName": name, "pin": str(1000 + at)}}}
                      for at, name in enumerate(names)],
            "rooms": [],
        }))  # fmt: skip
        env = env_of(sandbox)
        for line in READS:
            words = [word.format(room=names[3]) for word in line.split()]
            extra = () if style in {"terminal", "table"} else ("-o", style)
            at = words.index("--") if "--" in words else len(words)
            ended = run(*words[:at], *extra, *words[at:], env=env, terminal=style == "terminal")
            shown = ended.stdout if style == "terminal" else ended.stdout.replace("\t", " ")
            assert not CONTROL.search(re.sub(r"\x1b\[[0-9;]*m", "", shown) if style == "terminal" else shown), line
            assert not CONTROL.search(ended.stderr.replace("\t", " ")), line
