"""`sipctl config init`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, TypedDict

import typer

from sipctl.cli.command import WritingCommand
from sipctl.cli.config.common import refuse_existing, write_config
from sipctl.cli.inputs import read_secret_line
from sipctl.cli.session import Session
from sipctl.command_line import CommandLine
from sipctl.config.discover import Found, discover
from sipctl.config.envfile import read_env_file
from sipctl.config.paths import embedded_registry
from sipctl.config.profile import choose_config_path, parse
from sipctl.config.reading import read_secret, read_text
from sipctl.config.urls import url_fault
from sipctl.config.writing import profile_from, render, with_profile
from sipctl.errors import UsageError
from sipctl.masking import MASK, shown_url
from sipctl.output.formats import Detail
from sipctl.registry.moving import move_database

Setting = str | bool | list[str] | dict[str, str]

_URL_NAMES: Final = ("LIVEKIT_URL", "LIVEKIT_API_URL")


class WrittenConfig(TypedDict):
    """The configuration file that `config init` wrote, or would write."""

    path: str
    profile: str
    settings: dict[str, str | bool | list[str] | dict[str, str]]
    applied: bool
    next: list[str]


PRINTS: Final = {"config-file": WrittenConfig}
KIND: Final = WritingCommand


MovePins = Annotated[
    bool | None,
    typer.Option(
        "--move-pins/--no-move-pins",
        help="Move the PINs that were given out without a profile into the registry of this one.",
    ),
]


def run(
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
    move_pins: MovePins = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file; the old one is kept as .bak.")] = False,
) -> None:
    """Write the configuration file.

    Asks on a terminal for what no option gives. `--from` looks through an installation for Meet's env files, livekit
    and sip yaml, and what `docker compose config --format json` prints. It stores their paths in the profile, and what
    they say: Meet's tables as the registry, the address of its webhook, the ports of livekit-sip. The profile is called
    what --profile says, else `default`. A profile that an existing file does not have is added at its end; all else in
    that file keeps its bytes.

    \b
    Examples:
      sipctl config init
      sipctl config init --from /srv/meet --profile prod
      sipctl config init --url wss://lk.example --api-key k --api-secret-stdin
    """
    from sipctl.config.proposing import proposed

    session = Session.of(ctx)
    path = choose_config_path(session.options.config, os.environ)
    name, is_applied = session.options.profile or "default", not session.options.dry_run
    older = _file_to_add_to(path, session.options.profile, force=force)
    found = discover(from_) if from_ else Found()
    connection = _connection(found, url, api_key, api_secret_file, secret_stdin=api_secret_stdin)
    options = connection | {"webhook_url": webhook_url, "sip_host": sip_host, "sip_health_url": sip_health_url}
    _check_urls(options)
    chosen = proposed(found) | {key: value for key, value in options.items() if value}
    profile = profile_from(found, chosen, path.parent.resolve())
    text = render(name, profile) if older is None else with_profile(older, path, name, profile)
    kept = write_config(path, text, force=force or older is not None) if is_applied else None
    session.emit(_view(path, name, profile, kept, _following(session, name) if is_applied else []))
    if "registry" not in profile:
        _offer_pins(session, name, move_pins)


def _following(session: Session, profile: str) -> list[str]:
    """The commands that come next."""
    config = ("--config", str(session.options.config)) if session.options.config else ()
    commands = (("config", "validate"), ("doctor",))
    return [str(CommandLine.of(*words).below(*config, "--profile", profile)) for words in commands]


def _file_to_add_to(path: Path, profile: str | None, *, force: bool) -> str | None:
    """The text of the file, if this profile is to be added to it; None = a file is written whole.

    Raises:
        SafeguardError: there is a file that has the profile, or no profile was named, and `force` is not set.
        ConfigError: the file holds a fault.
    """
    if force or profile is None or not path.is_file():
        refuse_existing(path, force=force)
        return None
    text = read_text(path)
    if profile in parse(text, path).profiles:
        refuse_existing(path, force=force)
    return text


def _offer_pins(session: Session, profile: str, wanted: bool | None) -> None:
    """Move the PINs that were given out while there was no profile, if that is wanted, or say where they are.

    Raises:
        SafeguardError: the profile has PINs already.
        UncheckedError: a file cannot be read or written.
    """
    nameless, own = embedded_registry(""), embedded_registry(profile)
    if nameless == own or not nameless.exists() or own.exists():
        return
    if wanted is None and sys.stdin.isatty() and not session.options.dry_run:
        wanted = typer.confirm(f"{nameless} holds PINs of no profile. Move them to {profile!r}?", err=True)
    if wanted and not session.options.dry_run:
        move_database(nameless, own)
        session.streams.note(f"moved the PINs of {nameless} to {own}")
    else:
        session.streams.note(
            f"note: {nameless} holds PINs that were given out without a profile; profile {profile!r} does not use them."
            " The same command with --force --move-pins moves them"
        )


def _connection(
    found: Found, url: str | None, api_key: str | None, secret_file: Path | None, *, secret_stdin: bool
) -> dict[str, str | None]:
    """URL, key and secret together; nothing if the env files that were found name a server.

    Raises:
        UsageError: something is missing and no one can be asked.
        ConfigError: the file with the secret cannot be read.
    """
    if not (url or api_key or secret_file or secret_stdin) and _names_a_server(found):
        return {}
    connection = {
        "url": url or _asked("LiveKit's address", "--url"),
        "api_key": api_key or _asked("API key", "--api-key"),
    }
    if secret_file:
        file = secret_file.expanduser().resolve()
        read_secret(file, "--api-secret-file")
        return {**connection, "api_secret_file": str(file)}
    if not (secret_stdin or sys.stdin.isatty()):
        raise UsageError("no API secret", hint="give --api-secret-file FILE, or pipe it in with --api-secret-stdin")
    return {**connection, "api_secret": read_secret_line("API secret")}


def _names_a_server(found: Found) -> bool:
    names = {name for path in found.env_files for name in read_env_file(path, {}).entries}
    return not names.isdisjoint(_URL_NAMES)


def _asked(what: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"{what} is missing", hint=f"give {option}; there is no terminal to ask on")
    return str(typer.prompt(what, err=True))


def _check_urls(chosen: Mapping[str, str | None]) -> None:
    for key in ("url", "webhook_url", "sip_health_url"):
        value = chosen.get(key)
        if value and (fault := url_fault(value)):
            raise UsageError(
                f"--{key.replace('_', '-')} {fault}", hint="write an address such as https://livekit.example.org"
            )


def _view(path: Path, name: str, profile: Mapping[str, Setting], kept: Path | None, following: list[str]) -> Detail:
    """What was written, and the commands that come next; without any it only would be."""
    applied = bool(following)
    shown = {key: MASK if key == "api_secret" else _shown(value) for key, value in profile.items()}
    lines = [("wrote" if applied else "would write", str(path)), ("profile", name)]
    lines += [(key, _in_line(value)) for key, value in shown.items()]
    if kept:
        lines.append(("old file", str(kept)))
    lines += [("next", command) for command in following]
    record = WrittenConfig(path=str(path), profile=name, settings=shown, applied=applied, next=following)
    return Detail(schema="sipctl/config-file/v1", lines=tuple(lines), record=record, name=str(path))


def _in_line(value: Setting) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {text}" for key, text in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _shown(value: Setting) -> Setting:
    return shown_url(value) if isinstance(value, str) else value
