"""What `rules restore` and `rules export` do."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from sipctl.cli.endings import finish, shortfall
from sipctl.cli.inputs import EXPORT_LIMIT, named, read_document
from sipctl.cli.session import Session
from sipctl.cli.views.restoring import RestoreView
from sipctl.command_line import CommandLine, prose_text
from sipctl.config.urls import same_server
from sipctl.errors import RailError, SipctlError, UsageError
from sipctl.files import write_private
from sipctl.lkapi.client import LiveKitClient
from sipctl.masking import shown_url
from sipctl.operations.executing import Attempt, Brake, braking_on_signals
from sipctl.operations.export import EXPORT_TO_FILE, PinSwap, check_origin, records
from sipctl.operations.journal import Entry
from sipctl.operations.restoring import (
    Present,
    Step,
    check_steps,
    entries_of,
    plan_restore,
    plan_undo,
    refusals,
    restore,
    rules_before,
)
from sipctl.operations.snapshot import take_snapshot
from sipctl.operations.writing import Change, Permit, Writer, check_profile
from sipctl.output.text import escaped_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.returning import Returning, as_of_today
from sipctl.telephony.snapshot import REAL, SCHEMA, SWAPPED, Snapshot, read_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the options of `rules restore` say."""

    items: Sequence[str]
    runs: Sequence[str]
    rules: Sequence[str]
    file: Path | None
    trunks: Sequence[str]
    apply: bool
    max_delete: int | None


def restore_rules(session: Session, wanted: Wanted, permit: Permit) -> None:
    """`rules restore`."""
    of_audit = bool(wanted.items or wanted.runs or wanted.rules)
    if of_audit == bool(wanted.file):
        told = "--from-export goes with no change of the audit" if of_audit else "nothing to restore"
        raise UsageError(told, hint="name changes, or give --run, --id or --from-export (one of them)")
    mapped = _mapped(wanted.trunks)
    limit = session.settings.purge.max_delete if wanted.max_delete is None else wanted.max_delete
    applies = wanted.apply and not permit.dry_run
    if applies:
        check_profile(session.settings, permit)
    done: list[Attempt[Step, Change]] = []
    with session.lock() if applies else nullcontext():  # no rotation may come between the plan and what it does
        steps = _plan(session, wanted, permit, mapped)
        if applies:
            check_steps(steps, limit)
            done = _carry_out(session, steps, permit)
    session.emit(
        RestoreView(steps, done, session.journal.run if done else "", session.options.show_pins, session.paste)
    )
    finish(session, _shortfall(done, refusals(steps)) if applies else None)


def _shortfall(done: Sequence[Attempt[Step, Change]], refused: Sequence[RailError]) -> SipctlError | None:
    """What the run ends with if some rules were not restored."""
    if refused and not done:
        return _together(refused)
    failed = [one.error for one in done if one.error or not one.begun]
    return shortfall([*failed, *refused], len(done) + len(refused), "steps")


def _together(refused: Sequence[RailError]) -> RailError:
    first = refused[0]
    more = f", and {len(refused) - 1} more" if len(refused) > 1 else ""
    return RailError(f"{first.message}{more}", code=first.code, hint=first.advice)


def _mapped(words: Sequence[str]) -> Mapping[str, str]:
    pairs = [word.partition("=") for word in words]
    wrong = next((old + between + new for old, between, new in pairs if not (old and new)), None)
    if wrong is not None:
        raise UsageError(f"--trunk {wrong!r} is not OLD=NEW", hint="such as --trunk ST_old=ST_new")
    return {old: new for old, _, new in pairs}


