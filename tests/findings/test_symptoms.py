"""What callers report leads to the checks whose page says that they hear it."""

import re

import pytest

from sipctl.cli.tree import commands
from sipctl.findings.codes import CODES
from sipctl.findings.symptoms import PICTURES, Symptom

SAYS_NOTHING = re.compile(
    r"^(Nothing unusual|Depends|The invitation names no number|Calls with a codec)"
    r"|^People dial the number that Meet shows|still opens?|though Meet's table does"
)


def test_every_symptom_has_its_picture() -> None:
    assert set(PICTURES) == set(Symptom)


@pytest.mark.parametrize("symptom", Symptom)
def test_its_codes_exist_and_the_frequent_ones_come_first(symptom: Symptom) -> None:
    picture = PICTURES[symptom]
    assert picture.codes[: len(picture.first)] == picture.first
    assert set(picture.codes) <= set(CODES)


def test_every_code_that_callers_hear_belongs_to_a_symptom() -> None:
    heard = {code for picture in PICTURES.values() for code in picture.codes}
    silent = [code.code for code in CODES.values() if code.code not in heard]
    assert [code for code in silent if not SAYS_NOTHING.search(CODES[code].callers)] == [], (
        "add them to a symptom in sipctl/findings/symptoms.py"
    )


@pytest.mark.parametrize("symptom", Symptom)
def test_the_next_steps_are_commands_of_this_version(symptom: Symptom) -> None:
    known = {leaf.words: {one for param in leaf.command.params for one in param.opts} for leaf in commands()}
    for _, line in PICTURES[symptom].steps:
        options = {word for word in line.argv if word.startswith("--")}
        assert options <= known[line.argv[:2]]
