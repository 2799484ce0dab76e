"""`sipctl demo`: the whole story on the sandbox, in commands as a person would type them."""

import contextlib
import io
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
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

    `repair` types what the doctor prints against errors, `undo` what undoes the last run.
    """

    sentence: str
    words: str = ""
    expected: ExitCode = ExitCode.DONE
    action: "Callable[[Sandbox], object] | None" = None
    repair: bool = False
    undo: bool = False


STORY: Final = (
    Step(
        "A provider sends calls for +33 1 23 45 67 89. LiveKit needs to know its trunk:",
        "trunk create --name provider --number +33123456789 --allowed-address 192.0.2.0/24",
    ),
    Step(
        "Alice starts the standup with her browser, Bob the retro.",
        action=lambda sandbox: [sandbox.join("standup", "alice"), sandbox.join("retro", "bob")],
    ),
    Step("Rooms get PINs, each its own:", "pin assign standup retro"),
    Step("A rule leads callers with that PIN into the room:", "rules create --room standup --pin-from-registry"),
    Step("The webhook of the retro was lost, so no one wrote its rule. Its callers are missing:", "room list"),
    Step("The doctor names the room, and says why:", "doctor --settle 0", expected=ExitCode.FINDINGS),
    Step("It says which command helps, too:", repair=True),
    Step(
        "What does a caller get, and why? No guess: each step as LiveKit takes it.",
        "rules explain --from +33612345678 --source-ip 192.0.2.7",
    ),
    Step("The rule of a live room stays:", "rules delete SIP_standup", expected=ExitCode.SAFEGUARD),
    Step(
        "A leaked PIN is replaced, in the registry and in the live rule together:",
        "pin rotate standup --allow live-room",
    ),
    Step(
        "The retro ends. Its room_finished never reaches the backend, and the rule stays. Every quarter of an hour cron"
        " purges what stayed stale for ten minutes; here no one waits:",
        "rules purge --grace 0s",
        action=lambda sandbox: sandbox.store.rooms.pop("retro"),
    ),
    Step("", "rules purge --grace 0s --apply"),
    Step(
        "Bob was gone for lunch only. Whatever a run did can be undone, by the command that it prints:",
        action=lambda sandbox: sandbox.join("retro", "bob"),
        undo=True,
    ),
    Step(
        "Two backends store one rule at the same moment. LiveKit has no lock, and now every call fails:",
        "doctor --settle 0",
        action=lambda sandbox: sandbox.fault("conflict-pair"),
        expected=ExitCode.FINDINGS,
    ),
    Step("", repair=True),
    Step("", "doctor --settle 0"),
)


def run(ctx: typer.Context) -> None:
    """Tell the whole story in a few seconds, on the sandbox.

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
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self._run(("doctor", "--settle", "0", "-o", "json"))
        findings = json.loads(printed.getvalue())["findings"]
        lines = [one["fix"]["command"] for one in findings if one["level"] == "error"]
        return [command for line in lines if line for command in line.split(" && ")]

    def _type(self, step: Step) -> None:
        typer.echo(f"$ sipctl {step.words}")
        words = shlex.split(step.words)
        code = self._run(words)
        if code != step.expected:
            raise SipctlError(f"{quoted('sipctl', *words)} ended with {code} instead of {int(step.expected)}")

    def _run(self, words: Sequence[str]) -> int:
        """Run one command line in this process: to start a Python for each would take most of the time."""
        from sipctl.cli.app import run as run_command

        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(self._environment)
        try:
            with contextlib.redirect_stderr(sys.stdout):
                return run_command(words)
        finally:
            os.environ.clear()
            os.environ.update(before)
