"""One call explained: one screen for people, one object for scripts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypedDict

from sipctl.cli.rows import shown_pin
from sipctl.cli.rules.outcome_rows import RuleReason as RuleReasonRow
from sipctl.cli.rules.outcome_rows import TrunkReason as TrunkReasonRow
from sipctl.cli.rules.outcome_rows import WiredEnding, ending_row, reasons_row
from sipctl.command_line import prose_text
from sipctl.output.formats import encode_json, name_lines
from sipctl.output.people import for_people
from sipctl.output.streams import Streams
from sipctl.telephony.explaining.advice import doors
from sipctl.telephony.explaining.explanation import Explanation, Variant
from sipctl.telephony.explaining.wire import WireStep, wire
from sipctl.telephony.explaining.words import (
    RULE_REASONS,
    Shown,
    describe_outcome,
    describe_sources,
    trunk_reason,
    verdict,
)
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.record import Ending, outcome_record
from sipctl.telephony.matching.route import Outcome
from sipctl.telephony.matching.rules import RuleChoice, RuleReason
from sipctl.telephony.matching.trunks import TrunkReason
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.naming import describe_rule, describe_trunk
from sipctl.telephony.reach.row import GETS_IN, Reach, ReachWord
from sipctl.telephony.reach.words import describe_call

DialledCall = TypedDict(
    "DialledCall",
    {"to": str, "to_host": str, "from": str, "from_host": str, "source_ip": str, "pin": str | None},
)
"""The call that was asked about."""


class SourceEnding(Ending):
    """How the call ends from one source; `allowed_by` is the trunk that lists it, "" = none does."""

    source_ip: str
    allowed_by: str


_Spelled = TypedDict("_Spelled", {"to": str, "from": str})


class SpelledEnding(Ending, _Spelled):
    """How the call ends with its numbers in E.164."""


class AdviceRow(TypedDict):
    """What to change; `command` and `then` (how the call ends after it) are "" where there is none."""

    text: str
    command: str
    then: str


class CalledRoom(TypedDict):
    """What becomes of the call with the PIN of a live room; `why` says it in words."""

    room: str
    reach: ReachWord
    why: str


class ExplainedCall(WiredEnding):
    """One call, explained."""

    call: DialledCall
    verdict: str
    trunks: list[TrunkReasonRow]
    rules: list[RuleReasonRow]
    sources: list[SourceEnding]
    in_e164: SpelledEnding | None
    advice: list[AdviceRow]
    rooms: list[CalledRoom]


PRINTS: Final = {"explanation": ExplainedCall}

Heading = Callable[[DispatchRule, RuleReason], str]
"""What became of a rule, for the group that it is shown in."""

_EXAMPLES: Final = 3
_TRUNKS_SHOWN: Final = 8
_TRUNK_ORDER: Final = {TrunkReason.MATCHED: 0, TrunkReason.NUMBERS: 2}
"""The matched trunk first, those with other numbers last."""


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """An explanation; `show_all` shows each trunk and rule instead of a few of each group."""

    explanation: Explanation
    show_pins: bool
    show_all: bool = False
    rooms: tuple[Reach, ...] = ()

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The explanation as text."""
        record = explanation_record(self.explanation, show_pins=self.show_pins)
        record["rooms"] = [
            CalledRoom(room=row.room, reach=row.outcome.value, why=describe_call(row)) for row in self.rooms
        ]
        if style == "json":
            yield f"{encode_json({'schema': 'sipctl/explanation/v1', 'item': record})}\n"
        elif style == "jsonl":
            yield f"{encode_json(record)}\n"
        elif style == "name":
            yield from name_lines([record["rule_id"]] if record["rule_id"] else [], streams)
        else:
            yield "".join(for_people(self._lines(), streams.out))

    def _lines(self) -> Iterator[str]:
        explanation = self.explanation
        yield from self._verdict()
        yield ""
        yield f"call    {_describe_call(explanation.call, self._shown)}"
        yield from self._trunk_lines(explanation.outcome)
        final = explanation.outcome.final
        if final.before_pin:
            title = "before the PIN, " if final.after_pin else ""
            yield from self._rule_lines(final.before_pin, title, _heading_before_pin(final.before_pin))
        if final.after_pin:
            yield from self._rule_lines(final.after_pin, "after the PIN, ", lambda _, reason: RULE_REASONS[reason])
        yield from _wire_lines(explanation.outcome)
        yield from self._room_lines()
        yield from self._remarks()

    def _verdict(self) -> Iterator[str]:
        if not self.explanation.sources:
            yield verdict(self.explanation, self._shown)
            return
        yield "It depends on where the call comes from:"
        yield from (f"  {described}" for described in describe_sources(self.explanation, self._shown))

    def _trunk_lines(self, outcome: Outcome) -> Iterator[str]:
        choice = outcome.trunk_choice
        yield f"trunks  {_counted(choice.trunks)}"
        pairs = sorted(zip(choice.trunks, choice.reasons, strict=True), key=lambda pair: _TRUNK_ORDER.get(pair[1], 1))
        shown = pairs if self.show_all else pairs[:_TRUNKS_SHOWN]
        for trunk, reason in shown:
            yield f"  {'✓' if trunk is outcome.trunk else '✗'} {describe_trunk(trunk)} {trunk_reason(trunk, reason)}"
        if len(pairs) > len(shown):
            yield f"  ✗ and {len(pairs) - len(shown):,} more (--all)"

    def _rule_lines(self, choice: RuleChoice, when: str, heading_of: Heading) -> Iterator[str]:
        yield f"rules   {when}{_counted(choice.rules)}"
        for heading, rules in _grouped(choice, heading_of):
            shown = rules if self.show_all else rules[:_EXAMPLES]
            count = f"{len(rules):,} " if len(rules) > 1 else ""
            more = f", and {len(rules) - len(shown):,} more (--all)" if len(rules) > len(shown) else ""
            mark = "✓" if heading in _TAKING else "✗"
            yield f"  {mark} {count}{heading}: {', '.join(map(describe_rule, shown))}{more}"

    def _room_lines(self) -> Iterator[str]:
        """What the PIN of each live room does, those first that it does not open."""
        if not self.rooms:
            return
        yield f"rooms   {len(self.rooms):,} live, called with {'their PINs' if self.rooms[1:] else 'its PIN'}"
        ordered = sorted(self.rooms, key=lambda row: row.outcome in GETS_IN)
        shown = ordered if self.show_all else ordered[:_TRUNKS_SHOWN]
        for row in shown:
            yield f"  {'✓' if row.outcome in GETS_IN else '✗'} {row.room}: {describe_call(row)}"
        if len(ordered) > len(shown):
            yield f"  and {len(ordered) - len(shown):,} more (--all)"

    def _remarks(self) -> Iterator[str]:
        explanation = self.explanation
        if explanation.in_e164:
            yield f"number  {_describe_e164(explanation, explanation.in_e164, self._shown)}"
        for advice in explanation.advice:
            yield f"{'change' if advice.command or advice.then else 'note':8}{prose_text(advice.text)}"
            if advice.command:
                yield f"        $ {advice.command}"
            if advice.then:
                yield f"        then {describe_outcome(advice.then, explanation.call, self._shown)}"

    def _shown(self, pin: str) -> str:
        return shown_pin(pin, show=self.show_pins)


