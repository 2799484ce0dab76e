"""A story of events, waits and expectations, as a TOML file describes it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sipctl.config.values import DURATION_FAULT, read_duration
from sipctl.errors import UsageError
from sipctl.webhooks.answer import RETRY_WAITS_S
from sipctl.webhooks.event import NAMES

_LIMIT: Final = 10_000
_HINT: Final = "a step has event, again, wait, expect_rule or expect_no_rule; docs/scenarios has examples"
_WITHIN: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """An event that is sent. `status` None = any success; `retries` is how often LiveKit would try again."""

    event: str
    room: str
    participant: str = ""
    edits: tuple[tuple[str, str], ...] = ()
    status: int | None = None
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The event of an earlier step once more: the same bytes and id, as after an answer that LiveKit did not get."""

    step: int
    status: int | None = None
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A pause of so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What must be true in LiveKit within so many seconds: the room has exactly one owned rule, or none."""

    room: str
    has_rule: bool
    within_s: float


Step = Send | Again | Wait | Expect


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story and its name."""

    name: str
    steps: tuple[Step, ...] = field(default=())

    @property
    def expects(self) -> bool:
        """Whether LiveKit is to be asked."""
        return any(isinstance(step, Expect) for step in self.steps)


def read_scenario(text: str, room: str = "") -> Scenario:
    """The story of a file; a `room` that is given takes the place of the file's own `room`.

    Raises:
        UsageError: it is no TOML, or a step makes no sense.
    """
    try:
        value = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the scenario is not TOML: {error}", hint=_HINT) from None
    rows = value.pop("steps", None)
    own_room, name = value.pop("room", ""), value.pop("name", "")
    if not isinstance(rows, list) or not rows or len(rows) > _LIMIT:
        raise UsageError(f"a scenario has a list of 1 to {_LIMIT} `steps`", hint=_HINT)
    if value or not isinstance(own_room, str) or not isinstance(name, str):
        raise UsageError("beside `steps` a scenario has the texts `name` and `room`", hint=_HINT)
    steps: list[Step] = []
    for number, row in enumerate(rows, 1):
        try:
            steps.append(_step(_Row(row, room or own_room), steps))
        except UsageError as error:
            raise UsageError(f"step {number}: {error.message}", hint=_HINT) from None
    return Scenario(name, tuple(steps))


class _Row:
    """A step as it is read, key by key; what is left over makes no sense."""

    def __init__(self, value: object, room: str) -> None:
        if not isinstance(value, dict):
            raise UsageError("it is no table")
        self._left: dict[str, Any] = dict(value)
        self._room = room

    def has(self, key: str) -> bool:
        return key in self._left

    def is_true(self, key: str) -> bool:
        """Whether the key is there with nothing but `true`; then it is read."""
        return self._left.get(key) is True and bool(self._left.pop(key))

    def text(self, key: str, default: str = "") -> str:
        value = self._left.pop(key, default)
        if not isinstance(value, str):
            raise UsageError(f"{key} is no text")
        return value

    def room(self, key: str) -> str:
        room = self.text(key, self._room)
        if not room:
            raise UsageError("no room is named")
        return room

    def number(self, key: str, lowest: int, highest: int) -> int | None:
        value = self._left.pop(key, None)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise UsageError(f"{key} is no number from {lowest} to {highest}")
        return value

    def seconds(self, key: str, default: timedelta) -> float:
        value = self._left.pop(key, default.total_seconds())
        if isinstance(value, str):
            span = read_duration(value)
            if span is None:
                raise UsageError(f"{key} {value!r} {DURATION_FAULT}")
            return span.total_seconds()
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86_400:
            raise UsageError(f"{key} is no number of seconds up to a day")
        return float(value)

    def edits(self) -> tuple[tuple[str, str], ...]:
        value = self._left.pop("set", {})
        if not isinstance(value, Mapping):
            raise UsageError("`set` is no table of paths and values")
        return tuple((path, _as_text(given)) for path, given in value.items())

    def end(self) -> None:
        """Refuse what was not read."""
        if self._left:
            raise UsageError(f"it has no {', '.join(self._left)}")


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise UsageError("a value of `set` is a text, a number or a boolean")


def _step(row: _Row, before: list[Step]) -> Step:
    step = _read_step(row, before)
    row.end()
    return step


def _read_step(row: _Row, before: list[Step]) -> Step:
    if row.has("event"):
        name = row.text("event")
        if name not in NAMES:
            raise UsageError(f"LiveKit has no event {name!r}")
        return Send(
            event=name, room=row.room("room"), participant=row.text("participant"), edits=row.edits(),
            status=_status(row), retries=_retries(row),
        )  # fmt: skip
    if row.has("again"):
        step = row.number("again", 1, max(len(before), 1)) or 0
        if not before or not isinstance(before[step - 1], Send):
            raise UsageError(f"step {step} before it sends no event")
        return Again(step=step, status=_status(row), retries=_retries(row))
    if row.has("wait"):
        return Wait(seconds=row.seconds("wait", timedelta()))
    for key in ("expect_rule", "expect_no_rule"):
        if row.has(key):
            within_s = row.seconds("within", _WITHIN)
            return Expect(room=_expected(row, key), has_rule=key == "expect_rule", within_s=within_s)
    raise UsageError("it says nothing that can be done")


def _expected(row: _Row, key: str) -> str:
    """The room of an expectation: its name, or `true` for the scenario's own."""
    return row.room("room") if row.is_true(key) else row.room(key)


def _status(row: _Row) -> int | None:
    return row.number("status", 100, 599)


def _retries(row: _Row) -> int:
    return row.number("retries", 0, len(RETRY_WAITS_S)) or 0
