"""What to change so that a call ends as its caller hopes. A change is tried on the matcher before it is proposed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, TypeVar, cast

from sipctl.command_line import CommandLine, Prose, both
from sipctl.telephony.addresses import is_ignored
from sipctl.telephony.commands import delete_rule, delete_trunk, give_pin, make_rule, update_rule, update_trunk
from sipctl.telephony.explaining.repairs import Repair, repairs
from sipctl.telephony.explaining.wire import EARLY_DIGITS
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.fault import MatchFault
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.route import Outcome, Result, Stage, route
from sipctl.telephony.matching.rules import FITTING, RuleChoice, rank
from sipctl.telephony.model import DispatchRule, InboundTrunk, RuleKind
from sipctl.telephony.naming import describe_rule, describe_trunk
from sipctl.telephony.ownership import serves
from sipctl.telephony.pins import MAX_LENGTH
from sipctl.telephony.ruleset import less_needed
from sipctl.telephony.site import Site

T = TypeVar("T")

_AT_MOST: Final = 3
_FAILED: Final = frozenset({Result.DROP, Result.ERROR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One proposal. `command` is a command of this version, None where only words help.

    `then` is how the call ends once it is done, None where there was nothing to try.
    """

    text: Prose
    command: CommandLine | None = None
    then: Outcome | None = None


def advise(site: Site, call: Call, outcome: Outcome) -> Iterator[Advice]:
    """The proposals for a call, best first; none if there is nothing to say."""
    final = outcome.final
    if outcome.result is Result.AUTH_REQUIRED:
        yield Advice(
            text="the provider must answer the challenge; if it is known by its address, make the trunk one without"
            " username and password (livekit-sip takes no REGISTER)"
        )
    if final.fault:
        yield from _against_fault(site, call, final.fault)
    elif final.result is Result.DROP:
        yield from islice(_against_drop(site, call, final), _AT_MOST)
    else:
        yield from _beside_success(site, call, final)


def _against_fault(site: Site, call: Call, fault: MatchFault) -> Iterator[Advice]:
    if fault.code == "panic":
        rule = fault.rules[0]
        shown = _swapped(site.lists.rules, rule, replace(rule, hide_phone_number=False))
        yield Advice(
            text=f"{describe_rule(rule)} hides the number of a caller who has none, which stops livekit-server",
            command=update_rule(rule, ("--show-phone-number",), site.mark, site.live or ()),
            then=route(WholeLists(site.lists.trunks, shown), call),
        )
    elif fault.rules:
        rule = less_needed(fault.rules[0], fault.rules[-1], site.live or (), site.pins)
        left = WholeLists(site.lists.trunks, _without(site.lists.rules, rule))
        yield Advice(
            text=both(f"delete {describe_rule(rule)}", after_deletion(site, rule)),
            then=route(left, call),
            command=delete_rule(rule, site.mark, site.live or ()),
        )
    elif fault.trunks:
        yield _one_trunk_less(site, call, fault.trunks)


def _one_trunk_less(site: Site, call: Call, trunks: Sequence[InboundTrunk]) -> Advice:
    """Of trunks that all take the call, the last one without which it gets further; the last if it never does."""
    tried = [
        Advice(
            text=f"delete {describe_trunk(trunk)}",
            command=delete_trunk(trunk),
            then=route(WholeLists(_without(site.lists.trunks, trunk), site.lists.rules), call),
        )
        for trunk in reversed(trunks)
    ]
    return next((one for one in tried if one.then and one.then.final.result not in _FAILED), tried[0])


def _against_drop(site: Site, call: Call, final: Outcome) -> Iterator[Advice]:
    tried = [_tried(site, call, repair) for repair in repairs(site, call, final)]
    helpful = [advice for advice in tried if advice.then]
    yield from helpful or tried
    if not site.lists.rules:
        yield from _without_rules(site)
    elif final.stage is Stage.PIN and not helpful:
        yield from _wrong_pin(call, final)


def _tried(site: Site, call: Call, repair: Repair) -> Advice:
    """The repair as advice; without an outcome if the call gets no further with it alone."""
    before, after = repair.before, repair.after
    lists = WholeLists(_swapped(site.lists.trunks, before, after), _swapped(site.lists.rules, before, after))
    outcome = route(lists, call)
    then, alone = (None, "; that alone is not enough") if outcome.result in _FAILED else (outcome, "")
    if isinstance(before, DispatchRule):
        command = update_rule(before, repair.words, site.mark, site.live or ())
        return Advice(text=f"{describe_rule(before)} {repair.fault}{alone}", command=command, then=then)
    command = update_trunk(before, repair.words)
    return Advice(text=f"{describe_trunk(before)} {repair.fault}{alone}", command=command, then=then)


