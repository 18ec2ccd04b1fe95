"""Skipping by hand: what has not ended ends as skipped, and a retry takes it back."""

from __future__ import annotations

import threading

from engine.commands_support import Play
from support import plan, subtask, wave

from luna_tui.core.events import (
    CancelRequested,
    RunFinished,
    SkipRequested,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
)
from luna_tui.core.plan import Plan
from luna_tui.core.words import RunStatus, Status
from luna_tui.engine.runner import Demand


def chain() -> Plan:
    """a, then b that needs it, then c that needs that; and one that keeps the run open."""
    return plan(
        wave("w", subtask("a"), subtask("b", depends_on=("a",)), subtask("c", depends_on=("b",))),
        wave("end", subtask("open")),
    )


def test_a_queued_one_is_skipped_and_what_needs_it_with_the_reason() -> None:
    play = Play(chain()).start(a="wait", open="wait")
    play.running("a")
    play.control.skip(["b"], by="user")
    play.let("a", "open")
    run = play.finish()
    assert run.ends() == {
        "a": Status.SUCCEEDED,
        "b": Status.SKIPPED,
        "c": Status.SKIPPED,
        "open": Status.SUCCEEDED,
    }
    subtasks = run.state().subtasks
    assert subtasks["b"].reason == "skipped by user"
    assert subtasks["c"].reason == "needs b, which was skipped"
    assert [(e.by, e.subtasks) for e in run.all(SkipRequested)] == [("user", ("b",))]


def test_a_running_one_is_ended_now() -> None:
    play = Play(chain()).start(a="wait", open="ok")
    play.running("a")
    play.control.skip(["a"], by="user")
    run = play.finish()
    assert [run.ends()[i] for i in "abc"] == [Status.SKIPPED] * 3
    assert run.state().subtasks["a"].reason == "skipped by user"
    assert run.all(CancelRequested) == []
    assert run.status is RunStatus.FAILED


def test_what_has_ended_or_is_unknown_is_left_alone_and_not_told() -> None:
    play = Play(chain()).start(a="fail", open="wait")
    play.ended("a", "b", "c")
    play.control.skip(["a", "b", "nobody"], by="user")
    assert play.run.all(SkipRequested) == []
    play.control.skip(["a", "open", "open"], by="user")
    run = play.finish()
    assert [e.subtasks for e in run.all(SkipRequested)] == [("open",)]
    play.control.skip(["open"], by="user")
    assert len(run.all(SkipRequested)) == 1


def test_a_retry_takes_a_skip_back() -> None:
    play = Play(chain(), workers=1).start(a="wait", open="wait")
    play.running("a")
    play.control.skip(["b"], by="user")
    play.ended("b", "c")
    play.control.retry(["b"], by="user")
    assert play.state().subtasks["c"].status is None
    play.let("a", "open")
    run = play.finish()
    assert set(run.ends().values()) == {Status.SUCCEEDED}
    assert [e.attempts for e in run.all(SubtaskFinished) if e.subtask == "b"] == [0, 1]


def test_a_skip_takes_a_retry_back() -> None:
    play = Play(chain()).start(a="fail wait", open="wait")
    play.ended("a", "b", "c")
    play.control.retry(["a"], by="user")
    play.running("a", attempt=2)
    play.control.skip(["a"], by="user")
    play.ended("a", "b", "c")
    play.let("open")
    s = play.finish().state().subtasks["a"]
    assert (s.status, s.attempt, len(s.tries)) == (Status.SKIPPED, 2, 2)


def test_a_skip_of_one_whose_new_try_is_on_its_way_means_no_new_try() -> None:
    play = Play(chain()).start(a="deaf wait", open="wait")
    play.running("a")
    play.control.retry(["a"], by="user")
    play.control.skip(["a"], by="user")
    play.ended("a")
    play.let("a", "open")
    run = play.finish()
    assert run.ends()["a"] is Status.SKIPPED
    assert len(run.state().subtasks["a"].tries) == 1


def test_one_that_waits_for_a_limit_is_skipped_without_having_started() -> None:
    given = plan(wave("w", *(subtask(i, timeout=0.0) for i in "abcd")))
    play = Play(given, Demand(input_tokens=120_000, output_tokens=10)).start(a="wait", b="wait", c="wait")
    play.run.wait_for(SubtaskStarted, 3)
    play.run.wait_for(SubtaskWaiting, 1)
    play.control.skip(["d"], by="user")
    play.ended("d")
    play.let(*"abc")
    run = play.finish()
    assert run.ends()["d"] is Status.SKIPPED
    assert run.state().subtasks["d"].tries == []
    assert run.limiter.snapshot().itpm.reserved == 0


def test_a_skip_while_it_is_being_admitted_ends_it_once_however_they_meet() -> None:
    """The skip comes at every possible moment between hand-out and end."""
    ids = [f"s{n:03d}" for n in range(200)]
    play = Play(plan(wave("w", *map(subtask, ids))), Demand(input_tokens=1, output_tokens=1), workers=8)
    play.start()

    def skip(first: int) -> None:
        for i in ids[first::4]:
            play.control.skip([i], by="t")

    threads = [threading.Thread(target=skip, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    run = play.finish()
    assert len(run.all(SubtaskFinished)) == len(ids)
    assert set(run.ends().values()) <= {Status.SUCCEEDED, Status.SKIPPED}
    skipped = {i for e in run.all(SkipRequested) for i in e.subtasks}
    assert {i for i, how in run.ends().items() if how is Status.SKIPPED} <= skipped


def test_nothing_is_skipped_or_tried_again_before_the_run_was_told_of() -> None:
    play = Play(chain())
    play.control.skip(["a"], by="user")
    play.control.retry(["a"], by="user", prompt="other")
    run = play.start().finish()
    assert run.status is RunStatus.SUCCEEDED
    assert play.prompts[0] == ("a", 1, "a")


def test_a_wave_of_which_all_is_skipped_ends_and_the_next_begins() -> None:
    given = plan(wave("one", subtask("a"), subtask("b")), wave("two", subtask("c")))
    play = Play(given, workers=1).start(a="wait")
    play.running("a")
    play.control.skip(["b", "a"], by="user")
    run = play.finish()
    assert run.ends()["c"] is Status.SUCCEEDED
    assert run.all(RunFinished)[0].counts == {"skipped": 2, "succeeded": 1}
