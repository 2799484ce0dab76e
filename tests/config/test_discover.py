"""Finding an installation's files by what is in them."""

import os
from pathlib import Path

import pytest

from sipctl.config.discover import discover
from sipctl.config.kinds import Kind, detect_kind
from sipctl.errors import ConfigError

SERVER = "port: 7880\nrtc: {tcp_port: 7881}\nkeys: {k: s}\n"
SIP = "ws_url: ws://livekit:7880\nsip_port: 5060\n"
COMPOSE = '{"services": {}}'
ENV = "LIVEKIT_API_KEY=k\n"


def put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def env_names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in discover(folder).env_files]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (SERVER, Kind.LIVEKIT), (SIP, Kind.SIP), (COMPOSE, Kind.COMPOSE), (ENV, Kind.ENV),
        ("[profiles.p]\nurl = 'x'\n", Kind.SIPCTL), ("default_profile = 'p'\n", Kind.SIPCTL),
        ("# note\n\nexport A=1\n", Kind.ENV), ("A = 1\nB = 2\n", Kind.ENV),
        ("redis: {address: x}\nlogging: {level: info}\n", None), ("{}", None), ("[]", None), ("", None),
        ("# c\n", None), ("Some words: and more.\n", None), ("keys: {k: s}\n\tbroken", Kind.LIVEKIT),
        ('{"services": {', Kind.COMPOSE),
    ],
)  # fmt: skip
def test_kinds_are_recognised_by_content(text: str, kind: Kind | None) -> None:
    assert detect_kind(Path("any"), text) is kind


def test_names_say_nothing(tmp_path: Path) -> None:
    put(tmp_path, one=SIP, two=SERVER, three=COMPOSE, four=ENV)
    found = discover(tmp_path)
    assert (found.sip_yaml, found.livekit_yaml) == (tmp_path / "one", tmp_path / "two")
    assert (found.compose_json, found.env_files) == (tmp_path / "three", (tmp_path / "four",))


def test_the_first_by_name_of_several(tmp_path: Path) -> None:
    put(tmp_path, b_server=SERVER, a_server=SERVER)
    assert discover(tmp_path).livekit_yaml == tmp_path / "a_server"


def test_templates_deep_folders_and_caches_are_not_read(tmp_path: Path) -> None:
    put(tmp_path, a__b__c__d__deep=ENV, a__b__c__d__e__deeper=ENV, node_modules__env=ENV)
    put(tmp_path, **{"common.dist": ENV, ".env.example": ENV, ".git__env": ENV})
    assert env_names(tmp_path) == ["a/b/c/d/deep"]


def test_what_is_no_text_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, env=ENV)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    (tmp_path / "large").write_bytes(b"A=1\n" * 300_000)
    (tmp_path / "dangling").symlink_to("/nowhere")
    assert env_names(tmp_path) == ["env"]


@pytest.mark.timeout(10)
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    put(tmp_path, env=ENV)
    os.mkfifo(tmp_path / "pipe")
    assert env_names(tmp_path) == ["env"]


def test_env_files_that_speak_of_neither_livekit_nor_telephony_stay_out(tmp_path: Path) -> None:
    put(tmp_path, common=ENV, mail="SMTP=x\n", phone="ROOM_TELEPHONY_ENABLED=1\n", other__postgresql="DB_HOST=db\n")
    assert env_names(tmp_path) == ["common", "phone"]


def test_the_database_of_meet_is_beside_its_other_settings(tmp_path: Path) -> None:
    put(tmp_path, env__common=ENV, env__postgresql="DB_HOST=db\nDB_PASSWORD=x\n")
    assert env_names(tmp_path) == ["env/common", "env/postgresql"]


def test_env_files_come_after_what_they_refer_to(tmp_path: Path) -> None:
    put(tmp_path, common="LIVEKIT_URL=https://${HOST}\n", hosts="HOST=x\n", local=ENV)
    assert env_names(tmp_path) == ["hosts", "common", "local"]


def test_dot_env_comes_first_so_that_others_win(tmp_path: Path) -> None:
    put(tmp_path, **{"-first": ENV, ".env": ENV, "common": ENV})
    assert env_names(tmp_path)[0] == ".env"


def test_references_of_references(tmp_path: Path) -> None:
    put(tmp_path, a_common="LIVEKIT_URL=https://${HOST}\n", b_hosts="HOST=livekit.${DOMAIN}\n", c_domain="DOMAIN=x\n")
    assert env_names(tmp_path) == ["c_domain", "b_hosts", "a_common"]


def test_no_folder(tmp_path: Path) -> None:
    put(tmp_path, env=ENV)
    for place in (tmp_path / "env", tmp_path / "missing"):
        with pytest.raises(ConfigError, match="is no folder"):
            discover(place)
    (tmp_path / "empty").mkdir()
    assert discover(tmp_path / "empty").env_files == ()
