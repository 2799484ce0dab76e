"""Stories as TOML files describe them."""

from pathlib import Path

import pytest

from sipctl.errors import UsageError
from sipctl.webhooks.scenario import Again, Expect, Send, Wait, read_scenario

FOLDER = Path(__file__).parents[2] / "docs" / "scenarios"


def test_every_kind_of_step() -> None:
    story = read_scenario(
        """
        name = "all"
        room = "a"
        steps = [
            {event = "room_started", status = 204, retries = 2},
            {event = "participant_joined", room = "b", participant = "bob", set = {"room.numParticipants" = 2}},
            {again = 1},
            {wait = "2m"},
            {wait = 0.5},
            {expect_rule = true, within = 3},
            {expect_no_rule = "b"},
        ]
        """
    )
    assert story.expects
    assert story.steps == (
        Send(event="room_started", room="a", status=204, retries=2),
        Send(event="participant_joined", room="b", participant="bob", edits=(("room.numParticipants", "2"),)),
        Again(step=1),
        Wait(seconds=120),
        Wait(seconds=0.5),
        Expect(room="a", has_rule=True, within_s=3),
        Expect(room="b", has_rule=False, within_s=10),
    )


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_the_scenarios_of_the_documents_are_of_any_room(path: Path) -> None:
    story = read_scenario(path.read_text(), "mine")
    assert story.expects
    assert {step.room for step in story.steps if isinstance(step, Send | Expect)} == {"mine"}


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ("", "a list of 1 to"),
        ("steps = []", "a list of 1 to"),
        ("steps = [1]", "step 1: it is no table"),
        ("steps = [{event = 'room_started'}]", "step 1: no room is named"),
        ("room = 'a'\nsteps = [{event = 'room_paused'}]", "LiveKit has no event 'room_paused'"),
        ("room = 'a'\nsteps = [{event = 'room_started', rooom = 'b'}]", "it has no rooom"),
        ("room = 'a'\nsteps = [{event = 'room_started', retries = 9}]", "retries is no number from 0 to 4"),
        ("room = 'a'\nsteps = [{event = 'room_started', status = true}]", "status is no number"),
        ("room = 'a'\nsteps = [{event = 'room_started', set = {x = [1]}}]", "a value of `set`"),
        ("steps = [{again = 1}]", "sends no event"),
        ("steps = [{wait = 1}, {again = 1}]", "step 2: step 1 before it sends no event"),
        ("steps = [{wait = 'long'}]", "wait 'long' is not a time"),
        ("steps = [{wait = -1}]", "no number of seconds"),
        ("steps = [{expect_rule = true}]", "no room is named"),
        ("steps = [{expect_rule = 5}]", "expect_rule is no text"),
        ("steps = [{}]", "says nothing"),
        ("rooms = 1\nsteps = [{wait = 1}]", "beside `steps`"),
        ("steps = [", "not TOML"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named_with_its_step(steps: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        read_scenario(steps)
