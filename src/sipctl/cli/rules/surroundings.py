"""What calls are routed on: a live server, or documents; what `explain`, `test` and `lint` share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sipctl.cli.inputs import EXPORT_LIMIT, check_stdin_files, read_document
from sipctl.cli.room.common import advertised_pins
from sipctl.cli.session import Session
from sipctl.command_line import prose_below
from sipctl.errors import SipctlError
from sipctl.operations.site import assumed_rules, site_of
from sipctl.operations.snapshot import take_snapshot
from sipctl.telephony.explaining.explanation import Explanation
from sipctl.telephony.site import Site
from sipctl.telephony.snapshot import Snapshot, read_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What calls are routed on: a live server, or the documents of `--offline`; rooms of `--assume-live` are added."""

    offline: Sequence[Path]
    assume_live: Sequence[str]


def to_paste(session: Session, explanation: Explanation) -> Explanation:
    """The explanation with its commands as they must be typed after this run."""
    again = session.options.again
    deployment = session.options.deployment
    advice = (
        replace(one, text=prose_below(one.text, deployment), command=one.command and again(one.command))
        for one in explanation.advice
    )
    return replace(explanation, advice=tuple(advice))


def configured_number(session: Session) -> str | None:
    """The number that people dial, in E.164 as a provider sends it."""
    return session.settings.telephony.dialled or None


def read_site(session: Session, around: Surroundings, typed: str | None = None) -> Site:
    """The trunks and rules to route on."""
    snapshot = read_surroundings(session, around.offline)
    assumed = assumed_rules(session.settings, around.assume_live, snapshot, _pins(session, around, typed))
    return site_of(session.settings, snapshot, assumed)


def with_pins(session: Session, around: Surroundings, site: Site) -> Site:
    """The site of a live server with the registry's PINs, if it can be read: then advice and rooms go by them."""
    if around.offline:
        return site
    try:
        return replace(site, pins=advertised_pins(session, sorted(filter(site.mark.is_ours, site.live or ()))))
    except SipctlError as error:
        session.streams.note(f"note: the registry could not be read, so PINs are those of the rules: {error.message}")
        return site


def _pins(session: Session, around: Surroundings, typed: str | None) -> dict[str, str]:
    """The PINs of rooms that are assumed to be live: the registry's, else the one that the caller types."""
    known = {room: typed for room in around.assume_live if typed}
    for room in around.assume_live:
        try:
            known[room] = session.registered(room).pin
        except SipctlError:
            continue
    return known


def read_surroundings(session: Session, offline: Sequence[Path]) -> Snapshot:
    """The live server's snapshot, or that of some documents; what is not known of them is reported once.

    Raises:
        UsageError: they are no snapshot.
    """
    if not offline:
        return session.livekit(take_snapshot)
    check_stdin_files(offline)
    snapshot = read_snapshot((read_document(path, EXPORT_LIMIT) for path in offline), session.options.max_items)
    if snapshot.unknown:
        names = ", ".join(snapshot.unknown)
        session.streams.note(f"note: fields of a newer LiveKit, which this version passes over: {names}")
    return snapshot
