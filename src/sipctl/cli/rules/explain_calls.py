"""`sipctl rules explain --calls`: many calls of a file, and `--cases`, each with the snapshot it is routed on."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NotRequired, cast

from sipctl.cli.inputs import STDIN, Lines, check_stdin
from sipctl.cli.rules.outcome_rows import RuleReason, TrunkReason, WiredEnding, ending_row, reasons_row
from sipctl.cli.rules.surroundings import Surroundings, configured_number, read_site
from sipctl.cli.session import Session
from sipctl.errors import UsageError
from sipctl.output.formats import Listing
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.call_reading import call_from_json
from sipctl.telephony.matching.route import Outcome, route
from sipctl.telephony.matching.table import RoutingTable
from sipctl.telephony.snapshot import snapshot_of


class Routed(WiredEnding):
    """One call of a file; trunks and rules with --reasons alone, `case` with --cases alone."""

    case: NotRequired[str | None]
    id: str
    trunks: NotRequired[list[TrunkReason] | None]
    rules: NotRequired[list[RuleReason] | None]


PRINTS: Final = {"routed": list[Routed]}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedCall:
    """A call of a file and its outcome; `case` names the snapshot that it was routed on, where there are several."""

    call: Call
    outcome: Outcome
    case: str | None = None


def _view(routed: Iterable[RoutedCall], *, reasons: bool) -> Listing[RoutedCall]:
    """Many calls, one line each, written as they come."""
    return Listing(
        schema="sipctl/routed/v1",
        things="calls",
        items=routed,
        columns=("id", "from", "to", "outcome", "room", "rule", "trunk"),
        row=_row,
        record=lambda one: _record(one, reasons=reasons),
        name=lambda one: one.outcome.final.rule.sip_dispatch_rule_id if one.outcome.final.rule else "",
    )


def _row(one: RoutedCall) -> tuple[str, ...]:
    outcome, final = one.outcome, one.outcome.final
    return (
        one.call.id,
        one.call.from_user,
        one.call.to_user,
        outcome.result.value if outcome is final else f"{outcome.result}, then {final.result}",
        final.landing.room if final.landing else "",
        final.rule.sip_dispatch_rule_id if final.rule else "",
        outcome.trunk.sip_trunk_id if outcome.trunk else "",
    )


def _record(one: RoutedCall, *, reasons: bool) -> Routed:
    case = {} if one.case is None else {"case": one.case}
    row: dict[str, Any] = {**case, "id": one.call.id, **ending_row(one.outcome)}
    return cast("Routed", {**row, **reasons_row(one.outcome)} if reasons else row)


def explain_calls(session: Session, around: Surroundings, path: Path, *, reasons: bool) -> None:
    """`rules explain --calls`: each call of a file on one snapshot, one line at a time."""
    check_stdin({"--calls -": path == STDIN, "--offline -": STDIN in around.offline}, "put one of them into a file")
    site = read_site(session, around)
    store = site.lists if reasons else RoutingTable(site.lists.trunks, site.lists.rules)
    called = configured_number(session)
    lines = Lines(path, session.streams.warn)
    calls = lines.parsed(lambda row: call_from_json(row, called))
    session.emit(_view((RoutedCall(call=call, outcome=route(store, call)) for call in calls), reasons=reasons))
    lines.conclude(calls)


def explain_cases(session: Session, path: Path, *, reasons: bool) -> None:
    """`rules explain --cases`: lines of a snapshot each with its calls."""
    lines = Lines(path, session.streams.warn)
    routed = (one for case in lines.parsed(_routed_case) for one in case)
    style = "jsonl" if session.options.output == "table" else ""
    session.emit(_view(routed, reasons=reasons), style)
    lines.conclude(routed)


def _routed_case(row: Any) -> list[RoutedCall]:  # noqa: ANN401 - any JSON value
    if not isinstance(row, dict) or not isinstance(row.get("calls"), list):
        raise UsageError("a case has a snapshot and a list of calls")
    snapshot = snapshot_of(row.get("snapshot"))
    store = RoutingTable(snapshot.trunks or (), snapshot.rules or ())
    calls = map(call_from_json, row["calls"])
    return [RoutedCall(call=call, outcome=route(store, call), case=str(row.get("case", ""))) for call in calls]
