"""Which kind a file is, by its name and keys together; and what sipctl knows by sight and does not read."""

from pathlib import Path

import pytest

from sipctl.config.discover import discover, found_files
from sipctl.config.kinds import Kind, Stranger, detect_kind, stranger_of
from sipctl.errors import ConfigError
from tests.support.checked_files import FOLDER, check, marks, problems, texts

WORKER = "api_key: k\napi_secret: s\nws_url: wss://livekit.example.org\nredis: {address: r}\n"
SIP = WORKER + "sip_port: 5060\n"
SERVER = "port: 7880\nrtc: {tcp_port: 7881}\nkeys: {k: s}\n"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("sip.yaml", SIP, Kind.SIP), ("config.yaml", WORKER, Kind.SIP), ("livekit-sip.yml", WORKER, Kind.SIP),
        ("sip.yaml", "sip: {port: 5060}\nredis: {address: r}\ntrunks: []\n", Kind.SIP),
        ("sip.yaml", "port: 5060\nbind_addresses: ['']\nkeys: {a: b}\n", Kind.SIP),
        ("sip.yaml", "extensions: [100]\n", None), ("livekit.yaml", SERVER, Kind.LIVEKIT),
        ("livekit.yaml", SIP, Kind.SIP), ("livekit-server-for-sip.yaml", SERVER, Kind.LIVEKIT),
        ("config.yaml", SERVER + "redis: {address: r}\n", Kind.LIVEKIT), ("any", "redis: {address: r}\n", None),
        ("sip/config.yaml", WORKER, Kind.SIP), ("gossip.yaml", SERVER, Kind.LIVEKIT),
    ],
)  # fmt: skip
def test_kinds_by_name_and_keys(name: str, text: str, kind: Kind | None) -> None:
    assert detect_kind(Path(name), text) is kind


@pytest.mark.parametrize(
    ("name", "text", "stranger"),
    [
        ("egress.yaml", WORKER, Stranger.EGRESS), ("livekit-egress.yaml", WORKER, Stranger.EGRESS),
        ("egress/config.yaml", WORKER, Stranger.EGRESS),
        ("any.yaml", WORKER + "template_base: http://x\n", Stranger.EGRESS),
        ("any.yaml", WORKER + "s3: {bucket: b}\ncpu_cost: {}\n", Stranger.EGRESS),
        ("ingress.yaml", WORKER, Stranger.INGRESS), ("any.yaml", WORKER + "rtmp_port: 1935\n", Stranger.INGRESS),
        ("values.yaml", "replicaCount: 1\nlivekit:\n  port: 7880\n", Stranger.HELM),
        ("livekit.values.yaml", "port: 7880\nkeys: {a: b}\n", Stranger.HELM),
        ("any.yaml", "backend:\n  envVars: {A: b}\nimage: {tag: x}\n", Stranger.HELM),
        ("egress.yaml", SIP, None), ("sip.yaml", SIP, None), ("livekit.yaml", SERVER, None),
        ("any.yaml", SERVER + "ingress: {rtmp_base_url: rtmp://x}\n", None), ("any", "words", None),
    ],
)  # fmt: skip
def test_strangers_are_known_by_sight(name: str, text: str, stranger: Stranger | None) -> None:
    assert stranger_of(Path(name), text) is stranger
    assert stranger is None or detect_kind(Path(name), text) is None


def test_a_file_of_another_worker_is_no_fault_and_helm_values_must_be_rendered() -> None:
    assert marks(problems({"egress.yaml": WORKER, "ingress.yaml": WORKER})) == [
        ("CFG101", "warn", "egress.yaml"), ("CFG101", "warn", "ingress.yaml"),
    ]  # fmt: skip
    (values,) = problems({"values.yaml": "replicaCount: 1\nlivekit: {port: 7880}\n"})
    assert (values.code, values.level, values.detail) == (
        "CFG101", "error", "is a file of Helm values, which sipctl does not read",
    )  # fmt: skip
    assert values.fix
    assert "helm template" in values.fix.text


