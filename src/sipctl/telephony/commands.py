"""Commands of sipctl that findings and explanations prescribe."""

from collections.abc import Container

from sipctl.command_line import CommandLine
from sipctl.telephony import ids
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.site import Site


def delete_rule(rule: DispatchRule, mark: Ownership, live: Container[str]) -> CommandLine:
    """Deletes a rule, with the words that lift the safeguards before it."""
    return _rule_command("delete", rule, (), mark, live)


def update_rule(rule: DispatchRule, words: tuple[str, ...], mark: Ownership, live: Container[str]) -> CommandLine:
    """Changes a rule, with the words that lift the safeguards before it."""
    return _rule_command("update", rule, words, mark, live)


def make_rule(site: Site, room: str) -> CommandLine:
    """Makes the rule of a live room that has none, and gives the room a PIN before if it may need one.

    Where other rules carry PINs and there is no registry, the PIN has to be typed: only its backend knows it.
    """
    create = CommandLine.of("rules", "create", "--room", room)
    if (site.pins or {}).get(room):
        return create.having("--pin-from-registry")
    if site.pins is None and site.by_backend:
        return CommandLine.of("rules", "sync", "--room", room, "--apply")
    if site.pins is None and any(rule.pin and site.mark.owns(rule) for rule in site.lists.rules):
        return create.having("--pin-stdin")
    return CommandLine.of("pin", "assign").on(room).then(create.having("--pin-from-registry"))


def give_pin(site: Site, rule: DispatchRule) -> CommandLine:
    """Gives an open rule a PIN: that of its room if the rule is ours and the registry may have one, else one typed."""
    knows = site.pins is not None or not any(one.pin and site.mark.owns(one) for one in site.lists.rules)
    if site.mark.owns(rule) and knows and rule.room_name in (site.live or ()):
        sync = CommandLine.of("rules", "sync", "--room", rule.room_name, "--apply")
        return CommandLine.of("pin", "assign").on(rule.room_name).then(sync)
    return update_rule(rule, ("--pin-stdin",), site.mark, site.live or ())


def delete_trunk(trunk: InboundTrunk) -> CommandLine:
    """Deletes a trunk."""
    return CommandLine.of("trunk", "delete").on(trunk.sip_trunk_id)


def update_trunk(trunk: InboundTrunk, words: tuple[str, ...]) -> CommandLine:
    """Changes an inbound trunk."""
    return CommandLine.of("trunk", "update").on(trunk.sip_trunk_id).having(*words)


def room_reference(name: str, sid: str) -> str:
    """What a command calls a live room: its sid, where no terminal shows the name as it is, or it looks like a sid."""
    is_clear = name.isprintable() and not ids.has_id_shape(name, ids.ROOM)
    return name if is_clear or not sid else sid


def restore_rule(rule_id: str) -> CommandLine:
    """Undoes the last change of a rule."""
    return CommandLine.of("rules", "restore", "--id", rule_id, "--apply")


def restore_change(item: str) -> CommandLine:
    """Undoes one change, by its id in the audit."""
    return CommandLine.of("rules", "restore").on(item).having("--apply")


def restore_run(run: str) -> CommandLine:
    """Undoes a whole run, by its id in the audit."""
    return CommandLine.of("rules", "restore", "--run", run, "--apply")


def recover_rotations(*options: str) -> CommandLine:
    """Finishes the rotations that were begun and not ended."""
    return CommandLine.of("pin", "rotate", "--recover", *options, "--apply")


def _rule_command(
    verb: str, rule: DispatchRule, words: tuple[str, ...], mark: Ownership, live: Container[str]
) -> CommandLine:
    foreign = () if mark.owns(rule) else ("--allow", "foreign")
    in_use = ("--allow", "live-room") if rule.room_name in live else ()
    return CommandLine.of("rules", verb).on(rule.sip_dispatch_rule_id).having(*words, *foreign, *in_use)
