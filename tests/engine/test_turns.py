"""Further requests of an attempt: limits, budget, gate, other tries in place, and the tools in between."""

from __future__ import annotations

import threading

import pytest
from engine.commands_support import check
from support import FakeRunner, Run, make_run, names, plan, subtask, wave

from luna_tui.core.events import (
    AttemptFailed,
    LimitsObserved,
    RunPaused,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    ToolCalled,
    ToolFinished,
    TurnFailed,
    TurnStarted,
)
from luna_tui.core.prices import Price
from luna_tui.core.words import ErrorKind, Manner, RunStatus, Scope, Status, WaitReason
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.runner import AttemptContext, AttemptError, Demand, Usage, Work

SMALL = Demand(input_tokens=100, output_tokens=50)
USED = Usage(model="m", input_tokens=100, output_tokens=50)


def answered(context: AttemptContext, usage: Usage = USED) -> str:
    context.usage(usage, final=True)
    return "said"


def refused(**more: object) -> AttemptError:
    given = {"status": 429, "retryable": True, "retry_after_s": 0.05} | more
    return AttemptError(ErrorKind.RATE_LIMITED, "rate limit", **given)  # type: ignore[arg-type]


def server_error() -> AttemptError:
    return AttemptError(ErrorKind.SERVER, "500", status=500, retryable=True, retry_after_s=0.0)


def kinds(run: Run) -> list[str]:
    return [type(r.event).__name__ for r in run.records if not isinstance(r.event, LimitsObserved)]


def test_a_turn_is_told_and_what_was_said_before_it_comes_before_it() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        answered(context)
        context.output("first ")
        context.output("and more")
        return context.turn(2, SMALL, lambda: answered(context))

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", subtask("a")))).finish()
    assert [e.turn for e in run.all(TurnStarted)] == [2]
    assert max(run.seqs(SubtaskOutput)) < run.seqs(TurnStarted)[0]
    assert "".join(e.text for e in run.all(SubtaskOutput)) == "first and more"
    assert run.ends() == {"a": Status.SUCCEEDED}


def test_each_request_is_settled_with_what_it_used() -> None:
    given = Demand(input_tokens=9_000, output_tokens=2_000, max_output_tokens=2_000)

    def body(work: Work, context: AttemptContext) -> str:
        answered(context)
        for number in (2, 3, 4):
            context.turn(number, given, lambda: answered(context))
        return "done"

    clock = ManualClock()  # Nothing is refilled meanwhile.
    run = make_run(FakeRunner(body, given), plan(wave("w", subtask("a"))), clock=clock).finish()
    books = run.limiter.snapshot()
    assert (books.rpm.settled, books.itpm.settled, books.otpm.settled) == (4, 400, 200)
    assert (books.rpm.reserved, books.itpm.reserved, books.otpm.reserved) == (0, 0, 0)


def test_a_429_in_a_turn_keeps_the_conversation_and_the_place_and_is_counted() -> None:
    heard: list[int] = []

    def body(work: Work, context: AttemptContext) -> str:
        answered(context)

        def send() -> str:
            heard.append(len(heard))
            if len(heard) == 2:
                raise refused()
            return answered(context)

        context.turn(2, SMALL, send)
        context.turn(3, SMALL, send)
        return "done"

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", subtask("a", retries=0)))).finish()
    assert len(run.all(SubtaskStarted)) == 1
    assert not run.all(AttemptFailed)
    assert [(e.turn, e.status) for e in run.all(TurnFailed)] == [(3, 429)]
    assert [e.turn for e in run.all(TurnStarted)] == [2, 3, 3]
    assert [e.reason for e in run.all(SubtaskWaiting)] == [WaitReason.RETRY_AFTER]
    assert run.ends() == {"a": Status.SUCCEEDED}
    assert len(run.state().throttled_at) == len(run.state().throttles) == 1


def test_a_turn_that_fails_is_sent_again_until_the_retries_are_used_up() -> None:
    sent: list[int] = []

    def body(work: Work, context: AttemptContext) -> str:
        answered(context)

        def send() -> str:
            sent.append(work.attempt)
            raise server_error()

        return context.turn(2, SMALL, send)

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", subtask("a", retries=2)))).finish()
    assert sent == [1, 1, 1]
    assert len(run.all(TurnFailed)) == 2
    assert [(e.error_kind, e.will_retry) for e in run.all(AttemptFailed)] == [(ErrorKind.SERVER, False)]
    assert run.ends() == {"a": Status.FAILED}


