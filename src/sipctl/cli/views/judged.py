"""Routing tests and how they ended: for people, scripts and CI."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sipctl.cli.rows import shown_pin
from sipctl.cli.views.routed import routed_record
from sipctl.output.formats import encode_json, name_lines
from sipctl.output.streams import Streams
from sipctl.output.text import printable
from sipctl.telephony.explaining.expectation import Judged
from sipctl.telephony.explaining.words import verdict


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
                yield f"{encode_json({'schema': 'sipctl/routing-tests/v1', 'items': items}, indent=2)}\n"
            case "jsonl":
                yield from (f"{encode_json(self._record(one))}\n" for one in self.judged)
            case "name":
                yield from name_lines((one.case.name for one in self.judged if one.failures), streams)
            case "junit":
                yield self._junit()
            case _:
                yield from (f"{printable(line)}\n" for line in self._lines(all_tests=streams.verbose))

    @property
    def _failed(self) -> int:
        return sum(bool(one.failures) for one in self.judged)

    def _lines(self, *, all_tests: bool) -> Iterator[str]:
        for one in self.judged:
            if one.failures:
                yield f"✗ {one.case.name}"
                yield from (f"    {line}" for line in self._told(one))
            elif all_tests:
                yield f"✓ {one.case.name}"
        more = "" if all_tests or self._failed == len(self.judged) else " (-v names all)"
        yield f"{len(self.judged) - self._failed} passed, {self._failed} failed{more}"

    def _told(self, one: Judged) -> Iterator[str]:
        """Why a test failed, and what would change it."""
        yield from one.failures
        yield verdict(one.explanation, lambda pin: shown_pin(pin, show=self.show_pins))
        for advice in one.explanation.advice:
            if advice.command or advice.then:
                yield advice.text
            if advice.command:
                yield f"$ {advice.command}"

    def _record(self, one: Judged) -> dict[str, Any]:
        return {
            "test": one.case.name,
            "passed": not one.failures,
            "failures": list(one.failures),
            "verdict": verdict(one.explanation, lambda pin: shown_pin(pin, show=self.show_pins)),
            **routed_record(one.explanation.outcome),
        }

    def _junit(self) -> str:
        from junitparser import Failure, TestCase, TestSuite

        from sipctl.cli.views.junit import suite_text

        suite = TestSuite("sipctl rules test")
        for one in self.judged:
            case = TestCase(printable(one.case.name), "sipctl.routing")
            if one.failures:
                failure = Failure(printable("; ".join(one.failures)))
                failure.text = "\n".join(map(printable, self._told(one)))
                case.result = [failure]
            suite.add_testcase(case)
        return suite_text(suite)
