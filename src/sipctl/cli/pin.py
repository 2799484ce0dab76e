"""`sipctl pin`: the registry of PINs."""

from pathlib import Path
from typing import Annotated

import typer

from sipctl.cli.command import CsvCommand, ReportCommand, command_group
from sipctl.cli.inputs import or_stdout
from sipctl.cli.options import Allow, Confirm, FailOn
from sipctl.cli.session import Session

app, command = command_group("PINs: who has which, and giving out new ones.")

Rooms = Annotated[list[str] | None, typer.Argument(metavar="[ROOM]...", help="Rooms; in Meet UUID, slug or name.")]
Room = Annotated[str, typer.Argument(metavar="ROOM", help="A room; in Meet's layout its UUID, slug or name.")]
Stdin = Annotated[bool, typer.Option("--stdin", help="Read rooms from stdin, one a line.")]
NoLive = Annotated[bool, typer.Option("--no-live", help="Do not ask LiveKit.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without, only say what would be done.")]


@command("assign")
def assign(
    ctx: typer.Context,
    rooms: Rooms = None,
    stdin: Stdin = False,
    missing: Annotated[bool, typer.Option("--missing", help="Every known room without a PIN.")] = False,
    live: Annotated[bool, typer.Option("--live", help="With --missing: live rooms of this backend, too.")] = False,
    no_live: NoLive = False,
    pin_stdin: Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN of one room from stdin.")] = False,
    confirm: Confirm = "",
) -> None:
    """Give rooms a PIN; a room that has one keeps it.

    A PIN is unique among those in use, those in quarantine, and those that live dispatch rules carry.

    \b
    Examples:
      sipctl pin assign standup retro
      sipctl pin assign --missing --live
      sipctl pin assign --stdin < rooms.txt
      echo 4821930571 | sipctl pin assign standup --pin-stdin
    """
    from sipctl.cli.pins import Assigning, assign_rooms

    session = Session.of(ctx)
    wanted = Assigning(
        rooms=rooms or [], stdin=stdin, missing=missing, live=live, ask_live=not no_live, pin_stdin=pin_stdin
    )
    assign_rooms(session, wanted, session.permit(None, confirm))


