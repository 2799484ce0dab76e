"""The report of `pin audit`: findings, and the chances of somebody who guesses."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sipctl.cli.views.report import ReportView, report_record
from sipctl.findings import Level
from sipctl.output.formats import name_lines
from sipctl.output.streams import Streams
from sipctl.output.text import escaped_json
from sipctl.telephony.exposure import Exposure

_DAYS: Final = 30
_SHOWN: Final = (Level.ERROR, Level.WARN, Level.INFO)


@dataclass(frozen=True, slots=True)
class AuditView:
    """A report with exposure figures; `target` is the chance in 30 days that somebody accepts."""

    report: ReportView
    exposures: Mapping[str, Exposure]
    target: float

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The report as text; `name` gives the rooms concerned, ready for `pin rotate --stdin`."""
        if style == "json":
            record = report_record(self.report.report) | {"exposure": dict(self._figures())}
            yield escaped_json(json.dumps(record, ensure_ascii=False, indent=2)) + "\n"
        elif style == "name":
            concerned = (one for one in self.report.report.findings if one.level in _SHOWN)
            rooms = (one.resource.removeprefix("room ") for one in concerned if one.resource.startswith("room "))
            yield from name_lines(dict.fromkeys(rooms), streams)
        else:
            yield from self.report.render(style, streams)
            if style == "table":
                yield from self._told()

    def _figures(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, exposure in self.exposures.items():
            figures = {
                "space": exposure.policy.space,
                "pins": exposure.live,
                "bits": round(exposure.bits, 1),
                "lines": exposure.lines,
                "seconds_per_call": exposure.seconds_per_call,
                "chance_per_day": exposure.chance(1),
                "chance_per_30_days": exposure.chance(_DAYS),
                "target": self.target,
                "minimum_length": exposure.minimum_length(_DAYS, self.target),
            }
            yield name, figures

    def _told(self) -> Iterator[str]:
        one = next(iter(self.exposures.values()))
        space = f"{one.policy.space:,} possible PINs"
        yield f"\nA guesser with {one.lines} lines at {one.seconds_per_call:g} s a call, {space}:\n"
        for name, figures in self._figures():
            length = figures["minimum_length"]
            enough = f"{length} digits keep that under" if length else "not even 16 digits keep that under"
            yield (
                f"  {name}: {figures['pins']:,} PINs, {figures['bits']} bits; a hit within a day"
                f" {figures['chance_per_day']:.2g}, within {_DAYS} days {figures['chance_per_30_days']:.2g};"
                f" {enough} {self.target:g}\n"
            )
