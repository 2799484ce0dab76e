"""The prompts of livekit-sip, held against what it embeds: names, container, codec, rate, channels, length.

Sources: livekit/sip res/embed.go (`go:embed`, `ReadOggAudioFile`) and pkg/sip/media_file.go.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tinytag import TinyTag, TinyTagException

from sipctl.errors import UsageError
from sipctl.findings.check import found
from sipctl.findings.codes import CODES
from sipctl.findings.record import Finding, Level

PROMPTS: Final = {
    "enter_pin.ogg": "asks for the PIN",
    "wrong_pin.ogg": "says that the PIN is wrong",
    "room_join.ogg": "says that the caller joins the meeting",
}
"""The files that livekit-sip is built with, and what each says."""

_RATE: Final = 48_000
_SHORTEST_S: Final = 0.3
_LONGEST_S: Final = 10.0
_HEAD: Final = 4096
_CODECS: Final = {b"\x01vorbis": "vorbis", b"OpusHead": "opus", b"\x7fFLAC": "flac", b"Speex   ": "speex"}
_SIZE_LIMIT: Final = 64 * 1024 * 1024
_FILES_LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Sound:
    """What a file is: its codec ("" = unknown), hertz, channels and seconds."""

    codec: str
    rate: int
    channels: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.codec or 'no Ogg'}, {self.rate} Hz, {self.channels} channels, {self.seconds:.1f} s"


def check_prompts(place: Path) -> list[Finding]:
    """What is wrong with a file, or with all files of a folder.

    Raises:
        UsageError: it is not there, cannot be read, or holds over 10,000 files.
    """
    if not place.exists():
        raise UsageError(f"there is no file or folder {place}")
    files = _files_in(place) if place.is_dir() else [place]
    findings = [*_missing(place, files), *(one for file in files for one in _check_file(place, file))]
    answered = {finding.code for finding in findings}
    all_codes = ("PRM901", "PRM902", "PRM903", "PRM904") if place.is_dir() else ("PRM902", "PRM904")
    return [*findings, *(CODES[code].answer(Level.OK) for code in all_codes if code not in answered)]


def _files_in(folder: Path) -> list[Path]:
    files = [Path(place, name) for place, _, names in os.walk(folder) for name in sorted(names)]
    if len(files) > _FILES_LIMIT:
        raise UsageError(f"{folder} holds over {_FILES_LIMIT:,} files", hint="name the folder of the prompts")
    return sorted(files)


def _missing(place: Path, files: Iterable[Path]) -> Iterator[Finding]:
    if place.is_dir():
        there = {file.relative_to(place).as_posix() for file in files}
        for name, says in PROMPTS.items():
            if name not in there:
                yield found("PRM901", name, f"{name} is missing: it {says}")


def _check_file(place: Path, file: Path) -> Iterator[Finding]:
    if place.is_dir() and file.relative_to(place).as_posix() not in PROMPTS:
        yield found("PRM903", str(file), "livekit-sip never plays it")
        return
    sound = _sound_of(file)
    if (sound.codec, sound.rate, sound.channels) != ("vorbis", _RATE, 1) or not sound.seconds:
        yield found("PRM902", str(file), "livekit-sip ends at its start with this file", observed=str(sound),
                    expected="Ogg Vorbis, 48000 Hz, 1 channel")  # fmt: skip
    elif not _SHORTEST_S <= sound.seconds <= _LONGEST_S:
        yield found("PRM904", str(file), f"it lasts {sound.seconds:.1f} seconds", observed=f"{sound.seconds:.1f} s",
                    expected=f"{_SHORTEST_S:g} to {_LONGEST_S:g} s")  # fmt: skip


def _sound_of(file: Path) -> Sound:
    """What a file is. A file that is no sound has neither codec nor length.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        if file.stat().st_size > _SIZE_LIMIT:
            raise UsageError(f"{file} is over {_SIZE_LIMIT // 1024 // 1024} MiB")
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
            opened.seek(0)
            tag = TinyTag.get(str(file), file_obj=opened, tags=False) if head.startswith(b"OggS") else None
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    except (TinyTagException, ValueError, ArithmeticError, LookupError):
        tag = None
    codec = next((name for mark, name in _CODECS.items() if mark in head), "")
    if tag is None:
        return Sound(codec if head.startswith(b"OggS") else "", 0, 0, 0.0)
    return Sound(codec, int(tag.samplerate or 0), int(tag.channels or 0), float(tag.duration or 0.0))
