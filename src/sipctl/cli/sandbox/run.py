"""`sipctl sandbox run`."""

from pathlib import Path
from typing import Annotated

import typer

from sipctl.cli.session import Session


def run(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 = any free one.")] = 0,
    api_key: Annotated[str, typer.Option(metavar="KEY", help="The one API key it knows.")] = "devkey",
    api_secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with the API secret; default: a random secret.")
    ] = None,
    seed: Annotated[
        Path | None, typer.Option(metavar="SNAPSHOT", help="JSON of trunks, rules and rooms to start with.")
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="NAME[=VALUE][@METHOD]", help="A fault to start with; repeatable.")
    ] = None,
    sip: Annotated[bool, typer.Option("--sip", help="Be a SIP node, too: UDP, TCP, and TLS on the next port.")] = False,
    sip_port: Annotated[
        int | None, typer.Option("--sip-port", min=0, max=65534, help="Port of SIP; 0 = two free ones. Means --sip.")
    ] = None,
    webhook: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Send webhooks there, as LiveKit does; repeatable.")
    ] = None,
    env_out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write LIVEKIT_URL, key and secret there, 0600.")
    ] = None,
) -> None:
    """Run the sandbox until Ctrl-C.

    It answers like LiveKit: same API, same errors, same validation. It prints what to put into the environment,
    its own random secret included.

    \b
    Examples:
      sipctl sandbox run --port 7880 --env-out sandbox.env
      sipctl sandbox run --sip --seed snapshot.json
      sipctl sandbox run --fault latency=200 --fault empty-list@ListRooms
      sipctl sandbox run --webhook http://127.0.0.1:8090/
    """
    wanted = sip_port if sip_port is not None else (0 if sip else None)
    Session.of(ctx).serve_sandbox(
        port=port, api_key=api_key, secret_file=api_secret_file, seed=seed, faults=fault or [], env_out=env_out,
        sip_port=wanted, webhooks=webhook or [],
    )  # fmt: skip
