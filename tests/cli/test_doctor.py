"""`sipctl doctor` from the command line."""

import json

from sipctl.sandbox.server import Sandbox
from tests.support.pin_commands import pin
from tests.support.running import env_of, run


def test_the_doctor_knows_the_registry(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    sandbox.join("a", "alice")
    pin("assign", "a", env=env)
    assert run("rules", "create", "--room", "a", "--pin-from-registry", env=env).code == 0
    pin("rotate", "a", "--no-live", env=env)
    report = json.loads(run("doctor", "--settle", "0", "-o", "json", env=env).stdout)
    assert "PIN505" in {one["code"] for one in report["findings"] if one["level"] == "error"}
