"""The fix that is printed with a finding about PINs is run as it is printed, and the finding goes."""

from collections.abc import Callable

import pytest

from tests.support.homes import ROOMS
from tests.support.meet import PINS, Meet
from tests.support.yard import owned

ROOM, OTHER, _, NULL = ROOMS[:4]


def live(meet: Meet, room: str, pin: str = "") -> None:
    meet.server.join(room, "alice")
    if pin:
        meet.desk.store(owned(room, pin))


def without_a_pin_in_the_registry(meet: Meet) -> None:
    live(meet, NULL, "31415926")


def with_one_that_cannot_be_typed(meet: Meet) -> None:
    live(meet, ROOM, PINS[0])
    meet.set_pin(ROOM, "12ab")


def with_another_one(meet: Meet) -> None:
    live(meet, ROOM, "31415926")


def with_that_of_another_application(meet: Meet) -> None:
    """Meet's own event failed at the conflict, so the live room has no rule."""
    live(meet, ROOM)
    meet.desk.store(
        owned(
            "theirs",
            PINS[0],
        )
    )


def of(pin: str, *, is_live: bool = False) -> Callable[[Meet], None]:
    def plant(meet: Meet) -> None:
        meet.set_pin(ROOM, pin)
        if is_live:
            live(meet, ROOM, pin)

    return plant


CASES = [
    ("PIN505", without_a_pin_in_the_registry),
    ("PIN505", with_one_that_cannot_be_typed),
    ("PIN505", with_another_one),
    ("PIN506", with_that_of_another_application),
    ("PIN502", of("4821")),
    ("PIN502", of("4821", is_live=True)),
    ("PIN503", of("48 21ab")),
    ("PIN503", of("4821ab", is_live=True)),
    ("PIN504", of("48219305714821930")),
]


@pytest.mark.parametrize(("code", "plant"), CASES, ids=lambda one: getattr(one, "__name__", one))
def test_the_fix_repairs(meet: Meet, code: str, plant: Callable[[Meet], None]) -> None:
    plant(meet)
    words = ("doctor", "--settle", "0", "--only", code, "--fail-on", "info")
    (found,) = meet.findings(*words, code=1)[code]
    for command in found["fix"]["command"].split(" && "):
        meet.paste(command)
    assert code not in meet.findings(*words)
    rules = meet.rules()
    assert all(rules[room] == meet.table[room] for room in rules.keys() & {ROOM, NULL})
    if plant is with_that_of_another_application:
        assert ROOM in rules


def test_a_pin_that_is_too_long_is_no_fault_of_a_setting_that_is_right(meet: Meet) -> None:
    meet.set_pin(ROOM, "48219305714821930")
    (found,) = meet.findings("pin", "audit", code=1)["PIN504"]
    assert "set the length" not in found["fix"]["text"]


def test_many_of_a_kind_are_one_with_one_fix(meet: Meet) -> None:
    rooms = (NULL, *ROOMS[4:])
    for room in rooms:
        live(meet, room, f"3141{room[-4:]}")
    shown = meet.sipctl("doctor", "--settle", "0", code=1).stdout
    (drift,) = [block for block in shown.split("\n\n") if "PIN505" in block.splitlines()[0]]
    assert "(the first of 5)" in drift
    (fix,) = [line.strip().removeprefix("$ ") for line in drift.splitlines() if line.strip().startswith("$ ")]
    for command in fix.split(" && "):
        meet.paste(command)
    assert meet.rules() == {room: meet.table[room] for room in rooms}
