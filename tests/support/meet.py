"""An installation of Meet: its tables, its backend, its env files, LiveKit, and a profile of sipctl's for all of it."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, text

from sipctl.registry.database import open_engine
from sipctl.sandbox.server import Sandbox
from tests.support.desk import Desk
from tests.support.homes import ROOMS, add_meet_rooms
from tests.support.peers.backend import Backend, running_backend
from tests.support.peers.livekit import RealLiveKit
from tests.support.peers.postgres import MEETS_TABLES, Postgres
from tests.support.running import Result, clean_env, run

PINS: Final = ("6250680119", "4821930571", "7703158264")
"""Of the first rooms; the others have none."""

_PROFILE: Final = """\
[profiles.meet]
env_files = ["env.d/common", "env.d/postgresql"]
webhook_url = "{webhook_url}"

[profiles.meet.registry]
layout = "meet"
"""


class RoomTable(Mapping[str, str | None]):
    """The PINs of Meet's table by room, None = NULL, as its ORM reads them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def _rows(self) -> dict[str, str | None]:
        with self.engine.connect() as connection:
            rows = connection.execute(text("SELECT resource_id::text AS resource_id, pin_code FROM meet_room"))
            return {row.resource_id: row.pin_code for row in rows}

    def __getitem__(self, room: str) -> str | None:
        return self._rows()[room]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows())

    def __len__(self) -> int:
        return len(self._rows())


@dataclass
class Meet:
    """The installation, and sipctl beside it. `settings` are lines of Meet's env file beside those that it needs."""

    server: Sandbox | RealLiveKit
    folder: Path
    backend: Backend
    table: RoomTable
    desk: Desk
    env: dict[str, str] = field(default_factory=dict)

    def configure(self, settings: str = "") -> None:
        """Write Meet's env files and the profile."""
        engine = self.table.engine
        database, host = engine.url.database, engine.url.query["host"]
        files = {
            "env.d/common": (
                f"LIVEKIT_API_URL={self.server.url}\nLIVEKIT_API_KEY={self.server.api_key}\n"
                f"LIVEKIT_API_SECRET={self.server.api_secret.reveal()}\n{settings}"
            ),
            "env.d/postgresql": f"DB_HOST={host}\nDB_NAME={database}\nDB_USER=postgres\n",
            "sipctl.toml": _PROFILE.format(webhook_url=self.backend.url),
        }
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
            path.chmod(0o600)
        self.env = clean_env(SIPCTL_CONFIG=str(self.folder / "sipctl.toml"))

    def sipctl(self, *words: str, code: int = 0, stdin: str = "") -> Result:
        """One command, and its exit code."""
        ended = run(*words, env=self.env, stdin=stdin.encode())
        assert ended.code == code, ended
        return ended

    def paste(self, command: str, code: int = 0) -> Result:
        """A command as it was printed."""
        words = command.split()
        assert words[0] == "sipctl", command
        return self.sipctl(*words[1:], code=code)

    def findings(self, *words: str, code: int = 0) -> dict[str, list[dict[str, Any]]]:
        """What a report found that is neither ok nor skipped, by its code."""
        report = json.loads(self.sipctl(*words, "-o", "json", code=code).stdout)
        found: dict[str, list[dict[str, Any]]] = {}
        for one in report["findings"]:
            if one["level"] not in {"ok", "skipped"}:
                found.setdefault(one["code"], []).append(one)
        return found

    def plan(self, *words: str, code: int = 0) -> dict[str, tuple[str, str]]:
        """Action and reason by room."""
        items = json.loads(self.sipctl(*words, "-o", "json", code=code).stdout)["items"]
        return {item["room"]: (item["action"], item["reason"]) for item in items}

    def set_pin(self, room: str, pin: str | None) -> None:
        """As Meet's administration writes it."""
        self.execute("UPDATE meet_room SET pin_code = :pin WHERE resource_id = :room", pin=pin, room=room)

    def execute(self, statement: str, **values: Any) -> None:
        with self.table.engine.begin() as connection:
            connection.execute(text(statement), values)

    def rules(self) -> dict[str, str]:
        """The PIN of each room's rule."""
        return {rule.room_name: rule.pin for rule in self.desk.rules()}


@contextlib.contextmanager
def meet_of(server: Sandbox | RealLiveKit, postgres: Postgres, folder: Path) -> Iterator[Meet]:
    """A Meet with eight rooms, of which three have PINs."""
    engine = open_engine(postgres.new_database(MEETS_TABLES))
    add_meet_rooms(engine, ROOMS)
    table = RoomTable(engine)
    with running_backend(Backend(server, table)) as backend:
        one = Meet(server, folder, backend, table, Desk(server=server, folder=folder / "state"))
        for room, pin in zip(ROOMS, PINS, strict=False):
            one.set_pin(room, pin)
        one.configure()
        try:
            yield one
        finally:
            engine.dispose()
