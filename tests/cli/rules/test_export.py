"""`rules export`: private files, swapped PINs, no passwords."""

import json
import stat
import subprocess
from pathlib import Path

from sipctl.errors import ExitCode
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.secret import Secret
from tests.support.cron import LIVE, STALE, Cron, delete, new_trunk
from tests.support.running import command


def test_a_reader_that_stops_reading(sandboxed: Cron) -> None:
    line = f"{' '.join(command('rules', 'export', '--quiet'))} | head -c 1"
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", line], env=sandboxed.env, capture_output=True, check=False)
    assert (ended.stdout, ended.stderr) == (b"{", b"")


class TestExport:
    def test_a_file_is_private_and_brings_everything_back(self, cron: Cron, tmp_path: Path) -> None:
        file = tmp_path / "rules.json"
        cron.rules("export", str(file))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        for rule in cron.desk.rules():
            delete(cron, rule)
        cron.rules("restore", "--from-export", str(file), "--apply")
        assert {rule.room_name: rule.pin for rule in cron.desk.rules()} == {"stale": STALE.pin, "live": LIVE.pin}

    def test_a_file_that_is_there_is_replaced_only_when_asked_for(self, sandboxed: Cron, tmp_path: Path) -> None:
        file = tmp_path / "rules.json"
        file.write_text("what someone else needs")
        refused = sandboxed.rules("export", str(file), code=ExitCode.SAFEGUARD)
        assert "--force" in refused.stderr
        assert file.read_text() == "what someone else needs"
        sandboxed.rules("export", str(file), "--force", "--dry-run")
        assert file.read_text() == "what someone else needs"
        sandboxed.rules("export", str(file), "--force")
        assert len(json.loads(file.read_text())["rules"]) == 2

    def test_on_stdout_pins_are_others_one_to_one(self, cron: Cron) -> None:
        cron.desk.store(DispatchRule(name="SIP_bug", room_name="bug", pin="None"))
        value = json.loads(cron.rules("export").stdout)
        assert value["sipctl"]["pins"] == "swapped"
        pins = {one["name"]: one["rule"]["dispatch_rule_direct"]["pin"] for one in value["rules"]}
        assert pins["SIP_bug"] == "None"
        assert len(pins["SIP_stale"]) == len(STALE.pin)
        assert len(set(pins.values())) == 3
        assert [room["name"] for room in value["rooms"]] == ["live"]
        real = json.loads(cron.rules("export", "-", "--show-pins").stdout)
        assert real["sipctl"]["pins"] == "real"

    def test_no_password_of_a_trunk(self, sandboxed: Cron) -> None:
        trunk = InboundTrunk(name="t", numbers=("+15550100",), auth_username="u", auth_password=Secret("s3cr3t-canary"))
        new_trunk(sandboxed, trunk)
        described = sandboxed.rules("export", "--show-pins")
        assert "s3cr3t-canary" not in described.stdout
        assert json.loads(described.stdout)["trunks"][0]["numbers"] == ["+15550100"]
