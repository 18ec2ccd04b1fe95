"""An output that is not what the plan expects comes back to the next attempt with the reason."""

from __future__ import annotations

from typing import Any

from support import make_run, plan, subtask, wave

from luna_tui.core.events import SubtaskFinished
from luna_tui.core.plan import Expectation
from luna_tui.core.words import ErrorKind, Status
from luna_tui.engine.clock import ScaledClock
from luna_tui.engine.runner import AttemptError, Missed, MissedExpectation


def flown(outputs: list[str | AttemptError], expect: Expectation, **more: Any) -> tuple[Any, list[Any]]:
    seen: list[Missed | None] = []

    def body(work: Any, context: Any) -> str:
        seen.append(work.missed)
        output = outputs[len(seen) - 1]
        if isinstance(output, AttemptError):
            raise output
        return output

    run = make_run(
        body, plan(wave("w", subtask("a", expect=expect, **more))), clock=ScaledClock(100.0)
    ).finish()
    return run.all(SubtaskFinished)[-1], seen


def test_the_next_attempt_learns_what_was_said_and_why_it_did_not_do() -> None:
    a, seen = flown(["none", "{}"], Expectation(json=True), retries=1)
    why = 'expected JSON, got "none": Expecting value in line 1 of the output'
    assert seen == [None, Missed(output="none", why=why)]
    assert a.status is Status.SUCCEEDED


def test_misses_are_counted_by_retries_and_the_last_reason_is_the_end() -> None:
    a, seen = flown(["x", "y", "z"], Expectation(contains="?"), retries=1)
    assert len(seen) == 2
    assert (a.status, a.reason) == (Status.FAILED, 'expected the output to contain "?", got "y"')


def test_a_runner_may_find_the_miss_itself_and_another_failure_does_not_forget_it() -> None:
    crash = AttemptError(ErrorKind.CONNECTION, "gone", retryable=True)
    missed = MissedExpectation("said", "why not")
    _a, seen = flown([missed, crash, "fine"], Expectation(max_chars=9), retries=5)
    assert seen == [None, Missed(output="said", why="why not"), Missed(output="said", why="why not")]
