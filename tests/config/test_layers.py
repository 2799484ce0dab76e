"""Env files and the layers of configuration."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.config.envfile import parse_env_file
from sipctl.config.file import parse_config
from sipctl.config.load import load_settings
from sipctl.config.model import Settings
from sipctl.errors import ConfigError

HERE = Path("env")


def values(text: str, **known: str) -> dict[str, str]:
    return {name: entry.value for name, entry in parse_env_file(HERE, text, known).entries.items()}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=1", "1"), ("A = 1", "1"), ("export A=1", "1"), ("A='x y'", "x y"), ('A="x y"  # comment', "x y"),
        ("A=1   # comment", "1"), ("A=a#b", "a#b"), ("A=", ""), ("A=${B}/x", "b/x"), ("A='${B}'", "${B}"),
        ('A="${B}"', "b"), ("A=${C:-d}", "d"), ("A=1\nA=2", "2"), ("A=1  ", "1"),
    ],
)  # fmt: skip
def test_values(text: str, value: str) -> None:
    assert values(text, B="b")["A"] == value


def test_earlier_lines_and_faults_with_their_lines() -> None:
    file = parse_env_file(HERE, "\n\nA=1\nB=${A}2\n\n# c\nnonsense\nB=3\nD=${E}\n", {})
    assert {name: (entry.value, entry.line) for name, entry in file.entries.items()} == {
        "A": ("1", 3), "B": ("3", 8), "D": ("", 9),
    }  # fmt: skip
    assert [(fault.line, fault.key) for fault in file.faults] == [(7, "nonsense"), (8, "B"), (9, "D")]


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    parse_env_file(HERE, text, {})
    parse_config(text)


class State:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def load(
        self,
        *,
        config: str = "",
        profile: str | None = None,
        env: Mapping[str, str] | None = None,
        files: tuple[Path, ...] = (),
    ) -> Settings:
        path = self.write("config.toml", config) if config else None
        return load_settings(config_path=path, profile=profile, env_files=files, environ=env or {})


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


PROFILE = '[profiles.p]\nurl = "http://profile"\napi_key = "p"\napi_secret = "ps"\n'
ENV = {"LIVEKIT_URL": "http://env", "LIVEKIT_API_KEY": "e", "LIVEKIT_API_SECRET": "es"}


def test_first_of_option_named_profile_environment_default_profile(state: State) -> None:
    option = state.write("o", "LIVEKIT_URL=http://option\nLIVEKIT_API_KEY=o\nLIVEKIT_API_SECRET=os\n")
    assert state.load(config=PROFILE, env=ENV, files=(option,)).connection.url == "http://option"
    named = state.load(config=PROFILE, profile="p", env=ENV)
    assert (named.connection.url, named.connection.api_key) == ("http://profile", "p")
    assert any("LIVEKIT_URL in the environment is ignored" in note for note in named.notes)
    assert state.load(config=PROFILE, env={**ENV, "SIPCTL_PROFILE": "p"}).connection.url == "http://profile"
    unnamed = state.load(config=PROFILE, env=ENV)
    assert unnamed.connection.url == "http://env"
    assert any("profile 'p'" in note for note in unnamed.notes)
    assert state.load(config=PROFILE).connection.url == "http://profile"
    assert state.load().connection_or_none is None


def test_url_key_and_secret_are_never_mixed(state: State) -> None:
    with pytest.raises(ConfigError, match="no LIVEKIT_API_SECRET"):
        state.load(config=PROFILE, env={"LIVEKIT_URL": "http://env", "LIVEKIT_API_KEY": "e"})
    settings = state.load(config=PROFILE, env={"LIVEKIT_API_KEY": "stray"})
    assert settings.connection.api_key == "p"
    assert any("LIVEKIT_API_KEY in the environment is ignored" in note for note in settings.notes)


def test_two_names_of_the_url(state: State) -> None:
    env = {**ENV, "LIVEKIT_API_URL": "http://other"}
    settings = state.load(env=env)
    assert settings.connection.url == "http://env"
    assert any("LIVEKIT_API_URL" in note for note in settings.notes)
    del env["LIVEKIT_URL"]
    assert state.load(env=env).connection.url == "http://other"


def test_secrets_in_files(state: State) -> None:
    secret = state.write("secret", "from file\n\n")
    env = {**ENV, "LIVEKIT_API_SECRET_FILE": str(secret)}
    assert state.load(env=env).connection.api_secret.reveal() == "from file\n"
    state.write("rel", "relative\n")
    config = '[profiles.p]\nurl = "http://x"\napi_key = "k"\napi_secret_file = "rel"\n'
    settings = state.load(config=config)
    assert settings.connection.api_secret.reveal() == "relative"
    assert "relative" not in repr(settings)
    with pytest.raises(ConfigError, match="cannot read"):
        state.load(env={**ENV, "LIVEKIT_API_SECRET_FILE": "/nowhere"})


def test_later_env_files_win_and_see_earlier_ones(state: State) -> None:
    first = state.write("hosts", "H=livekit.example.org\nROOM_TELEPHONY_PIN_LENGTH=6\n")
    second = state.write("common", "LIVEKIT_API_URL=https://${H}\nLIVEKIT_API_KEY=k\nLIVEKIT_API_SECRET=s\n")
    third = state.write("local", "ROOM_TELEPHONY_PIN_LENGTH=8\n")
    settings = state.load(config='[profiles.p]\nenv_files = ["hosts", "common", "local"]\n')
    assert settings.connection.url == "https://livekit.example.org"
    assert settings.telephony.pin_length == 8
    assert settings.values["ROOM_TELEPHONY_PIN_LENGTH"].origin == f"ROOM_TELEPHONY_PIN_LENGTH in {third}:1"
    assert state.load(files=(first, second)).telephony.pin_length == 6


@pytest.mark.parametrize(
    ("word", "value"),
    [(w, True) for w in ("yes", "Y", "true", "TRUE", "1")] + [(w, False) for w in ("no", "N", "false", "0", "")],
)
def test_booleans_as_meet_reads_them(state: State, word: str, *, value: bool) -> None:
    assert state.load(env={"ROOM_TELEPHONY_ENABLED": word}).telephony.enabled is value


@pytest.mark.parametrize("word", ["on", "t", "enabled", " true"])
def test_words_that_meet_does_not_start_with(state: State, word: str) -> None:
    with pytest.raises(ConfigError, match="ROOM_TELEPHONY_ENABLED"):
        state.load(env={"ROOM_TELEPHONY_ENABLED": word})


def test_telephony_defaults_and_what_was_given(state: State) -> None:
    telephony = state.load().telephony
    assert (telephony.enabled, telephony.pin_length, telephony.pin_max_retries) == (False, 10, 5)
    assert (telephony.phone_number, telephony.default_country) == (None, "US")
    assert telephony.given == frozenset()
    given = state.load(env={"ROOM_TELEPHONY_PHONE_NUMBER": "", "ROOM_TELEPHONY_DEFAULT_COUNTRY": "FR"}).telephony
    assert (given.phone_number, given.default_country) == (None, "FR")
    assert given.given == {"ROOM_TELEPHONY_PHONE_NUMBER", "ROOM_TELEPHONY_DEFAULT_COUNTRY"}
    for bad in ("abc", "-1", "1e3", ""):
        with pytest.raises(ConfigError, match="PIN_LENGTH"):
            state.load(env={"ROOM_TELEPHONY_PIN_LENGTH": bad})


def test_own_settings(state: State) -> None:
    config = PROFILE + 'trunk_ids = ["ST_a"]\nname_template = "X_{room}"\nprotected = true\nprotect = ["lobby"]\n'
    settings = state.load(config=config)
    assert (settings.trunk_ids, settings.name_template, settings.protected) == (("ST_a",), "X_{room}", True)
    assert settings.protect == ("lobby",)
    assert state.load(config=config, env={"SIPCTL_TRUNK_IDS": "ST_b, ST_c"}).trunk_ids == ("ST_b", "ST_c")
    meet = state.load(config=PROFILE + '[profiles.p.registry]\nlayout = "meet"\n')
    assert meet.room_pattern
    assert state.load().room_pattern is None


def test_profiles(state: State) -> None:
    two = PROFILE + "[profiles.q]\nprotected = true\n"
    assert state.load(config=two).profile == ""
    assert state.load(config='default_profile = "q"\n' + two).protected
    with pytest.raises(ConfigError, match="no profile 'x'"):
        state.load(config=two, profile="x")
    with pytest.raises(ConfigError, match="cannot read"):
        load_settings(config_path=Path("/nowhere.toml"), profile=None, env_files=(), environ={})
