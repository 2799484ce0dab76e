"""The root of the command line: commands load when named, and every ending becomes an exit code."""

import functools
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypedDict

import typer

from sipctl import __version__
from sipctl.cli.bugs import trace_of
from sipctl.cli.command import Entry, LazyGroup
from sipctl.cli.signals import WORDS, end_on_signals, ending
from sipctl.command_line import CommandLine, prose_text
from sipctl.config.own_files import secure
from sipctl.config.paths import state_dir
from sipctl.errors import ExitCode, SipctlError, UsageError
from sipctl.files import write_private
from sipctl.output.people import for_people
from sipctl.output.streams import MEDIUM_FAULTS, lead_nowhere
from sipctl.output.text import escaped_json
from sipctl.telephony.text import is_unicode

COMMANDS: Final = {
    "doctor": Entry("Examine the deployment and say whether callers get in."),
    "rules": Entry(
        "Dispatch rules: which caller lands in which room.",
        {
            "list": "List dispatch rules.",
            "show": "Show one dispatch rule in full.",
            "create": "Create a dispatch rule, or find the equal one that is there.",
            "update": "Change some fields of a dispatch rule and keep all others.",
            "delete": "Delete dispatch rules; of several the plan is shown, and --apply carries it out.",
            "explain": "Walk a call through trunks and rules as LiveKit does: what its caller hears, and why.",
            "test": "Run routing tests: calls, and what is expected of them. Exit code 1 if one fails.",
            "lint": "Prove what is wrong with rules and trunks: clashes, shadows, open rules and more.",
            "purge": "Delete owned rules whose room is not live any more.",
            "sync": "Bring rooms, PINs and rules together: delete stale rules, create missing ones, repair the rest.",
            "history": "Show what was written at this server, by whom, what came of it, and what undoes it.",
            "restore": "Undo changes of dispatch rules from the audit, or bring back what an export holds.",
            "export": "Write trunks, rules and live rooms as one snapshot; passwords of trunks are left out.",
        },
    ),
    "pin": Entry(
        "PINs: who has which, and giving out new ones.",
        {
            "assign": "Give rooms a PIN; a room that has one keeps it.",
            "rotate": "Give rooms another PIN, in the registry and in their live rules together.",
            "show": "Show a room's PIN, the number to dial, and what a caller would meet now.",
            "list": "List the rooms that the registry knows, and their PINs.",
            "lookup": "Say whose a PIN is, and which rules carry it; the PIN comes from stdin or a hidden prompt.",
            "release": "Take a room's PIN away; it stays in quarantine and is given to no one for a year.",
            "audit": "Check the PINs, and say how likely it is that someone guesses one.",
            "export": "Write the registry as csv, json or jsonl. A file is made 0600 and holds PINs in full.",
            "import": "Bring PINs in from a file: first the plan, with --apply what it says.",
        },
    ),
    "room": Entry(
        "Live rooms and who is in them.",
        {
            "list": "List the rooms that LiveKit lists.",
            "show": "Show one room, who is in it, and the rules that lead there.",
            "create": "Create a room, or find the live one; LiveKit then sends `room_started`.",
            "delete": "End rooms for everyone in them; LiveKit then sends `room_finished`.",
        },
    ),
    "trunk": Entry(
        "SIP trunks: the numbers people dial.",
        {
            "list": "List inbound and outbound trunks.",
            "show": "Show one trunk in full; its password stays hidden.",
            "check": "Check whether SIP nodes answer: ours, and those of the trunks.",
            "create": "Create an inbound trunk, or find the equal one that is there.",
            "update": (
                "Change some fields of an inbound trunk and keep all others."
                " A list that is given replaces the one there."
            ),
            "delete": "Delete trunks; of several the plan is shown, and --apply carries it out.",
        },
    ),
    "config": Entry(
        "The configuration: write it, show it, check it.",
        {
            "init": "Write the configuration file.",
            "show": "Show the settings in force; secrets stay hidden.",
            "profiles": "List the profiles of the configuration file, or choose the default one.",
            "path": "Print where the configuration file, the state folder and the component files are.",
            "validate": "Check configuration files, each by itself and all against each other.",
        },
    ),
    "webhook": Entry(
        "LiveKit's webhooks: see them, check them, play them again, live by them.",
        {
            "replay": "Send recorded events again: the same bytes, signed anew, each room in its order.",
            "send": "Send one event as LiveKit would, or a story of them.",
            "listen": "Listen to webhooks: show each as it comes, record it, forward it.",
            "serve": "Run the lifecycle of rooms: receive webhooks, and bring rooms, PINs and rules together.",
            "verify": "Check recorded events: token and body of each, and what is missing or out of order.",
        },
    ),
    "prompts": Entry(
        "What livekit-sip plays to callers.",
        {"check": "Check the files that livekit-sip plays to callers, before it is built with them."},
    ),
    "sandbox": Entry(
        "A LiveKit-compatible server on loopback, to try things on.", {"run": "Run the sandbox until Ctrl-C."}
    ),
    "demo": Entry("Tell the whole story in a few seconds, on the sandbox."),
    "bundle": Entry("Pack what a colleague or an upstream issue needs; a stranger may read it."),
    "options": Entry("List the options that every command takes."),
    "schema": Entry("Print the JSON Schema of what a command prints with -o json."),
    "completion": Entry("Print what makes bash, zsh or fish complete commands, options and names."),
}
"""Every command with its first line of help; a test compares that with the command's own."""


