"""`sipctl webhook serve`."""

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Annotated, Final, TypedDict

import typer

from sipctl.cli.command import StreamCommand
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.rules.plan_options import Grace, span_of
from sipctl.cli.session import Session
from sipctl.output.formats import encode_json
from sipctl.output.text import printable


class ServedLine(TypedDict):
    """Something that was done, or that failed; `at` is RFC 3339."""

    at: str
    text: str


PRINTS: Final = {"webhook-served": list[ServedLine]}
KIND: Final = StreamCommand
ALLOWS: Final = ("telephony-off", "unattended")


class ServingSession(Session):
    """A session that runs the sync again and again, each run with a name of its own in the audit."""

    def begin_anew(self) -> None:
        """The next run is another one in the audit."""
        vars(self).pop("journal", None)

    def note(self, text: str) -> None:
        """What is of interest to someone who waits for one run; with `-v` alone."""
        self.streams.detail(text)

    def ticking(self) -> AbstractContextManager[Callable[[], None]]:
        """No count: lines say what is done."""
        return nullcontext(lambda: None)


def run(
    ctx: typer.Context,
    bind: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen; loopback unless another address is given.")
    ] = "127.0.0.1:8090",
    assign: Annotated[bool, typer.Option("--assign", help="Draw a PIN for each room that has none.")] = False,
    grace: Grace = None,
    every: Annotated[
        float, typer.Option(min=1, max=3600, metavar="SECONDS", help="How often all rooms are brought in order.")
    ] = 60.0,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Run the lifecycle of rooms: receive webhooks, and bring rooms, PINs and rules together.

    An event is a hint: its room is compared with LiveKit at once, after 2 s and after 10 s, and all rooms every minute,
    by the plan and the safeguards of `rules sync`. /healthz is 503 when the last sync failed; /metrics is Prometheus's.

    \b
    Examples:
      sipctl webhook serve
      sipctl webhook serve --assign --grace 2m
      sipctl webhook serve --bind 0.0.0.0:8090 --profile prod --confirm prod
    """
    from sipctl.operations.safeguards import check_profile
    from sipctl.operations.webhooks.lifecycle import Lifecycle, Terms
    from sipctl.operations.webhooks.serving import serve
    from sipctl.webhooks.receiver import Address

    session = ServingSession.of(ctx)
    permit = session.permit(allow, confirm)
    if not permit.dry_run:
        check_profile(session.settings, permit)
    terms = Terms(
        permit=permit, grace=span_of("--grace", grace), assigns=assign, timeout_s=session.options.timeout, every_s=every
    )  # fmt: skip
    lifecycle = Lifecycle(session, terms, lambda text: _write(session, text))
    gc.enable()  # short commands run without; this one may run for weeks
    with suppress(KeyboardInterrupt):  # a signal between two runs: a service that is stopped ends well
        serve(
            lifecycle, session.settings.connection, Address.parse(bind),
            lambda url: session.streams.warn(f"listening on {url}"),
        )  # fmt: skip


def _write(session: Session, text: str) -> None:
    """One line of what is done; a full disk behind stdout keeps no room from its rule."""
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    with suppress(OSError):
        if session.options.output == "jsonl":
            session.streams.write([encode_json(ServedLine(at=at, text=text)) + "\n"])
        elif not session.options.quiet or text.startswith("failed"):
            session.streams.write([f"{at}  {printable(text)}\n"])
