"""What `rules test` does: read the tests, run them, show, end with the right code."""

from dataclasses import replace
from pathlib import Path

from sipctl.cli.endings import finish, show
from sipctl.cli.explaining import Surroundings, configured_number, read_site, to_paste
from sipctl.cli.inputs import STDIN, check_stdin, read_document
from sipctl.cli.session import Session
from sipctl.cli.views.judged import TestsView
from sipctl.command_line import CommandLine, prose_text
from sipctl.errors import ExitCode, UsageError
from sipctl.files import write_private
from sipctl.operations.case_files import read_cases
from sipctl.operations.case_proposals import propose_cases
from sipctl.telephony.explaining.expectation import judge


def run_tests(session: Session, around: Surroundings, path: Path) -> None:
    """`rules test`: exit code 1 if an expectation failed."""
    check_stdin({"the tests": path == STDIN, "--offline -": STDIN in around.offline}, "put one of them into a file")
    cases = read_cases(read_document(path), path.suffix, configured_number(session))
    site = read_site(session, around)
    judged = [judge(site, case) for case in cases]
    judged = [replace(one, explanation=to_paste(session, one.explanation)) for one in judged]
    failed = any(one.failures for one in judged)
    show(session, TestsView(judged, session.options.show_pins), is_news=failed)
    finish(session, code=ExitCode.FINDINGS if failed else ExitCode.DONE)


def write_tests(session: Session, around: Surroundings, path: Path) -> None:
    """`rules test --init`: a file that only its owner can read, since the PINs in it open rooms.

    Raises:
        UsageError: no file is named.
        RailError: there is such a file.
        UncheckedError: it cannot be written.
    """
    if path == STDIN:
        raise UsageError("--init writes a file, since PINs are in it", hint="name the file")
    text = propose_cases(read_site(session, around), configured_number(session))
    write_private(path, [text], over=False)
    command = session.options.again(CommandLine.of("rules", "test").on(str(path)))
    session.streams.note(prose_text((f"wrote {path}: run it with ", command)))
