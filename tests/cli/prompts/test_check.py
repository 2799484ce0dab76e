"""`sipctl prompts check`, on livekit-sip's own prompts and on what people take for some."""

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import need
from tests.support.running import Result, assert_error, run

OWN = Path(__file__).parents[2] / "data" / "prompts"
ROOT = Path(__file__).parents[3]
NAMES = ("enter_pin.ogg", "wrong_pin.ogg", "room_join.ogg")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "fr"
    place.mkdir()
    for name in NAMES:
        shutil.copy(OWN / name, place)
    return place


def problems(result: Result) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in json.loads(result.stdout)["findings"]:
        if one["level"] in {"error", "warn"}:
            found.setdefault(one["code"], []).append(Path(one["resource"]).name)
    return found


def check(place: Path) -> dict[str, list[str]]:
    return problems(run("prompts", "check", str(place), "-o", "json"))


def test_livekits_own_prompts_are_right_and_a_mount_is_said_to_change_nothing(folder: Path) -> None:
    checked = run("prompts", "check", str(folder))
    assert checked.code == 0
    assert f"livekit-sip can be built with {folder}. " in checked.stdout
    assert "already plays what it was built with, whatever is mounted" in checked.stdout
    assert check(folder / "enter_pin.ogg") == {}


def test_what_is_missing_and_what_is_never_played(folder: Path) -> None:
    (folder / "wrong_pin.ogg").rename(folder / "wrong-pin.ogg")
    (folder / "de").mkdir()
    (folder / "room_join.ogg").rename(folder / "de" / "room_join.ogg")
    assert check(folder) == {"PRM901": ["room_join.ogg", "wrong_pin.ogg"], "PRM903": ["room_join.ogg", "wrong-pin.ogg"]}
    assert run("prompts", "check", str(folder)).code == 1


def changed(at: int, value: int, form: str) -> bytes:
    data = bytearray((OWN / "room_join.ogg").read_bytes())
    struct.pack_into(form, data, at, value)
    return bytes(data)


IDENTIFICATION = 28
"""Where the Vorbis identification header begins: behind the page's head of 27 bytes and one segment (RFC 3533)."""


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        ((OWN / "opus.ogg").read_bytes(), "opus, 48000 Hz"),
        (changed(IDENTIFICATION + 12, 44100, "<I"), "vorbis, 44100 Hz"),
        (changed(IDENTIFICATION + 11, 2, "<B"), "2 channels"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "no Ogg"),
        (b"", "no Ogg"),
        (b"OggS", "no Ogg"),
        (b"OggS" + bytes(range(256)) * 16, "no Ogg"),
        ((OWN / "room_join.ogg").read_bytes()[:60], "vorbis"),
    ],
)
def test_what_livekit_sip_cannot_play(data: bytes, seen: str, folder: Path) -> None:
    (folder / "room_join.ogg").write_bytes(data)
    checked = run("prompts", "check", str(folder), "-o", "json")
    assert problems(checked) == {"PRM902": ["room_join.ogg"]}
    (one,) = [one for one in json.loads(checked.stdout)["findings"] if one["code"] == "PRM902"]
    assert seen in one["evidence"]["observed"]


def last_page(data: bytes | bytearray) -> int:
    return data.rindex(b"OggS")


@pytest.mark.parametrize("seconds", [0, 11])
def test_a_length_that_makes_no_sense(seconds: int, folder: Path) -> None:
    data = bytearray((OWN / "room_join.ogg").read_bytes())
    struct.pack_into("<q", data, last_page(data) + 6, seconds * 48_000 + 480)
    (folder / "room_join.ogg").write_bytes(data)
    assert check(folder) == {"PRM904": ["room_join.ogg"]}


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert_error(run("prompts", "check", str(tmp_path / "none")), 2, "there is no file or folder")


def test_doctor_has_no_such_check() -> None:
    assert_error(run("doctor", "--only", "PRM"), 2, "is no code and no area that is checked here")


@pytest.mark.long
def test_livekit_sip_is_built_with_other_prompts(tmp_path: Path) -> None:
    """The steps of the container file, with Go and Debian's libraries; the program holds our file."""
    need("" if shutil.which("go") else "no go", "" if shutil.which("pkg-config") else "no pkg-config")
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    for name in NAMES:
        shutil.copy(OWN / "room_join.ogg", prompts / name)
    build: list[Any] = [ROOT / "docs/install/livekit-sip/build.sh", "1.8.0", prompts, tmp_path / "livekit-sip"]
    subprocess.run(build, check=True, env=os.environ | {"GOFLAGS": ""}, timeout=900)
    program = (tmp_path / "livekit-sip").read_bytes()
    assert (OWN / "room_join.ogg").read_bytes() in program
    assert (OWN / "enter_pin.ogg").read_bytes() not in program
