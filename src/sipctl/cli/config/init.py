"""`sipctl config init`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, TypedDict

import typer

from sipctl.cli.command import WritingCommand
from sipctl.cli.inputs import read_secret_line
from sipctl.cli.session import Session
from sipctl.command_line import CommandLine
from sipctl.config.discover import Found, discover
from sipctl.config.envfile import read_env_file
from sipctl.config.own_files import make_folder
from sipctl.config.profile import choose_config_path
from sipctl.config.reading import read_secret
from sipctl.config.urls import url_fault
from sipctl.config.writing import profile_from, render
from sipctl.errors import SafeguardError, UncheckedError, UsageError
from sipctl.files import write_private
from sipctl.masking import MASK, shown_url
from sipctl.output.formats import Detail

Setting = str | bool | list[str] | dict[str, str]

_ANY_BYTES: Final = "latin-1"
"""Text that any bytes are, and that becomes the same bytes again."""
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
    force: Annotated[bool, typer.Option("--force", help="Replace the file; the old one is kept as .bak.")] = False,
) -> None:
    """Write the configuration file.

    Asks on a terminal for what no option gives. `--from` looks through an installation for Meet's env files, livekit
    and sip yaml, and what `docker compose config --format json` prints. It stores their paths in the profile, and what
    they say: Meet's tables as the registry, the address of its webhook, the ports of livekit-sip. The profile is called
    what --profile says, else `default`.

    \b
    Examples:
      sipctl config init
      sipctl config init --from /srv/meet --profile prod
      sipctl config init --url wss://lk.example --api-key k --api-secret-stdin
    """
    from sipctl.config.proposing import proposed

    session = Session.of(ctx)
    path = choose_config_path(session.options.config, os.environ)
    refuse_existing(path, force=force)
    found = discover(from_) if from_ else Found()
    options = {
        **_connection(found, url, api_key, api_secret_file, secret_stdin=api_secret_stdin),
        "webhook_url": webhook_url,
        "sip_host": sip_host,
        "sip_health_url": sip_health_url,
    }
    _check_urls(options)
    chosen = proposed(found) | {key: value for key, value in options.items() if value}
    profile = profile_from(found, chosen, path.parent.resolve())
    name, is_applied = session.options.profile or "default", not session.options.dry_run
    kept = write_config(path, render(name, profile), force=force) if is_applied else None
    config = ("--config", str(session.options.config)) if session.options.config else ()
    named = [
        CommandLine.of(*words).below(*config, "--profile", name) for words in (("config", "validate"), ("doctor",))
    ]
    session.emit(_view(path, name, profile, kept, list(map(str, named)) if is_applied else []))


def refuse_existing(path: Path, *, force: bool) -> None:
    """Stop before an existing file, unless `force` is set.

    Raises:
        SafeguardError: there is a file, and `force` is not set.
    """
    if path.is_file() and not force:
        raise SafeguardError(f"{path} exists", code="exists", hint="edit it, or replace it with --force")


def write_config(path: Path, text: str, *, force: bool) -> Path | None:
    """Write the file in one step; the place of a copy of the older file, or None.

    Raises:
        SafeguardError: there is a file, and `force` is not set; or others would read what is no file.
        UncheckedError: the folder cannot be written to.
    """
    refuse_existing(path, force=force)
    kept = path.with_name(f"{path.name}.bak") if path.is_file() else None
    try:
        make_folder(path.parent)
        if kept:
            write_private(kept, [path.read_bytes().decode(_ANY_BYTES)], encoding=_ANY_BYTES)
    except OSError as error:
        raise UncheckedError(f"cannot write {path}: {error.strerror}", hint="check the folder") from error
    write_private(path, [text])
    return kept


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
