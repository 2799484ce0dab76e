"""`sipctl trunk check`."""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.command import ProbeCommand
from sipctl.cli.endings import finish, show
from sipctl.cli.finding_rows import pasted
from sipctl.cli.inputs import read_document, read_secret_line
from sipctl.cli.options import Allow
from sipctl.cli.session import Session
from sipctl.cli.trunk.check_metrics import check_metrics
from sipctl.cli.trunk.check_nagios import Thresholds, fail_as_plugin, nagios_code
from sipctl.cli.trunk.check_view import CheckView
from sipctl.errors import ExitCode, SipctlError, UncheckedError, UsageError
from sipctl.files import write_public
from sipctl.operations.trunk_check.check import Depth, Wanted, check
from sipctl.operations.trunk_check.choice import SET_HOST, named, of_profile, of_trunk
from sipctl.operations.trunk_check.destination import Destination
from sipctl.operations.trunk_check.findings import findings_of
from sipctl.operations.trunk_check.probe import CALLER, Asking
from sipctl.operations.trunk_check.result import CheckResult
from sipctl.sip.digest import Credentials
from sipctl.telephony.model import Trunk
from sipctl.transport.targets import read_nameserver

ALLOWS: Final = ("call",)
KIND: Final = ProbeCommand
_LONGEST_PASSWORD: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options ask for, as it was written."""

    trunk: str | None
    host: str | None
    depth: str
    count: int
    expect: str
    deadline: float
    source_address: str
    nameservers: Sequence[str]
    auth_user: str | None
    auth_password_file: Path | None
    to: str
    from_: str
    allow: list[str] | None
    thresholds: Thresholds
    textfile: Path | None

    def wanted(self) -> Wanted:
        """What the run is to do.

        Raises:
            UsageError: an option says what makes no sense.
        """
        return Wanted(
            depth=_depth(self.depth),
            asking=Asking(count=self.count, source_ip=self.source_address, within_s=self.deadline),
            expect=_codes(self.expect),
            nameservers=tuple(map(read_nameserver, self.nameservers)),
        )


Host = Annotated[str | None, typer.Option(metavar="URI", help="This SIP node alone; asks no LiveKit.")]
DepthWord = Annotated[str, typer.Option(metavar="DEPTH", help="dns, options (ask targets) or invite (call, too).")]
Deadline = Annotated[
    float, typer.Option(min=0.1, max=600, metavar="SECONDS", help="Time limit of all targets together.")
]
Nameserver = Annotated[
    list[str] | None, typer.Option(metavar="IP[:PORT]", help="Ask this name server instead; repeatable.")
]
AuthUser = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who to be if asked; the password comes from stdin or a prompt.")
]
PasswordFile = Annotated[Path | None, typer.Option(metavar="FILE", help="The password of --auth-user.")]
Called = Annotated[str, typer.Option(metavar="NUMBER", help="Dialled by invite; default: the configured number.")]
Textfile = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the metrics there too, for node_exporter.")]


def run(
    ctx: typer.Context,
    trunk: Annotated[
        str | None, typer.Argument(metavar="TRUNK", help="A trunk's id, its name, or one of its numbers.")
    ] = None,
    host: Host = None,
    depth: Annotated[
        str, typer.Option(metavar="DEPTH", help="dns, options (ask each target) or invite (a call, too).")
    ] = "options",
    count: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="Requests to each target.")] = 3,
    expect: Annotated[str, typer.Option(metavar="CODES", help="Answers that are fine, such as 200,404.")] = "",
    deadline: Deadline = 5.0,
    source_address: Annotated[str, typer.Option(metavar="IP", help="Send from this address of the machine.")] = "",
    nameserver: Nameserver = None,
    auth_user: AuthUser = None,
    auth_password_file: PasswordFile = None,
    to: Called = "",
    from_: Annotated[str, typer.Option("--from", metavar="NUMBER", help="Who calls, of invite.")] = CALLER,
    allow: Allow = None,
    warn_rtt: Annotated[
        float | None, typer.Option(min=0, max=3_600_000, metavar="MS", help="Nagios: slower is a warning.")
    ] = None,
    warn_days: Annotated[
        int, typer.Option(min=0, max=36_500, metavar="DAYS", help="Nagios: a certificate's last days.")
    ] = 30,
    crit_days: Annotated[int, typer.Option(min=0, max=36_500, metavar="DAYS", help="Nagios: the same, critical.")] = 7,
    textfile: Textfile = None,
) -> None:
    """Check whether SIP nodes answer: ours, and those of the trunks.

    Without TRUNK and --host these are `sip_host` of the profile and the address of each outbound trunk. DNS gives their
    targets, and each is asked with OPTIONS over its transport. Any final answer means that it is up. Exit code 0: all
    are up; 1: one is down; 3: no one can say, as of a provider that stays silent, or no name resolves. With -o nagios
    the exit codes are those of a plugin. --depth invite places a call without an offer to our own node: it is never
    answered, and shows whether a call to --to would be routed, as `rules explain` says.

    \b
    Examples:
      sipctl trunk check
      sipctl trunk check provider --auth-user alice
      sipctl trunk check --host sips:sip.example.org -o nagios --warn-rtt 200
      sipctl trunk check --depth invite --to +33123456789 --from +33612345678
    """
    session = Session.of(ctx)
    asked = Asked(
        trunk=trunk, host=host, depth=depth, count=count, expect=expect, deadline=deadline,
        source_address=source_address, nameservers=nameserver or (), auth_user=auth_user,
        auth_password_file=auth_password_file, to=to, from_=from_, allow=allow, textfile=textfile,
        thresholds=Thresholds(warn_rtt_ms=warn_rtt, warn_days=warn_days, crit_days=crit_days),
    )  # fmt: skip
    with fail_as_plugin(session):
        _check(session, asked)


def _check(session: Session, asked: Asked) -> None:
    wanted = asked.wanted()
    destinations, unread = _destinations(session, asked, _credentials(asked))
    health = _health(session, destinations) if wanted.depth is not Depth.DNS else None
    result = replace(_result(session, asked, wanted, destinations), unread=unread, health=health)
    findings = [pasted(session, one) for one in findings_of(result, time.time())]
    view = CheckView(result=result, findings=findings, thresholds=asked.thresholds, shows_dns=wanted.depth is Depth.DNS)
    is_plugin = session.options.output == "nagios"
    try:
        show(session, view, is_news=result.exit_code is not ExitCode.DONE)
    finally:
        if asked.textfile and not session.options.dry_run:
            write_public(asked.textfile, check_metrics(result))
    if is_plugin:
        raise typer.Exit(nagios_code(result, asked.thresholds))
    finish(session, code=result.exit_code)


def _health(session: Session, destinations: Iterable[Destination]) -> tuple[int, str] | None:
    """What the health port of our own node says, if it is checked and the profile names the port."""
    url = session.settings.sip_health_url
    if not url or not any(one.is_ours for one in destinations):
        return None
    from sipctl.lkapi.health import read_health

    try:
        return session.run(read_health(url, session.options.timeout))
    except UncheckedError as error:
        return 0, error.message


def _result(session: Session, asked: Asked, wanted: Wanted, destinations: Sequence[Destination]) -> CheckResult:
    """What the run finds; what makes no sense is refused before anything is sent."""
    if wanted.depth is not Depth.INVITE:
        return CheckResult(checked=tuple(session.run(check(destinations, wanted))))
    from sipctl.cli.trunk.check_route import plan_call, with_call
    from sipctl.operations.trunk_check.routing import Dialling

    if not (asked.host or asked.trunk or session.settings.sip_host):
        raise UsageError("the profile does not say which SIP node is its own", hint=SET_HOST)
    dialling = Dialling(to=asked.to, from_=asked.from_)
    plan = plan_call(session, destinations, dialling, wanted.asking, asked.allow)
    return with_call(session, plan, session.run(check(destinations, wanted)))


def _destinations(session: Session, asked: Asked, credentials: Credentials | None) -> tuple[list[Destination], str]:
    """What is to be checked, and why LiveKit's outbound trunks are not known ("" = they are, or were not wanted).

    Raises:
        UsageError: nothing is, or two things that exclude each other.
        SipctlError: LiveKit knows no such trunk, or cannot be asked for it.
    """
    reference, settings = asked.trunk, session.settings
    if asked.host is not None:
        if reference is not None:
            raise UsageError("TRUNK and --host exclude each other")
        return [named(asked.host, settings, credentials)], ""
    if reference is not None:
        from sipctl.operations.trunks import get_trunk

        return [of_trunk(session.livekit(lambda client: get_trunk(client, reference)), settings, credentials)], ""
    trunks, unread = _trunks(session)
    found = list(of_profile(settings, trunks, credentials))
    if not found:
        raise UsageError(
            "there is nothing to check: no sip_host is configured, and no outbound trunk",
            hint=SET_HOST,
        )
    return found, unread


def _trunks(session: Session) -> tuple[Sequence[Trunk], str]:
    """The trunks that LiveKit lists, or why they are not known; a profile without a LiveKit has none.

    Raises:
        SipctlError: LiveKit cannot be asked, and there is no SIP node to check without it.
    """
    from sipctl.operations.trunks import list_trunks

    if not session.settings.sip_host:
        return session.livekit(list_trunks), ""
    if session.settings.connection_or_none is None:
        return (), ""
    try:
        return session.livekit(list_trunks), ""
    except SipctlError as error:
        return (), f"outbound trunks were not checked: {error.message}"


def _depth(word: str) -> Depth:
    """The depth of this word.

    Raises:
        UsageError: there is none.
    """
    try:
        return Depth(word)
    except ValueError:
        raise UsageError(f"--depth {word!r} is none", hint=f"choose one of {', '.join(Depth)}") from None


def _codes(text: str) -> frozenset[int]:
    """Status codes between commas.

    Raises:
        UsageError: one is no final status code.
    """
    words = [word.strip() for word in text.split(",")] if text else []
    wrong = next((word for word in words if not re.fullmatch("[2-6][0-9][0-9]", word)), None)
    if wrong is not None:
        raise UsageError(f"--expect {wrong!r} is no final status code", hint="write codes as 200,404")
    return frozenset(map(int, words))


def _credentials(asked: Asked) -> Credentials | None:
    """Who to be if a node asks.

    Raises:
        UsageError: the password is empty or cannot be read.
    """
    file = asked.auth_password_file
    if asked.auth_user is None:
        if file is not None:
            raise UsageError("--auth-password-file needs --auth-user")
        return None
    password = read_document(file, _LONGEST_PASSWORD).rstrip("\r\n") if file else read_secret_line("password")
    if not password:
        raise UsageError("an empty password is never sent", hint="leave --auth-user out")
    return Credentials(asked.auth_user, password)