_ASKS: Final = "asks for the PIN"
_OWN_PIN: Final = "opened by its own PIN"
_HASH: Final = "opened by # alone"
_DOORS: Final = frozenset({_OWN_PIN, _HASH})
_TAKING: Final = frozenset({RULE_REASONS[RuleReason.WON], _ASKS}) | _DOORS


def _grouped(choice: RuleChoice, heading_of: Heading) -> list[tuple[str, Sequence[DispatchRule]]]:
    """The rules under what became of them, the winner first, then the smallest groups."""
    groups: dict[str, list[DispatchRule]] = {}
    for rule, reason in zip(choice.rules, choice.reasons, strict=True):
        groups.setdefault(heading_of(rule, reason), []).append(rule)
    return sorted(groups.items(), key=lambda group: (group[0] not in _TAKING, group[0] in _DOORS, len(group[1])))


def _heading_before_pin(choice: RuleChoice) -> Heading:
    """A rule that loses to one with a PIN has lost nothing if its own PIN, or # alone, opens it."""
    opened = set(map(id, doors(choice))) if choice.rule and choice.rule.pin else set()

    def heading(rule: DispatchRule, reason: RuleReason) -> str:
        if reason is RuleReason.WON and rule.pin:
            return _ASKS
        if id(rule) not in opened:
            return RULE_REASONS[reason]
        return _OWN_PIN if rule.pin else _HASH

    return heading


