"""Waves, timeouts, cancellation, retries: what the engine promises."""

from __future__ import annotations

import threading

from support import FakeRunner, make_run, names, plan, subtask, wave

from luna_tui.core.events import (
    AttemptFailed,
    CancelRequested,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
    ThreadAbandoned,
    WaveFinished,
    WaveStarted,
    WorkersChanged,
)
from luna_tui.core.words import (
    ErrorKind,
    Manner,
    Mode,
    OnFailure,
    RunStatus,
    Scope,
    Staffing,
    Status,
    WaitReason,
)
from luna_tui.engine.runner import AttemptContext, AttemptError, Demand, Work


def echo(work: Work, context: AttemptContext) -> str:
    context.output(f"token {work.subtask.id}")
    return f"token {work.subtask.id}"


def hang(work: Work, context: AttemptContext) -> str:
    context.token.wait(threading.Event())
    return "never"


def deaf(work: Work, context: AttemptContext) -> str:
    threading.Event().wait(30)
    return "late"


def test_twenty_subtasks_start_before_the_first_one_finishes() -> None:
    barrier = threading.Barrier(20, timeout=10)

    def body(work: Work, context: AttemptContext) -> str:
        barrier.wait()
        return echo(work, context)

    run = make_run(body, plan(wave("w", *(subtask(n) for n in names(20))))).finish()
    assert max(run.seqs(SubtaskStarted)) < min(run.seqs(SubtaskFinished))
    assert run.status is RunStatus.SUCCEEDED
    for s in run.state().subtasks.values():
        assert s.tail == f"token {s.id}"


def test_one_that_raises_leaves_its_nine_siblings_alone() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "s03":
            raise SystemExit("a worker's body may raise anything")
        return echo(work, context)

    run = make_run(body, plan(wave("w", *(subtask(n) for n in names(10))))).finish()
    ends = run.ends()
    assert ends.pop("s03") is Status.FAILED
    assert set(ends.values()) == {Status.SUCCEEDED}
    assert len(ends) == 9
    assert run.all(AttemptFailed)[0].error_kind is ErrorKind.CRASHED


def test_one_worker_gives_the_same_results_in_plan_order() -> None:
    given = plan(wave("w", *(subtask(n) for n in names(6))))
    run = make_run(echo, given, workers=1).finish()
    assert run.order() == list(names(6))
    assert run.ends() == make_run(echo, given, workers=6).finish().ends()
    assert run.all(WaveStarted)[0].reason == "sequential: one worker"


def test_a_wave_says_why_it_is_parallel_or_not() -> None:
    given = plan(
        wave("many", subtask("a"), subtask("b")),
        wave("one", subtask("c")),
        wave("told", subtask("d"), subtask("e"), parallel=False),
    )
    started = make_run(echo, given).finish().all(WaveStarted)
    assert [(w.parallel, w.reason) for w in started] == [
        (True, "parallel: 2 subtasks on 2 workers"),
        (False, "sequential: one subtask"),
        (False, "sequential: the plan says parallel = false"),
    ]


def test_a_subtask_past_its_timeout_is_timed_out_and_its_siblings_are_untouched() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        return hang(work, context) if work.subtask.id == "slow" else echo(work, context)

    run = make_run(body, plan(wave("w", subtask("slow", timeout=0.2), subtask("ok")))).finish()
    assert run.ends() == {"slow": Status.TIMED_OUT, "ok": Status.SUCCEEDED}
    assert run.state().subtasks["slow"].reason == "timed out after 0.2 s"


def test_a_thread_that_ignores_everything_is_replaced_and_the_next_wave_runs() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        return deaf(work, context) if work.subtask.id == "deaf" else echo(work, context)

    given = plan(wave("w", subtask("deaf", timeout=0.1)), wave("next", subtask("after")))
    run = make_run(body, given, workers=1).finish(5)
    assert run.ends() == {"deaf": Status.TIMED_OUT, "after": Status.SUCCEEDED}
    assert len(run.all(ThreadAbandoned)) == 1


def test_waiting_for_a_worker_does_not_count_against_the_timeout() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        context.token.wait(threading.Event(), 0.15)
        return "done"

    given = plan(wave("w", *(subtask(n, timeout=0.5) for n in names(6))))
    run = make_run(body, given, workers=1).finish()
    assert set(run.ends().values()) == {Status.SUCCEEDED}


