"""`sipctl pin rotate`: rules of others that carry the PIN, and what is said of them."""

import json
from dataclasses import dataclass

import pytest

from sipctl.errors import ExitCode
from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit
from tests.support.planting import plant_rule
from tests.support.running import Result, assert_error, env_of, run

OLD = "4821930571"


@dataclass
class Place:
    """A room with its PIN and rule, and a rule of another backend that carries the same PIN."""

    env: dict[str, str]

    def sipctl(self, *words: str, stdin: str = "", code: int = 0) -> Result:
        ended = run(*words, env=self.env, stdin=stdin.encode())
        assert ended.code == code, ended
        return ended

    def pins(self) -> dict[str, str]:
        """The PIN of each rule, and of the room in the registry."""
        rules = json.loads(self.sipctl("rules", "list", "--show-pins", "-o", "json").stdout)["items"]
        rooms = json.loads(self.sipctl("pin", "list", "--show-pins", "-o", "json").stdout)["items"]
        carried = {one["sip_dispatch_rule_id"]: one["rule"]["dispatch_rule_direct"]["pin"] for one in rules}
        return carried | {one["room"]: one["pin"] for one in rooms}

    def problems(self, *command: str) -> dict[str, str]:
        """The resource of each finding of this command."""
        ended = run(*command, "-o", "json", env=self.env)
        return {
            one["code"]: one["resource"]
            for one in json.loads(ended.stdout)["findings"]
            if one["level"] in {"warn", "error"}
        }


@pytest.fixture
def place(livekit: Sandbox | RealLiveKit) -> Place:
    one = Place(env_of(livekit))
    one.sipctl("pin", "import", "-", "--no-live", "--apply", stdin=f"room,pin\nstandup,{OLD}\n")
    plant_rule(livekit, "SDR_ours", "standup", OLD)
    plant_rule(livekit, "SDR_theirs", "standup", OLD, name="theirs", trunk_ids=["ST_theirs"])
    return one


AS_IT_WAS = {"SDR_ours": OLD, "SDR_theirs": OLD, "standup": OLD}


def test_a_foreign_rule_with_the_pin_refuses_before_anything_changes(place: Place) -> None:
    refused = run("pin", "rotate", "standup", env=place.env)
    assert_error(refused, ExitCode.SAFEGUARD, "SDR_theirs", "--allow foreign")
    assert OLD not in refused.stderr
    assert place.pins() == AS_IT_WAS


def test_allowed_the_old_pin_opens_nothing(place: Place) -> None:
    rotated = place.sipctl("pin", "rotate", "standup", "--allow", "foreign", "-o", "json")
    assert sorted(json.loads(rotated.stdout)["items"][0]["rules"]) == ["SDR_ours", "SDR_theirs"]
    new = set(place.pins().values())
    assert len(new) == 1
    assert OLD not in new
    undo = rotated.stderr.split("undo: sipctl ")[1].split()
    assert undo[-2:] == ["--allow", "foreign"]
    place.sipctl(*undo)
    assert place.pins() == AS_IT_WAS


def test_a_set_with_one_such_room_is_refused_and_its_plan_says_so(place: Place) -> None:
    place.sipctl("pin", "assign", "retro")
    plan = place.sipctl("pin", "rotate", "--all")
    assert "refused: foreign" in plan.stdout
    assert "--allow foreign" in plan.stderr
    before = place.pins()
    place.sipctl("pin", "rotate", "--all", "--apply", code=ExitCode.SAFEGUARD)
    assert place.pins() == before


def test_an_import_leaves_such_a_room_as_it_is(place: Place) -> None:
    table = "room,pin\nstandup,7703158264\nnew,7703158265\n"
    done = place.sipctl("pin", "import", "-", "--apply", stdin=table, code=ExitCode.SAFEGUARD)
    assert "left out: foreign" in done.stdout
    assert place.pins() == {**AS_IT_WAS, "new": "7703158265"}
    place.sipctl("pin", "import", "-", "--apply", "--allow", "foreign", stdin=table)
    assert set(place.pins().values()) == {"7703158264", "7703158265"}


def test_rules_that_accept_a_pin_in_quarantine_are_named(place: Place, livekit: Sandbox | RealLiveKit) -> None:
    place.sipctl("pin", "rotate", "standup", "--allow", "foreign")
    plant_rule(livekit, "SDR_late", "standup", OLD, name="theirs", trunk_ids=["ST_theirs"])
    for command in (("pin", "audit"), ("doctor", "--settle", "0", "--only", "PIN514")):
        assert place.problems(*command)["PIN514"] == "rule SDR_late"
    assert OLD not in run("pin", "audit", "-v", env=place.env).stdout


def test_the_fix_of_a_pin_that_leads_elsewhere_works(place: Place, livekit: Sandbox | RealLiveKit) -> None:
    plant_rule(livekit, "SDR_theirs", "other", OLD, name="theirs", trunk_ids=["ST_theirs"])
    assert place.problems("pin", "audit")["PIN506"] == "rule SDR_theirs"
    refused = run("pin", "rotate", "standup", env=place.env)
    assert_error(refused, ExitCode.SAFEGUARD, "SDR_theirs", "'other'")
    place.sipctl("pin", "rotate", "standup", "--allow", "foreign")
    after = place.pins()
    assert (after["SDR_theirs"], after["SDR_ours"]) == (OLD, after["standup"])
    assert "PIN506" not in place.problems("pin", "audit")
