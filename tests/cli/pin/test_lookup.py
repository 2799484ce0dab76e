"""`pin lookup`: whose a PIN is; what is none is a fault of the command line."""

import pytest

from tests.support.pin_commands import pin
from tests.support.running import assert_error, run


@pytest.mark.parametrize("text", ["123", "12345678901234567", "48219305x1", "standup", "••••••••71"])
def test_what_is_no_pin(text: str) -> None:
    refused = run("pin", "lookup", stdin=f"{text}\n".encode())
    assert_error(refused, 2, "4 to 16 digits")
    assert text not in refused.stderr


def test_a_pin_that_no_room_has() -> None:
    pin("lookup", stdin="4821930571\n", code=7)