def test_a_file_of_livekit_egress_is_not_taken_for_livekit_sip_s() -> None:
    found = discover(FOLDER / "egress-beside-sip")
    assert found.sip_yaml == FOLDER / "egress-beside-sip" / "sip.yaml"
    files = texts("egress-beside-sip", *(path.name for path, _ in found_files(FOLDER / "egress-beside-sip")))
    assert [one for one in marks(problems(files)) if one[1] == "error"] == [("CFG130", "error", "livekit.yaml:2")]


def test_a_sip_file_of_someone_s_own_making_pushes_no_server_out() -> None:
    found = problems(texts("sip-of-own-making", "livekit.yaml", "sip.yaml"))
    assert [one for one in marks(found) if one[1] == "error"] == [("CFG125", "error", "livekit.yaml:4")]
    ghosts = {one.resource: str(one.fix.text) for one in found if one.code == "CFG104" and one.fix}
    assert ghosts.keys() == {"sip.yaml:1", "sip.yaml:5"}
    assert "trunks and rules are not made in files" in ghosts["sip.yaml:5"]
    assert "at the top" in ghosts["sip.yaml:1"]


@pytest.mark.parametrize("key", ["trunks", "sip_trunks", "inbound_trunks", "dispatch_rules", "rules"])
def test_trunks_and_rules_are_not_made_in_files(key: str) -> None:
    for name, text in (("sip.yaml", SIP), ("livekit.yaml", SERVER)):
        (found,) = (one for one in problems({name: f"{text}{key}: []\n"}) if one.code in {"CFG103", "CFG104"})
        assert found.fix
        assert "trunks and rules are not made in files" in str(found.fix.text)


@pytest.mark.parametrize(
    ("file", "key", "near"),
    [
        ("sip.yaml", "insecure", ""), ("livekit.yaml", "turns_on", ""), ("livekit.yaml", "redis_address", ""),
        ("sip.yaml", "sip_prot", "sip_port"), ("sip.yaml", "useexternalip", "use_external_ip"),
        ("livekit.yaml", "webhooks", "webhook"),
    ],
)  # fmt: skip
def test_only_what_is_near_is_suggested(file: str, key: str, near: str) -> None:
    base = SIP if file == "sip.yaml" else SERVER
    (found,) = (one for one in problems({file: f"{base}{key}: 1\n"}) if one.code in {"CFG103", "CFG104"})
    assert found.fix
    assert str(found.fix.text).startswith("write ") == bool(near)
    assert near in str(found.fix.text)


def put(folder: Path, *names: str, text: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    "template",
    [
        "env.d/production.dist/common", "env.dist", "config.example.env", "example.env", "common.sample",
        "docs/examples/common", "samples/common", "common.template", "x.EXAMPLE/common",
    ],
)  # fmt: skip
def test_a_template_never_wins_over_a_file_that_is_filled_in(tmp_path: Path, template: str) -> None:
    put(tmp_path, "env.d/production/common", template, text="LIVEKIT_API_KEY=k\n")
    assert discover(tmp_path).env_files == (tmp_path / "env.d" / "production" / "common",)


@pytest.mark.parametrize("folder", ["livekit.example.org", "distribution", "sampler", "sip.example.com"])
def test_what_only_sounds_like_a_template(tmp_path: Path, folder: str) -> None:
    put(tmp_path, f"{folder}/common", text="LIVEKIT_API_KEY=k\n")
    assert discover(tmp_path).env_files == (tmp_path / folder / "common",)


def test_a_folder_of_templates_beside_the_real_one() -> None:
    files = found_files(FOLDER / "template-folder")
    assert files == [(FOLDER / "template-folder" / "env.d" / "production" / "common", Kind.ENV)]
    assert "CFG107" not in {one.code for one in check({"common": files[0][0].read_text()}) if one.level == "error"}


def test_a_file_named_for_its_kind_comes_first(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", "sip.yaml", text=SIP)
    put(tmp_path, "b.yaml", "livekit.yaml", text=SERVER)
    found = discover(tmp_path)
    assert (found.sip_yaml, found.livekit_yaml) == (tmp_path / "sip.yaml", tmp_path / "livekit.yaml")


def test_a_folder_without_a_file_of_ours(tmp_path: Path) -> None:
    put(tmp_path, "empty/egress.yaml", text=WORKER)
    with pytest.raises(ConfigError, match="holds no configuration file"):
        found_files(tmp_path / "empty")
