"""`sipctl rules sync --apply`, killed with SIGKILL around each line of its audit; the next run puts things right."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sipctl.telephony.model import Room
from tests.support.desk import Desk
from tests.support.peers.livekit import RealLiveKit
from tests.support.running import env_of, run
from tests.support.yard import owned

PINS = {"drifted": "4001000183", "twice": "4002000292", "new": "4003000317", "stale": "4004000461"}

DYING = """
import os, signal, sys
from sipctl.cli import app
from sipctl.operations.audit import Journal

left = int(sys.argv[1])
append = Journal._append

def dying(*args, **keywords):
    global left
    for step in (None, append):
        if step:
            step(*args, **keywords)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

Journal._append = dying
sys.exit(app.run(sys.argv[2:]))
"""
WORDS = ("rules", "sync", "--apply", "--grace", "0s", "--allow", "unattended")


@pytest.mark.real
@pytest.mark.timeout(300)
def test_killed_around_each_line_of_the_audit(real: RealLiveKit, tmp_path: Path) -> None:
    """Before a line is written and after it; the room of the stale rule comes alive while the run is dead."""
    desk = Desk(server=real, folder=tmp_path)
    env = env_of(real)
    table = "room,pin\n" + "".join(f"{room},{pin}\n" for room, pin in PINS.items())
    assert run("pin", "import", "-", "--apply", env=env, stdin=table.encode()).code == 0
    for room in ("drifted", "twice", "new"):
        desk.ask(lambda client, one=room: client.create_room(Room(name=one)))  # type: ignore[misc]
    for steps in itertools.count():
        set_out(desk)
        ended = subprocess.run(
            [sys.executable, "-c", DYING, str(steps), *WORDS], env=env, capture_output=True, check=False
        )
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        desk.ask(lambda client: client.create_room(Room(name="stale")))
        again = run(*WORDS, env=env)
        assert again.code == 0, again
        assert sorted((rule.room_name, rule.pin) for rule in desk.rules()) == sorted(PINS.items()), steps
        assert "Nothing to do." in run(*WORDS, env=env).stdout
        desk.ask(lambda client: client.delete_room("stale"))
    assert steps > 12
    assert sorted((rule.room_name, rule.pin) for rule in desk.rules()) == sorted(
        PINS.items() - {("stale", PINS["stale"])}
    )


def set_out(desk: Desk) -> None:
    """A rule whose PIN is the word None, two where one is enough, one too few, and a stale one."""
    for rule in desk.rules():
        desk.ask(lambda client, one=rule: client.delete_rule(one.sip_dispatch_rule_id))  # type: ignore[misc]
    desk.store(owned("drifted", "None"))
    desk.store(owned("twice", PINS["twice"]))
    desk.store(owned("twice", PINS["twice"], trunk_ids=("ST_other",)))
    desk.store(owned("stale", PINS["stale"]))
