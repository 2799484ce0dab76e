"""The layers of configuration one against another, and the faults of sipctl's own file at their lines."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from sipctl.config.file import parse_config
from sipctl.config.load import load_settings
from sipctl.config.model import Settings
from sipctl.config.urls import url_fault
from sipctl.errors import ConfigError

UUID = "0f7c1a52-6d1e-4a3b-9c55-0123456789ab"


class State:
    """A folder with a configuration file and env files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: Path | None = None

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def profile(self, text: str) -> None:
        self.config = self.write("etc/config.toml", f"[profiles.p]\n{text}")

    def load(self, *files: Path, environ: Mapping[str, str] | None = None, named: bool = False) -> Settings:
        return load_settings(
            config_path=self.config, profile="p" if named else None, env_files=files, environ=environ or {}
        )  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


def server(name: str) -> dict[str, str]:
    """One layer's three settings, each with the layer's name in it."""
    return {
        "LIVEKIT_URL": f"http://{name}", "LIVEKIT_API_KEY": f"{name}-key", "LIVEKIT_API_SECRET": f"{name}-secret",
    }  # fmt: skip


def env_text(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def toml_text(values: Mapping[str, str]) -> str:
    return "".join(f'{name.removeprefix("LIVEKIT_").lower()} = "{value}"\n' for name, value in values.items())


def taken(settings: Settings) -> str:
    """The layer that URL, key and secret came from, all three."""
    connection = settings.connection
    layer = connection.url.removeprefix("http://")
    assert (connection.api_key, connection.api_secret.reveal()) == (f"{layer}-key", f"{layer}-secret")
    return layer


@pytest.mark.parametrize(
    ("layers", "named", "expected"),
    [
        ("option profile environment", True, "option"), ("option profile environment", False, "option"),
        ("profile environment", True, "profile"), ("profile environment", False, "environment"),
        ("profile", True, "profile"), ("profile", False, "profile"), ("environment", False, "environment"),
        ("option environment", False, "option"), ("option profile", True, "option"),
    ],
)  # fmt: skip
def test_the_strongest_layer_gives_all_three(state: State, layers: str, *, named: bool, expected: str) -> None:
    option = (state.write("o", env_text(server("option"))),) if "option" in layers else ()
    if "profile" in layers:
        state.profile(toml_text(server("profile")))
    environ = server("environment") if "environment" in layers else {}
    settings = state.load(*option, named=named, environ=environ)
    assert taken(settings) == expected
    assert len(settings.notes) == len(layers.split()) - 1
    assert all("is ignored" in note for note in settings.notes)


def test_other_settings_take_the_same_way_one_by_one(state: State) -> None:
    state.profile('sip_host = "sip:profile"\nname_template = "P_{room}"\ntrunk_ids = ["ST_p"]\n')
    option = state.write("o", "SIPCTL_SIP_HOST=sip:option\n")
    environ = {"SIPCTL_SIP_HOST": "sip:environment", "SIPCTL_NAME_TEMPLATE": "E_{room}"}
    unnamed, named = state.load(option, environ=environ), state.load(option, named=True, environ=environ)
    assert (unnamed.sip_host, unnamed.name_template, unnamed.trunk_ids) == ("sip:option", "E_{room}", ("ST_p",))
    assert (named.sip_host, named.name_template, named.trunk_ids) == ("sip:option", "P_{room}", ("ST_p",))


def test_a_profile_s_own_keys_win_over_its_env_files(state: State) -> None:
    state.write("etc/env", env_text(server("files")))
    state.profile(f'env_files = ["env"]\n{toml_text(server("profile"))}')
    assert taken(state.load()) == "profile"


@pytest.mark.parametrize("missing", ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
def test_a_url_without_its_key_or_secret_borrows_none(state: State, missing: str) -> None:
    state.profile(toml_text(server("profile")))
    half = {name: value for name, value in server("environment").items() if name != missing}
    with pytest.raises(ConfigError, match=f"no {missing}"):
        state.load(environ=half)


@pytest.mark.parametrize(
    "stray",
    ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", pytest.param("LIVEKIT_API_SECRET_FILE", id="file")],
)
def test_a_stray_half_of_a_pair_is_named_in_a_note(state: State, stray: str) -> None:
    state.profile(toml_text(server("profile")))
    settings = state.load(environ={stray: "stray"})
    assert taken(settings) == "profile"
    assert any(stray in note and "is ignored" in note for note in settings.notes)


def test_notes_show_no_secret(state: State) -> None:
    state.profile(toml_text(server("profile")))
    notes = " ".join(state.load(environ=server("environment")).notes)
    assert "profile-secret" not in notes
    assert "environment-secret" not in notes


def test_livekit_url_goes_before_livekit_api_url_within_a_source(state: State) -> None:
    both = {**server("one"), "LIVEKIT_API_URL": "http://two"}
    assert taken(state.load(environ=both)) == "one"
    assert any("LIVEKIT_API_URL" in note and "different" in note for note in state.load(environ=both).notes)
    assert state.load(environ={**both, "LIVEKIT_API_URL": "http://one"}).notes == ()
    assert state.load(environ={**both, "LIVEKIT_URL": ""}).connection.url == "http://two"
    option = state.write("o", env_text(server("option")).replace("LIVEKIT_URL", "LIVEKIT_API_URL"))
    assert taken(state.load(option, environ=server("environment"))) == "option"


@pytest.mark.parametrize(
    ("content", "secret"),
    [("s", "s"), ("s\n", "s"), ("s\n\n", "s\n"), (" s \n", " s "), ("", "")],
)
def test_a_secret_in_a_file_loses_one_newline(state: State, content: str, secret: str) -> None:
    path = state.write("secret", content)
    settings = state.load(environ={**server("e"), "LIVEKIT_API_SECRET_FILE": str(path)})
    assert settings.connection.api_secret.reveal() == secret


def test_a_missing_secret_file_is_an_error_that_names_the_setting(state: State) -> None:
    with pytest.raises(ConfigError, match=r"LIVEKIT_API_SECRET_FILE in the environment: cannot read /nowhere"):
        state.load(environ={**server("e"), "LIVEKIT_API_SECRET_FILE": "/nowhere"})


def test_relative_paths_start_at_the_file_that_holds_them(state: State) -> None:
    state.write("etc/secret", "from-profile\n")
    state.write("etc/env.d/common", "ROOM_TELEPHONY_PIN_LENGTH=7\n")
    state.profile(
        'url = "http://x"\napi_key = "k"\napi_secret_file = "secret"\nenv_files = ["env.d/common"]\n'
        'livekit_yaml = "../livekit.yaml"\nsip_yaml = "/abs/sip.yaml"\n'
    )
    settings = state.load()
    assert settings.connection.api_secret.reveal() == "from-profile"
    assert settings.telephony.pin_length == 7
    assert settings.env_files == (state.folder / "etc/env.d/common",)
    assert settings.livekit_yaml == state.folder / "etc/../livekit.yaml"
    assert settings.sip_yaml == Path("/abs/sip.yaml")


def test_a_secret_file_of_an_env_file_lies_beside_that_env_file(state: State) -> None:
    state.write("a/secret", "beside-a\n")
    one = state.write("a/one", "LIVEKIT_URL=http://x\nLIVEKIT_API_KEY=k\nLIVEKIT_API_SECRET_FILE=secret\n")
    two = state.write("b/two", "ROOM_TELEPHONY_PIN_LENGTH=7\n")
    assert state.load(one).connection.api_secret.reveal() == "beside-a"
    assert state.load(one, two).connection.api_secret.reveal() == "beside-a"


TRUE = ["yes", "y", "true", "1"]
FALSE = ["no", "n", "false", "0", ""]


@pytest.mark.parametrize("word", [form for word in TRUE + FALSE for form in sorted({word, word.upper(), word.title()})])
def test_meet_s_booleans(state: State, word: str) -> None:
    telephony = state.load(environ={"ROOM_TELEPHONY_ENABLED": word}).telephony
    assert telephony.enabled is (word.lower() in TRUE)
    assert telephony.given == {"ROOM_TELEPHONY_ENABLED"}


@pytest.mark.parametrize("word", ["on", "off", "ON", "t", "f", "2", "None", " ", "yes ", "oui"])
def test_other_words_are_refused_with_their_place(state: State, word: str) -> None:
    path = state.write("env", f"\nROOM_TELEPHONY_ENABLED='{word}'\n")
    with pytest.raises(ConfigError, match=re.escape(f"{path}:2")):
        state.load(path)


def test_telephony_defaults_and_what_is_given(state: State) -> None:
    nothing = state.load().telephony
    assert (nothing.enabled, nothing.pin_length, nothing.pin_max_retries) == (False, 10, 5)
    assert (nothing.phone_number, nothing.default_country, nothing.given) == (None, "US", frozenset())
    path = state.write("env", "ROOM_TELEPHONY_PIN_LENGTH=10\nROOM_TELEPHONY_INVENTED=1\n")
    assert state.load(path).telephony.given == {"ROOM_TELEPHONY_PIN_LENGTH"}  # given, though it is the default
    settings = state.load(
        path, environ={"ROOM_TELEPHONY_PHONE_NUMBER": "+33123456789", "ROOM_TELEPHONY_DEFAULT_COUNTRY": ""}
    )
    assert (settings.telephony.phone_number, settings.telephony.default_country) == ("+33123456789", "")
    assert settings.values["ROOM_TELEPHONY_PIN_MAX_RETRIES"].origin == "default"
    assert settings.values["ROOM_TELEPHONY_PIN_LENGTH"].origin == f"ROOM_TELEPHONY_PIN_LENGTH in {path}:1"


def test_meet_s_rooms_are_uuids(state: State) -> None:
    state.profile('registry = { layout = "meet" }\n')
    settings = state.load()
    assert settings.registry.in_meet
    assert settings.mark.is_ours(UUID)
    assert not any(settings.mark.is_ours(name) for name in ("lobby", UUID.upper(), UUID + "\n", UUID[:-1]))
    assert settings.values["SIPCTL_ROOM_PATTERN"].value == settings.room_pattern  # what `config show` prints
    assert state.load(environ={"SIPCTL_ROOM_PATTERN": "lobby"}).mark.is_ours("lobby")


@pytest.mark.parametrize("key", ["url", "state_url"])
def test_a_registry_has_the_precedence_of_every_setting(state: State, key: str) -> None:
    state.profile(f'registry = {{ {key} = "postgresql://u:canary@profile/pins" }}\n')
    name = f"SIPCTL_REGISTRY_{key.upper()}"
    environ = {name: "postgresql://u:canary@environment/pins"}

    def host(settings: Settings) -> str:
        url: str = getattr(settings.registry, key).reveal()
        return url.partition("@")[2]

    assert host(state.load(environ=environ)) == "environment/pins"
    named = state.load(environ=environ, named=True)
    assert host(named) == "profile/pins"
    shown = named.values[name]
    assert (str(shown.value), "registry." + key in shown.origin) == ("********", True)
    assert state.load(environ=environ).values[name].origin == f"{name} in the environment"


@pytest.mark.parametrize("setting", [{"SIPCTL_NAME_TEMPLATE": "no field"}, {"SIPCTL_ROOM_PATTERN": "("}])
def test_a_mark_from_the_environment_is_checked_as_one_from_the_file(state: State, setting: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        state.load(environ=setting)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://x:0", "has a port or host that is none"), ("http://x:99999", "has a port or host that is none"),
        ("http://a b", "holds white space"), ("http://x:80 ", "holds white space"), (" http://x", "holds white space"),
        ("http://x\r", "holds white space"), ("http://", "names no host"), ("http:///x", "names no host"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_address(url: str, fault: str) -> None:
    assert url_fault(url) == fault


@pytest.mark.parametrize(
    "url", ["livekit.example.org", "ftp://x", "http://", "http://user:canary@x", "http://x:99999", "http://x?a=1"]
)
def test_addresses_that_are_none(state: State, url: str) -> None:
    with pytest.raises(ConfigError, match="LIVEKIT_URL") as caught:
        state.load(environ={**server("e"), "LIVEKIT_URL": url})
    assert "canary" not in caught.value.message


IGNORE = '[[profiles.p.ignore]]\ncode = "CFG101"\nreason = "r"\n'


@pytest.mark.parametrize(
    ("text", "line", "key", "described"),
    [
        ("[profiles.p]\n\nurll = 'x'\n", 3, "profiles.p.urll", "did you mean url?"),
        ("[profiles.p]\nprotected = 'yes'\n", 2, "profiles.p.protected", "boolean"),
        ("\n[profile.p]\nurl = 'x'\n", 2, "profile", "did you mean profiles?"),
        ("default = 'p'\n", 1, "default", "did you mean default_profile?"),
        ("[profiles.p]\n[profiles.p.registry]\nlayuot = 'meet'\n", 3, "profiles.p.registry.layuot", "layout?"),
        ("[profiles.p]\nregistry = { layout = 'meat' }\n", 2, "profiles.p.registry.layout", "meet"),
        ("[profiles.p]\nurl = 'x'\n[profiles.q]\nurl = 1\n", 4, "profiles.q.url", "string"),
        ("[profiles.p]\nname_template = 'x'\n", 2, "profiles.p.name_template", "must hold {room} once"),
        ("[profiles.p]\nroom_pattern = '('\n", 2, "profiles.p.room_pattern", "is no regular expression"),
        ("[profiles.p]\nxyzzy = 1\n", 2, "profiles.p.xyzzy", "unknown key"),
        ('[profiles."a.b"]\nurl = 1\n', 2, "profiles.a.b.url", "string"),
        ("[profiles.7]\nurl = 1\n", 2, "profiles.7.url", "string"),
        ("[profiles.p]\nurl = \n", 2, "", "is not TOML"),
        ("[profiles.p]\nurl = 'a'\nurl = 'b'\n", 3, "", "is not TOML"),
        (IGNORE.replace("CFG101", "cfg"), 2, "profiles.p.ignore.0.code", "pattern"),
        (IGNORE + IGNORE.replace("CFG101", "cfg"), 5, "profiles.p.ignore.1.code", "pattern"),
        (IGNORE + "[[profiles.p.ignore]]\ncode = 'CFG101'\n", 4, "profiles.p.ignore.1.reason", "required"),
        (IGNORE + "raeson = 'x'\n", 4, "profiles.p.ignore.0.raeson", "did you mean reason?"),
    ],
)
def test_a_fault_of_the_file(text: str, line: int, key: str, described: str) -> None:
    file, (fault, *more) = parse_config(text)
    assert file is None
    assert more == []
    assert (fault.line, fault.key) == (line, key)
    assert described in fault.message


def test_every_fault_at_once_and_the_first_in_the_error(state: State) -> None:
    text = "urll = 'x'\nprotected = 1\n"
    _, faults = parse_config(f"[profiles.p]\n{text}")
    assert sorted(fault.line for fault in faults) == [2, 3]
    state.profile(text)
    with pytest.raises(ConfigError, match=r"config\.toml:\d: .*\(and 1 more\)"):
        state.load()


def test_a_fault_shows_no_secret() -> None:
    _, faults = parse_config('[profiles.p]\napi_secret = ["canary"]\n[profiles.p.registry]\nurl = ["canary"]\n')
    assert len(faults) == 2
    assert "canary" not in str(faults)
