"""One seeded sandbox, one profile, and every command on it: what each prints in each format.

`python tests/outputs/record.py` writes what a person should read before it is committed; `test_outputs` compares.
What differs from run to run (ids, times, ports, drawn PINs) is replaced by a name of its kind.
"""

import getpass
import gzip
import json
import os
import random
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox, running_sandbox
from tests.support import running

FORMATS: Final = ("terminal", "table", "json", "jsonl", "name", "csv", "junit", "nagios", "prometheus")
DATA: Final = Path(__file__).parents[1] / "data" / "outputs"

_SEED: Final = {
    "trunks": [
        {"sip_trunk_id": "ST_france", "name": "france", "numbers": ["+33123456789"]},
        {"sip_trunk_id": "ST_germany", "name": "germany", "numbers": ["+4930123456"], "auth_username": "carrier",
         "auth_password": "a-password-that-nobody-sees"},
    ],
    "rules": [
        {"sip_dispatch_rule_id": "SDR_standup", "name": "SIP_standup",
         "rule": {"dispatchRuleDirect": {"roomName": "standup", "pin": "4821930501"}}},
        {"sip_dispatch_rule_id": "SDR_old", "name": "SIP_old",
         "rule": {"dispatchRuleDirect": {"roomName": "old", "pin": "4821930502"}}},
        {"sip_dispatch_rule_id": "SDR_drifted", "name": "SIP_drifted",
         "rule": {"dispatchRuleDirect": {"roomName": "drifted", "pin": "4821930503"}}},
        {"sip_dispatch_rule_id": "SDR_german", "name": "SIP_german", "trunk_ids": ["ST_germany"],
         "rule": {"dispatchRuleDirect": {"roomName": "german", "pin": "4821930504"}}},
        {"sip_dispatch_rule_id": "SDR_agents", "name": "agents",
         "rule": {"dispatchRuleIndividual": {"roomPrefix": "call-", "pin": "593817"}}},
    ],
    "rooms": [{"name": name} for name in ("standup", "drifted", "german", "missing", "empty")],
}  # fmt: skip
_PINS: Final = (
    "room,pin\nstandup,4821930501\nold,4821930502\ndrifted,4821930503\ngerman,4821930504\nmissing,4821930505\n"
)
_PROFILE: Final = """\
default_profile = "here"

[profiles.here]
url = "{url}"
api_key = "{key}"
api_secret_file = "secret"
env_files = ["meet.env"]
protect = ["lobby"]

[profiles.guarded]
url = "{url}"
api_key = "{key}"
api_secret_file = "secret"
protected = true
"""
_ENV: Final = (
    "ROOM_TELEPHONY_ENABLED=True\nROOM_TELEPHONY_PHONE_NUMBER=+33123456789\nROOM_TELEPHONY_DEFAULT_COUNTRY=FR\n"
    "ROOM_TELEPHONY_PIN_LENGTH=10\n"
)
_CASES: Final = """\
[[calls]]
name = "the standup"
to = "+33123456789"
from = "+33612345678"
pin = "4821930501"
expect = { room = "standup" }

[[calls]]
name = "the wrong room"
to = "+33123456789"
from = "+33612345678"
pin = "4821930501"
expect = { room = "retro" }
"""
_EVENTS: Final = (
    '{"event":"room_started", "room":{"sid":"RM_4nTqVw9YbLxe", "name":"standup", "turnPassword":"a-password"},'
    ' "id":"EV_h7Kd2mXw5RtZ", "createdAt":"1787305200"}\n'
    '{"event":"participant_left", "room":{"sid":"RM_4nTqVw9YbLxe", "name":"standup"},'
    ' "participant":{"identity":"alice"}, "id":"EV_m3PzXv6bQk8N", "createdAt":"1787305264"}\n'
    '{"scenario": "a line beside events"}\n'
)
_CALLS: Final = (
    '{"to": "+33123456789", "from": "+33612345678", "pin": "4821930501"}\n'
    '{"to": "+4930123456", "from": "+33612345678", "pin": "000000"}\n'
)


ALONE = frozenset({"doctor", "demo", "completion", "schema", "bundle", "options"})
"""Commands that are in no group."""


@dataclass(frozen=True)
class Step:
    """One command line and what it reads."""

    words: tuple[str, ...]
    stdin: str = ""

    @property
    def command(self) -> str:
        """The command without its options."""
        return " ".join(self.words[: 1 if self.words[0] in ALONE else 2])


