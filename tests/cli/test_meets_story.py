"""docs/meet.md by its own words: each command is run, in the order of the page, and does what the page says."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.homes import ROOMS
from tests.support.meet import PINS, Meet, meet_of
from tests.support.peers.livekit import RealLiveKit
from tests.support.peers.postgres import Postgres
from tests.support.planting import PROVIDER, plant_trunk
from tests.support.running import Result, clean_env
from tests.support.yard import owned

TEXT = (Path(__file__).parents[2] / "docs" / "meet.md").read_text()
WEEKLY, DAILY, OTHER = ROOMS[:3]
_TELEPHONY = (
    "ROOM_TELEPHONY_ENABLED=True\nROOM_TELEPHONY_PHONE_NUMBER=+33170189900\nROOM_TELEPHONY_DEFAULT_COUNTRY=FR\n"
)

Ended = dict[str, Result]


def commands(heading: str) -> list[str]:
    """The commands of one chapter."""
    chapter = re.split(r"^## ", TEXT.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    blocks = re.findall(r"^```console\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


@pytest.fixture
def meet(livekit: Sandbox | RealLiveKit, postgres: Postgres, tmp_path: Path) -> Iterator[Meet]:
    """A Meet that goes well, but that rooms have no PIN; its files, and no configuration of sipctl's yet."""
    with meet_of(livekit, postgres, tmp_path) as one:
        plant_trunk(livekit, "ST_provider", **PROVIDER)
        one.execute("UPDATE meet_room SET name = 'weekly' WHERE resource_id = :room", room=WEEKLY)
        one.backend.number = "+33 1 70 18 99 00"
        one.configure(_TELEPHONY)
        key, secret = livekit.api_key, livekit.api_secret.reveal()
        yaml = f"port: 7880\nredis: {{address: 'redis:6379'}}\nkeys: {{{key}: {secret}}}\n"
        file = tmp_path / "livekit.yaml"
        file.write_text(f"{yaml}webhook: {{api_key: {key}, urls: ['{one.backend.url}']}}\n")
        file.chmod(0o600)
        (tmp_path / "sipctl.toml").unlink()
        one.env = clean_env(SIPCTL_CONFIG=str(tmp_path / "etc" / "sipctl.toml"))
        yield one


def tell(meet: Meet, heading: str, codes: dict[int, int] | None = None) -> list[Result]:
    """Run the commands of a chapter; `codes` are the exit codes, by their place, of those that do not end with 0."""
    ended = []
    for at, line in enumerate(commands(heading)):
        words = shlex.split(line.replace("/srv/meet", str(meet.folder)))
        assert words.pop(0) == "sipctl"
        ended.append(meet.sipctl(*words, code=(codes or {}).get(at, 0)))
    assert ended, heading
    return ended


def installed(meet: Meet) -> None:
    tell(meet, "Install")


def first_verdict(meet: Meet) -> None:
    installed(meet)
    verdict, assigned, listed, card, audit = tell(meet, "The first verdict")
    assert "PIN501" in verdict.stdout
    assert "WHK" not in verdict.stdout
    assert None not in dict(meet.table).values()
    assert assigned.stdout.count("assigned") == len(ROOMS) - len(PINS)
    assert "weekly" in listed.stdout
    assert PINS[0] in card.stdout
    assert "PIN501" not in audit.stdout


def every_quarter_of_an_hour(meet: Meet) -> None:
    installed(meet)
    meet.server.join(WEEKLY, "alice")
    (ended,) = tell(meet, "Every quarter of an hour")
    assert (ended.stdout, ended.stderr) == ("", "")
    assert meet.rules() == {WEEKLY: PINS[0]}


def a_pin_leaked(meet: Meet) -> None:
    installed(meet)
    one, plan, rest, live = tell_after(
        meet, "A PIN leaked", 3, lambda: (meet.server.join(WEEKLY, "alice"), meet.sipctl("rules", "sync", "--apply"))
    )
    assert "undo: " in one.stderr
    assert (PINS[1] in plan.stdout, DAILY in plan.stdout) == (False, True)
    assert DAILY in rest.stdout
    assert WEEKLY in live.stdout
    assert meet.table[WEEKLY] == meet.rules()[WEEKLY] != PINS[0]
    assert meet.table[DAILY] != PINS[1]


def tell_after(meet: Meet, heading: str, count: int, between: Callable[[], object]) -> list[Result]:
    """The same, with something that happens after so many commands."""
    ended = []
    for at, line in enumerate(commands(heading)):
        if at == count:
            between()
        ended.append(meet.paste(line))
    return ended


def a_pin_was_edited(meet: Meet) -> None:
    installed(meet)
    meet.server.join(WEEKLY, "alice")
    meet.desk.store(owned(WEEKLY, "31415926"))
    found, _ = tell(meet, "A PIN was edited in Meet's administration", {0: 1})
    assert "PIN505" in found.stdout
    assert meet.rules() == {WEEKLY: PINS[0]}


def a_webhook_was_lost(meet: Meet) -> None:
    installed(meet)
    meet.server.join(WEEKLY, "alice")
    meet.server.join(ROOMS[4], "bob")
    plan, done = tell(meet, "A webhook was lost")
    assert "would create" in plan.stdout
    assert meet.backend.events == [("room_started", WEEKLY)]
    assert meet.rules() == {WEEKLY: PINS[0]}
    assert f"pin assign {ROOMS[4]}" in done.stdout


def meet_is_down(meet: Meet) -> None:
    installed(meet)
    meet.server.join(WEEKLY, "alice")
    meet.env["SIPCTL_WEBHOOK_URL"] = "http://127.0.0.1:9/"
    named, _ = tell(meet, "Meet is down", {0: 1})
    assert "WHK601" in named.stdout
    assert meet.rules() == {WEEKLY: PINS[0]}


def what_was_that(meet: Meet) -> None:
    installed(meet)
    meet.server.join(WEEKLY, "alice")
    meet.sipctl("rules", "sync", "--apply")
    past, undo = tell(meet, "What was that?")
    assert "create" in past.stdout
    assert "--apply" in undo.stdout + undo.stderr


CHAPTERS: dict[str, Callable[[Meet], None]] = {
    "Install": installed,
    "The first verdict": first_verdict,
    "Every quarter of an hour": every_quarter_of_an_hour,
    "A PIN leaked": a_pin_leaked,
    "A PIN was edited in Meet's administration": a_pin_was_edited,
    "A webhook was lost": a_webhook_was_lost,
    "Meet is down": meet_is_down,
    "What was that?": what_was_that,
}


@pytest.mark.parametrize("heading", CHAPTERS)
def test_a_chapter(meet: Meet, heading: str) -> None:
    CHAPTERS[heading](meet)


def test_no_chapter_has_a_command_that_is_not_run() -> None:
    assert re.findall(r"^## (.*)$", TEXT, re.MULTILINE) == list(CHAPTERS)
    assert TEXT.count("\n$ ") == sum(len(commands(heading)) for heading in CHAPTERS)
