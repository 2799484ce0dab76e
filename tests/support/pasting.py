"""Every line of a document that starts sipctl, run in a folder that has what the documents speak of."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from tests.support.running import Result, env_of, run

DATA = Path(__file__).parents[1] / "data"
_BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = re.compile(r"[|<>$]|&&")
_TRUNK = {"sip_trunk_id": "ST_b6WvKx3nTe9D", "name": "provider", "numbers": ["+33123456789"]}
_RULE = {"sip_dispatch_rule_id": "SDR_7hTqVw9YbLxe", "name": "SIP_standup",
         "rule": {"dispatch_rule_direct": {"room_name": "standup", "pin": "4821930571"}}}  # fmt: skip
_SNAPSHOT = json.dumps({"trunks": [_TRUNK], "rules": [_RULE], "rooms": ["standup"]})
_REQUEST = json.dumps({"rule": {"dispatch_rule_direct": {"room_name": "other", "pin": "77035512"}}})
_EVENT = {"event": "room_started", "room": {"name": "standup", "sid": "RM_a"}, "id": "EV_a", "createdAt": "1795000000"}
_ENV = (
    "LIVEKIT_API_URL={url}\nLIVEKIT_API_KEY={key}\nLIVEKIT_API_SECRET={secret}\nROOM_TELEPHONY_ENABLED=True\n"
    "ROOM_TELEPHONY_PHONE_NUMBER=+33123456789\nROOM_TELEPHONY_DEFAULT_COUNTRY=FR\n"
)
_FILES = {
    "snapshot.json": _SNAPSHOT, "rule.json": _REQUEST,
    "livekit-server.yaml": "port: 7880\n", "sip.yaml": "sip_port: 5060\nhealth_port: 8080\n",
    "routing.toml": '[[calls]]\nto = "+33123456789"\nfrom = "+33612345678"\nexpect = {outcome = "request_pin"}\n',
    "livekit-sip.log": '{"ts": 1, "msg": "processing invite", "callID": "SCL_a", "toUser": "1"}\n',
    "meeting.jsonl": json.dumps({"received_at": "2026-11-28T10:00:00Z", "body": json.dumps(_EVENT)}) + "\n",
}  # fmt: skip
_HISTORY = (
    ("pin import - --apply", b"room,pin\nstandup,4821930571\n"),
    ("pin assign retro --no-live", b""),
    ("rules update SDR_7hTqVw9YbLxe --metadata x --allow live-room", b""),
)
PROGRAMS = {"docker": DATA / "compose" / "rendered.json", "kubectl": DATA / "kubernetes" / "meet.json"}
"""What needs a daemon or a cluster, and what it prints."""


def sections(document: Path) -> dict[str, list[str]]:
    """Of each section of a document: the lines of its shell blocks that start sipctl, as people paste them."""
    parts = re.split(r"^## (.+)$", document.read_text(), flags=re.MULTILINE)
    named = zip(("", *parts[1::2]), parts[::2], strict=True)
    found = {heading: list(_lines(text)) for heading, text in named}
    return {heading: lines for heading, lines in found.items() if lines}


def _lines(text: str) -> Iterator[str]:
    for kind, block in _BLOCK.findall(text):
        for line in block.splitlines():
            if kind == "console" and not line.startswith("$ "):
                continue  # what the command prints
            typed = line.removeprefix("$ ")
            starts = re.search(r"(^|[|&;] *|(?<=\s))sipctl [a-z-]", typed) or typed.startswith("kubectl ")
            if starts and not typed.startswith(("python3 -m venv", "#")):
                yield typed


class Paster:
    """Someone who pastes lines into a shell, on a machine with a deployment of a sandbox."""

    def __init__(self, sandbox: Sandbox, folder: Path, backend: str) -> None:
        self.folder = folder
        self.backend = backend
        self._running: list[subprocess.Popen[str]] = []
        self.env: Mapping[str, str] = env_of(
            sandbox, SIPCTL_SIP_HOST="sip:127.0.0.1:1", SIPCTL_WEBHOOK_URL=f"{backend}/hook", PASSWORD="secret",
            ROOM_TELEPHONY_PHONE_NUMBER="+33123456789",
        )  # fmt: skip
        values = {"url": sandbox.url, "key": sandbox.api_key, "secret": sandbox.api_secret.reveal()}
        for name, text in {**_FILES, "env.d/common": _ENV.format(**values)}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        shutil.copy(DATA / "compose" / "docker-compose.yml", folder)
        for name in (".env", "base.yaml", "env.d/postgresql"):
            shutil.copy(DATA / "compose" / name, folder / name)
        for name in ("prompts", "scenarios"):
            source = DATA / "prompts" if name == "prompts" else DATA.parents[1] / "docs" / "scenarios"
            shutil.copytree(source, folder / ("prompts/fr" if name == "prompts" else "docs/scenarios"))
        self._write_programs()
        plant_snapshot(sandbox.store, _SNAPSHOT)
        sandbox.join(room="standup", identity="alice")
        for words, typed in _HISTORY:
            assert run(*words.split(), env=self.env, stdin=typed).code == 0

    def _write_programs(self) -> None:
        place = self.folder / "bin"
        place.mkdir()
        texts = {name: f"cat {shlex.quote(str(file))}" for name, file in PROGRAMS.items()}
        for name, text in {**texts, "sipctl": f'exec {shlex.quote(sys.executable)} -m sipctl "$@"'}.items():
            (place / name).write_text(f"#!/bin/sh\n{text}\n")
            (place / name).chmod(0o700)

    def paste(self, line: str) -> Result:
        """Run a line: by a shell where it needs one, else in this process. What would run on is stopped."""
        line = self._here(line)
        if left_running := re.fullmatch(r"(.+) &(?:\s+#.*)?", line):
            return self._left_running(left_running[1])
        if "webhook listen" in line or "webhook serve" in line:
            return self._started(line)
        if _SHELL.search(line):
            env = {**self.env, "PATH": f"{self.folder / 'bin'}:{os.defpath}"}
            ended = subprocess.run(["/bin/bash", "-o", "pipefail", "-c", line], env=env, capture_output=True, text=True,
                                   cwd=self.folder, timeout=120, check=False)  # fmt: skip
            return Result(ended.returncode, ended.stdout, ended.stderr)
        _, *words = shlex.split(line, comments=True)
        return run(*words, env=self.env)

    def _here(self, line: str) -> str:
        """The line with what is other people's replaced by what is ours, and without long waits."""
        for theirs, ours in (
            ("/srv/meet", str(self.folder)), ("sip.example.org", "127.0.0.1:1"), ("--wait 60", "--wait 0.1 --settle 0"),
            ("/var/lib/node_exporter/textfile", str(self.folder)), ("--look-twice 60s", "--look-twice 1s"),
            ("http://pushgateway.example.org:9091", self.backend),
            ("127.0.0.1:8000", "127.0.0.1:1"), (":8091", ":0"),
            ("webhook serve", "webhook serve --bind 127.0.0.1:0"),
        ):  # fmt: skip
            line = line.replace(theirs, ours)
        return line

    def _left_running(self, line: str) -> Result:
        """What is started with `&` runs until the end; it has begun when it has said its first line."""
        _, *words = shlex.split(line)
        started = subprocess.Popen([sys.executable, "-m", "sipctl", *words], env=self.env, cwd=self.folder, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        self._running.append(started)
        assert started.stdout
        return Result(0, started.stdout.readline(), "")

    def close(self) -> None:
        """Stop what still runs."""
        for started in self._running:
            started.send_signal(signal.SIGTERM)
            started.communicate(timeout=60)

    def _started(self, line: str) -> Result:
        _, *words = shlex.split(line, comments=True)
        with subprocess.Popen([sys.executable, "-m", "sipctl", *words], env=self.env, cwd=self.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:  # fmt: skip
            assert started.stderr
            first = started.stderr.readline()
            started.send_signal(signal.SIGTERM)
            stdout, stderr = started.communicate(timeout=60)
        return Result(started.returncode, stdout, first + stderr)
