"""What the commands of `sipctl pin` do: the registry opened, LiveKit asked, one use case, one view."""

import asyncio
import json
import os
import secrets
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import typer

from sipctl.cli.context import Session
from sipctl.cli.stdin import read_document, read_secret_line
from sipctl.cli.views.registry import (
    assigned_view,
    card_view,
    holder_view,
    holdings_view,
    import_view,
    released_view,
    rotated_view,
    rotation_plan_view,
)
from sipctl.config.paths import state_dir
from sipctl.errors import ExitCode, PartialError, RailError, UncheckedError, UsageError
from sipctl.operations import pin_files
from sipctl.operations.journal import Journal
from sipctl.operations.lock import run_lock
from sipctl.operations.pins import (
    Assigned,
    Live,
    assign,
    assign_chosen,
    card,
    check_one_truth,
    lookup,
    policy_of,
    release,
)
from sipctl.operations.rotation import Rotated, RotationPlan, Rotator, plan_rotation, recover_all, rotate_all
from sipctl.operations.writing import Permit, check_profile
from sipctl.registry.store import Holding, Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigning:
    """What the options of `pin assign` say."""

    rooms: Sequence[str]
    stdin: bool
    missing: bool
    live: bool
    ask_live: bool
    pin_stdin: bool


def ask_livekit(session: Session, *, ask: bool) -> Live | None:
    """LiveKit's rules and live rooms; None if nobody wants to know, or no LiveKit is configured."""
    if not ask:
        return None
    if session.settings.connection_or_none is None:
        session.streams.note("note: no LiveKit is configured, so only the registry is looked at")
        return None
    from sipctl.lkapi.client import LiveKitClient

    async def both(client: LiveKitClient) -> Live:
        rules = tuple(await client.list_rules())
        return Live(rules=rules, rooms=frozenset(room.name for room in await client.list_rooms()))

    return session.livekit(both)


def assign_rooms(session: Session, wanted: Assigning, permit: Permit) -> None:
    """`pin assign`."""
    settings, policy = session.settings, policy_of(session.settings)
    check_profile(settings, permit)
    live = ask_livekit(session, ask=wanted.ask_live)
    with session.registry() as registry:
        if live:
            check_one_truth(registry, settings, live)
        taken = frozenset(rule.pin for rule in live.rules) if live else frozenset()
        rooms = _rooms_to_assign(session, registry, wanted, live)
        done: Iterable[Assigned]
        if wanted.pin_stdin:
            done = [assign_chosen(registry, _only(list(rooms)), read_secret_line("PIN"), taken)]
        elif permit.dry_run:
            done = _would_assign(registry, rooms)
        else:
            draws = settings.telephony.pin_max_retries
            done = _counted(session, assign(registry, rooms, policy, draws=draws, taken=taken))
        session.emit(assigned_view(done, show_pins=session.options.show_pins, applied=not permit.dry_run))


def _rooms_to_assign(session: Session, registry: Registry, wanted: Assigning, live: Live | None) -> Iterable[str]:
    """The rooms that are meant, by the registry's own names for them; read as they are consumed.

    Raises:
        UsageError: none are, or both stdin and PIN are to come from stdin.
    """
    if wanted.stdin and wanted.pin_stdin:
        raise UsageError("--stdin and --pin-stdin both read stdin", hint="name the room")
    if not (wanted.rooms or wanted.stdin or wanted.missing):
        raise UsageError("no room named", hint="name rooms, or give --stdin or --missing")
    named: Iterable[str] = chain(wanted.rooms, _lines() if wanted.stdin else ())
    if session.settings.registry.in_meet:
        named = (registry.find(name).room for name in named)
    missing = [holding.room for holding in registry.holdings() if not holding.pin] if wanted.missing else []
    if wanted.missing and wanted.live and live and not session.settings.registry.in_meet:
        mark = session.settings.mark
        missing += sorted(room for room in live.rooms if mark.is_ours(room))
    return chain(named, missing)


