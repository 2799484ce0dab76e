"""`sipctl rules update`."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from sipctl.cli.change_view import show_change
from sipctl.cli.command import WritingCommand
from sipctl.cli.inputs import read_pin
from sipctl.cli.options import Allow, Confirm, amended, chosen, edits_given
from sipctl.cli.rules.common import PinStdin, Reference, Trunks
from sipctl.cli.session import Session
from sipctl.errors import UsageError
from sipctl.operations.rules.update import update_requested_rule
from sipctl.telephony.amendment import Amendment
from sipctl.telephony.linting.fault import REFUSED

ALLOWS: Final = ("foreign", "live-room", "open", "protected", *REFUSED)
KIND: Final = WritingCommand


def run(
    ctx: typer.Context,
    rule: Reference,
    room: Annotated[str | None, typer.Option(metavar="ROOM", help="Another room.")] = None,
    pin_stdin: PinStdin = False,
    no_pin: Annotated[bool, typer.Option("--no-pin", help="Take the PIN off; needs `--allow open`.")] = False,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Another name.")] = None,
    trunk: Trunks = None,
    any_trunk: Annotated[bool, typer.Option("--any-trunk", help="Serve calls of any trunk, or of none.")] = False,
    number: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="Only calls to this number (`numbers`); repeatable.")
    ] = None,
    add_number: Annotated[
        list[str] | None, typer.Option("--add-number", metavar="NUMBER", help="Calls to this number too; repeatable.")
    ] = None,
    remove_number: Annotated[
        list[str] | None, typer.Option("--remove-number", metavar="NUMBER", help="One number less; repeatable.")
    ] = None,
    any_number: Annotated[bool, typer.Option("--any-number", help="Whatever number is dialled.")] = False,
    caller: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="Only this caller (`inbound_numbers`); repeatable.")
    ] = None,
    any_caller: Annotated[bool, typer.Option("--any-caller", help="Any caller.")] = False,
    hide_phone_number: Annotated[
        bool | None, typer.Option("--hide-phone-number/--show-phone-number", help="Whether the room sees who calls.")
    ] = None,
    metadata: Annotated[str | None, typer.Option(metavar="TEXT", help="Other metadata.")] = None,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Change some fields of a dispatch rule and keep all others.

    \b
    Examples:
      sipctl rules update SDR_7hTqVw9YbLxe --trunk ST_b6WvKx3nTe9D
      echo 58204619 | sipctl rules update SIP_demo --pin-stdin --allow live-room
      sipctl rules update SIP_demo --any-trunk --any-caller --dry-run
    """
    session = Session.of(ctx)
    numbers = amended("number", chosen("number", number, any_number), add_number, remove_number)
    edits = _edits(
        room=room, pin_stdin=pin_stdin, no_pin=no_pin, name=name, metadata=metadata, numbers=numbers,
        trunks=chosen("trunk", trunk, any_trunk), callers=chosen("caller", caller, any_caller),
        hide_phone_number=hide_phone_number,
    )  # fmt: skip
    change = session.write(lambda writer: update_requested_rule(writer, rule, edits), session.permit(allow, confirm))
    show_change(session, change)


def _edits(
    *,
    room: str | None,
    pin_stdin: bool,
    no_pin: bool,
    name: str | None,
    metadata: str | None,
    trunks: tuple[str, ...] | None,
    numbers: tuple[str, ...] | Amendment | None,
    callers: tuple[str, ...] | None,
    hide_phone_number: bool | None,
) -> Mapping[str, Any]:
    """The fields that `rules update` is asked to change.

    Raises:
        UsageError: none at all, or two that exclude each other.
    """
    if pin_stdin and no_pin:
        raise UsageError("--pin-stdin and --no-pin exclude each other")
    pin = "" if no_pin else read_pin() if pin_stdin else None
    fields = {
        "room_name": room,
        "pin": pin,
        "name": name,
        "metadata": metadata,
        "trunk_ids": trunks,
        "numbers": numbers,
        "inbound_numbers": callers,
        "hide_phone_number": hide_phone_number,
    }
    return edits_given(fields, "rules", "update")
