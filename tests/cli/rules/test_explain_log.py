"""`rules explain --log`: calls out of livekit-sip's log."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.offline import DATA, RULE, snapshot, valid
from tests.support.running import Result, assert_error


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "livekit-sip.jsonl"
    path.write_bytes(gzip.decompress((DATA / "logs" / "livekit-sip-1.8.0.jsonl.gz").read_bytes()))
    return str(path)


def test_a_log(here: Callable[..., Result], file: Callable[..., str], log: str) -> None:
    path = file(snapshot(RULE))
    value = valid(here("rules", "explain", "--log", log, "--offline", path, "-o", "json").stdout)
    assert len(value["items"]) == 58
    failed = valid(here("rules", "explain", "--log", log, "--offline", path, "--failed", "-o", "json").stdout)
    assert 0 < len(failed["items"]) < 58
    assert all(one["failed"] for one in failed["items"])
    since = here("rules", "explain", "--log", log, "--offline", path, "--since", "2026-11-22T21:15:00Z", "-o", "name")
    assert 0 < len(since.stdout.splitlines()) < 58
    gone = here("rules", "explain", "--log", log, "--offline", path, "--since", "2999-01-01", "-o", "name")
    assert (gone.code, gone.stdout, gone.stderr) == (0, "", f"note: no such call in {log}\n")


def test_no_pin_of_a_log_is_ever_printed(here: Callable[..., Result], file: Callable[..., str], log: str) -> None:
    path = file(snapshot(RULE))
    for words in ((), ("-o", "json"), ("--show-pins",), ("--show-pins", "--call", "SCL_QUMsUZRAZfdc")):
        described = here("rules", "explain", "--log", log, "--offline", path, *words)
        assert described.code == 0
        assert '"4321"' not in described.stdout
        assert " 4321" not in described.stdout
        assert "4321#" not in described.stdout


def test_one_call_of_a_log(here: Callable[..., Result], file: Callable[..., str], log: str) -> None:
    path = file(snapshot(RULE))
    described = here("rules", "explain", "--log", log, "--offline", path, "--call", "SCL_csvuWUJKH3VF").stdout
    assert "no trunk matched, and no rule: it rang without end" in described
    assert "not in the log: which condition of a trunk or rule failed" in described
    assert "trunks  1 looked at" in described
    assert_error(here("rules", "explain", "--log", log, "--offline", path, "--call", "SCL_none"), 7, "SCL_none")
    assert_error(here("rules", "explain", "--log", log, "--offline", path, "--since", "soon"), 2, "not a time")
    assert_error(here("rules", "explain", "--log", log, "--offline", path, "--since", "999999d"), 2, "not a time")


def test_a_log_with_broken_lines_and_without_rules(here: Callable[..., Result], log: str) -> None:
    with Path(log).open("ab") as file:
        file.write(b"\xff\xfe\nhalf a line {\n")
    described = here("rules", "explain", "--log", log)
    assert described.code == 0
    assert "this is the log alone" in described.stderr
    assert f"note: 2 lines of {log} are not livekit-sip's" in described.stderr
    assert described.stdout.count("SCL_") >= 58


def test_a_file_that_is_no_log(here: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "other.log"
    path.write_text("hello\n{}\n")
    described = here("rules", "explain", "--log", str(path))
    assert (described.code, described.stdout) == (6, "")
    assert f"error: no line of {path} is one of livekit-sip's" in described.stderr
    path.write_text("\n")
    assert here("rules", "explain", "--log", str(path)).code == 0


FORMS = DATA / "logs" / "forms"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("end-by-closing-line.log", "no RTP came from the caller's side"),
        ("flood-without-ended-line.log", "no trunk matched, and no rule: it rang without end"),
        ("flood.log", "no trunk matched, and no rule: it rang without end"),
        ("columns-of-blanks.log", "no trunk matched, and no rule: it rang without end"),
        ("invite-without-sdp.log", "INVITE without SDP (a delayed offer): 500"),
    ],
)
def test_logs_as_people_have_them(here: Callable[..., Result], name: str, words: str) -> None:
    described = here("rules", "explain", "--log", str(FORMS / name))
    assert (described.code, described.stderr.count("\n")) == (0, 1)
    assert described.stdout.splitlines()[1] == f"  {words}"


def test_an_older_log_beside_the_rules_of_its_server(here: Callable[..., Result]) -> None:
    words = ("--offline", str(FORMS / "flood.snapshot.json"))
    for name in ("flood.log", "flood-without-ended-line.log", "columns-of-blanks.log"):
        described = here("rules", "explain", "--log", str(FORMS / name), *words).stdout
        assert "does not list 198.51.100.77 in allowed_addresses" in described
    value = valid(here("rules", "explain", "--log", str(FORMS / "flood.log"), *words, "-o", "json").stdout)
    assert [(one["reason"], one["agrees"], one["guesses"]) for one in value["items"]] == [("flood", True, [])]
