"""Events that tell a backend what it missed, with the fewest fields that LiveKit's own have."""

import json
from typing import Literal

RoomEvent = Literal["room_started", "room_finished"]


def room_event(event: RoomEvent, name: str, sid: str, identifier: str, now: float) -> bytes:
    """The body of a room's event: camelCase, 64-bit integers as text, as protojson writes it.

    `sid` "" = not known, as for a room that is gone; `identifier` is the event's own ("EV_…"), `now` Unix seconds.
    """
    room = {"sid": sid, "name": name} if sid else {"name": name}
    value = {"event": event, "room": room, "id": identifier, "createdAt": str(int(now))}
    return json.dumps(value, ensure_ascii=False).encode()
