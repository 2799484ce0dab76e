"""`sipctl schema` and `sipctl doctor --explain`: what a document and a finding mean, from the installed package."""

import json
from pathlib import Path

import pytest

from sipctl.findings.codes import CODES
from tests.support.running import assert_error, run

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
NAMES = sorted(file.name.removesuffix(".v1.json") for file in SCHEMAS.iterdir())


def test_every_document_is_listed() -> None:
    assert run("schema", "-o", "name").stdout.split() == NAMES


@pytest.mark.parametrize("name", ["findings", "sipctl/rules/v1", "event-line", "error"])
@pytest.mark.parametrize("style", ["table", "json", "jsonl"])
def test_a_schema_is_the_one_of_the_documentation(name: str, style: str) -> None:
    file = SCHEMAS / f"{name.removeprefix('sipctl/').removesuffix('/v1')}.v1.json"
    assert json.loads(run("schema", name, "-o", style).stdout) == json.loads(file.read_text())


def test_an_unknown_document_is_not_found() -> None:
    assert_error(run("schema", "nothing"), 7, "'nothing'", "`sipctl schema` lists them")


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained_and_has_its_page(code: str) -> None:
    told = json.loads(run("doctor", "--explain", code.lower(), "-o", "json").stdout)["item"]
    page = (SCHEMAS.parents[1] / told["page"]).read_text()
    assert told["cause"] in page
    assert told["callers"] in page
    assert told["code"] == code
    assert told["cause"] in run("doctor", "--explain", code).stdout


def test_an_unknown_code_is_not_found() -> None:
    assert_error(run("doctor", "--explain", "RUL999"), 7, "'RUL999'", "`sipctl doctor --list` lists them")
    assert_error(run("doctor", "--explain", "RUL401", "-o", "junit"), 2, "no output format 'junit'")
