"""The formats that every command shares."""

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.errors import PartialError
from sipctl.output.formats import Detail, Listing
from sipctl.output.streams import Streams
from sipctl.output.table import GRID_ROWS
from sipctl.output.text import printable
from sipctl.spreadsheet import from_cell
from tests.support.hostile_text import ANY_TEXT


class Terminal(io.StringIO):
    """A stream that says a person reads it."""

    def isatty(self) -> bool:
        return True


def listing(items: list[str]) -> Listing[str]:
    return Listing(
        schema="things/v1",
        things="things",
        items=items,
        columns=("name", "length"),
        row=lambda item: (item, str(len(item))),
        record=lambda item: {"name": item},
        name=lambda item: item,
    )


def rendered(view: Listing[Any] | Detail, style: str, out: io.StringIO | None = None) -> str:
    return "".join(view.render(style, Streams(out or io.StringIO(), io.StringIO())))


def test_json_is_one_document_with_the_schema() -> None:
    assert json.loads(rendered(listing(["a", "é"]), "json")) == {
        "schema": "things/v1",
        "items": [{"name": "a"}, {"name": "é"}],
    }


def test_an_empty_list_is_still_a_document() -> None:
    assert json.loads(rendered(listing([]), "json")) == {"schema": "things/v1", "items": []}


def test_jsonl_is_one_bare_item_a_line() -> None:
    assert [json.loads(line) for line in rendered(listing(["a", "b"]), "jsonl").splitlines()] == [
        {"name": "a"},
        {"name": "b"},
    ]


def test_a_name_that_a_line_cannot_hold_is_left_out_and_said() -> None:
    lines = listing(["a\nb", "c", "\u202ed"]).render("name", Streams(io.StringIO(), io.StringIO()))
    assert next(lines) == "c\n"
    with pytest.raises(PartialError, match=r"left out 'a\\nb' and 1 more") as refused:
        next(lines)
    assert "-o json" in refused.value.hint


@given(st.lists(ANY_TEXT))
def test_names_are_printed_as_they_are_or_not_at_all(names: list[str]) -> None:
    printed: list[str] = []
    with contextlib.suppress(PartialError):
        printed += listing(names).render("name", Streams(io.StringIO(), io.StringIO()))
    clear = [name for name in names if name and printable(name) == name and not name.startswith("\ufeff")]
    assert printed == [f"{name}\n" for name in clear]


def test_a_name_that_the_encoding_of_stdout_lacks_is_left_out() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    with pytest.raises(PartialError, match=r"left out 'caf\\xe9'"):
        list(listing(["café"]).render("name", Streams(out, io.StringIO())))


def csv_text(names: list[str], *, raw: bool = False, out: io.StringIO | None = None) -> str:
    return rendered(replace(listing(names), raw=raw), "csv", out)


def cells(text: str) -> list[str]:
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["name", "length"]
    return [name for name, _ in rows[1:]]


@given(st.lists(ANY_TEXT.filter(lambda text: "\0" not in text)))
def test_csv_comes_back_as_it_was(names: list[str]) -> None:
    assert list(map(from_cell, cells(csv_text(names)))) == names
    assert cells(csv_text(names, raw=True)) == names


@given(st.lists(ANY_TEXT.filter(lambda text: "\0" not in text)))
def test_no_cell_is_a_formula_for_a_spreadsheet(names: list[str]) -> None:
    for delimiter in ",;\t":
        rows = csv.reader(io.StringIO(csv_text(names)), delimiter=delimiter)
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@given(st.lists(ANY_TEXT.filter(lambda text: "\0" not in text)))
def test_csv_on_a_terminal_is_escaped_as_tables_are(names: list[str]) -> None:
    for raw in (False, True):
        text = csv_text(names, raw=raw, out=Terminal())
        assert text.count("\n") == len(names) + 1
        assert all(printable(line) == line for line in text.split("\n"))


def test_a_pipe_gets_tabs_and_full_width() -> None:
    long = "x" * 500
    assert rendered(listing([long, "a\tb"]), "table") == f"name\tlength\n{long}\t500\na\\tb\t3\n"


def test_a_terminal_gets_a_grid_and_markup_stays_text() -> None:
    table = rendered(listing(["[red]x[/red]"]), "table", Terminal())
    assert "[red]x[/red]" in table
    assert table.splitlines()[0].split() == ["name", "length"]


def test_more_rows_than_anyone_reads_come_as_plain_lines() -> None:
    table = rendered(listing([f"n{at}" for at in range(GRID_ROWS + 2)]), "table", Terminal())
    assert table.count("\n") == GRID_ROWS + 3
    assert f"n{GRID_ROWS + 1}\t5\n" in table


def test_items_are_taken_one_by_one() -> None:
    taken: list[int] = []

    def items() -> Iterator[str]:
        for at in range(3):
            taken.append(at)
            yield str(at)

    chunks = Listing(
        schema="s",
        things="things",
        items=items(),
        columns=(),
        row=lambda item: (item,),
        record=lambda item: {},
        name=str,
    ).render("name", Streams(io.StringIO(), io.StringIO()))
    assert next(chunks) == "0\n"
    assert taken == [0]


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("table", "id\tSDR_1\nroom\ta\\nb\n"),
        ("jsonl", '{"id":"SDR_1"}\n'),
        ("name", "SDR_1\n"),
    ],
)
def test_one_thing_in_every_format(style: str, text: str) -> None:
    detail = Detail(schema="thing/v1", lines=(("id", "SDR_1"), ("room", "a\nb")), record={"id": "SDR_1"}, name="SDR_1")
    assert rendered(detail, style) == text


def test_one_thing_as_json_carries_its_schema() -> None:
    detail = Detail(schema="thing/v1", lines=(), record={"id": "SDR_1"}, name="SDR_1")
    assert json.loads(rendered(detail, "json")) == {"schema": "thing/v1", "item": {"id": "SDR_1"}}


def test_json_takes_what_no_utf_8_holds() -> None:
    text = rendered(listing(["a\udcff"]), "jsonl")
    assert json.loads(text) == {"name": "a\udcff"}
    assert text.isascii()