def _step(line: str, stdin: str = "") -> Step:
    return Step(tuple(line.split()), stdin)


STEPS: Final = (
    _step("pin import - --apply", _PINS),
    _step("pin rotate drifted --no-live --apply"),
    _step("doctor --settle 0"),
    _step("doctor --list"),
    _step("doctor --offline"),
    _step("config show --origin"),
    _step("config path"),
    _step("config profiles use here --dry-run"),
    _step("config validate"),
    _step("config validate no-such-file"),
    _step("config init --url ws://127.0.0.1:1 --api-key k --api-secret-stdin", "a-secret-of-at-least-32-characters"),
    _step("rules list"),
    _step("rules list --stale --show-pins"),
    _step("rules show SDR_german"),
    _step("rules show SDR_gone"),
    _step("rules lint"),
    _step("rules explain --to +33123456789 --from +33612345678 --pin 4821930501"),
    _step("rules explain --to +33123456789 --from +33612345678 --pin 4821930504"),
    _step("rules explain --from +33612345678"),
    _step("rules explain --to +4930123456 --from +33612345678 --pin 111111"),
    _step("rules explain --calls calls.jsonl"),
    _step("rules explain --log livekit-sip.log"),
    _step("rules test cases.toml"),
    _step("webhook verify events.jsonl"),
    _step("webhook replay events.jsonl --dry-run"),
    _step("webhook replay events.jsonl --to http://127.0.0.1:1/ --retries 0"),
    _step("webhook send room_started --room standup"),
    _step("webhook send room_started --room standup --to http://127.0.0.1:1/"),
    _step("room list --probe"),
    _step("room show standup"),
    _step("room show gone"),
    _step("trunk list"),
    _step("trunk show germany"),
    _step("trunk check --host sip:127.0.0.1:1"),
    _step("trunk check --host sips:127.0.0.1:1 --depth dns"),
    _step("pin list"),
    _step("pin show standup"),
    _step("pin show german"),
    _step("pin show unknown"),
    _step("pin lookup", "4821930505"),
    _step("pin audit"),
    _step("pin export"),
    _step("pin assign --missing"),
    _step("pin assign standup fresh"),
    _step("pin assign chosen --pin-stdin", "7301946258"),
    _step("pin rotate old"),
    _step("pin rotate old standup german"),
    _step("pin rotate --all --allow live-room --apply"),
    _step("pin release chosen"),
    _step("pin import pins.csv"),
    _step("rules create --room lobby"),
    _step("rules create --room made --pin-stdin", "6035918274"),
    _step("rules create --room made --pin-stdin", "6035918274"),
    _step("rules create --room open --allow open --dry-run"),
    _step("rules update SIP_made --metadata words"),
    _step("rules update SIP_standup --metadata words --dry-run"),
    _step("rules delete SIP_standup"),
    _step("rules delete SIP_made"),
    _step("rules history"),
    _step("rules restore --last"),
    _step("rules export"),
    _step("rules purge --grace 0"),
    _step("rules purge --grace 0 --apply"),
    _step("rules sync --grace 0"),
    _step("rules sync --grace 0 --apply"),
    _step("rules sync --grace 0"),
    _step("rules restore"),
    _step("rules restore no-such-item"),
    _step("rules list --profile guarded"),
    _step("rules delete SDR_agents --profile guarded"),
    _step("room create extra"),
    _step("room create extra"),
    _step("room delete extra"),
    _step("trunk create --number +33199999999 --name spare"),
    _step("trunk update spare --number +33199999998"),
    _step("trunk delete spare"),
    _step("trunk delete france"),
    _step("trunk delete france --allow in-use"),
    _step("doctor --symptom ringing --settle 0"),
    _step("bundle --translate nothing"),
    _step("doctor --explain rul401"),
    _step("prompts check prompts"),
    _step("doctor --explain RUL999"),
    _step("schema pins"),
    _step("schema nothing"),
    _step("options"),
    _step("completion fish"),
    _step("completion powershell"),
)


