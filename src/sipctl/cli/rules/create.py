"""`sipctl rules create`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.change_view import show_change
from sipctl.cli.command import WritingCommand
from sipctl.cli.inputs import STDIN, check_stdin, read_pin
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.requests import read_rule_request
from sipctl.cli.rules.common import PinStdin, Trunks
from sipctl.cli.session import Session
from sipctl.config.model import Settings
from sipctl.errors import UsageError
from sipctl.operations.rules.create import create_requested_rule
from sipctl.telephony.linting.fault import REFUSED
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.registered import Holding

ALLOWS: Final = ("open", *REFUSED)
KIND: Final = WritingCommand


def run(
    ctx: typer.Context,
    room: Annotated[str | None, typer.Option(metavar="ROOM", help="The room that callers land in.")] = None,
    pin_stdin: PinStdin = False,
    pin_from_registry: Annotated[
        bool, typer.Option("--pin-from-registry", help="Take the room's PIN from the registry.")
    ] = False,
    trunk: Trunks = None,
    number: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="Only calls to this number (`numbers`); repeatable.")
    ] = None,
    caller: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="Only this caller (`inbound_numbers`); repeatable.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The rule's name; default: the profile's mark.")
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="LiveKit's JSON request; - for stdin.")
    ] = None,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Create a dispatch rule, or find the equal one that is there.

    The rule asks callers for its PIN. Without a PIN every caller gets in, so that needs `--allow open`.

    \b
    Examples:
      echo 4821930571 | sipctl rules create --room demo --pin-stdin
      sipctl rules create --room demo --pin-from-registry
      sipctl rules create --from-file rule.json --dry-run
      sipctl rules create --room lobby --allow open
    """
    session = Session.of(ctx)
    held = session.registered(room) if pin_from_registry else None
    wanted = _wanted(session, room=room, pin_stdin=pin_stdin, held=held, trunks=trunk, name=name, file=from_file)
    wanted = replace(
        wanted, numbers=tuple(number) if number else wanted.numbers,
        inbound_numbers=tuple(caller) if caller else wanted.inbound_numbers,
    )  # fmt: skip
    change = session.write(lambda writer: create_requested_rule(writer, wanted), session.permit(allow, confirm))
    show_change(session, change)


def _wanted(
    session: Session,
    *,
    room: str | None,
    pin_stdin: bool,
    held: Holding | None,
    trunks: list[str] | None,
    name: str | None,
    file: Path | None,
) -> DispatchRule:
    """The rule that `rules create` is asked for; options go over what the file says, and what the registry holds.

    Raises:
        UsageError: neither a room nor a file, or both the PIN and the file from stdin.
    """
    if file is None and room is None:
        raise UsageError("no room to send callers to", hint="give `--room NAME` or `--from-file FILE`")
    check_stdin({"--pin-stdin": pin_stdin, "--from-file -": file == STDIN}, "put the rule into a file")
    rule = read_rule_request(file) if file else DispatchRule(trunk_ids=session.settings.trunk_ids or ())
    if pin_stdin and held:
        raise UsageError("--pin-stdin and --pin-from-registry exclude each other")
    if room is not None:
        rule = replace(rule, room_name=held.room if held else room)
    if pin_stdin or held:
        rule = replace(rule, pin=held.pin if held else read_pin())
    if trunks:
        rule = replace(rule, trunk_ids=tuple(trunks))
    return replace(rule, name=_name(session.settings, rule, name))


def _name(settings: Settings, rule: DispatchRule, name: str | None) -> str:
    return name if name is not None else rule.name or settings.mark.name_for(rule.room_name)
