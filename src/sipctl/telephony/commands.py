"""Command lines of sipctl that findings and explanations prescribe, ready to paste."""

from collections.abc import Container
from shlex import join

from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.ownership import Ownership


def delete_rule(rule: DispatchRule, mark: Ownership, live: Container[str]) -> str:
    """Deletes a rule, past the rails that stand before it."""
    return _rule_command("delete", rule, (), mark, live)


def update_rule(rule: DispatchRule, words: tuple[str, ...], mark: Ownership, live: Container[str]) -> str:
    """Changes a rule, past the rails that stand before it."""
    return _rule_command("update", rule, words, mark, live)


def delete_trunk(trunk: InboundTrunk) -> str:
    """Deletes a trunk."""
    return join(("sipctl", "trunk", "delete", trunk.sip_trunk_id))


def update_trunk(trunk: InboundTrunk, words: tuple[str, ...]) -> str:
    """Changes an inbound trunk."""
    return join(("sipctl", "trunk", "update", trunk.sip_trunk_id, *words))


def restore_rule(rule_id: str) -> str:
    """Undoes the last change of a rule."""
    return join(("sipctl", "rules", "restore", "--id", rule_id, "--apply"))


def restore_change(item: str) -> str:
    """Undoes one change, by its id in the audit."""
    return join(("sipctl", "rules", "restore", item, "--apply"))


def on_room(command: str, room: str) -> str:
    """A command for one room, such as `sipctl pin show`; a name may look like an option."""
    return join((*command.split(), *(("--",) if room.startswith("-") else ()), room))


def _rule_command(verb: str, rule: DispatchRule, words: tuple[str, ...], mark: Ownership, live: Container[str]) -> str:
    foreign = () if mark.owns(rule) else ("--allow", "foreign")
    in_use = ("--allow", "live-room") if rule.room_name in live else ()
    return join(("sipctl", "rules", verb, rule.sip_dispatch_rule_id, *words, *foreign, *in_use))
