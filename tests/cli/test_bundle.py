"""`sipctl bundle`: a stranger may read it, it still says what is wrong, and an answer is read back."""

import json
import re
import socket
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sipctl.operations.bundle.aliases import Aliases, Kind
from sipctl.operations.bundle.replacing import Replacer
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from tests.support.hostile_text import HOSTILE
from tests.support.running import Result, assert_error, clean_env, env_of, run

PIN, OTHER_PIN = "4821930571", "77035512"
UUID_ROOM = "8a1b6c52-0d34-4c8e-9f2a-71d0f3b5e6aa"
CANARIES = {
    "PIN": PIN, "another PIN": OTHER_PIN, "room": "quarterly-acme-board", "uuid": UUID_ROOM,
    "identity": "ada.lovelace", "number": "33123456789", "caller": "33612345678", "national": "0612345678",
    "trunk": "Acme Telecom", "digest user": "acme-carrier", "digest password": "a-password-of-the-trunk",
    "address": "198.51.100.23", "private address": "10.20.30.40", "IPv6": "2001:db8:77::5",
    "host": "sip.acme-telecom.example.net",
    "node": "livekit.acme-corp.org", "metadata": "for the merger",
    "secret": "the-secret-of-the-deployment-is-long-enough",
    "token": "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJkZXZrZXkifQ.c2lnbmF0dXJl", "database": "pa55w0rd-of-postgres",
    "folder": "/srv/acme-customer/", "user": "acme-operator", "digest response": "a1fe4e295399bc51046ab512dceab09b",
    "log host": "gateway.acme-internal.lan", "typed": "9876543",
}  # fmt: skip
C = CANARIES
LOG = [
    {"level": "info", "msg": "processing invite", "callID": "SCL_a", "sipCallID": f"x@{C['log host']}",
     "fromIP": C["address"], "fromUser": f"+{C['caller']}", "toUser": f"+{C['number']}", "toHost": C["log host"]},
    {"level": "info", "msg": "Accepting the call", "callID": "SCL_a", "pin": PIN, "room": C["room"],
     "participant": f"sip_+{C['caller']}", "participantName": f"Phone +{C['caller']}"},
    {"level": "info", "msg": "digest", "receivedResponse": C["digest response"], "credUsername": C["digest user"],
     "uri": f"sip:{C['national']}@{C['private address']}:5060", "digits": f"{C['typed']}#"},
]  # fmt: skip
TEXT_LINES = (
    f"joined {C['room']} as {C['identity']} with token={C['token']} from [{C['IPv6']}]:5060 to {C['host']}",
    f"password: {C['digest password']} read from {C['folder']}livekit.yaml for +33 6 12 34 56 78",
)


def snapshot() -> str:
    rules = [
        {"sip_dispatch_rule_id": "SDR_one", "name": f"SIP_{C['room']}", "trunk_ids": ["ST_one"],
         "metadata": C["metadata"], "rule": {"dispatchRuleDirect": {"roomName": C["room"], "pin": PIN}}},
        {"sip_dispatch_rule_id": "SDR_two", "name": f"SIP_{UUID_ROOM}",
         "rule": {"dispatchRuleDirect": {"roomName": UUID_ROOM, "pin": OTHER_PIN}}},
    ]  # fmt: skip
    trunks = [
        {"sip_trunk_id": "ST_one", "name": C["trunk"], "numbers": [f"+{C['number']}"],
         "allowed_addresses": ["198.51.100.0/24"]},
        {"sip_trunk_id": "ST_two", "name": f"{C['trunk']} 2", "numbers": ["+33100000000"],
         "auth_username": C["digest user"], "auth_password": C["digest password"]},
    ]  # fmt: skip
    return json.dumps({"trunks": trunks, "rules": rules, "rooms": [C["room"], UUID_ROOM]})


