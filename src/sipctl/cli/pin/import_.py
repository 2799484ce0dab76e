"""`sipctl pin import`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypedDict

import typer

from sipctl.cli.acting import acts, say_how_to_act
from sipctl.cli.command import WritingCommand
from sipctl.cli.endings import finish
from sipctl.cli.inputs import EXPORT_LIMIT, read_document
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.pin.common import NoLive, ask_livekit, keep_old_pins, pin_registry, rotate_rooms
from sipctl.cli.rows import cells, shown_pin
from sipctl.cli.session import Session
from sipctl.errors import ExitCode, PartialError, SipctlError, UsageError
from sipctl.operations.pin_import import (
    Item,
    State,
    add_pins,
    plan_import,
    read_row_lines,
    read_rows,
    rows_of_rules,
    unless_failed,
)
from sipctl.operations.safeguards import check_profile
from sipctl.operations.snapshot import Live, read_live
from sipctl.output.formats import Listing
from sipctl.telephony.naming import counted
from sipctl.telephony.pins import is_pin

if TYPE_CHECKING:
    from sipctl.registry.store import Registry


class ImportedPin(TypedDict):
    """What an import did with a row, or would do."""

    room: str
    pin: str
    result: str
    why: str


ALLOWS: Final = ("foreign", "live-room", "protected")
PRINTS: Final = {"pins-import": list[ImportedPin]}
KIND: Final = WritingCommand

_WRITTEN: Final = frozenset({State.ADDED, State.CHANGED})
"""What becomes of rows that an import writes."""


def run(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="csv, json or jsonl; - for stdin.")] = None,
    from_rules: Annotated[
        bool, typer.Option("--from-rules", help="Instead of a file: the PINs that rules of live rooms carry.")
    ] = False,
    no_live: NoLive = False,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Bring PINs in from a file: first the plan, with --apply what it says.

    The columns are room and pin; Meet's resource_id and pin_code are understood, too. A room that has another PIN is
    rotated to the file's, its live rules with it; left out are live rooms (`--allow live-room`), those on the protect
    list (`--allow protected`), and those whose PIN a rule of others carries, too (`--allow foreign`, else exit code 5).
    A PIN that a spreadsheet has mangled is refused with its row. --from-rules brings in what rules of live rooms carry,
    where another system gave those PINs out.

    \b
    Examples:
      sipctl pin import pins.csv
      sipctl pin import pins.csv --apply
      sipctl pin import --from-rules
    """
    session = Session.of(ctx)
    permit = session.permit(allow, confirm)
    check_profile(session.settings, permit)
    if (file is None) != from_rules or (from_rules and no_live):
        raise UsageError("an import is from one file, or from the rules of LiveKit", hint="give FILE, or --from-rules")
    rows, passed_over = _read_rows(session, file) if file else ([], 0)
    live = session.livekit(read_live) if from_rules else ask_livekit(session, ask=not no_live)
    if from_rules and live:
        rows = rows_of_rules(live, session.settings.mark)
    applied = acts(session, on_one=False)
    failed: Mapping[str, SipctlError] = {}
    with pin_registry(session) as registry:
        items = plan_import(registry, session.settings, rows, live, permit.allow)
        if applied:
            with session.lock():
                items, failed = _carry_out(session, registry, items, live, permit.allow)
    session.emit(_view(items, applied=applied, show_pins=session.options.show_pins))
    if not applied and any(item.state in _WRITTEN for item in items):
        say_how_to_act(session)
    is_refused = any(item.state in {State.CONFLICTING, State.FOREIGN, State.UNKNOWN} for item in items)
    code = ExitCode.SAFEGUARD if is_refused else ExitCode.PARTIAL if passed_over else ExitCode.DONE
    finish(session, _shortfall(failed), code)


def _shortfall(failed: Mapping[str, SipctlError]) -> SipctlError | None:
    """What an import ends with that left rooms as they were, for these reasons."""
    first = next(iter(failed.values()), None)
    summary = f"{counted(len(failed), 'room')} did not go well: "
    return PartialError(summary + first.message, hint=first.advice) if first else None


def _read_rows(session: Session, file: Path) -> tuple[list[tuple[int, str, str]], int]:
    """The rows of the file; of one with an object a line, such as a rotation leaves, also how many were passed over."""
    limit = session.options.max_items
    if file.suffix != ".jsonl":
        return read_rows(read_document(file, EXPORT_LIMIT), limit), 0
    rows, passed_over = read_row_lines(read_document(file, EXPORT_LIMIT, errors="surrogateescape"), limit)
    whole = len(rows)
    rows = [row for row in rows if not row[2] or is_pin(row[2]) or _left_out(session, row)]
    if passed_over:
        lines = counted(passed_over, "line")
        session.streams.note(f"note: {lines} of {file} passed over: damaged, or no object with room and pin")
    return rows, passed_over + whole - len(rows)


def _left_out(session: Session, row: tuple[int, str, str]) -> bool:
    """False, and a word of it: a PIN that could not be typed is replaced by a rotation, and does not come back."""
    session.streams.note(f"note: line {row[0]} passed over: the PIN of room {row[1]!r} is not 4 to 16 digits")
    return False


def _carry_out(
    session: Session, registry: "Registry", items: Sequence[Item], live: Live | None, allow: frozenset[str]
) -> tuple[list[Item], Mapping[str, SipctlError]]:
    """Add what is new, and rotate the rooms to which the file gives another PIN; the items, and the errors of rooms."""
    chosen = {item.room: item.pin for item in items if item.state is State.CHANGED}
    rooms = list(registry.known(chosen).values())
    undo = keep_old_pins(session, rooms, live, allow)
    added = add_pins(registry, items, session.journal)
    try:
        done = rotate_rooms(session, registry, rooms, live, allow, undo, chosen)
    except SipctlError as error:
        failed = dict.fromkeys(chosen, error)
    else:
        failed = {one.room: one.error for one in done if one.error}
    return unless_failed(added, failed), failed


def _view(items: Iterable[Item], *, applied: bool, show_pins: bool) -> Listing[Item]:
    """What an import did, or would do."""

    def record(item: Item) -> ImportedPin:
        is_planned = item.state in _WRITTEN and not applied
        result = f"would be {item.state}" if is_planned else item.state.value
        return ImportedPin(room=item.room, pin=shown_pin(item.pin, show=show_pins), result=result, why=item.why)

    return Listing(
        schema="sipctl/pins-import/v1",
        things="PINs to import",
        items=items,
        columns=("room", "pin", "result", "why"),
        row=lambda item: cells(record(item)),
        record=record,
        name=lambda item: item.room,
    )
