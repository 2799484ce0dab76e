"""The headline of purge and sync: what was done, not what was planned; and no undo where nothing was."""

import io
import json
from collections.abc import Sequence

import pytest

from sipctl.cli.rules.plan_view import PlanView
from sipctl.command_line import CommandLine
from sipctl.operations.sync.result import Done, Outcome, Result
from sipctl.output.streams import Streams
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.plan import Action, Item, Reason

D, U, C = Action.DELETE, Action.UPDATE, Action.CREATE


def shown(style: str, done: Sequence[tuple[Action, Result]]) -> str:
    items = [
        Item(action=action, reason=Reason.STALE, room=f"r{at}", before=DispatchRule(sip_dispatch_rule_id=f"SDR_{at}"))
        for at, (action, _) in enumerate(done)
    ]
    results = [Done(item, result) for item, (_, result) in zip(items, done, strict=True)]
    view = PlanView(Outcome(items=items, done=results, run="r1"), False, CommandLine.__str__)
    return "".join(view.render(style, Streams(io.StringIO(), io.StringIO())))


@pytest.mark.parametrize(
    ("done", "headline", "has_undo"),
    [
        ([(D, Result.ALIVE)] * 3, "3 rules of rooms that became live, none deleted.", False),
        ([(D, Result.DONE)] * 2, "2 rules deleted.", True),
        ([(D, Result.DONE), (U, Result.DONE), (C, Result.DONE)], "1 rule deleted, 1 changed, 1 created.", True),
        ([(D, Result.DONE), (D, Result.PUT_BACK)], "1 rule deleted, 1 put back for a live room.", True),
        ([(D, Result.NEEDED)], "1 rule put back, none deleted.", False),
        ([(C, Result.THERE), (C, Result.ENDED)], "1 rule there already, 1 not needed any more, none created.", False),
        ([(D, Result.FAILED), (C, Result.NOT_BEGUN)], "1 rule failed, 1 not begun, none written.", False),
        ([(D, Result.UNKNOWN)], "1 rule perhaps written.", True),
        ([(D, Result.NOT_PUT_BACK)], "1 rule deleted and not put back.", True),
        ([(D, Result.GONE), (D, Result.CHANGED)], "1 rule changed meanwhile, 1 gone already, none deleted.", False),
    ],
)
def test_the_headline_counts_what_was_done(done: list[tuple[Action, Result]], headline: str, *, has_undo: bool) -> None:
    text = shown("table", done)
    assert text.startswith(headline)
    assert ("undo: sipctl rules restore --run r1 --apply" in text) == has_undo
    assert bool(json.loads(shown("json", done))["undo"]) == has_undo
