"""What earlier observations found is kept by the server's one name, and what older versions noted is carried over."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from sipctl.config.model import Connection, RegistrySettings, Settings
from sipctl.config.urls import server_name
from sipctl.registry.database import open_engine
from sipctl.registry.observations import Observations
from sipctl.registry.opening import open_observations
from sipctl.telephony.secret import Secret
from tests.support.peers.postgres import Postgres
from tests.support.yard import owned

RULE = owned("gone", "482193", sip_dispatch_rule_id="SDR_gone")
EARLIER = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'looks.db'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.new_database()


def looks_at(address: str, url: str, folder: Path, **own: Any) -> Observations:
    """What a profile opens; the settings name a database, or the file in the state folder is meant."""
    state = "" if url.startswith("sqlite") else url
    connection = Connection(url=address, api_key="k", api_secret=Secret("s"))
    settings = Settings(connection_or_none=connection, registry=RegistrySettings(state_url=Secret(state)), **own)
    return open_observations(settings, folder, 5)


def noted_by_version_2(engine: Engine, *servers: str) -> None:
    """A memory of each of these, the later ones newer, as the second version wrote it: a server is its raw address."""
    for at, server in enumerate(servers):
        Observations(engine, server, lambda at=at: EARLIER + timedelta(minutes=at)).observe([RULE], any_room=True)  # type: ignore[misc]
        Observations(engine, server).begin_run(f"run-{at}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE sipctl_schema SET version = 2"))


def test_a_server_has_one_memory_however_its_address_is_spelled(url: str, tmp_path: Path) -> None:
    first = looks_at("ws://LocalHost:7880/", url, tmp_path)
    assert first.observe([RULE], any_room=False).is_first
    first.close()
    second = looks_at("http://127.0.0.1:7880", url, tmp_path)
    earlier = second.observe([RULE], any_room=False)
    assert (earlier.is_first, list(earlier.stale_since)) == (False, ["SDR_gone"])
    assert earlier.empty_since is not None
    second.close()
    for address, own in (("https://127.0.0.1:7880", {}), ("ws://localhost:7880", {"name_template": "OTHER_{room}"})):
        other = looks_at(address, url, tmp_path, **own)
        assert other.observe([RULE], any_room=False).is_first
        other.close()


@pytest.mark.parametrize("server", ["wss://Livekit.example.org:443/", "ws://127.0.0.1:7880"])
def test_what_an_older_version_noted_is_carried_over(url: str, engine: Engine, tmp_path: Path, server: str) -> None:
    noted_by_version_2(engine, f"{server} SIP_{{room}}", "http://elsewhere SIP_{room}")
    observations = looks_at(server, url, tmp_path)
    assert list(observations.unsettled_runs()) == ["run-0"]
    assert observations.observe([RULE], any_room=True).stale_since == {"SDR_gone": EARLIER}
    observations.close()


def test_of_two_memories_of_one_server_the_newer_stays(url: str, engine: Engine, tmp_path: Path) -> None:
    """The older one may not know of a room that was live in between."""
    canonical, spelled = "http://h SIP_{room}", "ws://H:80/ SIP_{room}"
    for at, order in enumerate(((canonical, spelled), (spelled, canonical))):
        with engine.begin() as connection:
            for table in ("sipctl_look", "sipctl_sighting", "sipctl_run") if at else ():
                connection.execute(text(f"DELETE FROM {table}"))
        noted_by_version_2(engine, *order)
        observations = looks_at("http://h", url, tmp_path)
        assert observations.observe([RULE], any_room=True).stale_since == {"SDR_gone": EARLIER + timedelta(minutes=1)}
        assert list(observations.unsettled_runs()) == ["run-0", "run-1"]
        observations.close()


def test_hosts_that_share_a_database_do_not_share_a_loopback(postgres: Postgres, tmp_path: Path) -> None:
    """Each means another server by it, and neither forgets nor believes what the other saw."""
    url = postgres.new_database()
    engine = open_engine(url)
    elsewhere = Observations(engine, f"{server_name('http://localhost:7880', 'another-host')} SIP_{{room}}")
    elsewhere.observe([RULE], any_room=False)
    here = looks_at("http://localhost:7880", url, tmp_path)
    assert here.observe([], any_room=False).is_first
    here.close()
    assert list(elsewhere.observe([RULE], any_room=False).stale_since) == ["SDR_gone"]
    engine.dispose()


@pytest.mark.parametrize("damage", ["", "nonsense", "2026-01-01T12:00:00", "\u0661"])
@pytest.mark.parametrize("column", ["sipctl_sighting.since", "sipctl_look.last_at", "sipctl_look.empty_since"])
def test_a_damaged_record_begins_anew_and_is_counted(engine: Engine, column: str, damage: str) -> None:
    """One without a zone is damaged, too: no time of ours is."""
    table, name = column.split(".")
    other = owned("other", "111222", sip_dispatch_rule_id="SDR_other")
    observations = Observations(engine, "a server", lambda: EARLIER)
    observations.observe([RULE, other], any_room=False)
    with engine.begin() as connection:
        which = " WHERE rule_id = 'SDR_gone'" if name == "since" else ""
        connection.execute(text(f"UPDATE {table} SET {name} = :damage{which}"), {"damage": damage})
    found = observations.observe([RULE, other], any_room=False)
    assert found.damaged == (0 if column == "sipctl_look.empty_since" and not damage else 1)
    assert not found.is_first
    untouched = {"since": {"SDR_other"}, "last_at": set(), "empty_since": {"SDR_gone", "SDR_other"}}[name]
    assert set(found.stale_since) == untouched
    assert found.empty_since == (EARLIER if name == "since" else None)
    again = observations.observe([RULE, other], any_room=False)
    assert (again.damaged, set(again.stale_since)) == (0, {"SDR_gone", "SDR_other"})


def test_a_run_whose_end_is_damaged_counts_as_killed(engine: Engine) -> None:
    observations = Observations(engine, "a server")
    observations.begin_run("run-1")
    observations.end_run("run-1")
    with engine.begin() as connection:
        connection.execute(text("UPDATE sipctl_run SET ended_at = 'nonsense'"))
    assert observations.unsettled_runs() == {"run-1": None}
