"""A machine that keeps the rules of a server in order, as cron and people do."""

import contextlib
import json
import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sipctl.telephony.model import DispatchRule, InboundTrunk
from tests.support.desk import Desk
from tests.support.running import Result, run
from tests.support.schemas import validate
from tests.support.yard import owned

STALE, LIVE = owned("stale", "736150928364"), owned("live", "918273645001")


CANARIES = (STALE.pin, LIVE.pin)


@dataclass
class Cron:
    """A machine with a server, a state folder and a crontab line."""

    server: Any
    desk: Desk
    env: dict[str, str]

    def rules(self, *words: str, code: int = 0, stdin: str = "") -> Result:
        ended = run("rules", *words, env=self.env, stdin=stdin.encode())
        assert ended.code == code, ended
        assert "Traceback" not in ended.stderr
        if "--show-pins" not in words:
            assert not any(pin in ended.stdout + ended.stderr for pin in CANARIES)
        return ended

    def document(self, *words: str, code: int = 0) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.rules(*words, "-o", "json", code=code).stdout)
        validate(value)
        return value

    def register(self, rule: DispatchRule) -> None:
        """Let the registry know a room by the PIN of its rule."""
        table = f"room,pin\n{rule.room_name},{rule.pin}\n"
        assert run("pin", "import", "-", "--apply", env=self.env, stdin=table.encode()).code == 0

    def rooms(self) -> list[str]:
        return sorted(rule.room_name for rule in self.desk.rules())

    def observed_long_ago(self, **ago: float) -> None:
        """Observe now, and move what is remembered of it into the past."""
        self.rules("purge")
        moment = (datetime.now(UTC) - timedelta(**ago or {"minutes": 11})).isoformat()
        with contextlib.closing(sqlite3.connect(state() / "looks.db")) as observations, observations:
            observations.execute("UPDATE sipctl_sighting SET since = ?", [moment])
            observations.execute("UPDATE sipctl_look SET last_at = ?", [moment])
            observations.execute("UPDATE sipctl_look SET empty_since = ? WHERE empty_since IS NOT NULL", [moment])


def state() -> Path:
    return Path(os.environ["SIPCTL_STATE_DIR"])


def protected_profile(folder: Path) -> Path:
    config = folder / "sipctl.toml"
    config.write_text("[profiles.default]\nprotected = true\n")
    return config


def calls(cron: Cron, method: str) -> int:
    return sum(call.method == method for call in cron.server.calls)


def new_trunk(cron: Cron, trunk: InboundTrunk) -> InboundTrunk:
    return cron.desk.ask(lambda client: client.create_inbound_trunk(trunk))


def delete(cron: Cron, rule: DispatchRule) -> None:
    cron.desk.ask(lambda client: client.delete_rule(rule.sip_dispatch_rule_id))


def audit_lines() -> list[str]:
    return (state() / "audit.jsonl").read_text().splitlines()
