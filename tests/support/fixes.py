"""Fixes as a person pastes them: each command of a line, a PIN typed where one is asked for."""

from sipctl.command_line import CommandLine
from sipctl.errors import ExitCode
from tests.support.running import run

TYPED_PIN = "9081726354"


def paste(command: CommandLine, env: dict[str, str]) -> None:
    """Run the line; each of its commands has to succeed, whatever safeguards stand before it."""
    for step in command.steps:
        stdin = TYPED_PIN.encode() if "--pin-stdin" in step.argv else b""
        ended = run(*step.argv, env=env, stdin=stdin)
        assert ended.code == ExitCode.DONE, (step, ended)