@command("rotate")
def rotate(
    ctx: typer.Context,
    rooms: Rooms = None,
    all_: Annotated[bool, typer.Option("--all", help="Every room that has a PIN.")] = False,
    stdin: Stdin = False,
    recover: Annotated[bool, typer.Option("--recover", help="Finish what an interrupted run began.")] = False,
    no_live: NoLive = False,
    apply: Apply = False,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Give rooms another PIN, in the registry and in their live rules together.

    One room is rotated at once; of several the plan is shown, and --apply carries it out. Live rooms are left out
    (`--allow live-room`), for somebody may be dialling, and those on the protect list (`--allow protected`). The old
    PIN goes into quarantine.

    \b
    Examples:
      sipctl pin rotate standup
      sipctl pin rotate --all --apply
      sipctl pin audit --only PIN502 -o name | sipctl pin rotate --stdin
      sipctl pin rotate --recover
    """
    from sipctl.cli.rotating import Rotating, rotate_rooms

    session = Session.of(ctx)
    wanted = Rotating(
        rooms=rooms or [], everything=all_, stdin=stdin, recover=recover, ask_live=not no_live, apply=apply
    )
    rotate_rooms(session, wanted, session.permit(allow, confirm))


@command("show")
def show(ctx: typer.Context, room: Room, no_live: NoLive = False) -> None:
    """Show a room's PIN, the number to dial, and what a caller would meet now.

    \b
    Examples:
      sipctl pin show standup
      sipctl pin show standup --show-pins -o json
    """
    from sipctl.cli.pins import show_room

    show_room(Session.of(ctx), room, ask_live=not no_live)


@command("list", cls=CsvCommand)
def list_(
    ctx: typer.Context,
    missing: Annotated[bool, typer.Option("--missing", help="Only rooms without a PIN.")] = False,
) -> None:
    """List the rooms that the registry knows, and their PINs.

    \b
    Examples:
      sipctl pin list
      sipctl pin list --missing -o name
    """
    from sipctl.cli.pins import list_rooms

    list_rooms(Session.of(ctx), missing=missing)


@command("lookup")
def lookup(ctx: typer.Context, no_live: NoLive = False) -> None:
    """Say whose a PIN is, and which rules carry it; the PIN comes from stdin or a hidden prompt.

    \b
    Examples:
      echo 4821930571 | sipctl pin lookup
      sipctl pin lookup -o json < pin.txt
    """
    from sipctl.cli.pins import look_up

    look_up(Session.of(ctx), ask_live=not no_live)


@command("release")
def release(
    ctx: typer.Context, room: Room, no_live: NoLive = False, allow: Allow = None, confirm: Confirm = ""
) -> None:
    """Take a room's PIN away; it stays in quarantine and is given to nobody for a year.

    Refused while the room is live or a rule carries the PIN (`--allow live-room`), and if it is on the protect list
    (`--allow protected`).

    \b
    Examples:
      sipctl pin release retro
      sipctl pin release retro --dry-run
    """
    from sipctl.cli.pins import release_room

    session = Session.of(ctx)
    release_room(session, room, session.permit(allow, confirm), ask_live=not no_live)


@command("audit", cls=ReportCommand)
def audit(
    ctx: typer.Context,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="CODE", help="Only these codes.")] = None,
    skip: Annotated[list[str] | None, typer.Option("--skip", metavar="CODE", help="All but these codes.")] = None,
    also_profile: Annotated[
        list[str] | None,
        typer.Option("--also-profile", metavar="NAME", help="Another profile that shares the LiveKit; repeatable."),
    ] = None,
    lines: Annotated[int, typer.Option(min=1, max=100_000, help="Calls that a guesser can make at a time.")] = 30,
    seconds_per_call: Annotated[float, typer.Option(min=0.1, max=3600, help="How long one guess takes.")] = 8.0,
    target: Annotated[float, typer.Option(min=1e-12, max=1, help="The chance in 30 days that you accept.")] = 0.0001,
    no_live: NoLive = False,
    fail_on: FailOn = "error",
) -> None:
    """Check the PINs, and say how likely it is that somebody guesses one.

    \b
    Examples:
      sipctl pin audit
      sipctl pin audit --lines 100 --target 0.001
      sipctl pin audit --only PIN507 -o name
      sipctl pin audit --also-profile staging
    """
    from sipctl.cli.pin_audit import Auditing, audit_pins

    wanted = Auditing(
        only=only or [], skip=skip or [], also_profiles=also_profile or [],
        lines=lines, seconds_per_call=seconds_per_call, target=target,
        ask_live=not no_live, fail_on=fail_on,
    )  # fmt: skip
    audit_pins(Session.of(ctx), wanted)


@command("export", cls=CsvCommand)
def export(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", callback=or_stdout, help="Where to; none or - = stdout, PINs masked."),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="csv: leave cells that a spreadsheet takes for formulas as they are.")
    ] = False,
) -> None:
    """Write the registry as csv, json or jsonl. A file is made 0600 and holds PINs in full.

    In csv a room name that begins with = + - or @ gets a ' in front, so that no spreadsheet takes it for a formula;
    `pin import` takes it away again.

    \b
    Examples:
      sipctl pin export pins.csv
      sipctl pin export -o csv --show-pins
    """
    from sipctl.cli.rotating import export_pins

    export_pins(Session.of(ctx), file, raw=raw)


@command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="csv, json or jsonl; - for stdin.")],
    no_live: NoLive = False,
    apply: Apply = False,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Bring PINs in from a file: first the plan, with --apply what it says.

    The columns are room and pin; Meet's resource_id and pin_code are understood, too. A room that has another PIN is
    rotated to the file's, its live rule with it; live rooms are left out (`--allow live-room`), and those on the
    protect list (`--allow protected`). A PIN that a spreadsheet has mangled is refused with its row.

    \b
    Examples:
      sipctl pin import pins.csv
      sipctl pin import pins.csv --apply
    """
    from sipctl.cli.rotating import Importing, import_pins

    session = Session.of(ctx)
    wanted = Importing(file=file, ask_live=not no_live, apply=apply)
    import_pins(session, wanted, session.permit(allow, confirm))
