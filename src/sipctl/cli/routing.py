"""`sipctl rules explain`, `test` and `lint`: what becomes of calls, and what is wrong with the rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from sipctl.cli.command import ReportCommand, TestCommand
from sipctl.cli.options import FailOn, given_options
from sipctl.cli.session import Session

Offline = Annotated[
    list[Path] | None,
    typer.Option(
        "--offline", metavar="FILE", help="A snapshot, or LiveKit's list answers (repeat it); - for stdin. Asks nobody."
    ),
]

AssumeLive = Annotated[
    list[str] | None, typer.Option(metavar="ROOM", help="Add the rule that the backend makes once it is live.")
]


def register(command: Callable[..., Callable[[Any], Any]]) -> None:
    """Add the commands to the group that `command` adds to."""
    command("explain")(explain)
    command("test", cls=TestCommand)(run_cases)
    command("lint", cls=ReportCommand)(lint)


def explain(
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
    """Walk a call through LiveKit's trunks and rules, and say what its caller hears, why, and what would change it.

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


def run_cases(
    ctx: typer.Context,
    cases: Annotated[
        Path,
        typer.Argument(
            metavar="CASES",
            help="Tests in TOML, YAML or JSON lines, as its ending says; - for TOML or JSON lines from stdin.",
        ),
    ],
    offline: Offline = None,
    assume_live: AssumeLive = None,
    init: Annotated[bool, typer.Option("--init", help="Write CASES from what is there now.")] = False,
) -> None:
    """Run routing tests: calls, and what is expected of them. Exit code 1 if one fails.

    A test has `name`, `from`, and if wanted `to`, `source_ip`, `pin`, …; its `expect` has `outcome`, `room`, `rule`,
    `trunk`, `must_not_reach` (rooms). Without `source_ip` the latter holds from everywhere.

    \b
    Examples:
      sipctl rules test routing.toml
      sipctl rules test routing.toml --init
      sipctl rules test routing.toml --offline snapshot.json -o junit
    """
    from sipctl.cli.explaining import Surroundings
    from sipctl.cli.route_tests import run_tests, write_tests

    around = Surroundings(offline=offline or (), assume_live=assume_live or ())
    run = write_tests if init else run_tests
    run(Session.of(ctx), around, cases)


def lint(
    ctx: typer.Context,
    offline: Offline = None,
    with_: Annotated[
        list[Path] | None,
        typer.Option("--with", metavar="FILE", help="Create requests: only what they would make wrong; repeatable."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CODE|AREA", help="Only these, such as RUL417 or TRK.")
    ] = None,
    skip: Annotated[list[str] | None, typer.Option("--skip", metavar="CODE|AREA", help="All but these.")] = None,
    fail_on: FailOn = "error",
) -> None:
    """Prove what is wrong with the rules and trunks: clashes, shadows, open doors, what nobody can reach.

    Exit code 1: findings from --fail-on up. `rules create` and `rules update` refuse what RUL401, RUL402 and RUL417
    describe unless `--allow CODE` lets it pass; `doctor` runs the same checks.

    \b
    Examples:
      sipctl rules lint
      sipctl rules lint --offline snapshot.json --fail-on warn
      sipctl rules lint --with rule.json
    """
    from sipctl.cli.linting import Linting, run_lint

    run_lint(
        Session.of(ctx),
        Linting(offline=offline or [], added=with_ or [], only=only or [], skip=skip or [], fail_on=fail_on),
    )
