"""Manifests are read as the containers see them: variables, mounted files, ingresses; what is not there is skipped."""

import base64
import json
from pathlib import Path

import pytest

from sipctl.config.discover import discover
from sipctl.config.kubernetes import Cluster, parse_kubernetes
from tests.support.running import clean_env, run

FOLDER = Path(__file__).parents[1] / "data" / "kubernetes"
LIVEKIT, MEET = FOLDER / "livekit.yaml", FOLDER / "meet.json"


def cluster(*files: Path) -> Cluster:
    return parse_kubernetes([(file, file.read_text()) for file in files])


def found(*words: str) -> dict[str, str]:
    """Errors and warnings by their code, and what they say; and what was skipped for a value that is elsewhere."""
    checked = run("config", "validate", *words, "-o", "json", env=clean_env())
    findings = json.loads(checked.stdout)["findings"]
    return {one["code"]: one["detail"] for one in findings if one["level"] in {"error", "warn"}}


def changed(tmp_path: Path, file: Path, old: str, new: str) -> str:
    text = file.read_text()
    assert old in text
    (tmp_path / file.name).write_text(text.replace(old, new))
    return str(tmp_path / file.name)


def test_containers_are_services_with_what_they_are_given() -> None:
    held = cluster(LIVEKIT, MEET)
    assert held.faults == ()
    assert held.sip_service == "sip/livekit-sip"
    assert held.server_version == (1, 13, 5)
    assert "keys:" in held.environment("livekit/livekit-server")["LIVEKIT_CONFIG"]
    assert "ws_url" in held.environment("sip/livekit-sip")["SIP_CONFIG_BODY"]
    assert held.environment("meet-backend/meet") == {
        "ROOM_TELEPHONY_ENABLED": "True", "ROOM_TELEPHONY_PHONE_NUMBER": "+33123456789",
        "ROOM_TELEPHONY_DEFAULT_COUNTRY": "FR", "LIVEKIT_API_URL": "https://livekit.example.org",
        "LIVEKIT_API_KEY": "meet", "DOMAIN": "example.org", "APPLICATION_BASE_URL": "https://meet.example.org",
    }  # fmt: skip
    assert held.withheld == {"LIVEKIT_API_SECRET": "Secret meet-livekit, key secret"}


def test_a_sound_deployment_has_no_error_and_a_secret_elsewhere_is_not_guessed() -> None:
    checked = run("config", "validate", str(LIVEKIT), str(MEET), "-o", "json", env=clean_env())
    findings = json.loads(checked.stdout)["findings"]
    assert [one for one in findings if one["level"] == "error"] == []
    skipped = [one["detail"] for one in findings if one["code"] == "CFG118" and one["level"] == "skipped"]
    assert "LIVEKIT_API_SECRET is in Secret meet-livekit, key secret, which is not given" in skipped


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        (LIVEKIT, "    api_secret: a-secret-of", "    api_secret: another-secret-of", "CFG122"),
        (
            LIVEKIT,
            "      address: redis:6379\n    use_external",
            "      address: other:6379\n    use_external",
            "CFG121",
        ),
        (LIVEKIT, "api_key: meet\n      urls", "api_key: other\n      urls", "CFG125"),
        (MEET, '"LIVEKIT_API_KEY", "value": "meet"', '"LIVEKIT_API_KEY", "value": "other"', "CFG124"),
        (MEET, '"ROOM_TELEPHONY_DEFAULT_COUNTRY": "FR"', '"ROOM_TELEPHONY_DEFAULT_COUNTRY": "XX"', "CFG117"),
    ],
)
def test_faults_are_found_across_manifests(file: Path, old: str, new: str, code: str, tmp_path: Path) -> None:
    files = [changed(tmp_path, file, old, new), str(MEET if file is LIVEKIT else LIVEKIT)]
    assert code in found(*files)


def test_a_webhook_that_no_ingress_takes(tmp_path: Path) -> None:
    two_paths = '"path": "/api/v1.0/config/", "pathType": "Exact"'
    file = changed(tmp_path, MEET, '"path": "/api/v1.0/rooms/webhooks-livekit/", "pathType": "Exact"', two_paths)
    assert "no ingress of meet.example.org has this path" in found(file, str(LIVEKIT)).get("CFG127", "")


def test_mounted_files_and_encoded_secrets(tmp_path: Path) -> None:
    body = "api_key: meet\napi_secret: x\nws_url: ws://livekit:7880\nredis: {address: 'r:6379'}\nhealth_port: 8080\n"
    (tmp_path / "sip.yaml").write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: sip}\ndata:\n"
        f"  config.yaml: {base64.b64encode(body.encode()).decode()}\n  broken: '%%%'\n"
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: sip}\nspec:\n  containers:\n"
        "  - name: sip\n    image: livekit/sip:v1.8.0\n    volumeMounts: [{name: c, mountPath: /sip}]\n"
    )
    held = cluster(tmp_path / "sip.yaml")
    assert [one.get("ws_url") for _, one in held.embedded] == ["ws://livekit:7880"]
    assert list(held.mounts("sip/sip")) == ["/sip"]


def test_variables_of_a_secret_that_is_not_given_are_unknown(tmp_path: Path) -> None:
    file = changed(tmp_path, MEET, '{"configMapRef": {"name": "meet-common"}}', '{"secretRef": {"name": "elsewhere"}}')
    assert cluster(Path(file)).withheld["*"] == "Secret elsewhere"
    assert "CFG118" not in found(file)


@pytest.mark.parametrize(
    "text",
    ["apiVersion: v1\nkind: [", "{\"apiVersion\": 1, \"kind\": ", "apiVersion: v1\nkind: List\nitems: text\n",
     "apiVersion: v1\nkind: Deployment\nspec: text\n",
     "apiVersion: v1\nkind: Pod\nspec: {containers: [1, {env: [2]}]}\n", "apiVersion: v1\nkind: ConfigMap\ndata: [1]\n",
     "apiVersion: v1\nkind: Ingress\nspec: {rules: [{http: 5}]}\n"],
)  # fmt: skip
def test_odd_shapes_are_survived(text: str, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text(text)
    assert run("config", "validate", str(tmp_path / "odd.yaml"), "--kind", "kubernetes", env=clean_env()).code in {0, 1}


def test_init_finds_manifests_and_helm_values_are_answered(tmp_path: Path) -> None:
    for file in (LIVEKIT, MEET):
        (tmp_path / file.name).write_text(file.read_text())
    assert discover(tmp_path).manifests == (tmp_path / "livekit.yaml", tmp_path / "meet.json")
    values = tmp_path / "values.yaml"
    values.write_text("replicaCount: 1\nlivekit: {port: 7880}\n")
    assert "helm template NAME CHART -f" in run("config", "validate", str(values), env=clean_env()).stdout
