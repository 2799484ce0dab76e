"""`pin export`: what it writes comes back by an import."""

import csv
import io
import stat
from pathlib import Path

from tests.support.pin_commands import items, pin, pins
from tests.support.running import clean_env


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
