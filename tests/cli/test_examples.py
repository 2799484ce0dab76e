"""Every example in the help of these commands works when it is pasted."""

import json
import shlex
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from sipctl.cli.tree import commands
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from tests.support.running import env_of, run

pytestmark = pytest.mark.smoke

PROMPTS = Path(__file__).parents[1] / "data" / "prompts"
GROUPS = ("bundle", "completion", "config", "doctor", "pin", "prompts", "room", "rules", "schema", "trunk")
RULE = {"sip_dispatch_rule_id": "SDR_7hTqVw9YbLxe", "name": "SIP_demo",
        "rule": {"dispatch_rule_direct": {"room_name": "demo", "pin": "4821930571"}}}  # fmt: skip
OTHER = {"sip_dispatch_rule_id": "SDR_2nKfRt8QwZpL", "name": "SIP_other",
         "rule": {"dispatch_rule_direct": {"room_name": "other", "pin": "7703551298"}}}  # fmt: skip
TRUNK = {"sip_trunk_id": "ST_b6WvKx3nTe9D", "name": "provider", "numbers": ["+33123456789"]}
ENV = "LIVEKIT_API_URL=http://127.0.0.1:1\nLIVEKIT_API_KEY=k\nLIVEKIT_API_SECRET=s\n"
FILES = {
    "rule.json": json.dumps({"rule": {"dispatch_rule_direct": {"room_name": "other", "pin": "77035512"}}}),
    "trunk.json": json.dumps({"trunk": {"numbers": ["+33170189900"]}}),
    "snapshot.json": json.dumps({"trunks": [TRUNK], "rules": [RULE], "rooms": ["demo"]}),
    "env.d/common": ENV, "livekit-server.yaml": "port: 7880\n", "sip.yaml": "sip_port: 5060\n",
    "prod.toml": "[profiles.prod]\n[profiles.staging]\n", "rooms.txt": "standup\nretro\n", "pin.txt": "4821930571\n",
    "pins.csv": "room,pin\nlobby,4821930571\n",
    "routing.toml": '[[calls]]\nto = "1"\nfrom = "2"\nexpect = {outcome = "request_pin"}\n',
    "livekit-sip.log": '{"ts": 1, "msg": "processing invite", "callID": "SCL_a", "toUser": "1"}\n',
    "rules.json": json.dumps({"trunks": [], "rules": [{**RULE, "trunk_ids": ["ST_old"]}], "rooms": []}),
}  # fmt: skip
PIPED = {"sipctl": b"standup\n", "echo": b"4821930571\n", "docker": b'{"services": {}}'}


def examples() -> Iterator[Any]:
    for leaf in commands():
        if leaf.name.startswith(GROUPS):
            for line in str(leaf.command.help).partition("Examples:")[2].splitlines():
                if "sipctl" in line:
                    yield pytest.param(line.strip(), id=line.strip())


@pytest.fixture
def state(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """What the examples speak of: files in the folder, a trunk, a rule, a live room, and a change to undo."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    shutil.copytree(PROMPTS, tmp_path / "prompts" / "fr")
    plant_snapshot(sandbox.store, FILES["snapshot.json"])
    assert run("pin", "assign", "standup", "retro", "--no-live", env=env_of(sandbox)).code == 0
    done = run(
        "rules", "update", "SIP_demo", "--metadata", "x", "--allow", "live-room", "-o", "json", env=env_of(sandbox)
    )
    item = json.loads(done.stdout)["item"]["undo"].split()[3]
    audit = tmp_path / "state" / "audit.jsonl"
    audit.write_text(audit.read_text().replace(item.partition("-")[0], "5f0c9a7be21d"))
    return sandbox


@pytest.mark.parametrize("line", list(examples()))
def test_an_example(line: str, state: Sandbox, tmp_path: Path) -> None:
    before, _, own = line.rpartition("sipctl ")
    own = own.replace("/srv/meet", str(tmp_path)).replace("sip.example.org", "127.0.0.1:1")
    own, _, file = own.partition(" > ")[0].partition(" < ")
    words = shlex.split(own)
    names_a_profile = "-profile " in line or "profiles use" in line
    extra = ["--config", str(tmp_path / "prod.toml")] if names_a_profile and "init" not in words else []
    started = time.monotonic()
    if "--look-twice" in words:
        words[words.index("--look-twice") + 1] = "1s"
    if "--wait" in words:
        words += ["--wait", "0.1", "--settle", "0"]
    if "SIP_other" in words:
        state.store.rooms.clear()
        plant_snapshot(state.store, json.dumps({"trunks": [TRUNK], "rules": [RULE, OTHER], "rooms": []}))
    if "--pin-from-registry" in words:
        state.store.rules.clear()
        assert run("pin", "assign", "demo", env=env_of(state)).code == 0
    typed = b"secret\n" if {"--api-secret-stdin", "--auth-user"} & set(words) else FILES[file].encode() if file else b""
    ended = run(*extra, *words, env=_env(state, line), stdin=PIPED.get(before.partition(" ")[0], typed))
    if "nagios" in words:
        assert ended.stdout.startswith("SIP CRITICAL - ")
        return
    needs_a_person = words in (["config", "init"], ["config", "validate"])
    assert ended.code in ({2} if needs_a_person else {0, 1, 5}), ended
    assert time.monotonic() - started < 20


def _env(state: Sandbox, line: str) -> dict[str, str]:
    via = {"SIPCTL_WEBHOOK_URL": f"{state.url}/hook"} if "--via webhook" in line else {}
    via |= {"SIPCTL_SIP_HOST": "sip:127.0.0.1:1"} if "trunk check" in line else {}
    return env_of(state, ROOM_TELEPHONY_PHONE_NUMBER="+33123456789", **via)


def test_the_others_parse() -> None:
    for leaf in commands():
        for line in str(leaf.command.help).partition("Examples:")[2].splitlines():
            if "sipctl" in line and leaf.name.startswith(("sandbox", "demo")):
                words = shlex.split(line.rpartition("sipctl ")[2].partition(" > ")[0])[len(leaf.words) :]
                with leaf.command.make_context(leaf.name, words, parent=typer.Context(typer.main.get_command(_bare()))):
                    pass


def _bare() -> typer.Typer:
    app = typer.Typer()
    app.command()(lambda: None)
    return app
