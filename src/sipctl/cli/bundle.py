"""`sipctl bundle`."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypedDict

import typer

from sipctl.cli.config.show import setting_rows
from sipctl.cli.doctor import examine_live
from sipctl.cli.inputs import STDIN, read_document
from sipctl.cli.report import ReportView, report_record
from sipctl.cli.rows import shown_pin
from sipctl.cli.session import Session
from sipctl.config.model import Settings
from sipctl.config.paths import state_dir, state_path
from sipctl.doctor.runner import Plan
from sipctl.errors import SipctlError
from sipctl.files import write_private_bytes
from sipctl.operations.bundle import content
from sipctl.operations.bundle.aliases import Aliases, Kind, open_aliases, save_aliases
from sipctl.operations.bundle.replacing import Replacer
from sipctl.output.formats import Detail, Text
from sipctl.output.text import printable
from sipctl.telephony.secret import Secret

_SECRET_NAME: Final = re.compile(r"SECRET|PASSWORD|TOKEN|CREDENTIAL|PRIVATE", re.IGNORECASE)


class BundleRow(TypedDict):
    """A bundle: its file, what is in it, how many names of each kind are replaced in it, and what is not in it."""

    file: str
    contents: list[str]
    replaced: dict[str, int]
    missing: list[str]


class TranslatedRow(TypedDict):
    """A text with the names of this deployment."""

    text: str


PRINTS: Final = {"bundle": BundleRow, "translation": TranslatedRow}


def run(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; default: a name with the time.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A log of livekit-sip to put in; may be .gz.")
    ] = None,
    runs: Annotated[int, typer.Option(min=0, max=1000, metavar="N", help="How many runs of the audit to put in.")] = 10,
    translate: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Read an answer back; - for stdin. Makes no bundle.")
    ] = None,
) -> None:
    """Pack what a colleague or an upstream issue needs; a stranger may read it.

    The report of doctor, the settings, versions, trunks, rules and rooms, the last runs of the audit, and a log if you
    name one. Secrets are removed. PINs, telephone numbers, hosts, addresses, rooms and people get other names, the same
    throughout; what they stand for is kept on this machine alone, so that --translate reads an answer back.

    \b
    Examples:
      sipctl bundle
      sipctl bundle calls-fail.tar.gz --log livekit-sip.log
      sipctl bundle --translate 'room-3 has no rule'
    """
    session = Session.of(ctx)
    if translate is not None:
        session.emit(_translated(session, open_aliases(state_path()), translate))
        return
    file = file or Path(f"sipctl-bundle-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz")
    missing: list[str] = []
    parts = [content.versions(), *_parts(session, missing), *([content.log_part(log)] if log else ())]
    parts.append(content.audit_part(state_path(), runs))
    aliases = open_aliases(state_dir())
    replacer = Replacer(aliases, _secrets(session))
    content.learn(replacer, parts)
    texts = {part.name: part.text(replacer) for part in parts}
    texts["README.txt"] = content.readme(map(replacer.text, missing), texts)
    if not session.options.dry_run:
        save_aliases(state_dir(), aliases)
        write_private_bytes(file, content.archive(texts))
    session.emit(_view(session, file, texts, aliases, missing))


def _parts(session: Session, missing: list[str]) -> Iterator[content.Part]:
    """What can be had; of what cannot, the reason is noted."""
    try:
        yield _settings_part(session)
        yield from session.livekit(content.live_parts)
    except SipctlError as error:
        missing.append(f"settings or LiveKit's lists: {error.message}")
    try:
        report = examine_live(session, Plan())
        yield content.Part("doctor.json", report_record(report))
        yield content.Part(
            "doctor.txt", "".join(ReportView(report, "doctor").render("table", session.streams.into_file()))
        )
    except SipctlError as error:
        missing.append(f"the report of doctor: {error.message}")


def _settings_part(session: Session) -> content.Part:
    rows = list(setting_rows(session.settings))
    return content.Part("settings.json", {
        "values": {row["name"]: row["value"] for row in rows}, "origins": {row["name"]: row["origin"] for row in rows},
    })  # fmt: skip


def _secrets(session: Session) -> Iterator[str]:
    """Every secret that this run knows: those of the settings, and of the environment by their names."""
    yield from (value for name, value in os.environ.items() if _SECRET_NAME.search(name))
    try:
        settings: Settings = session.settings
    except SipctlError:
        return
    connection = settings.connection_or_none
    held = [setting.value for setting in settings.values.values()]
    held += [connection.api_secret] if connection else []
    held += [settings.registry.url, settings.registry.state_url, *settings.registry.database.values()]
    yield from (one.reveal() for one in held if isinstance(one, Secret))


def _view(session: Session, file: Path, texts: Mapping[str, str], aliases: Aliases, missing: list[str]) -> Detail:
    """What was packed."""
    replaced = Counter(
        kind.value for original, kind in aliases.kinds.items() if _is_used(aliases.made[original], texts)
    )
    record = BundleRow(file=str(file), contents=sorted(texts), replaced=dict(sorted(replaced.items())), missing=missing)
    counted = ", ".join(f"{count} {kind}" for kind, count in record["replaced"].items())
    lines = [
        ("would write" if session.options.dry_run else "wrote", str(file)),
        ("holds", ", ".join(record["contents"])),
        ("replaced", counted or "nothing"),
        *(("not in it", reason) for reason in missing),
    ]
    return Detail(schema="sipctl/bundle/v1", lines=tuple(lines), record=record, name=str(file))


def _is_used(alias: str, texts: Mapping[str, str]) -> bool:
    return any(alias in text for text in texts.values())


def _translated(session: Session, aliases: Aliases, text: str) -> Text:
    """An answer with the names of this deployment; PINs only if asked for.

    Raises:
        UsageError: stdin is too long, or not UTF-8.
    """
    text = read_document(STDIN) if text == "-" else text
    by_alias = {made: original for original, made in aliases.made.items()}
    words = "|".join(re.escape(one) for one in sorted(by_alias, key=len, reverse=True))
    pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])" if words else r"(?!)")

    def original(match: re.Match[str]) -> str:
        found = by_alias[match[0]]
        is_pin = aliases.kinds[found] is Kind.PIN
        return shown_pin(found, show=session.options.show_pins) if is_pin else found

    read = pattern.sub(original, text)
    shown = "".join(f"{printable(line)}\n" for line in read.splitlines())
    return Text(schema="sipctl/translation/v1", text=shown, record=TranslatedRow(text=read), name="translation")
