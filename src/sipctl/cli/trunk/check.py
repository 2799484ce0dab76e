"""`sipctl trunk check`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.command import ProbeCommand
from sipctl.cli.endings import finish, show
from sipctl.cli.inputs import read_document, read_secret_line
from sipctl.cli.session import Session
from sipctl.cli.trunk.check_metrics import metrics_text
from sipctl.cli.trunk.check_nagios import Thresholds, fail_as_plugin, nagios_code
from sipctl.cli.trunk.check_view import CheckView
from sipctl.errors import ExitCode, UsageError
from sipctl.files import write_public
from sipctl.operations.trunk_check.check import Depth, Wanted, check
from sipctl.operations.trunk_check.choice import named, of_profile, of_trunk
from sipctl.operations.trunk_check.destination import Destination
from sipctl.operations.trunk_check.probe import Asking
from sipctl.operations.trunk_check.result import CheckResult
from sipctl.operations.trunks import get_trunk, list_trunks
from sipctl.sip.digest import Credentials
from sipctl.telephony.model import Trunk
from sipctl.transport.targets import read_nameserver

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


AuthUser = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who to be if asked; the password comes from stdin or a prompt.")
]
PasswordFile = Annotated[Path | None, typer.Option(metavar="FILE", help="The password of --auth-user.")]


def run(
    ctx: typer.Context,
    trunk: Annotated[
        str | None, typer.Argument(metavar="[TRUNK]", help="A trunk's id, its name, or one of its numbers.")
    ] = None,
    host: Annotated[str | None, typer.Option(metavar="URI", help="This SIP node alone; asks no LiveKit.")] = None,
    depth: Annotated[str, typer.Option(metavar="DEPTH", help="dns: resolve names; options: ask, too.")] = "options",
    count: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="Requests to each target.")] = 3,
    expect: Annotated[str, typer.Option(metavar="CODES", help="Answers that are fine, such as 200,404.")] = "",
    deadline: Annotated[
        float, typer.Option(min=0.1, max=600, metavar="SECONDS", help="Time limit of all targets together.")
    ] = 5.0,
    source_address: Annotated[str, typer.Option(metavar="IP", help="Send from this address of the machine.")] = "",
    nameserver: Annotated[
        list[str] | None, typer.Option(metavar="IP[:PORT]", help="Ask this name server instead; repeatable.")
    ] = None,
    auth_user: AuthUser = None,
    auth_password_file: PasswordFile = None,
    warn_rtt: Annotated[float | None, typer.Option(min=0, metavar="MS", help="Nagios: slower is a warning.")] = None,
    warn_days: Annotated[int, typer.Option(min=0, metavar="DAYS", help="Nagios: a certificate's last days.")] = 30,
    crit_days: Annotated[int, typer.Option(min=0, metavar="DAYS", help="Nagios: the same, critical.")] = 7,
    textfile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the metrics there too, for node_exporter.")
    ] = None,
) -> None:
    """Check whether SIP nodes answer: ours, and those of the trunks.

    Without TRUNK and --host these are `sip_host` of the profile and the address of each outbound trunk. DNS gives their
    targets, and each is asked with OPTIONS over its transport. Any final answer means that it is up. Exit code 0: all
    are up; 1: one is down; 3: no one can say, as of a provider that stays silent, or no name resolves. With -o nagios
    the exit codes are those of a plugin.

    \b
    Examples:
      sipctl trunk check
      sipctl trunk check provider --auth-user alice
      sipctl trunk check --host sip:sip.example.org --depth dns
      sipctl trunk check --host sips:sip.example.org -o nagios --warn-rtt 200
    """
    session = Session.of(ctx)
    asked = Asked(
        trunk=trunk, host=host, depth=depth, count=count, expect=expect, deadline=deadline,
        source_address=source_address, nameservers=nameserver or (), auth_user=auth_user,
        auth_password_file=auth_password_file, textfile=textfile,
        thresholds=Thresholds(warn_rtt_ms=warn_rtt, warn_days=warn_days, crit_days=crit_days),
    )  # fmt: skip
    with fail_as_plugin(session):
        _check(session, asked)


def _check(session: Session, asked: Asked) -> None:
    wanted = asked.wanted()
    destinations = _destinations(session, asked, _credentials(asked))
    result = CheckResult(checked=tuple(session.run(check(destinations, wanted))))
    view = CheckView(result=result, thresholds=asked.thresholds, shows_dns=wanted.depth is Depth.DNS)
    is_plugin = session.options.output == "nagios"
    try:
        show(session, view, is_news=result.exit_code is not ExitCode.DONE)
    finally:
        if asked.textfile:
            write_public(asked.textfile, metrics_text(result))
    if is_plugin:
        raise typer.Exit(nagios_code(result, asked.thresholds))
    finish(session, code=result.exit_code)


def _destinations(session: Session, asked: Asked, credentials: Credentials | None) -> list[Destination]:
    """What is to be checked.

    Raises:
        UsageError: nothing is, or two things that exclude each other.
        SipctlError: LiveKit knows no such trunk, or cannot be asked for it.
    """
    reference, settings = asked.trunk, session.settings
    if asked.host is not None:
        if reference is not None:
            raise UsageError("TRUNK and --host exclude each other")
        return [named(asked.host, settings, credentials)]
    if reference is not None:
        return [of_trunk(session.livekit(lambda client: get_trunk(client, reference)), settings, credentials)]
    found = list(of_profile(settings, _trunks(session), credentials))
    if not found:
        raise UsageError(
            "there is nothing to check: no sip_host is configured, and no outbound trunk",
            hint="give `--host sip:HOST`, or set `sip_host` in the profile or SIPCTL_SIP_HOST",
        )
    return found


def _trunks(session: Session) -> Sequence[Trunk]:
    """The trunks that LiveKit lists; a profile that names a SIP node and no LiveKit has none."""
    if session.settings.connection_or_none is None and session.settings.sip_host:
        return ()
    return session.livekit(list_trunks)


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
