"""`sipctl demo`: the whole story on the sandbox, in commands as a person would type them."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from sipctl.cli.session import Session
from sipctl.command_line import quoted
from sipctl.errors import ExitCode, SipctlError
from sipctl.output.outlet import is_read
from sipctl.telephony.commands import restore_run

if TYPE_CHECKING:
    from sipctl.sandbox.server import Sandbox


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens: a sentence about it, then a command line or an action in the sandbox.

    `repair` types what the doctor prints against errors, `undo` what undoes the last run. `environment` is set for
    this command alone; `stdin` is what the pipe before the command writes.
    """

    sentence: str
    words: str = ""
    stdin: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    expected: ExitCode = ExitCode.DONE
    action: "Callable[[Sandbox], object] | None" = None
    repair: bool = False
    undo: bool = False


STORY: Final = (
    Step(
        "A provider sends calls for +33 1 23 45 67 89. LiveKit needs to know its trunk:",
        "trunk create --name provider --number +33123456789 --allowed-address 192.0.2.0/24",
    ),
    Step("Two meetings start:", "room create standup"),
    Step("", "room create retro"),
    Step("Alice joins the standup with her browser.", action=lambda sandbox: sandbox.join("standup", "alice")),
    Step("Rooms get PINs, each its own:", "pin assign standup retro"),
    Step("A rule leads callers with that PIN into the room:", "rules create --room standup --pin-from-registry"),
    Step("", "rules create --room retro --pin-from-registry"),
    Step("Asking twice changes nothing:", "rules create --room retro --pin-from-registry"),
    Step(
        "PINs come from the registry, a pipe or a prompt, never from an option. One PIN opens one room:",
        "rules create --room lobby --pin-stdin",
        stdin="4821930571",
    ),
    Step("", "rules create --room attic --pin-stdin", stdin="4821930571", expected=ExitCode.SAFEGUARD),
    Step("", "rules delete SIP_lobby"),
    Step("So is a rule without a PIN, unless you say so:", "rules create --room lobby", expected=ExitCode.SAFEGUARD),
    Step("What a caller would meet:", "pin show standup"),
    Step("What there is now:", "trunk list"),
    Step("", "room list"),
    Step("", "rules list"),
    Step("The rule of a live room stays:", "rules delete SIP_standup", expected=ExitCode.SAFEGUARD),
    Step(
        "A leaked PIN is replaced, in the registry and in the live rule together:",
        "pin rotate standup --allow live-room",
    ),
    Step("The retro ends. Its room_finished never reaches the backend, and the rule stays:", "room delete retro"),
    Step("", "doctor --settle 0 --only RUL405"),
    Step("Every quarter of an hour cron purges what stayed stale for ten minutes; here no one waits:", "rules purge"),
    Step("", "rules purge --grace 0s --apply"),
    Step("Whatever a run did can be undone, by the command that it prints:", undo=True),
    Step("", "rules list --stale"),
    Step("", "rules purge --grace 0s --apply --quiet"),
    Step(
        "Two backends store one rule at the same moment. LiveKit has no lock, and now every call fails:",
        "doctor --settle 0",
        action=lambda sandbox: sandbox.fault("conflict-pair"),
        expected=ExitCode.FINDINGS,
    ),
    Step("The doctor says which command repairs it:", repair=True),
    Step("", "doctor --settle 0"),
    Step(
        "And this is what a wrong key looks like:",
        "rules list",
        environment=(("LIVEKIT_API_KEY", "someone-else"),),
        expected=ExitCode.DENIED,
    ),
)


def run(ctx: typer.Context) -> None:
    """Tell the whole story in one minute, on the sandbox.

    Starts the sandbox on loopback with temporary configuration, state and data folders, types the commands, stops.
    Nothing outside these folders is read or written.

    \b
    Examples:
      sipctl demo
      sipctl demo > story.txt
    """
    session = Session.of(ctx)
    with tempfile.TemporaryDirectory(prefix="sipctl-demo-") as folder, session.running_sandbox() as sandbox:
        stage = Stage(sandbox, Path(folder))
        for step in takewhile(lambda _: is_read(sys.stdout), STORY):
            stage.play(step)


class Stage:
    """The sandbox and the environment that the story's commands run in."""

    def __init__(self, sandbox: "Sandbox", folder: Path) -> None:
        self._sandbox = sandbox
        self._folder = folder
        foreign = ("LIVEKIT_", "SIPCTL_", "ROOM_TELEPHONY_")
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self._environment |= {
            "LIVEKIT_URL": sandbox.url,
            "LIVEKIT_API_KEY": sandbox.api_key,
            "LIVEKIT_API_SECRET": sandbox.api_secret.reveal(),
            "ROOM_TELEPHONY_ENABLED": "True",
            "ROOM_TELEPHONY_PHONE_NUMBER": "+33123456789",
            "XDG_CONFIG_HOME": str(folder / "config"),
            "SIPCTL_STATE_DIR": str(folder / "state"),
            "SIPCTL_DATA_DIR": str(folder / "data"),
            "SIPCTL_CACHE_DIR": str(folder / "cache"),
        }

    def play(self, step: Step) -> None:
        """Do one step.

        Raises:
            SipctlError: the command did not end as the story has it.
        """
        if step.sentence:
            typer.secho(f"\n{step.sentence}", bold=True)
        if step.action:
            step.action(self._sandbox)
        if step.words:
            self._type(step)
        if step.repair:
            for command in self._prescribed():
                self._type(Step("", command.removeprefix("sipctl ")))
        if step.undo:
            self._type(Step("", self._undo().removeprefix("sipctl ")))

    def _undo(self) -> str:
        last = json.loads((self._folder / "state" / "audit.jsonl").read_text().splitlines()[-1])
        return str(restore_run(last["run"]))

    def _prescribed(self) -> list[str]:
        """The commands that the doctor prints against errors."""
        words = [sys.executable, "-m", "sipctl", "doctor", "--settle", "0", "-o", "json"]
        ended = subprocess.run(words, env=self._environment, capture_output=True, check=False)  # noqa: S603 - as below
        findings = json.loads(ended.stdout)["findings"]
        return [one["fix"]["command"] for one in findings if one["level"] == "error" and one["fix"]["command"]]

    def _type(self, step: Step) -> None:
        pipe = f"echo {step.stdin} | " if step.stdin else ""
        prefix = "".join(f"{name}={value} " for name, value in step.environment)
        typer.echo(f"$ {pipe}{prefix}sipctl {step.words}")
        sys.stdout.flush()
        ended = subprocess.run(  # noqa: S603 - our own interpreter and words
            [sys.executable, "-m", "sipctl", *shlex.split(step.words)],
            env=self._environment | dict(step.environment),
            input=f"{step.stdin}\n".encode(),
            stderr=subprocess.STDOUT,
            check=False,
        )
        if ended.returncode != step.expected:
            command = quoted("sipctl", *shlex.split(step.words))
            raise SipctlError(f"{command} ended with {ended.returncode} instead of {int(step.expected)}")
