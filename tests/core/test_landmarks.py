"""Stops of a journal: each trouble once, what happens at once together, and none for what was repaired."""

from __future__ import annotations

from luna_tui.core.events import (
    AttemptFailed,
    Event,
    JournalFailed,
    Record,
    RunFinished,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
    Tokens,
)
from luna_tui.core.landmarks import Landmark, landmarks
from luna_tui.core.words import ErrorKind, Kind, RunStatus, Status, WaitReason


def failed(subtask: str, attempt: int = 1, *, again: bool = False) -> AttemptFailed:
    return AttemptFailed(
        wave="w", subtask=subtask, attempt=attempt, error_kind=ErrorKind.SERVER, message="", will_retry=again
    )


def ended(subtask: str, status: Status = Status.FAILED, attempt: int = 1) -> SubtaskFinished:
    return SubtaskFinished(
        wave="w", subtask=subtask, attempt=attempt, status=status, duration_s=1.0, attempts=attempt
    )


def held(subtask: str) -> SubtaskWaiting:
    return SubtaskWaiting(wave="w", subtask=subtask, reason=WaitReason.BUDGET, attempt=1)


def stops(*events: tuple[float, Event]) -> list[Landmark]:
    return list(landmarks(Record(seq, at, "r", event) for seq, (at, event) in enumerate(events, 1)))


def test_a_failure_and_the_end_that_follows_from_it_are_one_stop_behind_both() -> None:
    assert stops((1.0, failed("a")), (1.01, ended("a"))) == [Landmark(2, 1.01, 1)]


def test_an_end_that_comes_later_does_not_stop_again() -> None:
    assert stops((1.0, failed("a")), (2.0, ended("a"))) == [Landmark(1, 1.0, 1)]


def test_an_attempt_that_is_tried_again_is_no_stop() -> None:
    assert stops((1.0, failed("a", again=True)), (2.0, ended("a", Status.SUCCEEDED, 2))) == []


def test_a_timeout_stops_and_a_skip_or_a_cancellation_does_not() -> None:
    found = stops(
        (1.0, ended("a", Status.TIMED_OUT)),
        (2.0, ended("b", Status.SKIPPED)),
        (3.0, ended("c", Status.CANCELLED)),
    )
    assert found == [Landmark(1, 1.0, 1)]


def test_what_happens_at_once_is_one_stop_that_tells_how_much_it_was() -> None:
    found = stops(*((1.0 + n / 64, ended(f"s{n}", Status.TIMED_OUT)) for n in range(40)))
    assert found == [Landmark(40, 1.0 + 39 / 64, 1, times=40)]


def test_the_budget_stops_when_it_begins_to_hold_and_again_once_all_went_on() -> None:
    started = SubtaskStarted(wave="w", subtask="a", attempt=1, worker=0, title="a", kind=Kind.CLAUDE)
    found = stops(
        (1.0, held("a")), (2.0, held("b")), (3.0, started), (4.0, held("a")), (5.0, ended("b")),
        (6.0, ended("a", Status.SUCCEEDED)), (7.0, held("c")),
    )  # fmt: skip
    assert [(mark.seq, mark.held) for mark in found] == [(1, True), (5, False), (7, True)]


def test_a_journal_that_fails_and_a_run_that_ends_held_are_stops() -> None:
    end = RunFinished(
        status=RunStatus.HELD, counts={}, wall_s=1.0, sum_s=1.0, speedup=None, bound_s=None,
        efficiency=None, tokens=Tokens(), cost_usd=None, throttled=0,
    )  # fmt: skip
    found = stops((1.0, JournalFailed(message="full")), (2.0, end))
    assert [mark.held for mark in found] == [False, True]