def _plan(session: Session, wanted: Wanted, permit: Permit, mapped: Mapping[str, str]) -> list[Step]:
    exported = _exported(session, wanted.file, permit) if wanted.file else ()
    entries = [] if wanted.file else _entries(session, wanted)
    today = session.pins_today([*exported, *rules_before(entries)])

    def returning(rule: DispatchRule) -> Returning:
        found = as_of_today(rule, today, session.settings.mark)
        return Returning(rule) if found.objection and "retired-pin" in permit.allow else found

    async def ask(client: LiveKitClient) -> Present:
        stored = await client.list_rules()
        trunk_ids = [trunk.sip_trunk_id for trunk in await client.list_inbound_trunks()]
        return Present(tuple(stored), trunk_ids, mapped, returning)

    present = session.livekit(ask)
    return plan_restore(exported, present) if wanted.file else plan_undo(entries, present)


def _entries(session: Session, wanted: Wanted) -> list[Entry]:
    """The writes to undo, all of them made on this server."""
    url = session.settings.connection.url
    entries = entries_of(session.journal.entries(), runs=wanted.runs, items=wanted.items, rules=wanted.rules)
    if elsewhere := next((entry for entry in entries if not same_server(entry.url, url)), None):
        raise UsageError(
            f"change {elsewhere.item} was made at {elsewhere.url}, and this is {url}",
            hint=f"it was profile {elsewhere.profile!r}",
        )
    return entries


def _exported(session: Session, path: Path, permit: Permit) -> Sequence[DispatchRule]:
    """The rules of an export that may be restored here; fields that cannot be written back would be lost."""
    snapshot = read_snapshot([read_document(path, EXPORT_LIMIT)], session.options.max_items)
    note = check_origin(snapshot.origin, named(path), session.settings.connection.url, permit.allow)
    if note:
        session.streams.note(f"note: {note}")
    if snapshot.rules is None:
        raise UsageError(
            f"{path} holds no rules", hint=("it should be what ", CommandLine.of("rules", "export"), " wrote")
        )
    if snapshot.unknown:
        raise UsageError(f"{path} has fields that this version cannot write back: {', '.join(snapshot.unknown)}")
    return snapshot.rules


def _carry_out(session: Session, steps: Sequence[Step], permit: Permit) -> list[Attempt[Step, Change]]:
    settings, brake = session.settings, Brake(check_lock=session.check_lock)

    async def carry(client: LiveKitClient) -> list[Attempt[Step, Change]]:
        with braking_on_signals(brake):
            return await restore(Writer(client, settings, permit, session.journal, session.pins_today), steps, brake)

    done = session.livekit(carry)
    session.stopped_by = brake.signal_number
    return done


def export_rules(session: Session, file: Path | None) -> None:
    """`rules export`."""
    snapshot = session.livekit(lambda client: take_snapshot(client, outbound=False))
    shown = file is not None or session.options.show_pins
    swap = None if shown else PinSwap(frozenset(rule.pin for rule in snapshot.rules or ()))
    text = _text(snapshot, session.settings.connection.url, swap)
    if file is None:
        session.streams.note(_what_is_exported(session, swap))
        session.streams.write(text)
        return
    write_private(file, text)
    session.streams.note(f"wrote {file}, readable by you alone: it holds PINs in full")


def _what_is_exported(session: Session, swap: PinSwap | None) -> str:
    if swap is None:
        return "note: this export holds PINs in full"
    told = "note: the PINs are swapped for others, so this export restores nothing; "
    return prose_text((told, session.options.again(EXPORT_TO_FILE), " writes one that does"))


def _text(snapshot: Snapshot, url: str, swap: PinSwap | None) -> Iterator[str]:
    """The document piece by piece, so that many rules are never text in whole."""
    head = {
        "schema": SCHEMA,
        "server": shown_url(url),
        "taken_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "pins": SWAPPED if swap else REAL,
    }
    yield f'{{"sipctl":{json.dumps(head)}'
    for name, items in records(snapshot, swap).items():
        yield f',\n"{name}":['
        yield from _joined(items)
        yield "\n]"
    yield "\n}\n"


def _joined(items: Any) -> Iterator[str]:  # noqa: ANN401 - an iterable of JSON objects
    for between, item in zip(chain(("\n",), iter(lambda: ",\n", None)), items, strict=False):
        yield between + escaped_json(json.dumps(item, ensure_ascii=False, separators=(",", ":")))
