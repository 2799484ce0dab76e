"""Two hosts at one PostgreSQL: what one does between two steps of the other is a conflict of that one room."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from sipctl.errors import ConflictError, NotFoundError
from sipctl.registry.database import open_engine
from sipctl.registry.store import Registry
from sipctl.telephony.registered import Holder
from tests.support.homes import ROOMS, opened
from tests.support.peers.postgres import Postgres, until_one_waits

A, B, C = ROOMS[:3]
NOTE = "INSERT INTO sipctl_rotation VALUES (:room, '1111', '9999', '2026-01-01T00:00:00Z')"


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new_database()


@contextmanager
def host(url: str) -> Iterator[Registry]:
    """The registry as one host opens it."""
    engine = open_engine(url)
    registry = Registry(engine, engine, in_meet=False)
    yield registry
    registry.close()


@pytest.fixture
def here(url: str) -> Iterator[Registry]:
    with host(url) as registry:
        yield registry


@pytest.fixture
def there(url: str) -> Iterator[Registry]:
    with host(url) as registry:
        yield registry


def while_it_waits(work: Callable[[], object], engine: Engine, other: Connection, *then: str) -> object:
    """Begin the work on its host, and once it waits for the other's transaction do the rest of that and end it."""
    with ThreadPoolExecutor(1) as thread:
        begun = thread.submit(work)
        until_one_waits(engine)
        for statement in then:
            other.execute(text(statement))
        other.commit()
        return begun.result(timeout=20)


def test_the_same_rotation_begun_at_the_same_moment(here: Registry, engine: Engine) -> None:
    here.give([(A, "1111"), (B, "2222")])
    with engine.connect() as other:
        other.execute(text(NOTE), {"room": A})
        with pytest.raises(ConflictError, match="begun and not ended"):
            while_it_waits(lambda: here.begin_rotation(A, "1111", "3333"), engine, other)
    assert here.pins_of([A, B]) == {A: "1111", B: "2222"}
    assert [one.new_pin for one in here.unfinished()] == ["9999"]
    assert here.begin_rotation(B, "2222", "3333")


@pytest.mark.parametrize("layout", ["postgresql", "meet"])
def test_a_pin_that_the_other_host_released(layout: str, tmp_path: Path, postgres: Postgres) -> None:
    with opened(layout, tmp_path, postgres) as home:
        registry = home.registry
        registry.give([(A, "1111"), (B, "2222")])
        registry.retire(registry.find(A))
        for wanted in ("3333", "2222"):
            with pytest.raises(ConflictError, match=r"changed or released meanwhile") as described:
                registry.begin_rotation(A, "1111", wanted)
            assert described.value.code == "pin-changed"
        assert registry.unfinished() == []
        assert registry.holders(["1111", "3333"]) == {"1111": Holder(A, "retired")}


def test_a_pin_that_is_released_in_the_middle_of_a_rotation(here: Registry, there: Registry, engine: Engine) -> None:
    here.give([(A, "1111")])
    with engine.connect() as other:
        other.execute(text("UPDATE sipctl_pin SET state = 'retired', retired_at = '2099-01-01T00:00:00Z'"))
        with pytest.raises(ConflictError, match=r"changed or released meanwhile"):
            while_it_waits(lambda: here.begin_rotation(A, "1111", "3333"), engine, other)
    assert (here.pins_of([A]), there.unfinished()) == ({}, [])
    assert there.give([(B, "1111"), (C, "3333")]) == {C}


def test_the_end_of_one_rotation_leaves_the_note_of_a_later_one(here: Registry, there: Registry) -> None:
    """The first was finished by `--recover` on the other host, while its own host was still at it."""
    here.give([(A, "1111")])
    here.begin_rotation(A, "1111", "3333")
    (first,) = there.unfinished()
    there.finish(first)
    assert there.begin_rotation(A, "3333", "4444")
    here.finish(first)
    assert [(one.old_pin, one.new_pin) for one in here.unfinished()] == [("3333", "4444")]


def test_two_that_wait_for_each_other(here: Registry, engine: Engine, postgres: Postgres, url: str) -> None:
    """PostgreSQL ends one of two transactions that hold each other's rows; it is tried again, not failed."""
    name = url.split("@/")[1].split("?", maxsplit=1)[0]
    postgres.execute("postgres", f"ALTER DATABASE {name} SET deadlock_timeout = '300ms'")
    here.give([(A, "1111"), (B, "2222")])
    here.close()
    with engine.connect() as other:
        other.execute(text("SET LOCAL deadlock_timeout = '30s'"))
        other.execute(text("SELECT * FROM sipctl_pin WHERE pin = '2222' FOR UPDATE"))
        swapped = while_it_waits(
            lambda: here._swap(A, "1111", "2222"),
            engine,
            other,
            "SELECT * FROM sipctl_pin WHERE pin = '1111' FOR UPDATE",
        )
    assert swapped is False
    assert here.pins_of([A, B]) == {A: "1111", B: "2222"}


def test_a_pin_out_of_its_own_quarantine_is_free_at_no_moment(here: Registry, there: Registry, engine: Engine) -> None:
    """It goes from the quarantine to its room in one step, so the other host cannot take it in between."""
    here.give([(A, "1111")])
    here.retire(here.find(A))
    with engine.connect() as other:
        other.execute(text("INSERT INTO sipctl_pin VALUES ('7777', :room, 'active', '2026', NULL)"), {"room": A})
        while_it_waits(lambda: here.give_back(A, "1111"), engine, other)
    assert there.pins_of([A]) == {A: "7777"}
    assert there.give([(B, "1111")]) == set()
    assert there.holders(["1111"]) == {"1111": Holder(A, "retired")}


def crowd(registry: Registry, entropy: random.Random, steps: int) -> set[tuple[str, str]]:
    """What a host does at a few rooms with a few PINs; the pairs of PIN and room that it brought about."""
    made: set[tuple[str, str]] = set()
    for _ in range(steps):
        room, pin = entropy.choice(ROOMS[:3]), f"{entropy.randrange(30):04}"
        with suppress(ConflictError, NotFoundError):
            made |= _one_step(registry, entropy.choice(["give", "give back", "retire", "begin", "end"]), room, pin)
    return made


def _one_step(registry: Registry, action: str, room: str, pin: str) -> set[tuple[str, str]]:
    if action == "give":
        return {(pin, one) for one in registry.give([(room, pin)])}
    if action == "give back":
        return {(pin, room)} if registry.give_back(room, pin) else set()
    if action == "retire":
        registry.retire(registry.find(room))
    elif action == "begin":
        return {(pin, room)} if registry.begin_rotation(room, registry.find(room).pin, pin) else set()
    else:
        for rotation in registry.unfinished():
            if registry.carry_on(rotation):
                registry.finish(rotation)
    return set()


def test_two_hosts_at_the_same_few_rooms(here: Registry, there: Registry, engine: Engine) -> None:
    """Whatever both do at once: no PIN is ever two rooms', and all that goes wrong is a conflict of one room."""
    seed = random.randrange(10**6)
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(crowd, one, random.Random(seed + at), 120) for at, one in enumerate((here, there))]
        made = set.union(*(one.result(timeout=50) for one in running))
    owners: dict[str, str] = {}
    for pin, room in made:
        assert owners.setdefault(pin, room) == room, (seed, pin)
    _one_step(here, "end", "", "")
    assert there.unfinished() == [], seed
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT pin, room FROM sipctl_pin")).all()
    assert all(owners.get(row.pin, row.room) == row.room for row in rows), seed
