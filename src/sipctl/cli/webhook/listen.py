"""`sipctl webhook listen`."""

import gc
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypedDict

import typer

from sipctl.cli.command import StreamCommand
from sipctl.cli.session import Session
from sipctl.errors import UsageError
from sipctl.output.formats import encode_json
from sipctl.output.text import printable

if TYPE_CHECKING:
    from sipctl.operations.webhooks.listening import Heard


class HeardDelivery(TypedDict):
    """A delivery and what was answered; `verdict` is "ok", or the step at which it was refused."""

    n: int
    at: str
    event: str
    room: str
    id: str
    verdict: str
    detail: str
    status: int
    failure: str


PRINTS: Final = {"webhook-heard": list[HeardDelivery]}
KIND: Final = StreamCommand

_MIB: Final = 1024 * 1024


def run(
    ctx: typer.Context,
    bind: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen; port 0 = any free one.")
    ] = "127.0.0.1:0",
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Record there what comes, before it is answered; 0600.")
    ] = None,
    rotate: Annotated[
        int, typer.Option(min=1, max=1_000_000, metavar="MIB", help="Begin a new file at this size.")
    ] = 100,
    forward: Annotated[
        str, typer.Option(metavar="URL", help="Send each delivery there, and answer what that answers.")
    ] = "",
    redact: Annotated[
        bool, typer.Option("--redact", help="Record other names, numbers and identities in place of the real ones.")
    ] = False,
) -> None:
    """Listen to webhooks: show each as it comes, record it, forward it.

    What was acknowledged is on the disk, whatever happens. Without --forward a delivery is answered 200 if it
    verifies with the profile's key, else 401.

    \b
    Examples:
      sipctl webhook listen
      sipctl webhook listen --write meeting.jsonl
      sipctl webhook listen --bind :8091 --forward http://127.0.0.1:8000/
      sipctl webhook listen --write shared.jsonl --redact
    """
    from sipctl.operations.webhooks.listening import Wishes, listen
    from sipctl.webhooks.receiver import Address

    session = Session.of(ctx)
    if redact and not write:
        raise UsageError("--redact is about what --write records")
    if forward and not forward.startswith(("http://", "https://")):
        raise UsageError(f"--forward {forward!r} is not an http:// or https:// address")
    wishes = Wishes(
        bind=Address.parse(bind), write=write, rotate_bytes=rotate * _MIB, forward=forward,
        timeout_s=session.options.timeout, redact=redact,
    )  # fmt: skip
    gc.enable()  # short commands run without; this one may run for weeks
    session.run(
        listen(
            session.settings.connection, wishes, lambda url: session.streams.warn(f"listening on {url}"),
            lambda heard: _show(session, heard),
        )
    )  # fmt: skip


def _show(session: Session, heard: "Heard") -> None:
    row = _row(heard)
    with suppress(OSError):  # a terminal, or a disk behind stdout, that takes nothing keeps no event from its answer
        _write(session, row)
    if row["failure"]:
        session.streams.warn(f"warning: {row['failure']}")


def _write(session: Session, row: HeardDelivery) -> None:
    if session.options.output == "jsonl":
        session.streams.write([encode_json(row) + "\n"])
    elif not session.options.quiet:
        words = [row["at"], row["event"] or "-", row["room"] or "-", row["verdict"], str(row["status"])]
        described = "; ".join(filter(None, (row["detail"], row["failure"])))
        session.streams.write([printable("  ".join(words) + (f"  {described}" if described else "")) + "\n"])


def _row(heard: "Heard") -> HeardDelivery:
    from sipctl.webhooks.event import Head, head_of

    delivery, verdict = heard.delivery, heard.delivery.verdict
    head = verdict.head or head_of(delivery.body) or Head("")
    at = datetime.fromtimestamp(delivery.received_at, UTC)
    return HeardDelivery(
        n=delivery.number, at=f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z", event=head.name, room=head.room,
        id=head.identifier, verdict=verdict.fault.value if verdict.fault else "ok", detail=verdict.detail,
        status=heard.status, failure=heard.failure,
    )  # fmt: skip
