"""A file of deliveries: appended to, on the disk before the delivery is answered, rotated by size, private."""

import asyncio
import base64
import fcntl
import json
import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sipctl.errors import ChangedError, SafeguardError, SipctlError, UncheckedError
from sipctl.webhooks.event_lines import EventLine
from sipctl.webhooks.receiver import Delivery
from sipctl.webhooks.redaction import Redactor

_HEADERS_KEPT: Final = frozenset({"content-type", "user-agent"})
"""What a redacted line keeps: the token is not of the body any more, and other headers name hosts."""


def line_of(delivery: Delivery, redactor: Redactor | None = None) -> bytes:
    """A delivery as a line; with a redactor without what is private in it."""
    line = EventLine(
        n=delivery.number,
        received_at=datetime.fromtimestamp(delivery.received_at, UTC).isoformat(timespec="milliseconds"),
        t_offset_ms=round(delivery.offset_s * 1000, 3),
        method="POST",
        path=delivery.path,
        verified=delivery.verdict.fault.value if delivery.verdict.fault else "ok",
    )
    if redactor is None:
        line["peer"], line["headers"] = delivery.peer, dict(delivery.headers)
        return _encoded({**line, **_body(delivery.body)})
    line["headers"] = {name: value for name, value in delivery.headers.items() if name.lower() in _HEADERS_KEPT}
    body = redactor.redacted(delivery.body)
    return _encoded({**line, **(_body(body) if body else {"left_out": "no event, so it cannot be redacted"})})


def forwarded_line(number: int, status: int, after_s: float) -> bytes:
    """What became of a delivery that was forwarded; status 0 = there was no answer."""
    return _encoded({"n": number, "forwarded": {"status": status, "after_ms": round(after_s * 1000, 3)}})


def _body(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ":")).encode("utf-8", "surrogateescape") + b"\n"


@dataclass(slots=True)
class EventLog:
    """One file, which this process alone writes. Over `limit` bytes it gets a number in its name, and a new one begins.

    `size` is where the last whole line ends: what a full disk cut is taken away again.
    """

    path: Path
    limit: int
    _descriptor: int = -1
    _size: int = 0

    @classmethod
    def opened(cls, path: Path, limit: int) -> "EventLog":
        """The file, made if it is not there, for its owner alone.

        Raises:
            ChangedError: another process writes to it.
            SafeguardError: it is no file, or someone else's.
            UncheckedError: it cannot be written.
        """
        log = cls(path, limit)
        try:
            log._open(0)
        except OSError as error:
            raise UncheckedError(f"cannot record to {path}: {error.strerror}") from error
        return log

    def _open(self, flags: int) -> None:
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | flags, 0o600)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            self.close()
            raise SafeguardError(f"{self.path} is not a file of yours", code="readable", hint="name a new file")
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise ChangedError(
                f"another process records to {self.path}", code="locked", hint="name another file, or stop it first"
            ) from None
        os.fchmod(self._descriptor, 0o600)  # the file may have been there before
        self._size = status.st_size
        if self._size and os.pread(self._descriptor, 1, self._size - 1) != b"\n":
            self._write(b"\n")  # a crash left half a line

    def append(self, lines: bytes) -> None:
        """Put whole lines on the disk, all or none.

        Raises:
            OSError: they are not there.
            ChangedError, SafeguardError: after a rotation someone else had a file of this name.
        """
        if self._descriptor < 0:
            self._open(0)
        if self._size and self._size + len(lines) > self.limit:
            self._rotate()
        try:
            self._write(lines)
            os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._size += len(data)

    def _rotate(self) -> None:
        """Give the file the next number; sorted by name, files are in the order of their time."""
        stem, suffix = self.path.stem, self.path.suffix
        others = (one.stem for one in self.path.parent.iterdir() if one.suffix == suffix)
        taken = [int(name.removeprefix(f"{stem}.")) for name in others if _is_numbered(name, stem)]
        self.path.rename(self.path.with_name(f"{stem}.{max(taken, default=0) + 1:06}{suffix}"))
        self.close()
        self._open(os.O_EXCL)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)
        self._descriptor, self._size = -1, 0


def _is_numbered(name: str, stem: str) -> bool:
    return name.startswith(f"{stem}.") and name.removeprefix(f"{stem}.").isdecimal()


@dataclass(slots=True)
class Recorder:
    """Writes lines in batches: those that come while one batch is written are the next."""

    log: EventLog
    _waiting: list[tuple[bytes, "asyncio.Future[None]"]] = field(default_factory=list)
    _writing: "asyncio.Task[None] | None" = None

    async def write(self, line: bytes) -> None:
        """Wait until the line is on the disk.

        Raises:
            OSError, SipctlError: it is not.
        """
        await self._begin(line)

    def write_later(self, line: bytes) -> None:
        """Write a line that no one waits for, and that may get lost."""
        self._begin(line).add_done_callback(lambda written: written.exception())

    def _begin(self, line: bytes) -> "asyncio.Future[None]":
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_batches())
        return written

    async def _write_batches(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error = await asyncio.to_thread(self._append, b"".join(line for line, _ in batch))
            for _, written in batch:
                if not written.done():
                    written.set_exception(error) if error else written.set_result(None)

    def _append(self, lines: bytes) -> OSError | SipctlError | None:
        try:
            self.log.append(lines)
        except (OSError, SipctlError) as error:
            return error
        return None

    async def flush(self) -> None:
        """Wait for what is being written."""
        if self._writing:
            await self._writing
