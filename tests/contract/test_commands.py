"""The commands give the same output on the sandbox and on the real server, and JSON as the schemas say."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit
from tests.support.running import Result, env_of, run
from tests.support.schemas import schema, validate

Server = Sandbox | RealLiveKit

STORY: tuple[tuple[str, str, int], ...] = (
    ("trunk create --name provider --number +33170189900 --allowed-address 192.0.2.0/24", "", 0),
    ("trunk create --name provider --number +33170189900 --allowed-address 192.0.2.0/24", "", 0),
    ("trunk create --name other --number +33170189900", "", 5),
    ("trunk create --name nothing", "", 2),
    ("trunk list", "", 0),
    ("trunk show provider", "", 0),
    ("room create retro --metadata hello", "", 0),
    ("room create retro", "", 0),
    ("room show standup", "", 0),
    ("rules create --room standup --pin-stdin", "4821930571", 0),
    ("rules create --room standup --pin-stdin", "4821930571", 0),
    ("rules create --room retro --pin-stdin", "4821930571", 5),
    ("rules create --room retro --pin-stdin", "12", 2),
    ("rules create --room retro", "", 5),
    ("rules create --room retro --pin-stdin --trunk ST_a", "7703158264", 7),
    ("rules create --room retro --pin-stdin --trunk provider --dry-run", "7703158264", 0),
    ("rules create --room retro --pin-stdin --trunk +33170189900", "7703158264", 0),
    ("rules list", "", 0),
    ("rules list --owned --sort room", "", 0),
    ("rules list --trunk provider --sort room", "", 0),
    ("rules list --trunk nobody", "", 7),
    ("rules list --open", "", 0),
    ("rules list --stale", "", 0),
    ("rules show SIP_standup", "", 0),
    ("rules show SIP_standup --show-pins", "", 0),
    ("rules update SIP_retro --trunk nobody --allow live-room", "", 7),
    ("rules update SIP_retro --metadata m --any-trunk --allow live-room", "", 0),
    ("rules update SIP_retro --no-pin --allow live-room", "", 5),
    ("rules update SIP_retro", "", 2),
    ("rules delete SIP_standup", "", 5),
    ("room delete standup", "", 5),
    ("room delete retro", "", 0),
    ("rules list --stale", "", 0),
    ("rules delete SIP_retro --dry-run", "", 0),
    ("rules delete SIP_retro", "", 0),
    ("rules delete SIP_retro", "", 7),
    ("trunk delete provider --allow in-use", "", 0),
    ("room list --probe", "", 0),
    ("doctor --settle 0", "", 0),
)

CHANGING = re.compile(
    r"(?:ST|SDR|RM|PA)_[A-Za-z0-9]{12}"  # ids
    r"|\d{4}-\d\d-\d\dT[\d:.]+Z|1[78]\d{8}(?:\d{3})?"  # times
    r"|\b[0-9a-f]{12}-\d+"  # items of the audit
)


def same(text: str) -> str:
    """The output without what differs from run to run: ids, times, the audit's items."""
    return CHANGING.sub("…", text)


def tell(server: Server, state: Path, style: str) -> list[Result]:
    env = env_of(server, SIPCTL_STATE_DIR=str(state))
    server.join("standup", "alice")
    ended = []
    for words, stdin, code in STORY:
        one = run(*words.split(), "-o", style, env=env, stdin=f"{stdin}\n".encode() if stdin else b"")
        assert one.code == code, (words, one)
        ended.append(one)
    return ended


def without_lagging_counters(style: str, text: str) -> str:
    """A real server counts who is in a room every few seconds, and its participants publish nothing here either way."""
    if style == "json":
        return re.sub(r'"num_participants": ?\d', '"num_participants":0', text)
    return re.sub(r"^(\w+\t)\d(\t…)", r"\g<1>0\g<2>", text, flags=re.MULTILINE)


@pytest.mark.real
@pytest.mark.timeout(240)
@pytest.mark.parametrize("style", ["table", "json"])
def test_one_story_two_servers(sandbox: Sandbox, real: RealLiveKit, tmp_path: Path, style: str) -> None:
    both = [tell(server, tmp_path / name, style) for name, server in (("sandbox", sandbox), ("real", real))]
    for (words, _, _), ours, theirs in zip(STORY, *both, strict=True):
        left, right = (without_lagging_counters(style, same(one.stdout)) for one in (ours, theirs))
        if words.startswith("doctor"):
            continue
        if words == "rules list":
            left, right = ("".join(sorted(text)) for text in (left, right))
        assert left == right, words
        assert same(ours.stderr) == same(theirs.stderr), words


def test_json_is_as_the_schemas_say(sandbox: Sandbox, tmp_path: Path) -> None:
    described = tell(sandbox, tmp_path / "state", "json")
    for one in described:
        if one.code in {0, 1}:
            validate(json.loads(one.stdout))
        else:
            jsonschema.validate(json.loads(one.stderr), schema("error"))
    env = env_of(sandbox)
    for words in (("config", "show"), ("config", "path"), ("doctor", "--list")):
        validate(json.loads(run(*words, "-o", "json", env=env).stdout))
