"""`sipctl config`: the configuration."""

import os
from pathlib import Path
from typing import Annotated

import typer

from sipctl.cli.command import ReportCommand, command_group
from sipctl.cli.options import FailOn
from sipctl.cli.session import Session

app, command = command_group("The configuration: write it, show it, check it.")


@command("init")
def init(
    ctx: typer.Context,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Folder of the installation, to look for its files.")
    ] = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="LiveKit's address.")] = None,
    api_key: Annotated[str | None, typer.Option(metavar="KEY", help="LiveKit's API key.")] = None,
    api_secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with the API secret; its path is stored.")
    ] = None,
    api_secret_stdin: Annotated[
        bool, typer.Option("--api-secret-stdin", help="Read the API secret from stdin and store it.")
    ] = False,
    webhook_url: Annotated[str | None, typer.Option(metavar="URL", help="Where LiveKit sends its webhooks.")] = None,
    sip_host: Annotated[
        str | None, typer.Option(metavar="URI", help="The SIP node, such as sip:sip.example.org.")
    ] = None,
    sip_health_url: Annotated[str | None, typer.Option(metavar="URL", help="health_port of livekit-sip.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file; the old one is kept as .bak.")] = False,
) -> None:
    """Write the configuration file.

    Asks on a terminal for what no option gives. `--from` looks through an installation for Meet's env files, livekit
    and sip yaml, and what `docker compose config --format json` prints, and stores their paths in the profile.
    The profile is called what --profile says, else `default`.

    \b
    Examples:
      sipctl config init
      sipctl config init --from /srv/meet --profile prod
      sipctl config init --url wss://lk.example --api-key k --api-secret-stdin
    """
    from sipctl.cli.init import Wanted, write_profile

    session = Session.of(ctx)
    wanted = Wanted(
        folder=from_, url=url, api_key=api_key, api_secret_file=api_secret_file, api_secret_stdin=api_secret_stdin,
        webhook_url=webhook_url, sip_host=sip_host, sip_health_url=sip_health_url, force=force,
    )  # fmt: skip
    session.emit(write_profile(session.options, wanted, os.environ))


@command("show")
def show(
    ctx: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
) -> None:
    """Show the settings in force; secrets stay hidden.

    \b
    Examples:
      sipctl config show
      sipctl config show --origin --profile prod
      sipctl config show -o json
    """
    from sipctl.cli.views.config import settings_view

    session = Session.of(ctx)
    session.emit(settings_view(session.settings, origin=origin))


@command("path")
def path(ctx: typer.Context) -> None:
    """Print where the configuration file, the state folder and the component files are.

    \b
    Examples:
      sipctl config path
      sipctl config path -o json
    """
    from sipctl.cli.views.config import paths_view
    from sipctl.config.paths import state_dir
    from sipctl.config.profile import choose_config_path

    session = Session.of(ctx)
    session.emit(paths_view(choose_config_path(session.options.config, os.environ), state_dir()))


@command("validate", cls=ReportCommand)
def validate(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE", help="Files; - for stdin; none = the profile's. Env files in the order of reading."
        ),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="sipctl, env, livekit, sip or compose; default: by content.")
    ] = None,
    fail_on: FailOn = "error",
) -> None:
    """Check configuration files, each by itself and all against each other.

    Takes sipctl's own file, env files of Meet and compose, the yaml of livekit-server and livekit-sip, and what
    `docker compose config --format json` prints. Every fault comes in one run, with file and line.

    \b
    Examples:
      sipctl config validate
      sipctl config validate env.d/common livekit-server.yaml sip.yaml
      docker compose config --format json | sipctl config validate - -o json
    """
    from sipctl.cli.examine import run_validate
    from sipctl.cli.report import finish

    session = Session.of(ctx)
    finish(session, run_validate(session, files or [], kind, fail_on), "config_validate")