def _describe_call(call: Call, shown: Shown) -> str:
    source = call.source_ip or "an unknown address"
    typed = "" if call.pin is None else f", types {shown(call.pin)}#"
    host = f"@{call.from_host}" if call.from_host else ""
    return f"{call.from_user or 'a hidden number'}{host} dials {call.to_user or 'nothing'}, from {source}{typed}"


def _counted(things: Sequence[object]) -> str:
    return f"{len(things):,} looked at" if things else "there is none"


def _wire_lines(outcome: Outcome) -> Iterator[str]:
    """What is sent and heard, under the moment from which its times count."""
    title = "wire"
    for ended in filter(None, (outcome, outcome.after_auth)):
        for since, steps in groupby(wire(ended), key=lambda step: step.since):
            answered = ", password answered" if ended is outcome.after_auth else ""
            yield f"{title:8}after {since}{answered}, typically: {', '.join(map(_describe_step, steps))}"
            title = ""


def _describe_step(step: WireStep) -> str:
    every = f" and every {_describe_ms(step.every_ms)}" if step.every_ms else ""
    after = "" if step.after_ms is None or step.kind == "silence" else f" at {_describe_ms(step.after_ms)}"
    return f"{step.what}{after}{every} {step.when}".rstrip()


def _describe_ms(milliseconds: int) -> str:
    """Seconds from ten on: no one counts 180000 ms."""
    return f"{milliseconds / 1000:g} s" if milliseconds >= 10_000 else f"{milliseconds} ms"


def _describe_e164(explanation: Explanation, variant: Variant, shown: Shown) -> str:
    names = {
        "to": (explanation.call.to_user, variant.call.to_user),
        "from": (explanation.call.from_user, variant.call.from_user),
    }
    changed = " and ".join(f"{new} instead of {old}" for old, new in names.values() if old != new)
    return f"with {changed}, {describe_outcome(variant.outcome, explanation.call, shown)}"


def explanation_record(explanation: Explanation, *, show_pins: bool) -> ExplainedCall:
    """An explanation as JSON: the outcome's own fields, then what it rests on."""

    def shown(pin: str) -> str:
        return shown_pin(pin, show=show_pins)

    call, outcome = explanation.call, explanation.outcome
    return ExplainedCall(
        call=_call_row(call, shown),
        verdict=verdict(explanation, shown),
        **ending_row(outcome),
        **reasons_row(outcome),
        sources=[
            SourceEnding(
                source_ip=one.call.source_ip,
                allowed_by=one.source.trunk.sip_trunk_id if one.source and one.source.trunk else "",
                **outcome_record(one.outcome),
            )
            for one in explanation.sources
        ],
        in_e164=_variant_row(explanation.in_e164) if explanation.in_e164 else None,
        advice=[
            AdviceRow(
                text=prose_text(one.text),
                command=str(one.command or ""),
                then=describe_outcome(one.then, call, shown) if one.then else "",
            )
            for one in explanation.advice
        ],
        rooms=[],
    )


def _call_row(call: Call, shown: Shown) -> DialledCall:
    return {
        "to": call.to_user,
        "to_host": call.to_host,
        "from": call.from_user,
        "from_host": call.from_host,
        "source_ip": call.source_ip,
        "pin": None if call.pin is None else shown(call.pin),
    }


def _variant_row(variant: Variant) -> SpelledEnding:
    return {"to": variant.call.to_user, "from": variant.call.from_user, **outcome_record(variant.outcome)}
