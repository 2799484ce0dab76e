"""JUnit XML."""

from junitparser import JUnitXml, TestSuite


def suite_text(suite: TestSuite) -> str:
    """A document with one suite."""
    xml = JUnitXml()
    xml.add_testsuite(suite)
    return bytes(xml.tostring()).decode() + "\n"  # type: ignore[no-untyped-call]