def test_turns_and_attempts_share_the_retries() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        if work.attempt == 1:
            answered(context)
            once = iter([True])

            def send() -> str:
                if next(once, False):
                    raise server_error()
                return answered(context)

            context.turn(2, SMALL, send)
        raise server_error()

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", subtask("a", retries=2)))).finish()
    assert [e.will_retry for e in run.all(AttemptFailed)] == [True, False]


def test_a_pause_between_turns_holds_the_next_one_and_nothing_is_lost() -> None:
    first_is_over, go = threading.Event(), threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        answered(context)
        first_is_over.set()
        go.wait(10)
        return context.turn(2, SMALL, lambda: answered(context))

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", subtask("a")))).start()
    assert first_is_over.wait(10)
    run.executor.control.pause(by="user")
    go.set()
    run.wait_for(SubtaskWaiting)
    assert not run.all(TurnStarted)
    assert run.state().subtasks["a"].waiting is WaitReason.PAUSED
    run.executor.control.resume(by="user")
    run.finish()
    assert run.seqs(RunPaused)[0] < run.seqs(SubtaskWaiting)[0] < run.seqs(TurnStarted)[0]
    assert run.ends() == {"a": Status.SUCCEEDED}


@pytest.mark.parametrize("delay_s", [None, 3600.0])
def test_a_cancellation_ends_a_wait_before_a_turn(delay_s: float | None) -> None:
    """In the limiter's line, or in the pause before the turn is tried again."""
    huge = Demand(input_tokens=40_000_000, output_tokens=10)

    def body(work: Work, context: AttemptContext) -> str:
        answered(context)
        if delay_s is None:
            context.turn(
                2, huge, lambda: answered(context, Usage(model="m", input_tokens=10**9, output_tokens=1))
            )
            return context.turn(3, huge, lambda: answered(context))

        def send() -> str:
            raise AttemptError(ErrorKind.SERVER, "later", status=500, retryable=True, retry_after_s=delay_s)

        return context.turn(2, SMALL, send)

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", subtask("a")))).start()
    run.wait_for(SubtaskWaiting)
    run.executor.control.cancel(Scope.RUN, Manner.NOW, by="user")
    run.finish(5.0)
    assert run.ends() == {"a": Status.CANCELLED}
    assert run.limiter.snapshot().rpm.reserved == 0


def test_forty_threads_with_four_turns_each_never_exceed_the_limits_nor_the_budget() -> None:
    ids = names(40)
    lock = threading.Lock()
    over: list[float] = []

    def body(work: Work, context: AttemptContext) -> str:
        answered(context)
        for number in (2, 3, 4):
            context.turn(number, SMALL, lambda: answered(context))
            _, spent, reserved = run.executor._floor.budget.figures
            with lock:
                over.append(spent + reserved)  # type: ignore[operator]
        return "done"

    price = Price(input=10.0, output=10.0)
    cap = 40 * 4 * 150 * 10 / 1e6
    run = make_run(
        FakeRunner(body, SMALL),
        plan(wave("w", *(subtask(i, model="m", timeout=0.0) for i in ids))),
        workers=40, prices={"m": price}, budget_usd=cap,
    )  # fmt: skip
    run.finish(60.0)
    assert {e.reason for e in run.all(SubtaskFinished)} == {""}
    assert len(run.all(TurnStarted)) == 120
    assert max(over) <= cap + 1e-9
    seen = run.all(LimitsObserved)
    assert all(s.rpm.settled + s.rpm.reserved <= s.rpm.cap for s in seen)
    assert seen[-1].spent_usd == pytest.approx(cap)


def test_a_turn_the_budget_does_not_allow_holds_its_attempt_until_there_is_more() -> None:
    big = Demand(input_tokens=100_000, output_tokens=50)

    def body(work: Work, context: AttemptContext) -> str:
        answered(context)
        return context.turn(2, big, lambda: answered(context))

    run = make_run(
        FakeRunner(body, SMALL), plan(wave("w", subtask("a", model="m"))),
        prices={"m": Price(input=10.0, output=10.0)}, budget_usd=0.5, hold_for_person=True,
    ).start()  # fmt: skip
    run.wait_for(SubtaskWaiting)
    assert run.state().subtasks["a"].waiting is WaitReason.BUDGET
    run.executor.control.set_budget(2.0, by="user")
    run.finish()
    assert run.ends() == {"a": Status.SUCCEEDED}
    assert len(run.all(SubtaskStarted)) == 1


