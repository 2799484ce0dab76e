"""What goes into a bundle, and the archive that holds it."""

import gzip
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sipctl import __version__
from sipctl.errors import UsageError
from sipctl.operations.audit import read_audit
from sipctl.operations.export import records
from sipctl.operations.snapshot import take_snapshot
from sipctl.telephony.livekit_json import participant_to_json
from sipctl.telephony.snapshot import SCHEMA, SWAPPED

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient
    from sipctl.operations.bundle.replacing import Replacer

LOG_LINES: Final = 100_000
"""The most lines of a log, the last ones."""
_LOG_BYTES: Final = 64 * 1024 * 1024
_ROOMS_ASKED: Final = 100
"""In so many live rooms the participants are listed."""
_LIBRARIES: Final = (
    "aiohttp", "cryptography", "dnspython", "livekit-api", "livekit-protocol", "phonenumbers", "protobuf", "psycopg",
    "pydantic", "PyJWT", "SQLAlchemy", "typer",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a bundle: JSON, or lines of text or JSON."""

    name: str
    value: Any = None
    lines: Sequence[Any] | None = None

    def text(self, replacer: "Replacer") -> str:
        """What the file holds, with every name replaced."""
        if self.lines is None:
            value = self.value
            return replacer.text(value) if isinstance(value, str) else _json(replacer.value(value), indent=1) + "\n"
        return "".join(f"{_line(replacer, line)}\n" for line in self.lines)


def _line(replacer: "Replacer", line: Any) -> str:  # noqa: ANN401 - text, or any JSON value
    return replacer.text(line) if isinstance(line, str) else _json(replacer.value(line))


def _json(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(value, ensure_ascii=False, indent=indent)


def versions() -> Part:
    """What runs here."""
    return Part("versions.json", {
        "sipctl": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libraries": {name: _version(name) for name in _LIBRARIES},
    })  # fmt: skip


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


async def live_parts(client: "LiveKitClient") -> list[Part]:
    """Trunks, rules and rooms as `rules export` has them, and who is in the rooms.

    Raises:
        SipctlError: LiveKit did not answer.
    """
    snapshot = await take_snapshot(client)
    export = {"sipctl": {"schema": SCHEMA, "pins": SWAPPED}} | {
        name: list(items) for name, items in records(snapshot, None).items()
    }
    rooms = islice((room.name for room in snapshot.rooms or ()), _ROOMS_ASKED)
    people = {room: [participant_to_json(one) for one in await client.list_participants(room)] for room in rooms}
    listed = [{"room": room, "participants": there} for room, there in people.items()]
    return [Part("snapshot.json", export), Part("participants.json", listed)]


def audit_part(folder: Path, runs: int) -> Part:
    """The entries of the last runs of the audit.

    Raises:
        UncheckedError: it cannot be read.
    """
    entries = list(read_audit(folder))
    last = list(dict.fromkeys(entry.run for entry in reversed(entries)))[:runs]
    return Part("audit.jsonl", lines=[asdict(entry) for entry in entries if entry.run in last])


def log_part(path: Path) -> Part:
    """The last lines of a log, each JSON or text.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            if path.suffix != ".gz":
                file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            data = file.read(_LOG_BYTES)
    except (OSError, EOFError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    lines = data.decode(errors="replace").splitlines()[-LOG_LINES:]
    return Part("livekit-sip.log", lines=[_parsed(line) for line in lines])


def _parsed(line: str) -> Any:  # noqa: ANN401 - text, or a JSON object
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return line
    return value if isinstance(value, dict) else line


def learn(replacer: "Replacer", parts: Iterable[Part]) -> None:
    """Make aliases of the names in all parts, before the first of them is written."""
    for part in parts:
        for value in (part.value, *(part.lines or ())):
            replacer.learn(value)


def archive(texts: Mapping[str, str]) -> bytes:
    """A tar archive of text files, gzipped; it says nothing of who made it and when."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, text in texts.items():
            data = text.encode()
            member = tarfile.TarInfo(f"sipctl-bundle/{name}")
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def readme(missing: Iterable[str], names: Iterable[str]) -> str:
    """What the bundle is, for the one who opens it."""
    return "".join(f"{line}\n" for line in _readme(missing, sorted(names)))


def _readme(missing: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    yield from _ABOUT
    yield from (f"- {name}" for name in names)
    yield from (f"Not in it: {reason}" for reason in missing)


_ABOUT: Final = (
    "This is a support bundle of sipctl, the operator's tool for phone dial-in on LiveKit.",
    "",
    "PINs, telephone numbers, host names, addresses, and the names of rooms, people, trunks and rules",
    "are replaced by other ones, the same throughout; secrets are removed. Numbers begin with 999, hosts",
    "end with .example. What is alike stays alike: sipctl rules explain --offline snapshot.json walks calls.",
    "Use these names in your answer: the sender can read them back with sipctl bundle --translate.",
    "",
)
