"""`sipctl rules explain`."""

from pathlib import Path
from typing import Annotated

import typer

from sipctl.cli.options import given_options
from sipctl.cli.rules.common import AssumeLive, Offline
from sipctl.cli.session import Session


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
    from sipctl.cli.explaining import Dialling, Surroundings, explain_call, explain_calls, explain_cases, refuse_mixed

    refuse_mixed(given_options(ctx))
    session = Session.of(ctx)
    around = Surroundings(offline=offline or (), assume_live=assume_live or ())
    if log:
        from sipctl.cli.logs import Wanted, explain_log

        explain_log(session, around, Wanted(path=log, call=call, since=since, failed=failed))
    elif cases:
        explain_cases(session, cases, reasons=reasons)
    elif calls:
        explain_calls(session, around, calls, reasons=reasons)
    else:
        dialling = Dialling(to=to, from_=from_, to_host=to_host, from_host=from_host, source_ip=source_ip, pin=pin)
        explain_call(session, around, dialling, show_all=show_all)