def _without_rules(site: Site) -> Iterator[Advice]:
    """There is no rule at all: for want of a meeting, of a webhook, or of a room that this backend makes rules for."""
    rooms = sorted(site.live or ())
    ours = next(filter(site.mark.is_ours, rooms), None)
    if ours is not None:
        text = f"room {ours!r} is live and has no rule: its webhook was lost, or the backend refused it"
        yield Advice(text=text, command=make_rule(site, ours))
    elif rooms:
        yield Advice(
            text=f"room {rooms[0]!r} is live, and this backend never makes a rule for a room of such a name: its rooms"
            f" match {site.mark.room_pattern}"
        )
    else:
        yield Advice(text="there is no dispatch rule: rules exist only while their meetings do, so start the meeting")


def after_deletion(site: Site, rule: DispatchRule) -> Prose:
    """What follows the deletion of a rule; "" if no live room loses its only one."""
    room = rule.room_name
    others = (one for one in site.lists.rules if one is not rule and serves(one, room))
    if room not in (site.live or ()) or not site.mark.is_ours(room) or any(others):
        return ""
    has_its_pin = (site.pins or {}).get(room) == rule.pin
    rotate = (CommandLine.of("pin", "rotate").on(room).having("--allow", "live-room"),) if has_its_pin else ()
    steps = (*rotate, *make_rule(site, room).steps)
    return (f"room {room!r} is live and then has no rule, so go on with ", *_joined(steps))


def _joined(steps: Sequence[CommandLine]) -> Iterator[str | CommandLine]:
    for at, step in enumerate(steps):
        yield from (", then ", step) if at else (step,)


def _wrong_pin(call: Call, final: Outcome) -> Iterator[Advice]:
    if len(call.pin or "") > MAX_LENGTH:
        yield Advice(text=f"LiveKit hangs up at the 17th digit: PINs have {MAX_LENGTH} at most")
    elif final.rule:
        yield Advice(text=f"{describe_rule(final.rule)} leads to no room")
    elif call.pin:
        yield Advice(
            text="no rule has this PIN: its meeting is over or has not begun, or it is mistyped",
            command=CommandLine.of("pin", "lookup"),
        )


def _beside_success(site: Site, call: Call, final: Outcome) -> Iterator[Advice]:
    """What a caller who gets in should still make someone think."""
    rule = final.rule or final.prompt_rule
    if rule is None:
        return
    losers = [one for one in _fitting(final.before_pin) if one.pin]
    if final.stage is Stage.RULE and final.result is Result.ACCEPT and losers:
        yield Advice(
            text=f"{describe_rule(rule)} has no PIN and comes before {len(losers)} that have one:"
            f" {describe_rule(losers[0])}",
            command=give_pin(site, rule),
        )
    if final.trunk and final.trunk.allowed_addresses and all(map(is_ignored, final.trunk.allowed_addresses)):
        yield Advice(text=f"LiveKit ignores all allowed_addresses of {describe_trunk(final.trunk)}: any source passes")
    if final.trunk is None and site.lists.trunks:
        yield Advice(
            text="no trunk matched, so no address list or password was asked: the rule names no trunk, and anyone who"
            " reaches the SIP port gets as far"
        )
    if site.live is not None and site.mark.is_stale(rule, site.live):
        yield Advice(
            text=f"room {rule.room_name!r} is not live: the caller opens it again and sits there alone",
            command=delete_rule(rule, site.mark, site.live),
        )
    if len(call.pin or rule.pin) >= EARLY_DIGITS:
        yield Advice(
            text=f"of the keys pressed during the prompt only the first {EARLY_DIGITS} count, so the # of this PIN is"
            " lost: callers should wait for the end of the prompt"
        )


def doors(choice: RuleChoice | None) -> list[DispatchRule]:
    """What a caller who is asked for a PIN opens: by each PIN, and by `#` alone, the first rule, if it has a room."""
    best: dict[str, DispatchRule] = {}
    for rule in _fitting(choice):
        held = best.get(rule.pin)
        if held is None or rank(rule) < rank(held):
            best[rule.pin] = rule
    return [rule for rule in best.values() if rule.room_name or rule.kind is not RuleKind.DIRECT]


def _fitting(choice: RuleChoice | None) -> list[DispatchRule]:
    """The rules that passed every filter, in the order of ids."""
    pairs = zip(choice.rules, choice.reasons, strict=True) if choice else ()
    return [rule for rule, reason in pairs if reason in FITTING]


def _without(things: Iterable[T], one: T) -> list[T]:
    return [thing for thing in things if thing is not one]


def _swapped(things: Iterable[T], before: object, after: object) -> list[T]:
    return [cast("T", after) if thing is before else thing for thing in things]
