"""`sipctl rules explain`."""

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.inputs import STDIN
from sipctl.cli.options import given_options
from sipctl.cli.rules.common import AssumeLive, Offline
from sipctl.cli.rules.explain_calls import explain_calls, explain_cases
from sipctl.cli.rules.explain_log import Wanted, explain_log
from sipctl.cli.rules.explain_view import ExplanationView
from sipctl.cli.rules.surroundings import Surroundings, configured_number, read_site, to_paste, with_pins
from sipctl.cli.session import Session
from sipctl.config.profile import refuse_missing
from sipctl.errors import UsageError
from sipctl.telephony.addresses import parse_address
from sipctl.telephony.explaining.explanation import explain
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.call_reading import user_and_host
from sipctl.telephony.pins import is_typable, typed_pin
from sipctl.telephony.reach.reach import rooms_of_call


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


def run(
    ctx: typer.Context,
    to: Annotated[str | None, typer.Option(metavar="NUMBER", help="Dialled; default: the configured number.")] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="NUMBER", help="Who calls.")] = None,
    to_host: Annotated[str, typer.Option(metavar="HOST", help="Host of the To header.")] = "",
    from_host: Annotated[str, typer.Option(metavar="HOST", help="Host of the From header.")] = "",
    source_ip: Annotated[
        str, typer.Option(metavar="IP", help="Where the INVITE comes from; default: every case.")
    ] = "",
    pin: Annotated[str | None, typer.Option(metavar="PIN", help="What is typed before #; '' for # alone.")] = None,
    offline: Offline = None,
    assume_live: AssumeLive = None,
    show_all: Annotated[bool, typer.Option("--all", help="Name each rule and trunk, not a few of each kind.")] = False,
    calls: Annotated[Path | None, typer.Option(metavar="FILE", help="Many calls, JSON lines; - for stdin.")] = None,
    reasons: Annotated[bool, typer.Option("--reasons", help="With --calls: every trunk and rule, too.")] = False,
    log: Annotated[Path | None, typer.Option(metavar="FILE", help="Calls of livekit-sip's log; - for stdin.")] = None,
    call: Annotated[str | None, typer.Option(metavar="ID", help="With --log: this one, by callID or Call-ID.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="With --log: from then on; 15m, 2h …")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="With --log: only calls that went wrong.")] = False,
    cases: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Walk a call through trunks and rules as LiveKit does: what its caller hears, and why.

    Numbers are compared as LiveKit compares them, byte for byte; of a sip: or tel: address its user counts. Lines of
    --calls are objects with `from`, and `to`, `to_host`, `from_host`, `source_ip`, `pin`, `id` if wanted.

    \b
    Examples:
      sipctl rules explain --from +33612345678
      sipctl rules explain --to +33170189900 --from +33612345678 --pin 48219305
      sipctl rules explain --from +33612345678 --assume-live standup
      sipctl rules explain --log livekit-sip.log --failed --since 1h
    """
    _refuse_mixed(given_options(ctx))
    refuse_missing(path for path in (log, cases, calls) if path and path != STDIN)
    session = Session.of(ctx)
    around = Surroundings(offline=offline or (), assume_live=assume_live or ())
    if log:
        explain_log(session, around, Wanted(path=log, call=call, since=since, failed=failed))
    elif cases:
        explain_cases(session, cases, reasons=reasons)
    elif calls:
        explain_calls(session, around, calls, reasons=reasons)
    else:
        typed = None if pin is None else typed_pin(pin)
        dialling = Dialling(to=to, from_=from_, to_host=to_host, from_host=from_host, source_ip=source_ip, pin=typed)
        _explain_one(session, around, dialling, show_all=show_all)


def _refuse_mixed(options: Collection[str]) -> None:
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


def _explain_one(session: Session, around: Surroundings, dialling: Dialling, *, show_all: bool) -> None:
    """`rules explain` of one call."""
    call = _call(session, dialling)
    site = with_pins(session, around, read_site(session, around, call.pin))
    explanation = explain(site, call)
    rooms = () if call.pin is not None else rooms_of_call(site, explanation.meant)
    shown = to_paste(session, explanation)
    session.emit(ExplanationView(shown, show_pins=session.options.show_pins, show_all=show_all, rooms=rooms))


def _call(session: Session, dialling: Dialling) -> Call:
    """The call of the options; a `sip:` or `tel:` address gives its user, and its host unless that is given too.

    Raises:
        UsageError: no one calls, no one is called, the source is no address, or no phone can type the PIN.
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
