"""`sipctl rules`: dispatch rules."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sipctl.cli.command import command_group
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.routing import register as register_routing
from sipctl.cli.session import Session
from sipctl.cli.upkeep import register as register_upkeep

app, command = command_group("Dispatch rules: which caller lands in which room.")

Reference = Annotated[str, typer.Argument(metavar="RULE", help="A rule's id, its name, or its room.")]
Trunks = Annotated[
    list[str] | None,
    typer.Option("--trunk", metavar="TRUNK", help="Only calls of this trunk (id, name or number); repeatable."),
]
PinStdin = Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN from stdin, or from a hidden prompt.")]


class SortKey(StrEnum):
    """What `rules list` can be sorted by."""

    ID = "id"
    NAME = "name"
    ROOM = "room"
    CREATED = "created"


@command("list")
def list_(
    ctx: typer.Context,
    room: Annotated[str | None, typer.Option(metavar="ROOM", help="Only rules of this room.")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Only rules of this name.")] = None,
    trunk: Annotated[
        str | None,
        typer.Option(metavar="TRUNK", help="Only rules that serve calls of this trunk (id, name or number)."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only rules without a PIN.")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Only owned rules whose room is not live.")] = False,
    owned: Annotated[bool, typer.Option("--owned", help="Only rules with this profile's mark.")] = False,
    foreign: Annotated[bool, typer.Option("--foreign", help="Only rules of others.")] = False,
    sort: Annotated[SortKey, typer.Option(help="What to sort by.")] = SortKey.ID,
) -> None:
    """List dispatch rules.

    Rules come as LiveKit stores them; PINs are masked unless --show-pins asks for them.

    \b
    Examples:
      sipctl rules list
      sipctl rules list --stale -o name
      sipctl rules list --open --sort room -o json
    """
    from sipctl.cli.views.rules import rules_view
    from sipctl.operations.rules import Criteria, list_rules

    session = Session.of(ctx)
    criteria = Criteria(
        room=room, name=name, trunk=trunk, open_only=open_, stale_only=stale, owned_only=owned, foreign_only=foreign,
        sort=sort.value,
    )  # fmt: skip
    listed = session.livekit(lambda client: list_rules(client, session.settings, criteria))
    rules, names = session.named(listed, lambda rule: rule.room_name)
    session.emit(rules_view(rules, session.settings.mark, show_pins=session.options.show_pins, names=names))


@command("show")
def show(ctx: typer.Context, rule: Reference) -> None:
    """Show one dispatch rule in full.

    \b
    Examples:
      sipctl rules show SDR_7hTqVw9YbLxe
      sipctl rules show SIP_demo --show-pins
      sipctl rules show SDR_7hTqVw9YbLxe -o json
    """
    from sipctl.cli.views.rules import rule_view
    from sipctl.operations.rules import get_rule

    session = Session.of(ctx)
    found = session.livekit(lambda client: get_rule(client, rule))
    _, names = session.named([found], lambda rule: rule.room_name)
    session.emit(rule_view(found, session.settings.mark, show_pins=session.options.show_pins, names=names))


@command("create")
def create(
    ctx: typer.Context,
    room: Annotated[str | None, typer.Option(metavar="ROOM", help="The room that callers land in.")] = None,
    pin_stdin: PinStdin = False,
    pin_from_registry: Annotated[
        bool, typer.Option("--pin-from-registry", help="Take the room's PIN from the registry.")
    ] = False,
    trunk: Trunks = None,
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
    from sipctl.cli.requests import rule_request
    from sipctl.operations.rule_writes import create_requested_rule

    session = Session.of(ctx)
    held = session.registered(room) if pin_from_registry else None
    wanted = rule_request(
        session.settings, room=room, pin_stdin=pin_stdin, held=held, trunks=trunk, name=name, file=from_file
    )
    session.write(lambda writer: create_requested_rule(writer, wanted), session.permit(allow, confirm))


@command("update")
def update(
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
    any_number: Annotated[bool, typer.Option("--any-number", help="Whatever number is dialled.")] = False,
    caller: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="Only this caller (`inbound_numbers`); repeatable.")
    ] = None,
    any_caller: Annotated[bool, typer.Option("--any-caller", help="Whoever calls.")] = False,
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
    from sipctl.cli.requests import chosen, rule_edits
    from sipctl.operations.rule_writes import update_requested_rule

    session = Session.of(ctx)
    edits = rule_edits(
        room=room, pin_stdin=pin_stdin, no_pin=no_pin, name=name, metadata=metadata,
        trunks=chosen("trunk", trunk, any_trunk), numbers=chosen("number", number, any_number),
        callers=chosen("caller", caller, any_caller), hide_phone_number=hide_phone_number,
    )  # fmt: skip
    session.write(lambda writer: update_requested_rule(writer, rule, edits), session.permit(allow, confirm))


@command("delete")
def delete(ctx: typer.Context, rule: Reference, allow: Allow = None, confirm: Confirm = "") -> None:
    """Delete one dispatch rule.

    Refused for a rule of a live room (`--allow live-room`), of another backend (`--allow foreign`), or on the
    profile's protect list (`--allow protected`).

    \b
    Examples:
      sipctl rules delete SDR_7hTqVw9YbLxe
      sipctl rules delete SIP_demo --dry-run
    """
    from sipctl.operations.rule_writes import delete_rule

    session = Session.of(ctx)
    session.write(lambda writer: delete_rule(writer, rule), session.permit(allow, confirm))


register_routing(command)
register_upkeep(command)