class ErrorBody(TypedDict):
    """Why a command failed."""

    code: str
    message: str
    hint: str
    exit_code: int


class ErrorDocument(TypedDict):
    """What stderr holds when a command with `-o json` fails."""

    error: ErrorBody


PRINTS: Final = {"error": ErrorDocument}


class Root(LazyGroup):
    """The root of all commands."""

    entries = COMMANDS


app = typer.Typer(
    cls=Root,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"sipctl {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_tell_version, is_eager=True, help="Print the version and leave."
    ),
) -> None:
    """The operator's tool for phone dial-in on LiveKit.

    Rooms, PINs, dispatch rules and trunks drift apart; sipctl says where, and brings them together
    without hurting a live meeting.
    """


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code. Nothing escapes but the interpreter's own end."""
    end_on_signals()
    try:
        code = _run(args)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    return _report_end(args) if code == ExitCode.INTERRUPTED else code


@functools.cache
def _root_command() -> Callable[..., Any]:
    """Commands keep nothing of a run, so a process that runs several, as tests do, makes them once."""
    return typer.main.get_command(app)


def _run(args: Sequence[str]) -> int:
    try:
        _refuse_broken_words(args)
        return int(_root_command()(list(args), prog_name="sipctl", standalone_mode=False) or 0)
    except SipctlError as error:
        return _report(args, error.code, error.message, error.hint, error.exit_code)
    except typer.TyperException as error:
        return _report(args, "usage", error.format_message().rstrip("."), _usage_hint(error), ExitCode.USAGE)
    except typer.Abort:
        raise KeyboardInterrupt from None  # the end of input at a prompt
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the boundary: a bug leaves a file, not a wall of text
        # Typer makes SystemExit of a broken pipe; the pipes of stdout and stderr never break (output.outlet)
        if isinstance(error, OSError) and error.errno in MEDIUM_FAULTS:
            return _report_medium(args, error)
        return _report_bug(args, error)


def _refuse_broken_words(args: Sequence[str]) -> None:
    """Words that are no UTF-8 reach Python as lone surrogates, which nothing can be written with."""
    for word in args:
        if not is_unicode(word):
            raise UsageError(f"{word!r} is not UTF-8")


def _usage_hint(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    if context is None:
        return ""
    _, *words = str(context.command_path).split()
    return prose_text((CommandLine.of(*words, "--help"), " shows what it takes"))


def _report(args: Sequence[str], code: str, message: str, hint: str, exit_code: ExitCode) -> int:
    if _wants_json(args):
        error = ErrorBody(code=code, message=message, hint=hint, exit_code=int(exit_code))
        text = escaped_json(json.dumps(ErrorDocument(error=error), ensure_ascii=False)) + "\n"
    else:
        lines = [f"error: {message}", *([f"hint: {hint}"] if hint else [])]
        if _is_quiet(args):  # it fails in one line
            lines = [f"error: {message}" + (f"; {hint}" if hint else "")]
        text = "".join(for_people(lines, sys.stderr))
    sys.stderr.write(text)
    return exit_code


def _is_quiet(args: Sequence[str]) -> bool:
    return not {"--quiet", "-q", "-qv", "-vq"}.isdisjoint(args)


def _wants_json(args: Sequence[str]) -> bool:
    """Whether the words ask for JSON. Read from the raw line: a usage error may come before any option is parsed."""
    words = [word.removeprefix("--output=").removeprefix("-o") for word in args]
    return any(word in {"json", "jsonl"} and _names_format(args, at) for at, word in enumerate(words))


def _names_format(args: Sequence[str], at: int) -> bool:
    return args[at].startswith(("-o", "--output=")) or (at > 0 and args[at - 1] in {"-o", "--output"})


def _report_end(args: Sequence[str]) -> int:
    word = WORDS[ending()]
    return _report(args, word, word, "", ending())


def _report_medium(args: Sequence[str], error: OSError) -> int:
    """What the output is written to is full or broken."""
    lead_nowhere(sys.stdout)
    message = f"cannot write the output: {error.strerror}"
    return _report(args, "output", message, "free some space, or write it elsewhere", ExitCode.UNCHECKED)


def _report_bug(args: Sequence[str], error: BaseException) -> int:
    place = _write_traceback(error)
    kind = type(error).__name__
    return _report(args, "bug", f"sipctl failed in a way it should not: {kind}", f"please report {place}", ExitCode.BUG)


def _write_traceback(error: BaseException) -> Path | str:
    text = trace_of(error)
    try:
        place = state_dir() / f"bug-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.txt"
        secure(place)
        write_private(place, [text])
    except (OSError, SipctlError) as failure:
        sys.stderr.write(text)
        return f"the traceback above (no file could be written: {failure})"
    return place
