"""`trunk check` for people, as JSON, and for what watches it."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sipctl.cli.trunk.check_metrics import check_junit, check_metrics
from sipctl.cli.trunk.check_nagios import Thresholds, nagios_text
from sipctl.cli.trunk.check_rows import check_row
from sipctl.cli.trunk.check_words import route_lines
from sipctl.findings.record import Finding
from sipctl.operations.trunk_check.check import Checked
from sipctl.operations.trunk_check.notes import notes, validity
from sipctl.operations.trunk_check.probe import Probed
from sipctl.operations.trunk_check.result import CheckResult
from sipctl.operations.trunk_check.verdict import State
from sipctl.output.formats import encode_json, name_lines
from sipctl.output.people import for_people
from sipctl.output.streams import Streams
from sipctl.output.text import shortened
from sipctl.telephony.naming import counted
from sipctl.transport.targets import Query, Target

_LONGEST = 60
"""The most characters of a reason phrase or of what a node calls itself that a person is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """The result of a run."""

    result: CheckResult
    findings: Sequence[Finding]
    thresholds: Thresholds
    shows_dns: bool

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The result as text."""
        match style:
            case "json":
                document = {"schema": "sipctl/trunk-check/v1", "item": check_row(self.result, self.findings)}
                yield f"{encode_json(document)}\n"
            case "jsonl":
                yield f"{encode_json(check_row(self.result, self.findings))}\n"
            case "name":
                targets = (one.target for checked in self.result.checked for one in checked.probed)
                yield from name_lines(dict.fromkeys(map(_target_uri, targets)), streams)
            case "junit":
                yield check_junit(self.result)
            case "prometheus":
                yield check_metrics(self.result)
            case "nagios":
                yield nagios_text(self.result, self.thresholds)
            case _:
                yield from for_people(self._lines(all_dns=streams.verbose), streams.out)

    def _lines(self, *, all_dns: bool) -> Iterator[str]:
        yield headline(self.result)
        for checked in self.result.checked:
            yield ""
            yield f"{checked.destination.uri}  ({checked.destination.origin})"
            yield from _tree(checked, with_dns=all_dns or self.shows_dns)
        if any(checked.path for checked in self.result.checked):
            yield ""
            yield "→ is where a caller gets to"
        if self.result.route:
            yield ""
            yield from route_lines(self.result.route)
        for missing in filter(None, (self.result.unplaced, self.result.unread)):
            yield ""
            yield missing
        if self.findings:
            from sipctl.cli.report_text import finding_lines

            for finding in self.findings:
                yield from finding_lines([finding], with_source=False)


def headline(result: CheckResult) -> str:
    """What all targets come to, in one line."""
    states = result.target_states
    up = states.count(State.UP)
    if not any(checked.probed for checked in result.checked):
        return f"{result.verdict}: no name resolves"
    if all(one.verdict is None for checked in result.checked for one in checked.probed):
        return f"{result.verdict}: {counted(len(states), 'target')} found, none was asked"
    return f"{result.verdict}: {up} of {counted(len(states), 'target')} answer{'s' if up == 1 else ''}"


def _target_uri(target: Target) -> str:
    """A URI that leads to this target alone."""
    return f"sip:{target.address};transport={target.transport}"


def _tree(checked: Checked, *, with_dns: bool) -> Iterator[str]:
    branches = [_query_lines(query) for query in checked.resolution.queries if with_dns]
    branches += _target_branches(checked)
    for at, (head, *below) in enumerate(branches):
        is_last = at == len(branches) - 1
        yield f"{'└' if is_last else '├'}{head}"
        yield from (f"{' ' if is_last else '│'}    {line}" for line in below)


def _query_lines(query: Query) -> list[str]:
    """One step of the resolution, and what it brought."""
    found = query.failure or counted(len(query.records), "record")
    ttl = f", TTL {query.ttl} s" if query.ttl is not None else ""
    alias = f", alias of {query.alias}" if query.alias else ""
    server = f", from {query.server}" if query.server else ""
    took = f", {query.duration_ms:.1f} ms" if query.kind != "hosts" else ""
    return [f"─ {query.kind} {query.name}: {found}{ttl}{alias}{server}{took}", *query.records]


def _target_branches(checked: Checked) -> list[list[str]]:
    """Each target with its notes; a name without targets is one branch."""
    if not checked.probed:
        return [[f"─ dns-failed  {checked.dns_failure}"]]
    rows = [_cells(checked, probed) for probed in checked.probed]
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    now = time.time()
    more = f"and {checked.left_out} more targets, which were not asked"
    return [
        *(
            [f"{'→' if probed is checked.path else '─'} {_aligned(row, widths)}", *notes(checked, probed, now)]
            for row, probed in zip(rows, checked.probed, strict=True)
        ),
        *([[f"─ {more}"]] if checked.left_out else []),
    ]


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    columns = (f"{cell:{width}}" for cell, width in zip(cells, widths, strict=False))
    return "  ".join((*columns, *cells[len(widths) :])).rstrip()


def _cells(checked: Checked, probed: Probed) -> list[str]:
    target = probed.target
    name = "" if target.host in {target.address.ip, checked.destination.uri.host} else target.host
    srv = f"priority {target.priority}, weight {target.weight}" if target.priority is not None else ""
    word = probed.verdict.value if probed.verdict else ""
    cells = (*_measured(probed), name, srv if not word else "")
    return [target.transport.value, str(target.address), word, *filter(None, cells)]


def _measured(probed: Probed) -> Iterable[str]:
    """What was seen: the answer, the time, who answers, the certificate."""
    answer = f"{probed.code} {shortened(probed.reason, _LONGEST)}".strip() if probed.code else ""
    rtt = probed.rtt
    certificate = probed.tls.certificate if probed.tls else None
    return (
        answer or shortened(probed.detail, _LONGEST),
        f"{rtt.min:.1f}/{rtt.mean:.1f}/{rtt.p95:.1f} ms" if rtt else "",
        shortened(probed.server, _LONGEST),
        f"certificate {validity(certificate, time.time())}" if certificate else "",
    )