@dataclass
class Machine:
    """A folder, a sandbox and an environment in which commands run."""

    folder: Path
    sandbox: Sandbox
    env: dict[str, str]

    def lay_out(self) -> None:
        """Write what the steps read, and fill the rooms."""
        secret = self.sandbox.api_secret.reveal()
        files = {
            "sipctl.toml": _PROFILE.format(url=self.sandbox.url, key=self.sandbox.api_key),
            "secret": secret,
            "meet.env": _ENV,
            "cases.toml": _CASES,
            "calls.jsonl": _CALLS,
            "pins.csv": _PINS,
            "events.jsonl": _EVENTS,
            "livekit-sip.log": _log(),
        }
        for name, text in files.items():
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o600)
        (self.folder / "prompts").mkdir()
        for name in ("enter_pin.ogg", "room_join.ogg", "opus.ogg"):
            shutil.copy(DATA.parent / "prompts" / name, self.folder / "prompts")
        plant_snapshot(self.sandbox.store, json.dumps(_SEED))
        for room in ("standup", "drifted", "german", "missing"):
            self.sandbox.join(room=room, identity="alice")

    def run(self, step: Step, style: str) -> running.Result:
        """One step that prints in this style."""
        words = step.words if style in {"terminal", "table"} else (*step.words, "-o", style)
        env = self.env | ({"SIPCTL_CONFIG": "new.toml"} if step.words[:2] == ("config", "init") else {})
        return running.run(*words, env=env, stdin=step.stdin.encode(), terminal=style == "terminal")


@contextmanager
def machine_in(folder: Path) -> Iterator[Machine]:
    """A fresh machine whose working directory is this folder."""
    before = Path.cwd()
    with running_sandbox() as sandbox:
        sandbox.store.entropy = random.Random(1)
        machine = Machine(folder, sandbox, running.clean_env(SIPCTL_CONFIG="sipctl.toml"))
        machine.lay_out()
        os.chdir(folder)
        try:
            yield machine
        finally:
            os.chdir(before)


def outputs(style: str, folder: Path) -> Iterator[dict[str, Any]]:
    """What every step prints in one style, on a fresh machine. Steps whose command lacks the style are left out."""
    with machine_in(folder) as machine:
        names = Names(machine.sandbox, folder)
        for step in STEPS:
            ended = machine.run(step, style)
            if "no output format" not in ended.stderr:
                yield {
                    "command": " ".join(("sipctl", *step.words)),
                    "exit_code": ended.code,
                    "stdout": names.in_text(ended.stdout).splitlines(),
                    "stderr": names.in_text(ended.stderr).splitlines(),
                }


class Names:
    """Gives what differs from run to run the same name each time."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        names = {os.environ[name]: name for name in ("XDG_CONFIG_HOME", "SIPCTL_STATE_DIR", "SIPCTL_DATA_DIR")}
        names[f"{getpass.getuser()}@{socket.gethostname()}"] = "WHO@HOST"
        self._fixed = names | {str(folder.resolve()): "FOLDER", f"127.0.0.1:{sandbox.port}": "127.0.0.1:PORT"}
        self._runs: dict[str, str] = {}

    def in_text(self, text: str) -> str:
        """The text with every changing part named."""
        for value, name in self._fixed.items():
            text = text.replace(value, name)
        text = re.sub(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "TIME", text)
        text = re.sub(r"acknowledged in [\d.]+ s", "acknowledged in N s", text)
        text = re.sub(r'("duration_m?s": ?)[\d.]+', r"\g<1>0", text)
        text = re.sub(r'(time=")[-\d.e]+"', r'\g<1>0"', text)
        text = re.sub(r"(_seconds(?:{[^}]*})? )[\d.e+]+", r"\g<1>0", text)
        text = re.sub(r"(creation_time(?:_ms)?|joined_at)(\": ?\"|\t)\d+", r"\1\g<2>0", text)
        text = re.sub(r"•+\d\d", "••••••••NN", text)
        text = re.sub(r'("pin": ?")(\d+)', _pin, text)
        return re.sub(r"\b[0-9a-f]{12}\b", self._run, text)

    def _run(self, match: re.Match[str]) -> str:
        return self._runs.setdefault(match[0], f"RUN_{len(self._runs) + 1}")


def _pin(match: re.Match[str]) -> str:
    """A PIN that was drawn goes; one that was given stays."""
    return match[0] if match[2] in _PINS or match[2] in json.dumps(_SEED) else f"{match[1]}PIN"


def _log() -> str:
    with gzip.open(DATA.parent / "logs" / "livekit-sip-1.10.0.jsonl.gz", "rt") as file:
        return "".join(line for line, _ in zip(file, range(120), strict=False))


def recorded(style: str) -> Path:
    """Where the outputs of one style are kept."""
    return DATA / f"{style}.json"


def as_text(steps: list[dict[str, Any]]) -> str:
    """The outputs as they are kept: a line of the file for each line of output, so that differences are read easily."""
    return json.dumps(steps, ensure_ascii=False, indent=1) + "\n"
