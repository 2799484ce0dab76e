"""Tables on terminals of several widths."""

import io
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.output.streams import Streams
from sipctl.output.table import table

ROOMS = ["0198c5a2-77de-7cc1-8a5e-2b1c9d3e4f5a", "0198c5a2-77de-7cc1-8a5e-2b1c9d3e7f31"]
COLUMNS = ("id", "room", "pin", "name", "trunks", "owner")
NO_NAMES: Mapping[str, str] = {}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")


def rows(*names: str) -> list[tuple[str, ...]]:
    return [
        (f"SDR_{at}zWqU7vKp3LmX", room, "••••••••19", name, "ST_q449jyPeUerP", "owned")
        for at, (room, name) in enumerate(zip(ROOMS, names, strict=True))
    ]


def lines(*names: str, width: int, wide: bool = False, out: io.StringIO | None = None) -> list[str]:
    streams = Streams(out or Terminal(), io.StringIO(), wide=wide)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COLUMNS", str(width))
        text = "".join(table(COLUMNS, rows(*names), streams, repeats={"name": "room"}))
    return text.splitlines()


def test_uuids_fit_eighty_columns_and_a_name_that_repeats_them_goes() -> None:
    shown = lines(*(f"SIP_{room}" for room in ROOMS), width=80)
    assert shown[0].split() == ["id", "room", "pin", "trunks", "owner"]
    assert [line.split()[1] for line in shown[1:]] == ["0198c5a2…4f5a", "0198c5a2…7f31"]
    assert max(map(len, shown)) <= 80


def test_a_name_of_its_own_is_shown() -> None:
    shown = lines(f"SIP_{ROOMS[0]}", "agents", width=100)
    assert "SIP_0198c5a2…4f5a" in shown[1]
    assert "agents" in shown[2]


def test_wide_and_a_pipe_show_all() -> None:
    names = [f"SIP_{room}" for room in ROOMS]
    assert all(name in line for name, line in zip(names, lines(*names, width=80, wide=True)[1:], strict=True))
    assert lines(*names, width=80, out=io.StringIO()) == ["\t".join(row) for row in (COLUMNS, *rows(*names))]


@given(
    cells=st.lists(
        st.tuples(st.from_regex(r"S[A-Za-z0-9]{1,60}", fullmatch=True), st.text("abc ", max_size=90)),
        min_size=1,
        max_size=5,
    ),
    width=st.integers(20, 120),
)
def test_no_id_is_ever_broken(cells: list[tuple[str, str]], width: int) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COLUMNS", str(width))
        text = "".join(table(("id", "why"), cells, Streams(Terminal(), io.StringIO()), repeats=NO_NAMES))
    starts = [line.split(" ")[0] for line in text.splitlines()[1:] if line[:1].strip()]
    assert starts == [one for one, _ in cells]
