"""What `config init` asks, and what it makes of the answers."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from sipctl.cli.inputs import read_secret_line
from sipctl.cli.options import Options
from sipctl.config.discover import Found, discover
from sipctl.config.envfile import read_env_file
from sipctl.config.own_files import make_folder
from sipctl.config.profile import choose_config_path
from sipctl.config.reading import read_secret
from sipctl.config.urls import url_fault
from sipctl.config.writing import profile_from, render
from sipctl.errors import RailError, UncheckedError, UsageError
from sipctl.files import write_private
from sipctl.masking import MASK, shown_url
from sipctl.output.formats import Detail

_ANY_BYTES = "latin-1"
"""Text that any bytes are, and that becomes the same bytes again."""
_URL_NAMES = ("LIVEKIT_URL", "LIVEKIT_API_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the options of `config init` say."""

    folder: Path | None
    url: str | None
    api_key: str | None
    api_secret_file: Path | None
    api_secret_stdin: bool
    webhook_url: str | None
    sip_host: str | None
    sip_health_url: str | None
    force: bool


def write_profile(options: Options, wanted: Wanted, environ: Mapping[str, str]) -> Detail:
    """Look, ask, write; what stands in the file now.

    Raises:
        UsageError: something is missing and nobody can be asked.
        ConfigError: the file with the secret cannot be read.
        RailError: there is a file, and `--force` was not given.
    """
    path = choose_config_path(options.config, environ)
    refuse_existing(path, force=wanted.force)
    found = discover(wanted.folder) if wanted.folder else Found()
    chosen = {
        **_connection(wanted, found),
        "webhook_url": wanted.webhook_url,
        "sip_host": wanted.sip_host,
        "sip_health_url": wanted.sip_health_url,
    }
    _check_urls(chosen)
    profile = profile_from(found, chosen, path.parent.resolve())
    name = options.profile or "default"
    text = render(name, profile)
    kept = None if options.dry_run else write_config(path, text, force=wanted.force)
    return _written(path, name, profile, kept, applied=not options.dry_run)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Stop before an existing file, unless `force` is set.

    Raises:
        RailError: there is a file, and `force` is not set.
    """
    if path.is_file() and not force:
        raise RailError(f"{path} exists", code="exists", hint="edit it, or replace it with --force")


def write_config(path: Path, text: str, *, force: bool) -> Path | None:
    """Write the file in one step; the place of a copy of the older file, or None.

    Raises:
        RailError: there is a file, and `force` is not set; or others would read what is no file.
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


def _connection(wanted: Wanted, found: Found) -> dict[str, str | None]:
    """URL, key and secret together; nothing if the env files that were found name a server."""
    given = wanted.url or wanted.api_key or wanted.api_secret_file or wanted.api_secret_stdin
    if not given and _names_a_server(found):
        return {}
    connection = {
        "url": wanted.url or _asked("LiveKit's address", "--url"),
        "api_key": wanted.api_key or _asked("API key", "--api-key"),
    }
    if wanted.api_secret_file:
        file = wanted.api_secret_file.expanduser().resolve()
        read_secret(file, "--api-secret-file")
        return {**connection, "api_secret_file": str(file)}
    if not (wanted.api_secret_stdin or sys.stdin.isatty()):
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


def _written(path: Path, name: str, profile: Mapping[str, object], kept: Path | None, *, applied: bool) -> Detail:
    shown = {key: MASK if key == "api_secret" else _shown(value) for key, value in profile.items()}
    lines = [("wrote" if applied else "would write", str(path)), ("profile", name)]
    lines += [(key, ", ".join(value) if isinstance(value, list) else str(value)) for key, value in shown.items()]
    if kept:
        lines.append(("old file", str(kept)))
    record = {"path": str(path), "profile": name, "settings": shown, "applied": applied}
    return Detail(schema="sipctl/config-file/v1", lines=tuple(lines), record=record, name=str(path))


def _shown(value: object) -> object:
    return shown_url(value) if isinstance(value, str) else value
