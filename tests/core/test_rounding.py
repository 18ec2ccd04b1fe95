"""An event has the numbers of its record from the start: nobody sees others than a replay does."""

from __future__ import annotations

import json

import pytest
from past import two_waves

from luna_tui.core.events import (
    AttemptFailed,
    Event,
    Gauge,
    LimitsObserved,
    Record,
    RunFinished,
    SubtaskOutput,
    Tokens,
    UsageRecorded,
)
from luna_tui.core.records import decode, to_line
from luna_tui.core.rounding import as_written
from luna_tui.core.words import ErrorKind, RunStatus

THIRD = 1 / 3
GAUGE = Gauge(limit=1, cap=1, settled=0, reserved=0, server_age_s=THIRD)
EVENTS: tuple[Event, ...] = (
    UsageRecorded(
        wave="w", subtask="s", attempt=1, model="m", input_tokens=1, output_tokens=1, cost_usd=THIRD
    ),
    AttemptFailed(
        wave="w", subtask="s", attempt=1, error_kind=ErrorKind.SERVER, message="", will_retry=True,
        delay_s=THIRD,
    ),
    LimitsObserved(rpm=GAUGE, itpm=GAUGE, otpm=GAUGE, throttled=0, spent_usd=THIRD),
    RunFinished(
        status=RunStatus.SUCCEEDED, counts={}, wall_s=THIRD, sum_s=2 * THIRD, speedup=2.0 * THIRD,
        bound_s=None, efficiency=THIRD, tokens=Tokens(), cost_usd=None, throttled=0,
        bounds={"workers": THIRD}, lost={"slot": 2 * THIRD},
    ),
)  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_what_is_written_is_what_was_told(event: Event) -> None:
    told = as_written(event)
    assert told != event
    read = decode(json.loads(to_line(Record(1, 0.0, "r", told))))
    assert read is not None
    assert read.event == told


def test_an_event_without_such_numbers_is_not_copied() -> None:
    said = SubtaskOutput(wave="w", subtask="s", attempt=1, text="x")
    assert as_written(said) is said
    for record in two_waves().records():
        assert as_written(record.event) == record.event
