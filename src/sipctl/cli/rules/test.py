"""`sipctl rules test`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.acting import writes_file
from sipctl.cli.command import TestCommand
from sipctl.cli.endings import finish, show
from sipctl.cli.inputs import STDIN, check_stdin, read_document
from sipctl.cli.rows import shown_pin
from sipctl.cli.rules.common import AssumeLive, Offline
from sipctl.cli.rules.outcome_rows import WiredEnding, ending_row
from sipctl.cli.rules.surroundings import Surroundings, configured_number, read_site, to_paste
from sipctl.cli.session import Session
from sipctl.command_line import CommandLine, prose_text
from sipctl.errors import ExitCode, UsageError
from sipctl.files import write_private
from sipctl.operations.routing_tests import propose_cases, read_cases
from sipctl.output.formats import encode_json, name_lines
from sipctl.output.junit import Case, junit_text
from sipctl.output.people import for_people
from sipctl.output.streams import Streams
from sipctl.telephony.explaining.expectation import Judged, judge
from sipctl.telephony.explaining.words import verdict


class RoutingTest(WiredEnding):
    """A routing test and how it ended."""

    test: str
    passed: bool
    failures: list[str]
    verdict: str


PRINTS: Final = {"routing-tests": list[RoutingTest]}


class RoutingTestCommand(TestCommand):
    """A command that runs routing tests, or writes some."""

    writes = True


KIND: Final = RoutingTestCommand


def run(
    ctx: typer.Context,
    cases: Annotated[
        Path,
        typer.Argument(
            metavar="CASES",
            help="Tests in TOML, YAML or JSON lines, as its ending says; - for TOML or JSON lines from stdin.",
        ),
    ],
    offline: Offline = None,
    assume_live: AssumeLive = None,
    init: Annotated[bool, typer.Option("--init", help="Write CASES from what is there now.")] = False,
) -> None:
    """Run routing tests: calls, and what is expected of them. Exit code 1 if one fails.

    A test has `name`, `from`, and if wanted `to`, `source_ip`, `pin`, …; its `expect` has `outcome`, `room`, `rule`,
    `trunk`, `must_not_reach` (rooms). Without `source_ip` the latter holds from everywhere.

    \b
    Examples:
      sipctl rules test routing.toml
      sipctl rules test routing.toml --init
      sipctl rules test routing.toml --offline snapshot.json -o junit
    """
    around = Surroundings(offline=offline or (), assume_live=assume_live or ())
    work = _write_tests if init else _run_tests
    work(Session.of(ctx), around, cases)


def _run_tests(session: Session, around: Surroundings, path: Path) -> None:
    """`rules test`: exit code 1 if an expectation failed."""
    check_stdin({"the tests": path == STDIN, "--offline -": STDIN in around.offline}, "put one of them into a file")
    cases = read_cases(read_document(path), path.suffix, configured_number(session))
    site = read_site(session, around)
    judged = [judge(site, case) for case in cases]
    judged = [replace(one, explanation=to_paste(session, one.explanation)) for one in judged]
    failed = any(one.failures for one in judged)
    show(session, TestsView(judged, session.options.show_pins), is_news=failed)
    finish(session, code=ExitCode.FINDINGS if failed else ExitCode.DONE)


def _write_tests(session: Session, around: Surroundings, path: Path) -> None:
    """`rules test --init`: a file that only its owner can read, since the PINs in it open rooms.

    Raises:
        UsageError: no file is named.
        SafeguardError: there is such a file.
        UncheckedError: it cannot be written.
    """
    if path == STDIN:
        raise UsageError("--init writes a file, since PINs are in it", hint="name the file")
    text = propose_cases(read_site(session, around), configured_number(session))
    if not writes_file(session, path):
        return
    write_private(path, [text], over=False)
    command = session.options.again(CommandLine.of("rules", "test").on(str(path)))
    session.streams.note(prose_text((f"wrote {path}: run it with ", command)))


@dataclass(frozen=True, slots=True)
class TestsView:
    """The tests of one run."""

    judged: Sequence[Judged]
    show_pins: bool

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The tests as text; for people the failed ones are explained, and with `-v` the others named."""
        match style:
            case "json":
                items = list(map(self._record, self.judged))
                yield f"{encode_json({'schema': 'sipctl/routing-tests/v1', 'items': items})}\n"
            case "jsonl":
                yield from (f"{encode_json(self._record(one))}\n" for one in self.judged)
            case "name":
                yield from name_lines((one.case.name for one in self.judged if one.failures), streams)
            case "junit":
                yield junit_text("sipctl rules test", map(self._case, self.judged))
            case _:
                yield from for_people(self._lines(all_tests=streams.verbose), streams.out)

    @property
    def _failed(self) -> int:
        return sum(bool(one.failures) for one in self.judged)

    def _lines(self, *, all_tests: bool) -> Iterator[str]:
        for one in self.judged:
            if one.failures:
                yield f"✗ {one.case.name}"
                yield from (f"    {line}" for line in self._describe(one))
            elif all_tests:
                yield f"✓ {one.case.name}"
        more = "" if all_tests or self._failed == len(self.judged) else " (-v names all)"
        yield f"{len(self.judged) - self._failed} passed, {self._failed} failed{more}"

    def _describe(self, one: Judged) -> Iterator[str]:
        """Why a test failed, and what would change it."""
        yield from one.failures
        yield verdict(one.explanation, lambda pin: shown_pin(pin, show=self.show_pins))
        for advice in one.explanation.advice:
            if advice.command or advice.then:
                yield prose_text(advice.text)
            if advice.command:
                yield f"$ {advice.command}"

    def _record(self, one: Judged) -> RoutingTest:
        return RoutingTest(
            test=one.case.name,
            passed=not one.failures,
            failures=list(one.failures),
            verdict=verdict(one.explanation, lambda pin: shown_pin(pin, show=self.show_pins)),
            **ending_row(one.explanation.outcome),
        )

    def _case(self, one: Judged) -> Case:
        return Case(
            name=one.case.name,
            group="sipctl.routing",
            ended="failed" if one.failures else "ok",
            message="; ".join(one.failures),
            details=tuple(self._describe(one)) if one.failures else (),
        )
