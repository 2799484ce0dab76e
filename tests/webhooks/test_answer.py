"""What LiveKit does at an answer, held against recordings of it, and what the answer means."""

import itertools
import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from sipctl.webhooks.answer import Answer, Meaning, meaning_of, retry_wait
from tests.support.webhooks import recorded_lines


def deliveries(scenario: str) -> list[list[dict[str, Any]]]:
    """The attempts of each event of a recording."""
    rows = [row for row in map(json.loads, recorded_lines(scenario)) if row.get("method") == "POST"]
    return [list(group) for _, group in itertools.groupby(rows, lambda row: row["body"])]


@pytest.mark.parametrize(
    "scenario",
    ["receiver_answers_404", "receiver_answers_429", "receiver_answers_429_retry_after", "receiver_answers_500",
     "receiver_answers_501", "receiver_recovers"],
)  # fmt: skip
def test_we_wait_as_livekit_was_recorded_to_wait(scenario: str) -> None:
    for attempts in deliveries(scenario):
        for number, row in enumerate(attempts):
            answered = row["answered"]
            answer = Answer(status=answered["status"], retry_after=answered.get("Retry-After", ""))
            wait = retry_wait(answer, number, time.time())
            if number + 1 < len(attempts):
                assert wait == pytest.approx((attempts[number + 1]["t_offset_ms"] - row["t_offset_ms"]) / 1000, abs=0.1)
            elif len(attempts) == 5 or answered["status"] in {404, 501}:
                assert wait is None


@pytest.mark.parametrize(
    ("answer", "waits"),
    [
        (Answer(kind="refused"), [1, 2, 4, 8, None]),
        (Answer(kind="cut"), [1, 2, 4, 8, None]),
        (Answer(kind="tls"), [None]),
        (Answer(kind="timeout"), [None]),
        (Answer(status=200), [None]),
        (Answer(status=404), [None]),
        (Answer(status=501), [None]),
        (Answer(status=502), [1, 2, 4, 8, None]),
        (Answer(status=503, retry_after="7"), [7, 7, 7, 7, None]),
        (Answer(status=500, retry_after="7"), [1, 2, 4, 8, None]),
        (Answer(status=429, retry_after="soon"), [1, 2, 4, 8, None]),
        (Answer(status=429, retry_after=formatdate(1005, usegmt=True)), [5, 5, 5, 5, None]),
        (Answer(status=429, retry_after=formatdate(900, usegmt=True)), [0, 0, 0, 0, None]),
    ],
)  # fmt: skip
def test_waits(answer: Answer, waits: list[float | None]) -> None:
    assert [retry_wait(answer, attempt, 1000) for attempt in range(len(waits))] == waits


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(status=200, content_type="application/json"), Meaning.TAKEN),
        (Answer(status=204), Meaning.TAKEN),
        (Answer(status=200, content_type="text/html", is_page=True), Meaning.PAGE),
        (Answer(status=301), Meaning.MOVED),
        (Answer(status=302), Meaning.MOVED),
        (Answer(status=307), Meaning.ELSEWHERE),
        (Answer(status=400, content_type="application/json"), Meaning.SIGNATURE),
        (Answer(status=400, content_type="text/html"), Meaning.HOST),
        (Answer(status=401), Meaning.SIGNATURE),
        (Answer(status=404), Meaning.PLACE),
        (Answer(status=422), Meaning.EVENT),
        (Answer(status=429), Meaning.BUSY),
        (Answer(status=418), Meaning.OTHER),
        (Answer(status=500), Meaning.FAILED),
        (Answer(kind="timeout"), Meaning.SLOW),
        (Answer(kind="dns"), Meaning.SILENT),
    ],
)  # fmt: skip
def test_meanings(answer: Answer, meaning: Meaning) -> None:
    assert meaning_of(answer) is meaning
    assert answer.is_acknowledged == (meaning is Meaning.TAKEN)