@pytest.mark.parametrize("stopped", [False, True])
def test_a_turn_that_nobody_will_pay_ends_the_run(stopped: bool) -> None:
    big = Demand(input_tokens=100_000, output_tokens=50)
    here, go = threading.Event(), threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        answered(context)
        here.set()
        go.wait(10)
        return context.turn(2, big, lambda: answered(context))

    run = make_run(
        FakeRunner(body, SMALL), plan(wave("w", subtask("a", model="m"))),
        prices={"m": Price(input=10.0, output=10.0)}, budget_usd=0.5,
    ).start()  # fmt: skip
    assert here.wait(10)
    if stopped:
        run.executor.control.cancel(Scope.RUN, Manner.FINISH, by="user")
    go.set()
    run.finish(5.0)
    assert run.ends() == {"a": Status.CANCELLED}
    assert run.status is (RunStatus.CANCELLED if stopped else RunStatus.HELD)


def test_a_run_that_finishes_what_is_in_flight_lets_conversations_end() -> None:
    here, go = threading.Event(), threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        answered(context)
        here.set()
        go.wait(10)
        context.turn(2, SMALL, lambda: answered(context))
        return context.turn(3, SMALL, lambda: answered(context))

    given = plan(wave("w", subtask("a"), subtask("b")))
    run = make_run(FakeRunner(body, SMALL), given, workers=1).start()
    assert here.wait(10)
    run.executor.control.cancel(Scope.RUN, Manner.FINISH, by="user")
    go.set()
    check(run.finish())
    assert run.ends() == {"a": Status.SUCCEEDED, "b": Status.CANCELLED}
    assert not run.state().subtasks["a"].cancel_requested


def test_a_new_try_of_an_attempt_that_waits_for_a_turn_replaces_it() -> None:
    huge = Demand(input_tokens=40_000_000, output_tokens=10)

    def body(work: Work, context: AttemptContext) -> str:
        answered(context)
        if work.attempt == 1:
            spent = Usage(model="m", input_tokens=10**9, output_tokens=1)
            context.turn(2, huge, lambda: answered(context, spent))
            context.turn(3, huge, lambda: answered(context))
        return "done"

    run = make_run(FakeRunner(body, None), plan(wave("w", subtask("a")))).start()
    run.wait_for(SubtaskWaiting)
    run.executor.control.retry(["a"], by="user")
    check(run.finish(10.0))
    assert run.ends() == {"a": Status.SUCCEEDED}
    assert [t.error_kind for t in run.state().subtasks["a"].tries] == [ErrorKind.INTERRUPTED, None]


def test_tools_are_told_with_what_they_came_to_and_how_long_they_took() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        context.output("Let me look.")
        context.output(" Here.")
        context.tool_called("1", "read_file", "x\x1b[31m.py")
        context.tool_called("2", "run_command", "pytest")
        context.tool_finished("2", ok=False, result="exit\ncode 1")
        context.tool_finished("1", ok=True, result="9 lines")
        context.tool_finished("never called", ok=True)
        return "done"

    run = make_run(body, plan(wave("w", subtask("a")))).finish()
    assert [(e.call, e.tool, e.summary) for e in run.all(ToolCalled)] == [
        ("1", "read_file", "x.py"), ("2", "run_command", "pytest"),
    ]  # fmt: skip
    assert [(e.call, e.tool, e.ok, e.result) for e in run.all(ToolFinished)] == [
        ("2", "run_command", False, "exit code 1"), ("1", "read_file", True, "9 lines"),
    ]  # fmt: skip
    assert all(e.duration_s >= 0 for e in run.all(ToolFinished))
    calls = run.state().subtasks["a"].tries[0].calls
    assert [call.after_chars for call in calls] == [18, 18]


def test_nothing_of_an_attempt_is_told_after_its_end() -> None:
    contexts: list[AttemptContext] = []

    def body(work: Work, context: AttemptContext) -> str:
        contexts.append(context)
        return "done"

    run = make_run(body, plan(wave("w", subtask("a")))).finish()
    contexts[0].tool_called("1", "read_file", "x.py")
    assert not run.all(ToolCalled)
    assert len(run.all(SubtaskFinished)) == 1
