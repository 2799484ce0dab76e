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
    env_out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write LIVEKIT_URL, key and secret there, 0600.")
    ] = None,
) -> None:
    """Run the sandbox until Ctrl-C.

    It answers like LiveKit: same API, same errors, same validation. It prints what to put into the environment,
    its own random secret included.

    \b
    Examples:
      sipctl sandbox run
      sipctl sandbox run --port 7880 --env-out sandbox.env
      sipctl sandbox run --fault latency=200 --fault empty-list@ListRooms
    """
    Session.of(ctx).serve_sandbox(
        port=port, api_key=api_key, secret_file=api_secret_file, seed=seed, faults=fault or [], env_out=env_out
    )
