"""The registry in its three homes: what one promises, all keep."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sipctl.errors import ConfigError, ConflictError, NotFoundError, SipctlError, UncheckedError, UsageError
from sipctl.operations.pins import assign, assign_chosen
from sipctl.registry.database import open_engine
from sipctl.registry.store import Registry
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.pins import PinPolicy
from sipctl.telephony.registered import Holder, Rotation
from sipctl.telephony.returning import PinsToday
from tests.support.homes import ROOMS, Home, add_meet_rooms, opened

pytestmark = pytest.mark.smoke

A, B, C = ROOMS[:3]


@pytest.fixture(params=["sqlite", "postgresql", "meet"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    postgres = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    with opened(request.param, tmp_path, postgres) as one:
        yield one


def pins(registry: Registry) -> dict[str, str]:
    return {holding.room: holding.pin for holding in registry.holdings() if holding.pin}


def test_a_pin_is_given_once_and_a_room_keeps_its_own(home: Home) -> None:
    registry = home.registry
    assert registry.give([(A, "1111"), (B, "2222"), (C, "1111")]) == {A, B}
    assert registry.give([(A, "3333")]) == set()
    assert registry.give([(A, "3333"), (C, "2222")]) == set()
    assert pins(registry) == {A: "1111", B: "2222"}
    assert registry.pins_of([A, C]) == {A: "1111"}
    assert registry.holders(["1111", "9999"]) == {"1111": Holder(A, "active")}
    assert (registry.count(4), registry.count(5)) == (2, 0)
    assert registry.find(A).pin == "1111"


def test_a_retired_pin_is_in_quarantine_for_a_year(home: Home) -> None:
    registry = home.registry
    registry.give([(A, "1111")])
    registry.retire(registry.find(A))
    assert pins(registry) == {}
    assert registry.give([(B, "1111")]) == set()
    assert registry.holders(["1111"]) == {"1111": Holder(A, "retired")}
    home.clock.advance(366)
    assert registry.give([(B, "1111")]) == {B}


def test_a_list_that_no_one_reads_to_its_end_is_closed_with_the_registry(home: Home) -> None:
    """A driver would complain on stderr of what it finds open at the end of the process."""
    home.registry.give([(A, "1111"), (B, "2222")])
    listing = home.registry.holdings()
    assert next(listing).room == A
    home.registry.close()
    assert list(listing) == []


def test_what_is_known_today_of_the_pins_of_rules(home: Home) -> None:
    registry = home.registry
    registry.give([(A, "1111"), (B, "2222"), (C, "3333")])
    assert registry.begin_rotation(A, "1111", "4444")
    registry.retire(registry.find(B))
    rules = [DispatchRule(room_name=room, pin=pin) for room, pin in ((A, "1111"), (B, "2222"), (C, "3333"), ("x", ""))]
    known = PinsToday(
        of_rooms={A: "4444", C: "3333"}, in_use={"3333": C}, retired={"1111": A, "2222": B},
        others_change_pins=home.in_meet,
    )  # fmt: skip
    assert registry.today([*rules, DispatchRule(room_name="x", pin="5555")]) == known
    home.clock.advance(366)
    assert registry.today(rules) == known  # no one else has got them yet
    assert registry.give([(B, "1111")]) == {B}
    known = replace(known, of_rooms={**known.of_rooms, B: "1111"})
    assert registry.today(rules) == replace(known, in_use={"3333": C, "1111": B}, retired={"2222": B})


def test_a_rotation_is_begun_and_finished(home: Home) -> None:
    registry = home.registry
    registry.give([(A, "1111"), (B, "2222")])
    assert not registry.begin_rotation(A, "1111", "2222")
    assert registry.unfinished() == []
    assert registry.begin_rotation(A, "1111", "3333")
    assert registry.give([(C, "3333")]) == set()
    assert registry.give([(C, "1111")]) == set()
    for refused in (lambda: registry.begin_rotation(A, "3333", "4444"), lambda: registry.retire(registry.find(A))):
        with pytest.raises(ConflictError, match="begun and not ended"):
            refused()
    (rotation,) = registry.unfinished()
    assert (rotation.room, rotation.old_pin, rotation.new_pin) == (A, "1111", "3333")
    assert registry.carry_on(rotation)
    registry.finish(rotation)
    registry.finish(rotation)
    assert pins(registry) == {A: "3333", B: "2222"}
    assert registry.unfinished() == []
    assert registry.holders(["1111", "3333"]) == {"1111": Holder(A, "retired"), "3333": Holder(A, "active")}


def test_a_rotation_that_is_given_up_leaves_nothing(home: Home) -> None:
    registry = home.registry
    registry.give([(A, "1111")])
    registry.begin_rotation(A, "1111", "3333")
    registry.cancel(registry.unfinished()[0])
    assert registry.unfinished() == []
    assert pins(registry) == {A: "1111"}
    assert registry.holders(["1111"]) == {"1111": Holder(A, "active")}
    assert registry.begin_rotation(A, "1111", "3333")


def test_a_rotation_of_a_pin_that_is_gone_leaves_it_in_quarantine(home: Home) -> None:
    registry = home.registry
    registry.give([(A, "1111")])
    registry.retire(registry.find(A))
    with pytest.raises(ConflictError, match="changed or released meanwhile"):
        registry.begin_rotation(A, "1111", "3333")
    assert registry.unfinished() == []
    assert registry.holders(["1111", "3333"]) == {"1111": Holder(A, "retired")}


def test_a_rotation_may_be_undone(home: Home) -> None:
    registry = home.registry
    registry.give([(A, "1111"), (B, "2222")])
    for old, new in (("1111", "3333"), ("3333", "1111")):
        assert registry.begin_rotation(A, old, new)
        registry.finish(registry.unfinished()[0])
    assert not registry.begin_rotation(B, "2222", "3333")
    assert pins(registry) == {A: "1111", B: "2222"}


def test_a_room_gets_its_own_pin_back_out_of_quarantine(home: Home) -> None:
    registry = home.registry
    registry.give([(A, "1111")])
    registry.retire(registry.find(A))
    assert not registry.give_back(B, "1111")
    assert registry.give_back(A, "1111")
    assert registry.holders(["1111"]) == {"1111": Holder(A, "active")}


def test_a_killed_rotation_whose_pin_was_never_written(home: Home) -> None:
    """The note is there, the new PIN is not: a run was killed between its first two steps."""
    registry = home.registry
    registry.give([(A, "1111")])
    registry.begin_rotation(A, "1111", "3333")
    rotation = registry.unfinished()[0]
    assert registry._swap(A, "3333", "1111")
    assert registry.carry_on(rotation)
    assert pins(registry) == {A: "3333"}
    assert registry._swap(A, "3333", "1111")
    if home.in_meet:
        registry.give([(B, "3333")])
    else:
        with home.engine.begin() as connection:
            connection.execute(
                text("UPDATE sipctl_pin SET room = :room, state = 'active' WHERE pin = '3333'"), {"room": B}
            )
    assert not registry.carry_on(rotation)
    assert pins(registry) == {A: "1111", B: "3333"}
    assert registry.unfinished() == []


def test_unknown_rooms(home: Home) -> None:
    with pytest.raises(NotFoundError):
        home.registry.find("nobody")


def test_assign_gives_up_with_the_space_that_is_left(home: Home) -> None:
    registry = home.registry
    done = list(
        assign(registry, [A, B, A], PinPolicy(length=4), home.journal, draws=5, below=random.Random(1).randrange)
    )
    assert [(one.room, one.is_new) for one in done] == [(A, True), (B, True)]
    again = list(assign(registry, [A, B], PinPolicy(length=4), home.journal, draws=5))
    assert [(one.pin, one.is_new) for one in again] == [(one.pin, False) for one in done]
    registry.give([(ROOMS[3], "4821930571")])  # of another length, so it leaves no less of these
    with pytest.raises(ConflictError, match=r"no free PIN for .* in 5 draws: at most 9,998 of 10,000"):
        list(assign(registry, [C], PinPolicy(length=4), home.journal, draws=5, below=lambda _: int(done[0].pin)))
    with pytest.raises(ConflictError, match="no free PIN"):
        list(
            assign(
                registry, [C], PinPolicy(length=4), home.journal, draws=3, taken=frozenset({"0042"}), below=lambda _: 42
            )
        )
    with pytest.raises(ConflictError, match="in 0 draws"):
        list(assign(registry, [C], PinPolicy(length=4), home.journal, draws=0))


def test_a_chosen_pin(home: Home) -> None:
    registry = home.registry
    assert assign_chosen(registry, A, "0042", frozenset(), home.journal).is_new
    assert not assign_chosen(registry, A, "0042", frozenset(), home.journal).is_new
    for room, pin in ((A, "0043"), (B, "0042")):
        with pytest.raises(ConflictError):
            assign_chosen(registry, room, pin, frozenset(), home.journal)
    with pytest.raises(ConflictError, match="a dispatch rule"):
        assign_chosen(registry, B, "0044", frozenset({"0044"}), home.journal)
    for bad in ("123", "12345678901234567", "12a4", "12 4", "", "١٢٣٤"):
        with pytest.raises(UsageError):
            assign_chosen(registry, C, bad, frozenset(), home.journal)


def test_meets_rooms_by_slug_and_name_and_its_timestamps(home: Home) -> None:
    if not home.in_meet:
        return
    registry = home.registry
    assert registry.find("room-0-0000-0001").room == A
    assert registry.find("room 1").room == B
    assert registry.find(A.upper()).room == A
    gone = A.replace("0000-", "9999-", 1)
    with home.engine.begin() as connection:  # a title is free text, and may be another room's UUID
        connection.execute(
            text("UPDATE meet_room SET name = :gone WHERE resource_id = :room"), {"gone": gone, "room": B}
        )
    with pytest.raises(NotFoundError):
        registry.find(gone)
    twins = [A.replace("0000-", "1111-", 1), A.replace("0000-", "2222-", 1)]
    add_meet_rooms(home.engine, twins[:1], "twin")
    add_meet_rooms(home.engine, twins[1:], "twin")
    with pytest.raises(UsageError, match=twins[0]):
        registry.find("twin 0")
    with home.engine.begin() as connection:
        connection.execute(text("UPDATE meet_resource SET updated_at = '2020-01-01'"))
    registry.give([(A, "1111"), (B, "1111")])
    with home.engine.begin() as connection:
        query = text("SELECT id FROM meet_resource WHERE updated_at > '2021-01-01'")
        assert [str(row[0]) for row in connection.execute(query)] == [A]
        assert connection.execute(text("SELECT count(*) FROM meet_room WHERE pin_code = ''")).scalar() == 0


def test_meet_changed_the_pin_during_a_rotation(home: Home) -> None:
    if not home.in_meet:
        return
    registry = home.registry
    registry.give([(A, "1111")])
    registry.begin_rotation(A, "1111", "3333")
    with home.engine.begin() as connection:
        connection.execute(text("UPDATE meet_room SET pin_code = '5555' WHERE pin_code = '3333'"))
    with pytest.raises(ConflictError, match="cannot have its old PIN back"):
        registry.cancel(registry.unfinished()[0])
    assert not registry.carry_on(registry.unfinished()[0])
    assert pins(registry) == {A: "5555"}
    assert registry.unfinished() == []
    assert {pin: one.state for pin, one in registry.holders(["1111", "3333"]).items()} == {
        "1111": "retired",
        "3333": "retired",
    }


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["give", "retire", "begin", "carry on", "finish", "cancel", "give back"]),
        st.sampled_from(["r1", "r2", "r3"]),
        st.sampled_from(["1111", "2222", "3333", "4444"]),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_no_history_gives_one_pin_to_two_rooms_or_loses_one(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]
) -> None:
    with opened("sqlite", tmp_path_factory.mktemp("history"), None) as home:
        registry, ever = home.registry, dict[str, str]()
        for act, room, pin in steps:
            before = pins(registry)
            try:
                _do(registry, act, room, pin)
            except SipctlError:
                assert pins(registry) == before
            now = pins(registry)
            assert len(set(now.values())) == len(now)
            for owner, held in now.items():
                assert ever.setdefault(held, owner) == owner
            lost = set(before) - set(now)
            assert lost <= ({room} if act == "retire" else set())


def _do(registry: Registry, act: str, room: str, pin: str) -> None:
    unfinished: dict[str, Rotation] = {one.room: one for one in registry.unfinished()}
    if act == "give":
        registry.give([(room, pin)])
    elif act == "give back" and not registry.pins_of([room]):
        registry.give_back(room, pin)
    elif act in {"finish", "cancel", "carry on"} and room in unfinished:
        getattr(registry, act.replace(" ", "_"))(unfinished[room])
    elif act in {"retire", "begin"} and registry.pins_of([room]):
        holding = registry.find(room)
        if act == "retire":
            registry.retire(holding)
        else:
            registry.begin_rotation(room, holding.pin, pin)


def test_databases_that_are_none(tmp_path: Path) -> None:
    for url in ("nonsense", "mysql://x/y", "sqlite"):
        with pytest.raises(ConfigError):
            open_engine(url)
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigError, match="corrupt"):
        _open(broken)
    newer = tmp_path / "newer.db"
    _open(newer)
    engine = open_engine(f"sqlite:///{newer}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE sipctl_schema SET version = 99"))
    engine.dispose()
    with pytest.raises(ConfigError, match="schema 99"):
        _open(newer)
    with pytest.raises(UncheckedError):
        _open(tmp_path / "broken.db" / "inside.db")
    assert newer.stat().st_mode & 0o777 == 0o600


def _open(path: Path) -> None:
    engine = open_engine(f"sqlite:///{path}")
    Registry(engine, engine, in_meet=False).close()


def test_meets_layout_without_meets_tables(tmp_path: Path, postgres: object) -> None:
    with opened("postgresql", tmp_path, postgres) as own:  # type: ignore[arg-type]
        registry = Registry(own.engine, open_engine(f"sqlite:///{tmp_path / 'n.db'}"), in_meet=True)
        with pytest.raises(ConfigError, match="tables"):
            list(registry.holdings())
        registry.close()
