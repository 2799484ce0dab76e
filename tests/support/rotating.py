"""Rotations without a command line: a registry, a server, and PINs that are drawn in order."""

from collections.abc import Callable, Collection
from typing import Any

from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.batch import StopSwitch
from sipctl.operations.rotate import Rotated, Rotator
from tests.support.desk import Desk
from tests.support.homes import Home


def rotate(
    desk: Desk,
    home: Home,
    *rooms: str,
    chosen: dict[str, str] | None = None,
    switch: StopSwitch | None = None,
    allow: Collection[str] = (),
) -> list[Rotated]:
    """Rotate these rooms, all that have a PIN if none is named."""
    holdings = [one for one in home.registry.holdings() if one.pin and (not rooms or one.room in rooms)]
    done: list[Rotated] = work(desk, home, lambda rotator: rotator.rotate(holdings), chosen, switch, allow)
    return done


def work(
    desk: Desk,
    home: Home,
    act: Callable[[Rotator], Any],
    chosen: Any = None,
    switch: StopSwitch | None = None,
    allow: Collection[str] = (),
) -> Any:
    drawn = iter(range(100_000, 1_000_000))
    chosen = chosen or {}

    async def use(client: LiveKitClient) -> Any:
        settings = desk.writer(client, None).settings  # type: ignore[arg-type]
        rotator = Rotator(
            home.registry,
            client,
            settings,
            home.journal,
            lambda: str(next(drawn)),
            chosen,
            allow=frozenset(allow),
            switch=switch or StopSwitch(),
        )
        return await act(rotator)

    return desk.ask(use)


def pins(home: Home) -> dict[str, str]:
    return {one.room: one.pin for one in home.registry.holdings() if one.pin}