def _lines() -> Iterator[str]:
    """The lines of stdin that are not empty.

    Raises:
        UsageError: there is none.
    """
    count = 0
    for line in sys.stdin:
        name = line.rstrip("\r\n")
        if name.strip():
            count += 1
            yield name
    if not count:
        raise UsageError("no room on stdin", hint="pipe rooms in, one a line")


def _only(rooms: Sequence[str]) -> str:
    if len(rooms) != 1:
        raise UsageError("--pin-stdin is for one room", hint="name one room")
    return rooms[0]


def _would_assign(registry: Registry, rooms: Iterable[str]) -> Iterator[Assigned]:
    names = list(dict.fromkeys(rooms))
    held = registry.pins_of(names)
    return (Assigned(room, held.get(room, ""), is_new=room not in held) for room in names)


def _counted(session: Session, done: Iterator[Assigned]) -> Iterator[Assigned]:
    """The same, with a bar for people who wait, and a word on how far it came if it is interrupted."""
    count, ended = 0, False
    try:
        for one in _with_bar(done):
            count += 1
            yield one
        ended = True
    finally:
        if not ended:
            session.streams.note(f"note: {count} rooms were done; each of them has its PIN")


def _with_bar(done: Iterator[Assigned]) -> Iterator[Assigned]:
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield from done
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(done, "assigning", console=Console(stderr=True), total=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotating:
    """What the options of `pin rotate` say."""

    rooms: Sequence[str]
    everything: bool
    stdin: bool
    recover: bool
    ask_live: bool
    apply: bool


def rotate_rooms(session: Session, wanted: Rotating, permit: Permit) -> None:
    """`pin rotate`."""
    check_profile(session.settings, permit)
    live = ask_livekit(session, ask=wanted.ask_live)
    with session.registry() as registry:
        done: list[Rotated] | None
        if wanted.recover:
            done = _run_rotator(session, registry, None, ask_live=wanted.ask_live)
        else:
            done = _rotate_planned(session, registry, wanted, permit, live)
    if done is not None:
        session.emit(rotated_view(done, show_pins=session.options.show_pins))
        _end_of(done)


def _rotate_planned(
    session: Session, registry: Registry, wanted: Rotating, permit: Permit, live: Live | None
) -> list[Rotated] | None:
    if live:
        check_one_truth(registry, session.settings, live)
    is_set = wanted.everything or wanted.stdin or len(wanted.rooms) > 1
    plan = plan_rotation(_meant(registry, wanted), live.rooms if live else frozenset(), permit.allow)
    if plan.live and not is_set:
        raise RailError(
            f"will not rotate the PIN of room {plan.live[0].room!r}: it is live, and somebody may be dialling",
            code="rail-live-room",
            hint="to do it all the same, add `--allow live-room`",
        )
    if permit.dry_run or (is_set and not wanted.apply):
        session.emit(rotation_plan_view(plan, show_pins=session.options.show_pins))
        return None
    return _run_rotator(session, registry, plan, ask_live=wanted.ask_live)


def _meant(registry: Registry, wanted: Rotating) -> list[Holding]:
    if not (wanted.rooms or wanted.stdin or wanted.everything):
        raise UsageError("no room named", hint="name rooms, or give --stdin, --all or --recover")
    if wanted.everything:
        return list(registry.holdings())
    return [registry.find(name) for name in dict.fromkeys(chain(wanted.rooms, _lines() if wanted.stdin else ()))]


def _run_rotator(session: Session, registry: Registry, plan: RotationPlan | None, *, ask_live: bool) -> list[Rotated]:
    """Rotate a plan, or finish what is unfinished, alone and audited."""
    settings, folder = session.settings, state_dir()
    connection = settings.connection_or_none if ask_live else None
    policy = policy_of(settings)
    journal = Journal(
        folder=folder, command=session.command, profile=settings.profile, url=connection.url if connection else ""
    )

    async def work(client: Any) -> list[Rotated]:  # noqa: ANN401 - a LiveKitClient, which only loads where needed
        rotator = Rotator(registry, client, settings, journal, policy, draw=lambda: policy.draw(secrets.randbelow))
        return await (rotate_all(rotator, plan) if plan else recover_all(rotator))

    with run_lock(folder, connection.url if connection else "registry"):
        if plan:
            _write_changes(folder, journal.run, plan)
        return session.livekit(work) if connection else asyncio.run(work(None))


def _write_changes(folder: Path, run: str, plan: RotationPlan) -> None:
    """Which PINs are about to go, 0600 and on disk before anything changes."""
    lines = (json.dumps({"room": one.room, "old_pin": one.pin}, ensure_ascii=False) + "\n" for one in plan.rooms)
    write_private(folder / f"rotation-{run}.jsonl", lines)


def _end_of(done: Sequence[Rotated]) -> None:
    """Leave with the code of what failed; with several rooms, partly done."""
    failed = [one.error for one in done if one.error]
    if not failed:
        return
    if len(done) == 1:
        raise failed[0]
    raise PartialError(f"{len(failed)} of {len(done)} rooms were not rotated: {failed[0].message}", hint=failed[0].hint)


def show_room(session: Session, reference: str, *, ask_live: bool) -> None:
    """`pin show`."""
    with session.registry() as registry:
        holding = registry.find(reference)
    shown = card(session.settings, holding, ask_livekit(session, ask=ask_live))
    session.emit(card_view(shown, show_pins=session.options.show_pins))


def list_rooms(session: Session, *, missing: bool) -> None:
    """`pin list`."""
    with session.registry() as registry:
        holdings = (one for one in registry.holdings() if not (missing and one.pin))
        session.emit(holdings_view(holdings, show_pins=session.options.show_pins))


def look_up(session: Session) -> None:
    """`pin lookup`."""
    pin = read_secret_line("PIN")
    with session.registry() as registry:
        holder = lookup(registry, pin)
    session.emit(holder_view(holder))


def release_room(session: Session, reference: str, permit: Permit, *, ask_live: bool) -> None:
    """`pin release`."""
    check_profile(session.settings, permit)
    live = ask_livekit(session, ask=ask_live)
    with session.registry() as registry:
        holding = registry.find(reference)
        if not permit.dry_run:
            release(registry, holding, live, permit.allow)
    session.emit(released_view(holding, applied=not permit.dry_run, show_pins=session.options.show_pins))


def export_pins(session: Session, file: Path | None) -> None:
    """`pin export`."""
    with session.registry() as registry:
        if file is None:
            session.emit(holdings_view(registry.holdings(), show_pins=session.options.show_pins))
            return
        style = session.options.output if session.options.output != "table" else file.suffix.removeprefix(".")
        if style not in {"csv", "json", "jsonl"}:
            raise UsageError(f"{file} names no format", hint="call it .csv, .json or .jsonl, or give -o")
        view = holdings_view(registry.holdings(), show_pins=True)
        write_private(file, view.render(style, session.streams))
    session.streams.note(f"wrote {file}, readable by you alone: it holds PINs in full")


def write_private(path: Path, chunks: Iterable[str]) -> None:
    """Write a file with 0600, in one step.

    Raises:
        UncheckedError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.writelines(chunks)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    except OSError as error:
        raise UncheckedError(f"cannot write {path}: {error.strerror}") from error


def import_pins(session: Session, file: Path, permit: Permit, *, apply: bool) -> None:
    """`pin import`."""
    check_profile(session.settings, permit)
    rows = pin_files.read_rows(read_document(file))
    with session.registry() as registry:
        items = pin_files.plan_import(registry, rows, session.settings.telephony.pin_length)
        applied = apply and not permit.dry_run
        if applied:
            pin_files.apply_import(registry, items)
    session.emit(import_view(items, applied=applied, show_pins=session.options.show_pins))
    if any(item.state == "conflicting" for item in items):
        raise typer.Exit(ExitCode.RAIL)
