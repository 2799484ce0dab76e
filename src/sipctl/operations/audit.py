"""The audit: every write leaves two JSON lines, what was intended and what came of it."""

import getpass
import json
import os
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

from sipctl.config.own_files import make_folder, open_own
from sipctl.errors import PartialError, SipctlError, UncheckedError, surely_without_effect
from sipctl.telephony.livekit_reading import rule_from_json
from sipctl.telephony.naming import counted

AUDIT_FILE: Final = "audit.jsonl"

Phase = Literal["intent", "outcome"]


def utc_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the audit. PINs are here in full, so that a change can be undone; secrets never do.

    `item` joins the intent and the outcome of one write; `result` is "" for an intent, then "done", "failed", or
    "unknown" for a write of which no answer said whether it was made.
    """

    phase: Phase
    run: str
    item: str
    when: str
    who: str
    host: str
    profile: str
    url: str
    command: str
    action: str
    resource: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    result: str = ""
    error: str = ""

    @property
    def at(self) -> float:
        """When, in Unix seconds; 0 if the line says no time."""
        try:
            return datetime.fromisoformat(self.when).timestamp()
        except ValueError:
            return 0.0


@dataclass(frozen=True, slots=True)
class Write:
    """A write that is about to happen."""

    action: str
    resource: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Record:
    """One write in the making: what its outcome will say. `item` is its id in the audit."""

    item: str
    resource: str = ""
    after: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Journal:
    """Appends to the audit of one state folder (0600), each write on disk before it counts as made.

    `tell` is given a line for people if the audit holds what is no record.
    """

    folder: Path
    command: str
    profile: str
    url: str
    now: Callable[[], datetime] = utc_now
    tell: Callable[[str], None] = lambda _note: None
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    _count: int = 0

    @property
    def path(self) -> Path:
        """The file of the audit."""
        return self.folder / AUDIT_FILE

    @property
    def has_begun(self) -> bool:
        """Whether this run wrote an intent."""
        return self._count > 0

    def entries(self) -> Iterator[Entry]:
        """What the audit holds by now, as `read_audit` reads it.

        Raises:
            UncheckedError: it cannot be read.
        """
        return read_audit(self.folder, self.tell)

    def intend(self, *writes: Write) -> list[Entry]:
        """Write down what is about to happen, several writes at one stroke.

        Raises:
            UncheckedError: the audit cannot be written; then nothing else may be.
        """
        entries = [self._intent(write) for write in writes]
        self._append(entries)
        return entries

    def _intent(self, write: Write) -> Entry:
        self._count += 1
        return Entry(
            phase="intent",
            run=self.run,
            item=f"{self.run}-{self._count}",
            when=self._timestamp(),
            who=_user(),
            host=socket.gethostname(),
            profile=self.profile,
            url=self.url,
            command=self.command,
            action=write.action,
            resource=write.resource,
            before=write.before,
            after=write.after,
        )

    def conclude(self, *outcomes: Entry) -> None:
        """Write down what came of intents, several at one stroke; `outcome_of` makes the entries.

        Raises:
            PartialError: the audit cannot be written. An intent without outcome is looked up by `restore`.
        """
        try:
            self._append(outcomes)
        except SipctlError as error:
            raise PartialError(
                f"{_ended(outcomes)}, and the audit does not say so: {error.message}",
                code="audit",
                hint=error.advice,
            ) from error

    def outcome_of(
        self,
        intent: Entry,
        *,
        resource: str = "",
        after: Mapping[str, Any] | None = None,
        error: BaseException | None = None,
        is_undone: bool = False,
    ) -> Entry:
        """What came of an intent: `after` as LiveKit stored it, or the error.

        `is_undone` = whatever the error is, nothing is left of the write.
        """
        result, described = _judged(error)
        return replace(
            intent,
            phase="outcome",
            when=self._timestamp(),
            resource=resource or intent.resource,
            after=after if after is not None else intent.after,
            result="failed" if is_undone else result,
            error=described,
        )

    @contextmanager
    def recorded(
        self,
        action: str,
        resource: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        *,
        required: bool = True,
    ) -> Iterator[Record]:
        """Put one write between its two lines; the body may say in the record how the thing is called and looks now.

        `required` False = the write matters more than its lines: what cannot be written down is reported, and done.

        Raises:
            UncheckedError: the audit cannot be written, and the body was not run.
            PartialError: the write was made, and the audit cannot be written any more.
        """
        intent = self._intended(Write(action, resource, before, after), required=required)
        record = Record(intent.item if intent else "")
        try:
            yield record
        except BaseException as error:
            if intent:
                self._conclude(self.outcome_of(intent, error=error), required=False)
            raise
        if intent:
            self._conclude(self.outcome_of(intent, resource=record.resource, after=record.after), required=required)

    def _intended(self, write: Write, *, required: bool) -> Entry | None:
        try:
            return self.intend(write)[0]
        except SipctlError as error:
            if required:
                raise
            self.tell(error.message)
            return None

    def _conclude(self, outcome: Entry, *, required: bool) -> None:
        try:
            self.conclude(outcome)
        except PartialError as error:
            if required:
                raise
            self.tell(error.message)

    def _timestamp(self) -> str:
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _append(self, entries: Sequence[Entry]) -> None:
        lines = "".join(
            json.dumps(_as_json(entry), ensure_ascii=False, separators=(",", ":")) + "\n" for entry in entries
        )
        try:
            make_folder(self.folder)
            descriptor = open_own(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            with os.fdopen(descriptor, "ab") as file:
                file.write((b"\n" if _is_torn(descriptor) else b"") + lines.encode(errors="backslashreplace"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            hint = "free or unlock its folder: no write is made that the audit cannot hold"
            raise UncheckedError(f"cannot write the audit {self.path}: {error.strerror}", hint=hint) from error


def _ended(outcomes: Sequence[Entry]) -> str:
    """What came of writes, in few words."""
    if len(outcomes) == 1 and outcomes[0].result == "done":
        return f"{outcomes[0].action} of {outcomes[0].resource} was done"
    return f"{counted(len(outcomes), 'write')} ended"


def _as_json(entry: Entry) -> dict[str, Any]:
    """The entry's fields as they are; dataclasses.asdict would copy each rule in whole."""
    return {name: getattr(entry, name) for name in Entry.__slots__}


