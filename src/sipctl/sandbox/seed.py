"""A snapshot of trunks, rules and rooms, put into the store as it is: what LiveKit would refuse today included."""

from sipctl.lkapi.snapshot import snapshot_messages
from sipctl.sandbox.store import Store


def plant_snapshot(store: Store, text: str) -> None:
    """Fill the store from the JSON `{trunks, rules, rooms}`; every key may be missing, missing ids are made.

    Raises:
        UsageError: it is not JSON, or holds what LiveKit has no message for.
    """
    snapshot = snapshot_messages(text)
    for trunk in snapshot.trunks or ():
        trunk.sip_trunk_id = trunk.sip_trunk_id or store.new_id("ST_")
        store.inbound[trunk.sip_trunk_id] = trunk
    for rule in snapshot.rules or ():
        rule.sip_dispatch_rule_id = rule.sip_dispatch_rule_id or store.new_id("SDR_")
        store.rules[rule.sip_dispatch_rule_id] = rule
    for room in snapshot.rooms or ():
        opened = store.open_room(room.name, room.empty_timeout, room.departure_timeout).info
        opened.metadata, opened.max_participants = room.metadata, room.max_participants
