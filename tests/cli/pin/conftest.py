"""A registry in Meet's own tables."""

import re
from pathlib import Path

import pytest

from sipctl.registry.database import open_engine
from tests.support.homes import ROOMS, add_meet_rooms
from tests.support.peers.postgres import MEETS_TABLES, Postgres
from tests.support.running import clean_env


@pytest.fixture
def meet(postgres: Postgres, tmp_path: Path) -> dict[str, str]:
    """The environment of a profile that leads to Meet's tables by Meet's own env file."""
    url = postgres.new_database(MEETS_TABLES)
    engine = open_engine(url)
    add_meet_rooms(engine, ROOMS)
    engine.dispose()
    database, host = re.search(r"@/(\w+)\?host=(.*)", url).groups()  # type: ignore[union-attr]
    (tmp_path / "password").write_text("unused\n")
    (tmp_path / "common").write_text(
        f"DB_HOST = {host}\nDB_NAME={database}\nDB_USER='postgres'\nDB_PASSWORD_FILE={tmp_path / 'password'}\n"
    )
    config = tmp_path / "c.toml"
    config.write_text('[profiles.p]\nenv_files = ["common"]\n[profiles.p.registry]\nlayout = "meet"\n')
    return clean_env(SIPCTL_CONFIG=str(config))
