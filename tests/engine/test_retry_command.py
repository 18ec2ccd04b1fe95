"""New tries that a person asks for: what comes back in line, what is ended for it, and what is left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from engine.commands_support import Play
from support import plan, subtask, wave

from luna_tui.core.events import (
    RetryRequested,
    RunFinished,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
    ThreadAbandoned,
    ThreadReturned,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.plan import Plan
from luna_tui.core.words import Kind, Manner, OnFailure, RunStatus, Schedule, Scope, Status, WaitReason
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.runner import Demand


def one_wave(*ids: str, **more: object) -> Plan:
    return plan(wave("w", *(subtask(i, **more) for i in ids)))


def test_a_failed_subtask_is_tried_again_and_the_run_ends_well() -> None:
    play = Play(one_wave("a", "open")).start(a="fail ok", open="wait")
    play.ended("a")
    play.control.retry(["a"], by="user")
    play.ended("a")
    play.let("open")
    run = play.finish()
    assert run.status is RunStatus.SUCCEEDED
    assert [(e.by, e.subtasks, e.requeued, e.prompt) for e in run.all(RetryRequested)] == [
        ("user", ("a",), ("a",), None)
    ]
    assert [(e.status, e.attempts) for e in run.all(SubtaskFinished) if e.subtask == "a"] == [
        (Status.FAILED, 1),
        (Status.SUCCEEDED, 2),
    ]
    s = run.state().subtasks["a"]
    assert [t.number for t in s.tries] == [1, 2]
    assert [t.message for t in s.tries] == ["no", ""]
    assert s.duration_s == pytest.approx(sum((t.ended_at or 0) - t.started_at for t in s.tries), abs=0.05)


def test_dependents_that_were_skipped_for_it_come_back_all_the_way_down() -> None:
    given = plan(
        wave("one", subtask("a"), subtask("x"), subtask("open")),
        wave("two", subtask("b", depends_on=("a",)), subtask("both", depends_on=("a", "x"))),
        wave("three", subtask("c", depends_on=("b",)), subtask("d", depends_on=("b", "c"))),
    )
    play = Play(given).start(a="fail ok", x="fail", open="wait")
    play.ended("a", "x", "b", "both", "c", "d")
    play.control.retry(["a"], by="user")
    assert play.run.all(RetryRequested)[0].requeued == ("a", "b", "c", "d")
    play.let("open")
    run = play.finish()
    ends = run.ends()
    assert {i for i, how in ends.items() if how is Status.SUCCEEDED} == {"a", "open", "b", "c", "d"}
    assert (ends["x"], ends["both"]) == (Status.FAILED, Status.SKIPPED), "x is still in its way"
    assert play.results["d"] == {"b": "out b 1", "c": "out c 1"}
    assert play.results["b"] == {"a": "out a 2"}
    assert run.status is RunStatus.FAILED


def test_what_needs_two_comes_back_with_the_second_of_them() -> None:
    given = plan(
        wave("w", subtask("a"), subtask("x"), subtask("both", depends_on=("a", "x")), subtask("open"))
    )
    play = Play(given).start(a="fail ok", x="fail ok", open="wait")
    play.ended("a", "x", "both")
    play.control.retry(["a"], by="user")
    play.ended("a")
    play.control.retry(["x"], by="user")
    play.let("open")
    assert set(play.finish().ends().values()) == {Status.SUCCEEDED}
    assert [e.requeued for e in play.run.all(RetryRequested)] == [("a",), ("x", "both")]


def test_a_skipped_dependent_alone_cannot_be_tried_again() -> None:
    given = plan(wave("w", subtask("a"), subtask("b", depends_on=("a",)), subtask("open")))
    play = Play(given).start(a="fail", open="wait")
    play.ended("a", "b")
    play.control.retry(["b"], by="user")
    play.control.retry(["nobody", "open" * 20], by="user")
    play.let("open")
    assert play.finish().all(RetryRequested) == []
    play.control.retry(["a"], by="user")
    assert play.run.all(RetryRequested) == [], "all is over"


def test_a_wave_that_was_over_goes_on_beside_the_one_that_is_open() -> None:
    given = plan(
        wave("one", subtask("a"), subtask("ok")), wave("two", subtask("b")), wave("three", subtask("c"))
    )
    play = Play(given, workers=2).start(a="fail wait", b="wait", c="wait")
    play.running("b")
    state = play.state()
    assert [w.name for w in state.open_waves] == ["two"]
    play.control.retry(["a"], by="user")
    play.running("a", attempt=2)
    assert [w.name for w in play.state().open_waves] == ["one", "two"]
    play.let("b")
    play.running("c")
    play.let("c")
    play.ended("c")
    assert play.run.all(RunFinished) == [], "the run waits for what was put back"
    play.let("a")
    run = play.finish()
    assert run.status is RunStatus.SUCCEEDED
    assert [(e.wave, e.status) for e in run.all(WaveFinished)] == [
        ("one", RunStatus.FAILED),
        ("two", RunStatus.SUCCEEDED),
        ("three", RunStatus.SUCCEEDED),
        ("one", RunStatus.SUCCEEDED),
    ]
    assert [e.wave for e in run.all(WaveStarted)] == ["one", "two", "three"]
    assert run.all(WaveFinished)[-1].counts == {"succeeded": 2}
    assert run.all(RunFinished)[0].counts == {"succeeded": 4}
    end = run.all(RunFinished)[0]
    assert end.bound_s is not None
    assert end.bound_s <= end.wall_s


def test_a_running_attempt_is_ended_and_another_follows_on_its_worker() -> None:
    play = Play(one_wave("a")).start(a="wait ok")
    play.running("a")
    play.control.retry(["a"], by="user")
    run = play.finish()
    assert len(run.all(SubtaskFinished)) == 1
    assert [(e.attempt, e.worker) for e in run.all(SubtaskStarted)] == [(1, 0), (2, 0)]
    tries = run.state().subtasks["a"].tries
    assert [(t.error_kind, t.message) for t in tries] == [("interrupted", "tried again by user"), (None, "")]
    assert run.ends() == {"a": Status.SUCCEEDED}


def test_a_thread_that_ignores_the_retry_is_replaced() -> None:
    play = Play(one_wave("a")).start(a="deaf ok")
    play.running("a")
    play.control.retry(["a"], by="user")
    run = play.finish()
    assert run.ends() == {"a": Status.SUCCEEDED}
    assert len(run.all(ThreadAbandoned)) == 1
    state = run.state()
    assert (state.ghosts, state.subtasks["a"].ghost) == (1, False)
    assert state.subtasks["a"].output_file is None
    play.let("a")
    run.wait_for(ThreadReturned)
    assert run.state().subtasks["a"].status is Status.SUCCEEDED


def test_what_is_in_backoff_goes_at_once() -> None:
    play = Play(one_wave("a", timeout=0.0)).start(a="later ok")
    play.run.wait_for(SubtaskWaiting)
    play.control.retry(["a"], by="user")
    run = play.finish()
    assert play.run.ends() == {"a": Status.SUCCEEDED}
    assert run.all(SubtaskFinished)[0].attempts == 2


def test_what_waits_for_a_limit_keeps_its_place() -> None:
    play = Play(
        one_wave("a", "b", "c", "d", "e", timeout=0.0), Demand(input_tokens=120_000, output_tokens=10)
    )
    play.start(a="wait", b="wait", c="wait")
    play.run.wait_for(SubtaskStarted, 3)
    play.run.wait_for(SubtaskWaiting, 2)
    limiter = play.run.limiter.of("")
    first = limiter._admission.first
    play.control.retry(["d", "e"], by="user")
    assert limiter._admission.first is first
    assert play.run.all(RetryRequested)[0].requeued == ("d", "e")
    assert play.state().subtasks["d"].waiting is WaitReason.ITPM
    play.control.cancel(Scope.RUN, Manner.NOW, by="test")
    play.finish()


def test_a_retry_brings_all_retries_once_more() -> None:
    play = Play(one_wave("a", "open", retries=1)).start(a="again again again ok", open="wait")
    play.ended("a")
    play.control.retry(["a"], by="user")
    play.ended("a")
    play.let("open")
    assert play.finish().ends()["a"] is Status.SUCCEEDED
    assert [e.attempts for e in play.run.all(SubtaskFinished) if e.subtask == "a"] == [2, 4]


def test_a_retry_has_the_whole_timeout_for_itself() -> None:
    clock = ManualClock()
    play = Play(plan(wave("w", subtask("a", timeout=10.0))), clock=clock).start(a="wait wait")
    play.running("a")
    clock.advance(9.0)
    play.control.retry(["a"], by="user")
    play.running("a", attempt=2)
    clock.advance(9.0)
    play.let("a")
    run = play.finish()
    assert run.ends() == {"a": Status.SUCCEEDED}
    assert run.all(SubtaskFinished)[0].duration_s == pytest.approx(18.0)


def test_another_prompt_is_what_the_new_try_asks() -> None:
    play = Play(one_wave("a", "open")).start(a="ok ok", open="wait")
    play.ended("a")
    play.control.retry(["a"], by="user")
    assert play.run.all(RetryRequested) == [], "it succeeded, and nothing is new"
    play.control.retry(["a"], by="user", prompt="say \x1b[31mmore")
    play.ended("a")
    play.let("open")
    run = play.finish()
    assert [p for p in play.prompts if p[0] == "a"] == [("a", 1, "a"), ("a", 2, "say \x1b[31mmore")]
    assert run.state().subtasks["a"].planned.prompt == "say more"
    assert run.all(RetryRequested)[0].prompt == "say more"


def test_what_already_used_a_result_is_not_run_again_and_what_did_not_gets_the_new_one() -> None:
    given = plan(
        wave("w", subtask("a"), subtask("used", depends_on=("a",)), subtask("open")),
        wave("next", subtask("later", depends_on=("a",))),
    )
    play = Play(given).start(a="ok ok", open="wait")
    play.ended("a", "used")
    play.control.retry(["a"], by="user", prompt="better")
    play.let("open")
    run = play.finish()
    assert run.all(RetryRequested)[0].requeued == ("a",)
    assert [e.subtask for e in run.all(SubtaskFinished)].count("used") == 1
    assert play.results["later"] == {"a": "out a 2"}


def test_what_waits_for_a_result_that_is_made_again_and_fails_is_skipped() -> None:
    given = plan(wave("w", subtask("a"), subtask("open")), wave("next", subtask("later", depends_on=("a",))))
    play = Play(given).start(a="ok fail", open="wait")
    play.ended("a")
    play.control.retry(["a"], by="user", prompt="worse")
    play.ended("a", "later")
    play.let("open")
    assert play.finish().ends() == {"a": Status.FAILED, "open": Status.SUCCEEDED, "later": Status.SKIPPED}


def test_one_that_never_began_just_gets_the_prompt() -> None:
    play = Play(one_wave("a", "b"), workers=1).start(a="wait")
    play.running("a")
    play.control.retry(["b"], by="user", prompt="other")
    assert [(e.subtasks, e.requeued) for e in play.run.all(RetryRequested)] == [(("b",), ())]
    play.let("a")
    play.finish()
    assert [p for p in play.prompts if p[0] == "b"] == [("b", 1, "other")]


def test_a_prompt_is_nothing_to_a_command() -> None:
    play = Play(one_wave("a", "open", kind=Kind.COMMAND)).start(a="fail", open="wait")
    play.ended("a")
    play.control.retry(["a"], by="user", prompt="other")
    play.let("open")
    assert play.finish().all(RetryRequested) == []


def test_a_timed_out_and_a_cancelled_one_can_be_tried_again() -> None:
    play = Play(plan(wave("w", subtask("slow", timeout=0.05), subtask("gone"), subtask("open"))))
    play.start(slow="wait ok", gone="wait ok", open="wait")
    play.running("gone")
    play.control.cancel(Scope.SUBTASK, Manner.NOW, by="user", subtask="gone")
    play.ended("slow", "gone")
    play.control.retry(["slow", "gone"], by="user")
    play.ended("slow", "gone")
    play.let("open")
    assert play.finish().status is RunStatus.SUCCEEDED


def test_one_of_a_cancelled_wave_may_use_its_retries() -> None:
    given = plan(wave("one", subtask("a", retries=1), subtask("b")), wave("two", subtask("open")))
    play = Play(given).start(a="wait again ok", b="wait", open="wait")
    play.running("a", "b")
    play.control.cancel(Scope.WAVE, Manner.NOW, by="user", wave="one")
    play.running("open")
    play.control.retry(["a"], by="user")
    play.ended("a")
    play.let("open")
    run = play.finish()
    assert run.ends() == {"a": Status.SUCCEEDED, "b": Status.CANCELLED, "open": Status.SUCCEEDED}
    assert [(e.wave, e.status) for e in run.all(WaveFinished)][-2:] == [
        ("one", RunStatus.CANCELLED),
        ("two", RunStatus.SUCCEEDED),
    ]


def test_a_cancelled_subtask_whose_thread_has_not_come_back_is_tried_again_without_an_end() -> None:
    play = Play(one_wave("a", "open")).start(a="deaf ok", open="wait")
    play.running("a")
    play.control.cancel(Scope.SUBTASK, Manner.NOW, by="user", subtask="a")
    play.control.retry(["a"], by="user")
    play.ended("a")
    play.let("open", "a")
    run = play.finish()
    assert [e.status for e in run.all(SubtaskFinished) if e.subtask == "a"] == [Status.SUCCEEDED]
    assert not run.state().subtasks["a"].cancel_requested


@pytest.mark.parametrize("manner", list(Manner))
def test_a_cancellation_after_a_retry_wins(manner: Manner) -> None:
    play = Play(one_wave("a", "open")).start(a="deaf wait", open="wait")
    play.running("a")
    play.control.retry(["a"], by="user")
    play.control.cancel(Scope.SUBTASK, manner, by="user", subtask="a")
    play.ended("a")
    play.let("open", "a")
    run = play.finish()
    assert run.ends()["a"] is Status.CANCELLED
    assert run.state().subtasks["a"].reason == "cancelled by user"
    assert len(run.state().subtasks["a"].tries) == 1


def test_nothing_is_tried_again_once_the_run_was_asked_to_end() -> None:
    play = Play(one_wave("a", "open")).start(a="fail ok", open="wait")
    play.ended("a")
    play.control.cancel(Scope.RUN, Manner.FINISH, by="user")
    play.control.retry(["a", "open"], by="user")
    play.let("open")
    assert play.finish().all(RetryRequested) == []


def test_nothing_is_tried_again_while_paused_and_then_it_is() -> None:
    play = Play(one_wave("a", "b", "open")).start(a="fail ok", b="wait ok", open="wait")
    play.ended("a")
    play.running("b")
    play.control.pause(by="user")
    play.control.retry(["a", "b"], by="user")
    play.run.wait_until(lambda: play.state().subtasks["b"].waiting is WaitReason.PAUSED)
    assert play.begun == {("a", 1), ("b", 1), ("open", 1)}
    play.control.resume(by="user")
    play.let("open")
    assert set(play.finish().ends().values()) == {Status.SUCCEEDED}


def test_a_strict_plan_does_not_go_on_by_a_retry_but_its_rest_can_be_tried_too() -> None:
    given = plan(
        wave("one", subtask("a"), subtask("open")), wave("two", subtask("b")), on_failure=OnFailure.STOP
    )
    play = Play(given).start(a="fail ok", open="wait")
    play.ended("a", "b")
    play.control.retry(["a", "b"], by="user")
    play.let("open")
    run = play.finish()
    assert set(run.ends().values()) == {Status.SUCCEEDED}
    assert [(e.wave, e.status, e.reason) for e in run.all(WaveFinished)] == [
        ("one", RunStatus.SUCCEEDED, ""),
        ("two", RunStatus.SUCCEEDED, ""),
    ]
    assert run.all(RunFinished)[0].reason == ""


def test_with_dependencies_alone_it_is_the_same() -> None:
    given = plan(
        wave("one", subtask("a"), subtask("open")),
        wave("two", subtask("b", depends_on=("a",))),
        schedule=Schedule.DAG,
    )
    play = Play(given).start(a="fail ok", open="wait")
    play.ended("a", "b")
    play.control.retry(["a"], by="user")
    play.ended("b")
    play.let("open")
    assert play.finish().status is RunStatus.SUCCEEDED


def test_a_retry_while_the_end_is_being_saved_replaces_it() -> None:
    """The end is decided and on its way to the disk, and nobody was told of it."""
    play = Play(one_wave("a", "b"))
    saving, go = threading.Event(), threading.Event()
    hold_saves(play, saving, go)
    play.start(a="fail ok", b="ok")
    assert saving.wait(10)
    play.control.retry(["a"], by="user")
    go.set()
    run = play.finish()
    assert [e.status for e in run.all(SubtaskFinished) if e.subtask == "a"] == [Status.SUCCEEDED]
    assert len(run.state().subtasks["a"].tries) == 2


def test_a_success_that_is_being_saved_is_not_replaced() -> None:
    play = Play(one_wave("a"))
    saving, go = threading.Event(), threading.Event()
    hold_saves(play, saving, go)
    play.start(a="ok")
    assert saving.wait(10)
    play.control.retry(["a"], by="user")
    go.set()
    run = play.finish()
    assert run.all(RetryRequested) == []
    assert run.ends() == {"a": Status.SUCCEEDED}


def hold_saves(play: Play, saving: threading.Event, go: threading.Event) -> None:
    """Results of `a` are kept by a disk that waits."""

    def save(event: SubtaskFinished, output: str) -> None:
        if event.subtask == "a" and not saving.is_set():
            saving.set()
            go.wait(10)

    keep: Callable[[SubtaskFinished, str], None] = save
    play.run.executor._desk._save = keep