def test_a_wave_past_its_timeout_keeps_what_finished_and_the_next_wave_runs() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        return hang(work, context) if work.subtask.id == "s01" else echo(work, context)

    first = wave("w", *(subtask(n) for n in names(3)), timeout=0.3, parallel=False)
    run = make_run(body, plan(first, wave("next", subtask("after")))).finish()
    assert run.ends() == {
        "s00": Status.SUCCEEDED,
        "s01": Status.TIMED_OUT,
        "s02": Status.SKIPPED,
        "after": Status.SUCCEEDED,
    }
    assert run.all(WaveFinished)[0].reason == "the wave timed out after 0.3 s"


def test_on_failure_stop_skips_the_waves_that_follow() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        raise AttemptError(ErrorKind.REFUSED, "no")

    given = plan(wave("w", subtask("a")), wave("next", subtask("b")), on_failure=OnFailure.STOP)
    run = make_run(body, given).finish()
    assert run.ends() == {"a": Status.FAILED, "b": Status.SKIPPED}
    assert "the plan says stop" in run.state().subtasks["b"].reason


def test_dependents_of_a_failed_subtask_are_skipped_with_the_reason() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "a":
            raise AttemptError(ErrorKind.REFUSED, "no")
        return echo(work, context)

    given = plan(
        wave("w", subtask("a"), subtask("b", depends_on=("a",)), subtask("free")),
        wave("next", subtask("c", depends_on=("b",)), subtask("d", depends_on=("free",))),
    )
    run = make_run(body, given).finish()
    assert run.ends() == {
        "a": Status.FAILED,
        "b": Status.SKIPPED,
        "free": Status.SUCCEEDED,
        "c": Status.SKIPPED,
        "d": Status.SUCCEEDED,
    }
    assert run.state().subtasks["b"].reason == "needs a, which failed"
    assert run.state().subtasks["c"].reason == "needs b, which was skipped"


def test_a_dependent_gets_the_output_of_what_it_needs() -> None:
    seen: dict[str, dict[str, str]] = {}

    def body(work: Work, context: AttemptContext) -> str:
        seen[work.subtask.id] = dict(work.results)
        return echo(work, context)

    make_run(body, plan(wave("w", subtask("a"), subtask("b", depends_on=("a",))))).finish()
    assert seen["b"] == {"a": "token a"}


def test_cancel_wave_now_starts_nothing_more_and_ends_all() -> None:
    given = plan(wave("w", *(subtask(n) for n in names(40))), wave("next", subtask("after")))

    def body(work: Work, context: AttemptContext) -> str:
        return echo(work, context) if work.subtask.id == "after" else hang(work, context)

    run = make_run(body, given, workers=10).start()
    run.wait_for(SubtaskStarted, 10)
    run.executor.control.cancel(Scope.WAVE, Manner.NOW, by="user", wave="w")
    run.finish(5)
    asked = run.seqs(CancelRequested)[0]
    late = [r.event for r in run.records if r.seq > asked and isinstance(r.event, SubtaskStarted)]
    assert [e.subtask for e in late] == ["after"]
    ends = run.ends()
    assert ends.pop("after") is Status.SUCCEEDED
    assert set(ends.values()) == {Status.CANCELLED}
    assert len(ends) == 40
    asked_at = next(r.at for r in run.records if r.seq == asked)
    ended_at = max(r.at for r in run.records if isinstance(r.event, WaveFinished) and r.event.wave == "w")
    assert ended_at - asked_at < 1.0


def test_cancel_finish_lets_what_is_in_flight_end_by_itself() -> None:
    go = threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        context.token.wait(go)
        return "done"

    run = make_run(body, plan(wave("w", *(subtask(n) for n in names(4)))), workers=2).start()
    run.wait_for(SubtaskStarted, 2)
    run.executor.control.cancel(Scope.RUN, Manner.FINISH, by="user")
    go.set()
    run.finish()
    assert sorted(run.ends().values()) == sorted([Status.SUCCEEDED] * 2 + [Status.CANCELLED] * 2)
    assert run.status is RunStatus.CANCELLED


def test_one_subtask_can_be_cancelled_alone() -> None:
    go = threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        context.token.wait(threading.Event() if work.subtask.id == "s00" else go)
        return "done"

    run = make_run(body, plan(wave("w", *(subtask(n) for n in names(3))))).start()
    run.wait_for(SubtaskStarted, 3)
    run.executor.control.cancel(Scope.SUBTASK, Manner.NOW, by="user", subtask="s00")
    run.wait_for(SubtaskFinished, 1)
    go.set()
    run.finish()
    assert run.ends() == {"s00": Status.CANCELLED, "s01": Status.SUCCEEDED, "s02": Status.SUCCEEDED}


