"""What the methods on trunks and on rules share: lists as LiveKit lists them, updates as it applies them."""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, Final, TypeVar

from livekit.protocol.models import Pagination

from sipctl.sandbox.auth import require
from sipctl.sandbox.claims import Claims
from sipctl.sandbox.method import Service
from sipctl.sandbox.store import Store
from sipctl.sandbox.twirp import TwirpError
from sipctl.sandbox.validation import updated_list

T = TypeVar("T")

SIP: Final = Service(needs_redis=True)


def admin(claims: Claims | None, _request: object) -> None:
    """Refuse a call without the grant that every method on trunks and rules needs."""
    require(claims, "sip", "admin")


def listed(things: Mapping[str, T], page: Pagination, passes: Callable[[T], bool], *, filtered: bool) -> list[T]:
    """What a list method answers: in the order of ids, from `after_id` on.

    `limit` is only the size of LiveKit's inner batches; with a filter, the first batch without a hit ends the list.
    """
    ordered = [things[key] for key in sorted(things) if key > page.after_id]
    if not (page.limit and filtered):
        return list(filter(passes, ordered))
    chosen: list[T] = []
    for start in range(0, len(ordered), page.limit):
        hits = list(filter(passes, ordered[start : start + page.limit]))
        if not hits:
            break
        chosen += hits
    return chosen


def with_second(things: list[T], new: T) -> list[T]:
    """The list as LiveKit checks it on a create: the new thing right after the one with the smallest id."""
    return [*things[:1], new, *things[1:]]


def swapped(things: Iterable[T], identify: Callable[[T], str], updated: T) -> list[T]:
    """The list as LiveKit checks it on an update: the updated thing counts only where the stored one is listed."""
    return [updated if identify(thing) == identify(updated) else thing for thing in things]


def apply_update(update: Any, target: Any, *, lists: Container[str]) -> None:  # noqa: ANN401 - three pairs of messages
    """Write the fields that an update names, and the empty `media` that any update leaves behind."""
    for field, value in update.ListFields():
        if field.name in lists:
            changed = updated_list(getattr(target, field.name), value)
            target.ClearField(field.name)
            getattr(target, field.name).extend(changed)
        elif field.name == "attributes":
            for key, text in value.items():
                target.attributes.pop(key, None)
                if text:
                    target.attributes[key] = text
        elif field.message_type:
            getattr(target, field.name).CopyFrom(value)
        else:
            setattr(target, field.name, value)
    upgrade_media(target)


def upgrade_media(thing: Any) -> None:  # noqa: ANN401 - a rule or a trunk
    """Carry the older `media_encryption` over into `media`, which comes into being by that."""
    thing.media.SetInParent()
    if thing.media_encryption and not thing.media.HasField("encryption"):
        thing.media.encryption = thing.media_encryption


def stored(store: Store, things: Mapping[str, T], identifier: str, missing: str) -> T:
    """The thing with this id.

    Raises:
        TwirpError: `not_found` with this text, or redis is lost.
    """
    store.reach_redis()
    if identifier not in things:
        raise TwirpError("not_found", missing)
    return things[identifier]
