"""`pin export`: what it writes comes back by an import."""

import csv
import io
import json
import stat
from pathlib import Path

from sipctl.errors import ExitCode
from tests.support.pin_commands import items, pin, pins
from tests.support.running import assert_error, clean_env, run


def test_exported_and_imported(tmp_path: Path) -> None:
    pin("assign", "a", "b", "naïve; room")
    held = pins()
    for name in ("pins.csv", "pins.json", "pins.jsonl"):
        file = tmp_path / name
        pin("export", str(file))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        fresh = clean_env(SIPCTL_DATA_DIR=str(tmp_path / f"other-{name}"))
        assert {one["result"] for one in items(pin("import", str(file), "-o", "json", env=fresh))} == {"would be added"}
        assert pins(fresh) == {}
        assert {one["result"] for one in items(pin("import", str(file), "--apply", "-o", "json", env=fresh))} == {
            "added"
        }
        assert pins(fresh) == held
        assert {one["result"] for one in items(pin("import", str(file), "--apply", "-o", "json", env=fresh))} == {
            "unchanged"
        }
    masked = pin("export", "-", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(masked.stdout)))
    assert [row["room"] for row in rows] == sorted(held)
    assert not set(held.values()) & {row["pin"] for row in rows}


def test_a_file_that_is_there_is_replaced_only_when_asked_for(tmp_path: Path) -> None:
    pin("assign", "a")
    file = tmp_path / "pins.json"
    file.write_text("what someone else needs")
    for words in ((str(file),), (str(file), "--dry-run")):
        refused = run("pin", "export", *words)
        assert_error(refused, ExitCode.SAFEGUARD, f"{file} exists", "--force")
    assert file.read_text() == "what someone else needs"
    pin("export", str(file), "--force")
    assert json.loads(file.read_text())["items"][0]["room"] == "a"


def test_a_masked_export_is_named_as_masked_wherever_it_goes() -> None:
    pin("assign", "a")
    masked = pin("export", "-o", "csv")
    assert "the PINs are masked" in masked.stderr
    assert "masked" not in pin("export", "-o", "csv", "--show-pins").stderr
    refused = run("pin", "import", "-", stdin=masked.stdout.encode())
    assert_error(refused, ExitCode.USAGE, "row 2: the PIN of 'a' is masked", "pin export")
