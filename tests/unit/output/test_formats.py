"""The formats that every command shares."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from sipctl.output.formats import GRID_ROWS, Detail, Listing
from sipctl.output.streams import Streams


class Terminal(io.StringIO):
    """A stream that says a person reads it."""

    def isatty(self) -> bool:
        return True


def listing(items: list[str]) -> Listing[str]:
    return Listing(
        schema="things/v1",
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


def test_name_is_one_id_a_line_without_control_characters() -> None:
    assert rendered(listing(["a\nb", "c"]), "name") == "a\\nb\nc\n"


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
        schema="s", items=items(), columns=(), row=lambda item: (item,), record=lambda item: {}, name=str
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
