"""No command of `pin` shows a PIN that no one asked for, in no format."""

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.pin_commands import CANARY, pin, pins
from tests.support.running import env_of, run


@pytest.mark.parametrize("style", ["table", "json", "jsonl", "name", "csv", "junit", "prometheus"])
def test_no_format_shows_a_pin(sandbox: Sandbox, style: str) -> None:
    env = env_of(sandbox, ROOM_TELEPHONY_PIN_LENGTH="12", ROOM_TELEPHONY_PHONE_NUMBER="+33170189900")
    pin("assign", "a", "--pin-stdin", env=env, stdin=CANARY)
    assert run("rules", "create", "--room", "a", "--pin-from-registry", env=env).code == 0
    described = ""
    for words, stdin in (
        (("list",), ""), (("show", "a"), ""), (("lookup",), CANARY), (("audit", "-v"), ""), (("export",), ""),
        (("assign", "a"), ""), (("rotate", "a", "--dry-run"), ""), (("import", "-"), f"room,pin\nb,{CANARY}\n"),
        (("assign", "b", "--pin-stdin"), CANARY), (("rotate", "a"), ""), (("release", "a"), ""),
    ):  # fmt: skip
        ended = run("pin", *words, "-o", style, env=env, stdin=stdin.encode())
        described += ended.stdout + ended.stderr
    assert CANARY not in described
    assert not set(pins(env).values()) & set(described.split())
