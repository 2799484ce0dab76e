"""`sipctl pin rotate`."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Final, TypedDict

import typer

from sipctl.cli.acting import acts, say_how_to_act
from sipctl.cli.command import WritingCommand
from sipctl.cli.endings import finish, shortfall
from sipctl.cli.inputs import read_lines
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.pin.common import (
    NoLive,
    Rooms,
    Stdin,
    ask_livekit,
    keep_old_pins,
    pin_registry,
    rotate_rooms,
    with_rotator,
)
from sipctl.cli.rows import cells, shown_pin
from sipctl.cli.session import Session
from sipctl.command_line import quoted
from sipctl.errors import UsageError
from sipctl.operations.rotate import Rotated, Rotator
from sipctl.operations.rotation_plan import RotationPlan, plan_rotation
from sipctl.operations.safeguards import SPARED, check_profile
from sipctl.output.formats import Listing
from sipctl.telephony.registered import Holding

if TYPE_CHECKING:
    from sipctl.registry.store import Registry


class PlannedRotation(TypedDict):
    """What a rotation would do with a room."""

    room: str
    pin: str
    plan: str


class RotatedPin(TypedDict):
    """A room's new PIN and the ids of the rules that carry it, or why it kept the old one."""

    room: str
    pin: str
    rules: list[str]
    error: str


ALLOWS: Final = ("foreign", "live-room", "protected")
PRINTS: Final = {"pins-rotation-plan": list[PlannedRotation], "pins-rotated": list[RotatedPin]}
KIND: Final = WritingCommand


def run(
    ctx: typer.Context,
    rooms: Rooms = None,
    all_: Annotated[bool, typer.Option("--all", help="Every room that has a PIN.")] = False,
    stdin: Stdin = False,
    recover: Annotated[bool, typer.Option("--recover", help="Finish what an interrupted run began.")] = False,
    no_live: NoLive = False,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Give rooms another PIN, in the registry and in their live rules together.

    One room is rotated at once; of several the plan is shown, and --apply carries it out. Live rooms are left out
    (`--allow live-room`), for someone may be dialling, and those on the protect list (`--allow protected`). Every rule
    with which the old PIN opens the room gets the new one. If a rule that the profile does not own carries it, nothing
    is rotated (`--allow foreign`). The old PIN goes into quarantine.

    \b
    Examples:
      sipctl pin rotate standup
      sipctl pin rotate --all --apply
      sipctl pin audit --only PIN502 -o name | sipctl pin rotate --stdin --apply
      sipctl pin rotate --recover --apply
    """
    session = Session.of(ctx)
    permit = session.permit(allow, confirm)
    named = rooms or []
    _check_one_choice(bool(named or stdin), all_, recover)
    check_profile(session.settings, permit)
    is_set = all_ or stdin or len(named) > 1
    with pin_registry(session) as registry:
        if recover:
            _recover(session, registry, permit.allow, ask=not no_live)
            return
        live = ask_livekit(session, ask=not no_live)
        meant = None if all_ else chain(named, read_lines("room", may_be_none=True) if stdin else ())
        alone = "" if is_set else named[0]
        plan = plan_rotation(registry, session.settings, meant, live, permit.allow, alone=alone)
        if not acts(session, on_one=not is_set):
            _show_plan(session, plan)
            return
        if plan.refusal:
            raise plan.refusal
        for holding, reason in plan.left_out:
            word, _ = SPARED[reason]
            session.streams.note(f"note: room {holding.room!r} is left out: {reason}; `{quoted('--allow', word)}`")
        with session.lock():
            undo = keep_old_pins(session, plan.rooms, live, permit.allow)
            done = rotate_rooms(session, registry, plan.rooms, live, permit.allow, undo)
        _finish(session, done)


def _check_one_choice(*given: bool) -> None:
    if given.count(True) != 1:
        fault = "rooms, --all and --recover do not go together" if any(given) else "no room named"
        raise UsageError(fault, hint="name rooms, or give --stdin, --all or --recover (one of them)")


def _show_plan(session: Session, plan: RotationPlan) -> None:
    session.emit(_plan_view(plan, show_pins=session.options.show_pins))
    if plan.refusal:
        session.note(f"note: --apply would refuse: {plan.refusal.message}")
        session.note(f"hint: {plan.refusal.hint}")
    elif plan.rooms:
        say_how_to_act(session)


def _recover(session: Session, registry: "Registry", allow: frozenset[str], *, ask: bool) -> None:
    if not acts(session, on_one=False):
        rooms = tuple(Holding(room=one.room, pin=one.old_pin) for one in registry.unfinished())
        _show_plan(session, RotationPlan(rooms))
        return
    with session.lock():
        done = with_rotator(session, registry, Rotator.recover, allow, ask=ask)
    _finish(session, done)


def _finish(session: Session, done: Sequence[Rotated]) -> None:
    """Show what was done, and end with what was not."""
    session.emit(_view(done, show_pins=session.options.show_pins))
    finish(session, shortfall([one.error for one in done if one.error], len(done), "rooms"))


def _plan_view(plan: RotationPlan, *, show_pins: bool) -> Listing[tuple[Holding, str]]:
    """What a rotation would do; live and protected rooms are left out."""
    items = [
        *((one, "refused: foreign" if one.room in plan.foreign else "rotate") for one in plan.rooms),
        *((one, f"left out: {reason}") for one, reason in plan.left_out),
    ]

    def record(item: tuple[Holding, str]) -> PlannedRotation:
        return PlannedRotation(room=item[0].room, pin=shown_pin(item[0].pin, show=show_pins), plan=item[1])

    return Listing(
        schema="sipctl/pins-rotation-plan/v1",
        things="PINs to rotate",
        items=items,
        columns=("room", "pin", "plan"),
        row=lambda item: cells(record(item)),
        record=record,
        name=lambda item: item[0].room,
    )


def _view(done: Iterable[Rotated], *, show_pins: bool) -> Listing[Rotated]:
    """What a rotation did."""

    def record(one: Rotated) -> RotatedPin:
        pin = shown_pin(one.new_pin, show=show_pins)
        return RotatedPin(room=one.room, pin=pin, rules=list(one.rules), error=one.error.message if one.error else "")

    def row(one: Rotated) -> tuple[str, ...]:
        as_json = record(one)
        return (one.room, as_json["pin"], ",".join(one.rules) or "none", as_json["error"] or "rotated")

    return Listing(
        schema="sipctl/pins-rotated/v1",
        things="PINs to rotate",
        items=done,
        columns=("room", "pin", "rules", "result"),
        row=row,
        record=record,
        name=lambda one: one.room,
    )
