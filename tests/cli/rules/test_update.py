"""`rules create` and `update` say what a rule would break."""

import json

from sipctl.sandbox.server import Sandbox
from tests.support.offline import NUMBER, OTHER_PIN, PIN, plant
from tests.support.running import Result, assert_error, env_of, run


def test_writes_are_linted(sandbox: Sandbox) -> None:
    plant(sandbox)
    env = env_of(sandbox)

    def create(*words: str, pin: str = "") -> Result:
        stdin = ("--pin-stdin",) if pin else ("--allow", "open")
        return run("rules", "create", "--room", "lobby", *stdin, *words, env=env, stdin=f"{pin}\n".encode())

    number = ("--trunk", "ST_a")
    assert create(*number).code == 0
    (lobby,) = (key for key in sandbox.store.rules if key != "SDR_a")
    narrow = run("rules", "update", lobby, "--number", NUMBER, env=env)
    assert_error(narrow, 5, "wins over SDR_a", "--allow RUL402")
    assert run("rules", "update", lobby, "--number", NUMBER, "--allow", "RUL402", env=env).code == 5
    allowed = ("--allow", "RUL402", "--allow", "RUL417")
    assert run("rules", "update", lobby, "--number", NUMBER, *allowed, env=env).code == 0
    assert_error(create("--trunk", "ST_a", "--allow", "RUL999", pin=OTHER_PIN), 2, "RUL417")
    assert_error(create("--trunk", "ST_a", pin=PIN), 5, "already takes calls")


def test_numbers_at_creation_and_by_single_entries(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    create = "rules create --room demo --pin-stdin --number +33199000001 --caller +33612345678"
    assert run(*create.split(), env=env, stdin=b"4821930571").code == 0
    update = "rules update SIP_demo --add-number +33199000002 --remove-number +33199000001"
    assert run(*update.split(), env=env).code == 0
    (rule,) = json.loads(run("rules", "list", "-o", "json", env=env).stdout)["items"]
    assert (rule["numbers"], rule["inbound_numbers"]) == (["+33199000002"], ["+33612345678"])
    assert run("rules", "update", "SIP_demo", "--remove-number", "+33199000002", env=env).code == 2