def _judged(error: BaseException | None) -> tuple[str, str]:
    """The `result` and the `error` of an outcome."""
    if error is None:
        return "done", ""
    described = error.message if isinstance(error, SipctlError) else type(error).__name__
    return "failed" if surely_without_effect(error) else "unknown", described


def _user() -> str:
    """Who runs this; a container's user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _is_torn(descriptor: int) -> bool:
    """Whether the file ends in a line that a crash cut short."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def read_audit(folder: Path, tell: Callable[[str], None] = lambda _note: None) -> Iterator[Entry]:
    """Every entry, oldest first. Lines that are no record of ours, or a part of one, are passed over.

    `tell` is given one line for people that says how many those were.

    Raises:
        UncheckedError: it cannot be read.
    """
    path, passed_over = folder / AUDIT_FILE, 0
    try:
        with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
            for line in file:
                if entry := _entry_of(line):
                    yield entry
                else:
                    passed_over += 1
    except FileNotFoundError:
        return
    except OSError as error:
        raise UncheckedError(f"cannot read the audit {path}: {error.strerror}") from error
    if passed_over:
        tell(f"{counted(passed_over, 'line')} of {path} passed over: damaged, or not written by sipctl")


def _entry_of(line: bytes) -> Entry | None:
    """The record that a line holds; None if it holds none. What a newer version writes besides is left out."""
    try:
        fields = json.loads(line.decode())
        entry = Entry(**{name: fields[name] for name in Entry.__slots__})
        whole = all(isinstance(getattr(entry, name), str) for name in _TEXTS)
        return entry if whole and entry.phase in get_args(Phase) and _sides_are_whole(entry) else None
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None


_TEXTS: Final = tuple(name for name in Entry.__slots__ if name not in {"before", "after"})


def _sides_are_whole(entry: Entry) -> bool:
    """Whether before and after are what `restore` can read."""
    return all(side is None or _is_whole(side) for side in (entry.before, entry.after))


def _is_whole(side: Mapping[str, Any]) -> bool:
    if "rule" not in side:
        return isinstance(side, Mapping)
    rule = rule_from_json(side)
    texts = (rule.sip_dispatch_rule_id, rule.name, rule.room_name, rule.pin)
    return all(isinstance(text, str) for text in (*texts, *rule.trunk_ids, *rule.numbers, *rule.inbound_numbers))
