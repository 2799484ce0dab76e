"""What `rules explain` does: read the site, read the calls, route them, show."""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sipctl.cli.inputs import EXPORT_LIMIT, STDIN, Lines, check_stdin, check_stdin_files, read_document
from sipctl.cli.session import Session
from sipctl.cli.views.explanation import ExplanationView
from sipctl.cli.views.routed import Routed, routed_view
from sipctl.errors import SipctlError, UsageError
from sipctl.operations.routing import ask_snapshot, assumed_rules, site_of
from sipctl.telephony.addresses import parse_address
from sipctl.telephony.explaining.explanation import Explanation, explain
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.call_reading import call_from_json, user_and_host
from sipctl.telephony.matching.route import route
from sipctl.telephony.matching.table import RoutingTable
from sipctl.telephony.pins import is_typable
from sipctl.telephony.site import Site
from sipctl.telephony.snapshot import Snapshot, read_snapshot, snapshot_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What calls are routed on: a live server, or the documents of `--offline`; rooms of `--assume-live` are added."""

    offline: Sequence[Path]
    assume_live: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialling:
    """The call that the options describe."""

    to: str | None
    from_: str | None
    to_host: str
    from_host: str
    source_ip: str
    pin: str | None


_AROUND: Final = {"--offline", "--assume-live"}
_ONE_CALL: Final = {"--to", "--to-host", "--from", "--from-host", "--source-ip", "--pin", "--all"} | _AROUND
_MODES: Final[Mapping[str, Set[str]]] = {
    "--log": {"--call", "--since", "--failed"} | _AROUND,
    "--calls": {"--reasons"} | _AROUND,
    "--cases": {"--reasons"},
}
"""What can be explained instead of one call, and the options that go with it."""


def refuse_mixed(options: Collection[str]) -> None:
    """Refuse an option that would be passed over.

    Raises:
        UsageError: one does not go with what is to be explained.
    """
    mode = next((one for one in _MODES if one in options), "")
    stray = [one for one in options if one != mode and one not in _MODES.get(mode, _ONE_CALL)]
    if stray:
        home = next((one for one, own in _MODES.items() if stray[0] in own), "")
        raise UsageError(
            f"{stray[0]} means nothing {f'with {mode}' if mode else f'without {home}'}",
            hint="explain one call by its options, or many with `--calls FILE` or `--log FILE`",
        )


def to_paste(session: Session, explanation: Explanation) -> Explanation:
    """The explanation with its commands as they must be typed after this run."""
    again = session.options.again
    advice = (replace(one, command=again(one.command)) if one.command else one for one in explanation.advice)
    return replace(explanation, advice=tuple(advice))


def explain_call(session: Session, around: Surroundings, dialling: Dialling, *, show_all: bool) -> None:
    """`rules explain` of one call."""
    call = _call(session, dialling)
    explanation = to_paste(session, explain(read_site(session, around, call.pin), call))
    session.emit(ExplanationView(explanation, show_pins=session.options.show_pins, show_all=show_all))


def _call(session: Session, dialling: Dialling) -> Call:
    """The call of the options; a `sip:` or `tel:` address gives its user, and its host unless that is given too.

    Raises:
        UsageError: nobody calls, nobody is called, the source is no address, or no phone can type the PIN.
    """
    if dialling.from_ is None:
        raise UsageError("who calls?", hint="give `--from NUMBER`, or many calls with `--calls FILE`")
    if dialling.source_ip and parse_address(dialling.source_ip) is None:
        raise UsageError(
            f"--source-ip {dialling.source_ip!r} is no IP address", hint="give one address without port or prefix"
        )
    if not is_typable(dialling.pin or ""):
        raise UsageError(
            "--pin holds something that no phone key types before #", hint="give the digits alone; '' is # alone"
        )
    called = dialling.to if dialling.to is not None else configured_number(session)
    if called is None:
        raise UsageError("which number is dialled?", hint="give `--to NUMBER`, or set ROOM_TELEPHONY_PHONE_NUMBER")
    to_user, to_host = user_and_host(called)
    from_user, from_host = user_and_host(dialling.from_)
    return Call(
        to_user=to_user,
        to_host=dialling.to_host or to_host,
        from_user=from_user,
        from_host=dialling.from_host or from_host,
        source_ip=dialling.source_ip,
        pin=dialling.pin,
    )


def configured_number(session: Session) -> str | None:
    """The number that people are told to dial, in E.164 as a provider sends it."""
    telephony = session.settings.telephony
    if not telephony.phone_number:
        return None
    from sipctl.telephony.e164 import to_e164

    return to_e164(telephony.phone_number, telephony.default_country) or telephony.phone_number


def read_site(session: Session, around: Surroundings, typed: str | None = None) -> Site:
    """The trunks and rules to route on."""
    snapshot = read_surroundings(session, around.offline)
    assumed = assumed_rules(session.settings, around.assume_live, snapshot, _pins(session, around, typed))
    return site_of(session.settings, snapshot, assumed)


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
    """The live server's snapshot, or that of some documents; what is not known of them is told once.

    Raises:
        UsageError: they are no snapshot.
    """
    if not offline:
        return session.livekit(ask_snapshot)
    check_stdin_files(offline)
    snapshot = read_snapshot((read_document(path, EXPORT_LIMIT) for path in offline), session.options.max_items)
    if snapshot.unknown:
        names = ", ".join(snapshot.unknown)
        session.streams.note(f"note: fields of a newer LiveKit, which this version passes over: {names}")
    return snapshot


def explain_calls(session: Session, around: Surroundings, path: Path, *, reasons: bool) -> None:
    """`rules explain --calls`: each call of a file on one snapshot, one line at a time."""
    check_stdin({"--calls -": path == STDIN, "--offline -": STDIN in around.offline}, "put one of them into a file")
    site = read_site(session, around)
    store = site.lists if reasons else RoutingTable(site.lists.trunks, site.lists.rules)
    called = configured_number(session)
    lines = Lines(path, session.streams.warn)
    calls = lines.parsed(lambda row: call_from_json(row, called))
    session.emit(routed_view((Routed(call=call, outcome=route(store, call)) for call in calls), reasons=reasons))
    lines.conclude(calls)


def explain_cases(session: Session, path: Path, *, reasons: bool) -> None:
    """`rules explain --cases`: lines of a snapshot each with its calls."""
    lines = Lines(path, session.streams.warn)
    routed = (one for case in lines.parsed(_routed_case) for one in case)
    style = "jsonl" if session.options.output == "table" else ""
    session.emit(routed_view(routed, reasons=reasons), style)
    lines.conclude(routed)


def _routed_case(row: Any) -> list[Routed]:  # noqa: ANN401 - any JSON value
    if not isinstance(row, dict) or not isinstance(row.get("calls"), list):
        raise UsageError("a case has a snapshot and a list of calls")
    snapshot = snapshot_of(row.get("snapshot"))
    store = RoutingTable(snapshot.trunks or (), snapshot.rules or ())
    calls = map(call_from_json, row["calls"])
    return [Routed(call=call, outcome=route(store, call), case=str(row.get("case", ""))) for call in calls]
