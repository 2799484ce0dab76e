"""`sipctl webhook verify`."""

import gzip
import json
import time
from pathlib import Path

import jsonschema
import pytest

from sipctl.telephony.secret import Secret
from sipctl.webhooks.signing import sign
from tests.support.running import Result, assert_error, run, server_env
from tests.support.schemas import schema, validate
from tests.support.webhooks import API_SECRET, RECORDINGS, recorded_lines

BODY = '{"event":"room_started", "room":{"name":"a\\u001b[31m"}, "id":"EV_1"}'


def verified(*words: str, stdin: bytes = b"") -> Result:
    return run("webhook", "verify", *words, env=server_env("http://127.0.0.1:1", API_SECRET), stdin=stdin)


def line(body: str = BODY, *, age_s: float = 0, secret: str = API_SECRET) -> bytes:
    token = sign(body.encode(), "devkey", Secret(secret), time.time() - age_s)
    return json.dumps({"headers": {"authorization": token}, "body": body}).encode()


def test_recordings_verify_at_the_time_when_they_were_issued() -> None:
    done = verified(str(RECORDINGS), "--clock", "issued", "-o", "json")
    rows = json.loads(done.stdout)["items"]
    validate(json.loads(done.stdout))
    events = [row for row in rows if row["verdict"]]
    assert {row["verdict"] for row in events if "two_receivers" not in row["place"]} == {"ok"}
    assert {row["verdict"] for row in events if "two_receivers" in row["place"]} == {"unknown-key"}
    assert (done.code, done.stderr) == (1, "118 of 130 events verified; 6 warnings; 194 lines beside events\n")


def test_exit_codes(tmp_path: Path) -> None:
    good = verified("-", stdin=line())
    assert (good.code, good.stderr) == (0, "1 of 1 event verified; 1 warning\n")
    assert verified("-", "--fail-on", "warn", stdin=line()).code == 1
    assert verified("-", stdin=line(age_s=1000)).code == 1
    assert verified("-", stdin=line(secret=API_SECRET[::-1])).code == 1
    bare = verified("-", "-o", "name", stdin=BODY.encode())
    assert (bare.code, bare.stdout) == (1, "stdin:1\n")
    broken = verified("-", stdin=line() + b"\n{half")
    assert broken.code == 6
    assert "stdin:2: not JSON" in broken.stderr
    assert_error(verified(str(tmp_path / "none")), 2, "No such file")
    assert_error(verified("-", "-"), 2, "stdin can be read once")
    assert_error(verified("-", "--clock", "sundial", stdin=line()), 2, "no clock")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(line())[:-4])
    assert verified(str(tmp_path / "cut.gz")).code == 2
    empty = verified("-")
    assert (empty.code, "no event" in empty.stderr) == (2, True)


def test_received_is_the_clock_of_a_line_that_says_when() -> None:
    old = json.loads(line(age_s=5000))
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5000))
    assert verified("-", stdin=json.dumps(old | {"received_at": at}).encode()).code == 0
    assert verified("-", "--clock", "now", stdin=json.dumps(old | {"received_at": at}).encode()).code == 1


def test_a_quiet_run_says_nothing_of_what_is_sound() -> None:
    assert verified("-", "--quiet", stdin=line()) == Result(0, "", "")
    refused = verified("-", "--quiet", stdin=line(secret=API_SECRET[::-1]))
    assert (refused.code, refused.stdout, refused.stderr) == (1, "", "0 of 1 event verified; 1 warning\n")


def test_names_from_the_network_steer_no_terminal() -> None:
    done = verified("-", stdin=line())
    assert "\x1b" not in done.stdout
    assert "\\x1b[31m" in done.stdout


def test_junit_names_the_step() -> None:
    done = verified("-", "-o", "junit", stdin=line(secret=API_SECRET[::-1]))
    assert done.code == 1
    assert "<failure" in done.stdout
    assert "not signed with the secret of the API key" in done.stdout


def test_no_secret_is_printed() -> None:
    for style in ("table", "json", "junit", "name"):
        done = verified(str(RECORDINGS / "room_deleted.jsonl"), "-o", style)
        passwords = {json.loads(json.loads(one)["body"])["room"].get("turnPassword")
                     for one in recorded_lines("room_deleted") if b'"body"' in one and b'"n"' in one}  # fmt: skip
        assert passwords
        assert not any(password and password in done.stdout + done.stderr for password in passwords)
        assert API_SECRET not in done.stdout + done.stderr


def test_files_need_a_key() -> None:
    assert_error(run("webhook", "verify", str(RECORDINGS)), 2, "no LiveKit server configured")


@pytest.mark.parametrize("name", ["room_deleted", "sip-call"])
def test_a_recording_is_described_by_the_schema_of_its_lines(name: str) -> None:
    for one in recorded_lines(name):
        if b'"headers"' in one:
            jsonschema.validate(json.loads(one), schema("event-line"))
