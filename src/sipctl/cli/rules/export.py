"""`sipctl rules export`."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sipctl.cli.acting import Force, writes_file
from sipctl.cli.command import Command
from sipctl.cli.inputs import or_stdout
from sipctl.cli.session import Session
from sipctl.command_line import prose_text
from sipctl.files import write_private
from sipctl.masking import shown_url
from sipctl.operations.export import EXPORT_TO_FILE, PinSwap, records
from sipctl.operations.snapshot import take_snapshot
from sipctl.output.text import escaped_json
from sipctl.telephony.snapshot import REAL, SCHEMA, SWAPPED, Snapshot


class ExportCommand(Command):
    """A command whose output is one JSON document."""

    formats = ("table", "json")
    writes = True


KIND: Final = ExportCommand


def run(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", callback=or_stdout, help="Where to; none or - = stdout.")
    ] = None,
    force: Force = False,
) -> None:
    """Write trunks, rules and live rooms as one snapshot; passwords of trunks are left out.

    A file is made 0600, takes the place of no other (`--force`), and holds PINs in full, so that rules can be restored
    from it. On stdout PINs are swapped one-to-one for others (--show-pins: as they are): calls still land alike, the
    snapshot may go anywhere, and nothing can be restored from it. Its head says of which server it is, when it was
    taken, and which PINs it holds.

    \b
    Examples:
      sipctl rules export rules.json
      sipctl rules export > tests/snapshot.json
    """
    session = Session.of(ctx)
    snapshot = session.livekit(lambda client: take_snapshot(client, outbound=False))
    shown = file is not None or session.options.show_pins
    swap = None if shown else PinSwap(frozenset(rule.pin for rule in snapshot.rules or ()))
    text = _text(snapshot, session.settings.connection.url, swap)
    if file is None:
        session.streams.note(_what_is_exported(session, swap))
        session.streams.write(text)
        return
    if not writes_file(session, file, force=force):
        return
    write_private(file, text, over=force)
    session.streams.note(f"wrote {file}, readable by you alone: it holds PINs in full")


def _what_is_exported(session: Session, swap: PinSwap | None) -> str:
    if swap is None:
        return "note: this export holds PINs in full"
    described = "note: the PINs are swapped for others, so this export restores nothing; "
    return prose_text((described, session.options.again(EXPORT_TO_FILE), " writes one that does"))


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