@pytest.fixture
def deployment(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A sandbox full of canaries, and an environment that names it; a change stands in the audit."""
    monkeypatch.chdir(tmp_path)
    plant_snapshot(sandbox.store, snapshot())
    sandbox.join(room=C["room"], identity=C["identity"])
    (tmp_path / "sip.log").write_text("".join(f"{line}\n" for line in (*map(json.dumps, LOG), *TEXT_LINES)))
    env = env_of(
        sandbox, USER=C["user"], LOGNAME=C["user"], SIPCTL_SIP_HOST=f"sip:{C['host']}",
        SIPCTL_WEBHOOK_URL=f"https://{C['node']}/hook", ROOM_TELEPHONY_PHONE_NUMBER=f"+{C['number']}",
        POSTGRES_PASSWORD=C["database"], SOME_SECRET=C["secret"],
        DATABASE_URL=f"postgres://meet:{C['database']}@{C['node']}/meet",
    )  # fmt: skip
    words = ("rules", "update", "SDR_one", "--metadata", "changed", "--allow", "live-room")
    assert run(*words, env=env).code == 0
    return env


def packed(file: Path) -> dict[str, str]:
    with tarfile.open(file) as archive:
        members = [(one.name.removeprefix("sipctl-bundle/"), archive.extractfile(one)) for one in archive]
        return {name: held.read().decode() for name, held in members if held}


def bundle(env: dict[str, str], *more: str) -> tuple[Result, dict[str, str]]:
    made = run("bundle", "b.tar.gz", "--log", "sip.log", "-o", "json", *more, env=env)
    return made, packed(Path("b.tar.gz"))


def test_no_canary_is_in_it(deployment: dict[str, str], sandbox: Sandbox) -> None:
    made, texts = bundle(deployment)
    assert made.code == 0, made
    assert set(texts) == {"README.txt", "versions.json", "settings.json", "snapshot.json", "participants.json",
                          "doctor.json", "doctor.txt", "livekit-sip.log", "audit.jsonl"}  # fmt: skip
    everything = "\n".join(texts.values())
    secrets = CANARIES | {"own secret": sandbox.api_secret.reveal(), "machine": socket.gethostname()}
    flat = re.sub(r"(?<=\d)[ .()-](?=\d)", "", everything)
    assert {kind: one for kind, one in secrets.items() if one in everything or one in flat} == {}


def test_one_name_stands_for_one_thing_throughout(deployment: dict[str, str]) -> None:
    _, texts = bundle(deployment)
    held = json.loads(texts["snapshot.json"])
    rule = held["rules"][0]
    direct = rule["rule"].get("dispatch_rule_direct") or rule["rule"]["dispatchRuleDirect"]
    log = [json.loads(line) for line in texts["livekit-sip.log"].splitlines()[: len(LOG)]]
    assert log[1]["room"] == direct.get("room_name", direct.get("roomName"))
    assert log[1]["pin"] == direct["pin"]
    assert rule["name"] == f"SIP_{log[1]['room']}"
    assert held["trunks"][0]["numbers"] == [log[0]["toUser"]]
    assert log[1]["participant"] == f"sip_{log[0]['fromUser']}"
    audited = json.loads(texts["audit.jsonl"].splitlines()[0])
    assert log[1]["room"] in json.dumps(audited)


def test_calls_land_alike_in_the_snapshot(deployment: dict[str, str], tmp_path: Path) -> None:
    _, texts = bundle(deployment)
    (tmp_path / "snapshot.json").write_text(texts["snapshot.json"])
    log = [json.loads(line) for line in texts["livekit-sip.log"].splitlines()[: len(LOG)]]
    here = ("--from", f"+{C['caller']}", "--to", f"+{C['number']}", "--pin", PIN, "--source-ip", C["address"])
    call, joined = log[0], log[1]
    there = ("--from", call["fromUser"], "--to", call["toUser"], "--pin", joined["pin"], "--source-ip", call["fromIP"])
    ours = run("rules", "explain", *here, "-o", "json", env=deployment)
    theirs = run("rules", "explain", *there, "--offline", "snapshot.json", "-o", "json", env=clean_env())
    first, second = (json.loads(one.stdout)["item"] for one in (ours, theirs))
    assert (first["outcome"], first["room_name"]) == ("accept", C["room"])
    assert (second["outcome"], second["room_name"]) == ("accept", joined["room"])


def test_doctor_is_in_it_word_for_word_but_for_names(deployment: dict[str, str]) -> None:
    _, texts = bundle(deployment)
    ours = json.loads(run("doctor", "-o", "json", env=deployment).stdout)
    theirs = json.loads(texts["doctor.json"])
    assert [one["code"] for one in ours["findings"]] == [one["code"] for one in theirs["findings"]]
    assert [one["title"] for one in ours["findings"]] == [one["title"] for one in theirs["findings"]]


def test_an_answer_is_read_back_here_alone(deployment: dict[str, str], tmp_path: Path) -> None:
    _, texts = bundle(deployment)
    log = json.loads(texts["livekit-sip.log"].splitlines()[1])
    answer = f"The rule of {log['room']} has PIN {log['pin']}."
    assert (
        run("bundle", "--translate", answer, env=deployment).stdout == f"The rule of {C['room']} has PIN ••••••••71.\n"
    )
    shown = run("bundle", "--translate", "-", "--show-pins", env=deployment, stdin=answer.encode())
    assert shown.stdout == f"The rule of {C['room']} has PIN {PIN}.\n"
    elsewhere = clean_env(SIPCTL_STATE_DIR=str(tmp_path / "elsewhere"))
    assert run("bundle", "--translate", answer, env=elsewhere).stdout == f"{answer}\n"


def test_the_next_bundle_has_the_same_names(deployment: dict[str, str], tmp_path: Path) -> None:
    _, first = bundle(deployment)
    _, second = bundle(deployment)
    assert first["snapshot.json"] == second["snapshot.json"]
    kept = tmp_path / "state" / "bundle-names.json"
    assert PIN in kept.read_text()
    assert {stat.S_IMODE(one.stat().st_mode) for one in (kept, Path("b.tar.gz"))} == {0o600}


def test_a_dry_run_writes_nothing(deployment: dict[str, str], tmp_path: Path) -> None:
    shown = run("bundle", "b.tar.gz", "--dry-run", env=deployment)
    assert shown.code == 0
    assert "would write" in shown.stdout
    assert not (tmp_path / "b.tar.gz").exists()
    assert not (tmp_path / "state" / "bundle-names.json").exists()


def test_without_livekit_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = run("bundle", "b.tar.gz", "-o", "json", env=clean_env())
    assert made.code == 0
    assert json.loads(made.stdout)["item"]["missing"]
    assert "Not in it: settings or LiveKit's lists: no LiveKit server" in packed(tmp_path / "b.tar.gz")["README.txt"]


def test_a_log_that_is_not_there_is_named() -> None:
    assert_error(run("bundle", "b.tar.gz", "--log", "no-such.log"), 2, "no-such.log")


@pytest.mark.parametrize("name", [one for one in HOSTILE if len(one.strip()) > 1])
def test_hostile_names_are_replaced_too(name: str) -> None:
    replacer = Replacer(Aliases(b"k"))
    replacer.know(Kind.ROOM, name)
    document: dict[str, Any] = {"room": name, "detail": f"the rule of {name!r}: {name}"}
    shown = replacer.value(document)
    assert shown["room"] == "room-1"
    assert shown["detail"].endswith(": room-1")


def test_networks_hold_what_they_held() -> None:
    replacer = Replacer(Aliases(b"k"))
    import ipaddress

    shown = replacer.text("198.51.100.0/24 198.51.100.23 198.51.101.9 10.0.0.0/8 10.1.2.3 127.0.0.1").split()
    network, inside, outside, private, private_host, loopback = shown
    assert ipaddress.ip_address(inside) in ipaddress.ip_network(network)
    assert ipaddress.ip_address(outside) not in ipaddress.ip_network(network)
    assert ipaddress.ip_address(private_host) in ipaddress.ip_network(private)
    assert (private, loopback) == ("10.0.0.0/8", "127.0.0.1")
    assert inside != "198.51.100.23"
