"""What the doctor learns by an unsigned event, which changes nothing: each fault of Meet's endpoint by its code."""

from typing import Any

import pytest

from sipctl.findings.codes import CODES
from tests.support.meet import Meet
from tests.support.peers.backend import PATH
from tests.support.peers.hostile import hangs, hostile, says
from tests.support.planting import healthy

DOCTOR = ("doctor", "--settle", "0", "--only", "WHK")

FAULTS: dict[str, dict[str, Any]] = {
    "WHK602": {"production": True},
    "WHK603": {"production": True, "is_https": True, "hosts": ("meet.example.org",)},
}


def test_a_meet_that_refuses_what_is_not_signed_is_right(meet: Meet) -> None:
    healthy(meet.server)
    assert meet.findings(*DOCTOR) == {}
    assert meet.backend.events == []
    meet.backend.production = meet.backend.is_https = True
    assert meet.findings(*DOCTOR) == {}


@pytest.mark.parametrize("code", FAULTS)
def test_what_django_answers_before_meet_is_asked(meet: Meet, code: str) -> None:
    vars(meet.backend).update(FAULTS[code])
    found = meet.findings(*DOCTOR, code=1)
    assert set(found) == {code}
    assert found[code][0]["level"] == "error"
    assert "no rule is made" in CODES[code].callers.lower()


@pytest.mark.parametrize(
    ("status", "content_type", "code"),
    [
        (200, "application/json", "WHK606"),
        (204, "application/json", "WHK606"),
        (302, "text/html", "WHK602"),
        (400, "text/html", "WHK603"),
        (400, "application/json", ""),
        (401, "application/json", ""),
        (401, "text/html", "WHK606"),
        (403, "text/html", "WHK606"),
        (404, "text/html", "WHK604"),
        (405, "application/json", "WHK604"),
        (500, "text/html", "WHK605"),
        (502, "text/html", "WHK605"),
    ],
)
def test_each_answer_has_its_code(meet: Meet, status: int, content_type: str, code: str) -> None:
    with hostile(says(status, "{}", content_type, Location="https://meet.example.org/")) as other:
        meet.env["SIPCTL_WEBHOOK_URL"] = f"{other.url}{PATH}"
        found = meet.findings(*DOCTOR, code=1 if code else 0)
        assert set(found) == ({code} if code else set())
        if code:
            assert str(status) in found[code][0]["detail"]


def test_no_answer(meet: Meet) -> None:
    with hostile(hangs) as silent:
        meet.env["SIPCTL_WEBHOOK_URL"] = silent.url
        (late,) = meet.findings("--timeout", "0.2", *DOCTOR, code=1)["WHK601"]
    (refused,) = meet.findings(*DOCTOR, code=1)["WHK601"]
    assert "within 0.2 s" in late["detail"]
    assert "refused" in refused["detail"]


def test_the_addresses_of_livekits_file_are_asked_where_the_profile_has_none(meet: Meet) -> None:
    """One of two is wrong, and one has a name that only LiveKit's own network knows."""
    profile = meet.folder / "sipctl.toml"
    lines = [line for line in profile.read_text().splitlines() if not line.startswith("webhook_url")]
    lines.insert(1, 'livekit_yaml = "livekit.yaml"')
    profile.write_text("\n".join(lines))
    right, wrong, inside = meet.backend.url, f"{meet.backend.url}x", f"http://meet-backend.invalid:8000{PATH}"
    yaml = meet.folder / "livekit.yaml"
    yaml.write_text(f"port: 7880\nwebhook:\n  api_key: k\n  urls: [{right}, {wrong}, {inside}]\nkeys: {{k: s}}\n")
    found = meet.findings(*DOCTOR, code=1)
    assert wrong in found["WHK604"][0]["detail"]
    (unknown,) = found["WHK601"]
    assert (unknown["level"], "meet-backend.invalid" in unknown["detail"]) == ("unknown", True)


@pytest.mark.parametrize(
    ("running", "described"),
    [
        ({}, ""),
        ({"number": "+33 1 70 18 99 01"}, "+33170189901"),
        ({"country": "BE"}, "BE"),
        ({"telephony": False}, "off"),
    ],
)
def test_a_meet_that_was_not_restarted(meet: Meet, running: dict[str, object], described: str) -> None:
    meet.configure(
        "ROOM_TELEPHONY_ENABLED=True\nROOM_TELEPHONY_PHONE_NUMBER=01 70 18 99 00\nROOM_TELEPHONY_DEFAULT_COUNTRY=fr\n"
    )
    vars(meet.backend).update({"number": "+33 1 70 18 99 00", "country": "FR"} | running)
    found = meet.findings(*DOCTOR, "--fail-on", "warn", code=1 if described else 0)
    assert set(found) == ({"WHK607"} if described else set())
    if described:
        assert described in found["WHK607"][0]["detail"]


def test_what_no_file_says_is_not_compared(meet: Meet) -> None:
    meet.backend.number = "+33 1 70 18 99 00"
    assert meet.findings(*DOCTOR) == {}


def test_another_backend_has_no_such_settings(meet: Meet) -> None:
    meet.configure("ROOM_TELEPHONY_ENABLED=True\n")
    with hostile(says(401, "{}", "application/json")) as other:
        meet.env["SIPCTL_WEBHOOK_URL"] = other.url
        assert meet.findings(*DOCTOR) == {}


def test_a_backend_that_is_to_be_skipped_is_not_asked(meet: Meet) -> None:
    with hostile(says(500)) as other:
        meet.env["SIPCTL_WEBHOOK_URL"] = other.url
        meet.findings("doctor", "--settle", "0", "--skip", "WHK", "--fail-on", "error", code=0)
        meet.findings("doctor", "--offline", code=0)
        assert other.paths == []
