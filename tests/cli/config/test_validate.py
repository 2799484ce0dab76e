"""`config validate` as a person uses it: files, folders, and names of nothing."""

import json
from pathlib import Path

import pytest

from tests.support.checked_files import FOLDER
from tests.support.running import assert_error, clean_env, run


def test_of_a_folder_it_reads_what_init_would_find(tmp_path: Path) -> None:
    folder = FOLDER / "egress-beside-sip"
    config = str(tmp_path / "config.toml")
    given = ("--url", "http://127.0.0.1:1", "--api-key", "k", "--api-secret-stdin")
    assert run("--config", config, "config", "init", "--from", str(folder), *given, stdin=b"s\n").code == 0
    of_folder = run("config", "validate", str(folder), "-o", "json")
    of_profile = run("--config", config, "config", "validate", "-o", "json")
    kept = [
        {(one["code"], one["resource"]) for one in json.loads(ended.stdout)["findings"] if one["level"] == "error"}
        for ended in (of_folder, of_profile)
    ]
    assert of_folder.code == of_profile.code == 1
    assert kept[0] == kept[1] == {("CFG130", f"{folder}/livekit.yaml:2")}


def test_a_folder_of_templates_is_passed_over() -> None:
    ended = run("config", "validate", str(FOLDER / "template-folder"))
    assert (ended.code, ended.stdout.splitlines()[0]) == (0, "No error in 1 file.")
    assert "production.dist" not in ended.stdout


def test_a_folder_without_a_file_of_ours(tmp_path: Path) -> None:
    assert_error(run("config", "validate", str(tmp_path)), 2, "holds no configuration file")


MISSING = [
    "config validate nope", "--config nope config validate",
    "--env-file nope config validate", "--env-file nope config show", "--config nope config show",
    "config init --from nope", "config init --url http://x --api-key k --api-secret-file nope",
    "doctor --snapshot nope", "doctor --offline --snapshot nope", "--config nope doctor", "--env-file nope doctor",
    "--config nope doctor --offline", "rules lint --offline nope", "rules lint --with nope",
    "rules explain --from +1 --to +2 --offline nope", "rules explain --log nope", "rules explain --calls nope",
    "rules explain --cases nope", "rules test nope", "rules create --from-file nope",
    "rules restore --from-export nope",
    "trunk create --from-file nope", "pin import nope", "sandbox run --seed nope", "sandbox run --api-secret-file nope",
]  # fmt: skip


@pytest.mark.parametrize("line", MISSING)
def test_a_file_that_is_not_there_is_2_before_anyone_is_asked(line: str) -> None:
    server = {"LIVEKIT_URL": "http://127.0.0.1:1", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}
    ended = run(*line.split(), env=clean_env(**server))
    assert_error(ended, 2, "nope")


def test_a_file_that_the_environment_names_and_is_not_there() -> None:
    assert_error(run("config", "validate", env=clean_env(SIPCTL_CONFIG="nope")), 2, "nope")


def test_a_file_that_a_profile_names_and_is_not_there_is_a_finding(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[profiles.p]\nsip_yaml = "nope.yaml"\n')
    config.chmod(0o600)
    ended = run("--config", str(config), "config", "validate", "-o", "name")
    assert (ended.code, ended.stdout) == (1, "CFG101\n")
