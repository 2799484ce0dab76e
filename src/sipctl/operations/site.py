"""What routing depends on: a snapshot, with the settings of the profile."""

from collections.abc import Iterable, Mapping

from sipctl.config.model import Settings
from sipctl.errors import UsageError
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.site import Site
from sipctl.telephony.snapshot import Snapshot

ASSUMED = "SDR_assumed"
"""The id of a rule that is not there but would be, were its room live."""

UNKNOWN_PIN = "•"
"""Stands for a digit of a PIN that no one knows."""


def site_of(
    settings: Settings,
    snapshot: Snapshot,
    assumed: Iterable[DispatchRule] = (),
    pins: Mapping[str, str] | None = None,
) -> Site:
    """A snapshot with the settings that routing needs; `assumed` are rules that are not there yet.

    Raises:
        UsageError: the snapshot does not say which trunks or which rules there are.
    """
    if snapshot.trunks is None or snapshot.rules is None:
        missing = "trunks" if snapshot.trunks is None else "rules"
        raise UsageError(
            f"the snapshot does not say which {missing} there are",
            hint=f'add LiveKit\'s list of them with another --offline, or "{missing}": [] if there are none',
        )
    live = None if snapshot.rooms is None else frozenset(room.name for room in snapshot.rooms)
    return Site(
        lists=WholeLists(snapshot.trunks, (*snapshot.rules, *assumed)),
        mark=settings.mark,
        outbound=frozenset(trunk.sip_trunk_id for trunk in snapshot.outbound or ()),
        live=live,
        number=settings.telephony.dialled,
        pins=pins,
        by_backend=bool(settings.webhook_url),
        country=settings.telephony.default_country,
    )


def assumed_rules(
    settings: Settings, rooms: Iterable[str], snapshot: Snapshot, pins: Mapping[str, str]
) -> list[DispatchRule]:
    """The rules that the backend would make if these rooms were live; a room that has its rule gets none.

    A room whose PIN is not known gets one that no one can type.
    """
    has_one = {rule.room_name for rule in snapshot.rules or () if settings.mark.owns(rule)}
    return [
        DispatchRule(
            sip_dispatch_rule_id=f"{ASSUMED}_{at}" if at else ASSUMED,
            name=settings.mark.name_for(room),
            room_name=room,
            pin=pins.get(room, f"{UNKNOWN_PIN * settings.telephony.pin_length}{at or ''}"),
            trunk_ids=settings.trunk_ids or (),
        )
        for at, room in enumerate(room for room in rooms if room not in has_one)
    ]