def test_a_failed_attempt_is_made_again_after_a_pause() -> None:
    tries: list[int] = []

    def body(work: Work, context: AttemptContext) -> str:
        tries.append(work.attempt)
        if work.attempt == 1:
            raise AttemptError(ErrorKind.OVERLOADED, "busy", status=529, retryable=True, retry_after_s=0.01)
        return "done"

    run = make_run(body, plan(wave("w", subtask("a")))).finish()
    assert tries == [1, 2]
    assert [e.will_retry for e in run.all(AttemptFailed)] == [True]
    assert WaitReason.RETRY_AFTER in [e.reason for e in run.all(SubtaskWaiting)]
    assert run.ends() == {"a": Status.SUCCEEDED}


def test_retries_end_and_refusals_use_none_up() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        kind = ErrorKind.RATE_LIMITED if work.attempt <= 3 else ErrorKind.SERVER
        raise AttemptError(kind, "no", status=429, retryable=True, retry_after_s=0.001)

    run = make_run(body, plan(wave("w", subtask("a", retries=1)))).finish()
    assert len(run.all(AttemptFailed)) == 3 + 2
    assert run.ends() == {"a": Status.FAILED}


def test_a_long_retry_after_is_shown_and_can_be_cancelled() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        raise AttemptError(ErrorKind.RATE_LIMITED, "no", status=429, retryable=True, retry_after_s=3600)

    run = make_run(body, plan(wave("w", subtask("a", timeout=0)))).start()
    run.wait_for(SubtaskWaiting)
    waiting = run.all(SubtaskWaiting)[0]
    assert waiting.reason is WaitReason.RETRY_AFTER
    assert waiting.expected_s is not None
    assert waiting.expected_s >= 3600
    run.executor.control.cancel(Scope.RUN, Manner.NOW, by="user")
    run.finish(3)
    assert run.ends() == {"a": Status.CANCELLED}


def test_nothing_starts_while_paused() -> None:
    go = threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        context.token.wait(go)
        return "done"

    run = make_run(body, plan(wave("w", *(subtask(n) for n in names(4)))), workers=2).start()
    run.wait_for(SubtaskStarted, 2)
    run.executor.control.pause(by="user")
    go.set()
    run.wait_for(SubtaskFinished, 2)
    assert len(run.all(SubtaskStarted)) == 2
    run.executor.control.resume(by="user")
    run.finish()
    assert len(run.all(SubtaskStarted)) == 4


def test_a_new_mode_brings_the_workers_of_the_table() -> None:
    go = threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        context.token.wait(go)
        return "done"

    run = make_run(body, plan(wave("w", *(subtask(n) for n in names(30)))), workers=Staffing.TABLE).start()
    run.wait_for(SubtaskStarted, 15)
    run.executor.control.set_mode(Mode.AGGRESSIVE, by="user")
    run.wait_for(SubtaskStarted, 20)
    assert [(e.from_, e.to) for e in run.all(WorkersChanged)] == [(15, 20)]
    go.set()
    run.finish()


def test_priority_decides_who_goes_first() -> None:
    from luna_tui.core.words import Priority

    given = plan(
        wave(
            "w",
            subtask("later", priority=Priority.NICE_TO_HAVE),
            subtask("middle"),
            subtask("first", priority=Priority.CRITICAL),
            parallel=False,
        )
    )
    assert make_run(echo, given).finish().order() == ["first", "middle", "later"]


def test_the_last_event_adds_up() -> None:
    run = make_run(echo, plan(wave("w", *(subtask(n) for n in names(5))))).finish()
    end = run.state().finished
    assert end is not None
    assert end.counts == {"succeeded": 5}
    assert [r.seq for r in run.records] == list(range(1, len(run.records) + 1))
    assert abs(end.sum_s - sum(s.duration_s for s in run.state().subtasks.values())) < 1e-9


def test_an_abandoned_thread_holds_nothing_of_the_limits() -> None:
    runner = FakeRunner(deaf, Demand(input_tokens=1_000, output_tokens=500))
    run = make_run(runner, plan(wave("w", subtask("deaf", timeout=0.1)))).finish(5)
    assert len(run.all(ThreadAbandoned)) == 1
    limits = run.limiter.snapshot()
    assert (limits.itpm.reserved, limits.otpm.reserved) == (0, 0)
    assert limits.otpm.settled > 0, "what was sent counts as estimated"
