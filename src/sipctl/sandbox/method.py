"""One method of a Twirp service: the message it takes, the grant it needs, and what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from sipctl.sandbox.claims import Claims
from sipctl.sandbox.store import Store

M = TypeVar("M", bound=Message)

Run = Callable[[Store, M], Message]
Permission = Callable[[Claims | None, M], None]


@dataclass(frozen=True, slots=True)
class Method(Generic[M]):
    """`check` and `permit` see the request before the state of redis is looked at, `run` after."""

    request: type[M]
    permit: Permission[M]
    run: Run[M]


class Service:
    """The methods of one service by name."""

    def __init__(self, *, needs_redis: bool) -> None:
        self.needs_redis = needs_redis
        self.methods: dict[str, Method[Any]] = {}

    def method(self, name: str, request: type[M], permit: Permission[M]) -> Callable[[Run[M]], Run[M]]:
        """Register a function as a method."""

        def register(run: Run[M]) -> Run[M]:
            self.methods[name] = Method(request, permit, run)
            return run

        return register
