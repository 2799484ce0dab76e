"""JUnit XML: what a run found, as test cases for CI."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sipctl.output.text import printable

Ending = Literal["ok", "failed", "error", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case; `took_s` None = not measured.

    `message` says why it is no success, `details` more of that; `output` is what else is to say.
    """

    name: str
    group: str
    took_s: float | None = None
    ended: Ending = "ok"
    message: str = ""
    details: Sequence[str] = ()
    output: Sequence[str] = ()


def junit_text(suite: str, cases: Iterable[Case]) -> str:
    """One suite of these cases; texts from outside are escaped."""
    from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

    kinds = {"failed": Failure, "error": Error, "skipped": Skipped}
    whole = TestSuite(printable(suite))
    for one in cases:
        case = TestCase(printable(one.name), one.group, one.took_s)
        if kind := kinds.get(one.ended):
            result = kind(printable(one.message))
            if one.details:
                result.text = "\n".join(map(printable, one.details))
            case.result = [result]
        if one.output:
            case.system_out = "\n".join(map(printable, one.output))
        whole.add_testcase(case)
    xml = JUnitXml()
    xml.add_testsuite(whole)
    return bytes(xml.tostring()).decode() + "\n"  # type: ignore[no-untyped-call]
