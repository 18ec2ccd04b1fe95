"""Clocks that stand while a person or a limit is waited for in the midst of an attempt."""

from __future__ import annotations

import threading

import pytest
from recount import agrees
from support import FakeRunner, Run, make_run, plan, subtask, wave

from luna_tui.core.events import (
    ApprovalRequested,
    RunFinished,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
)
from luna_tui.core.plan import Plan
from luna_tui.core.state import fold
from luna_tui.core.words import Asking, Decision, Status
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.runner import AttemptContext, Demand, Request, Usage, Work

RM = Request(tool="run_command", summary="rm x", pattern="run_command(rm *)")
SMALL = Demand(input_tokens=100, output_tokens=50)


class Asks:
    """`a` works 2 s, asks, and works on until it is let go; `b` works until it is let go."""

    def __init__(self, given: Plan) -> None:
        self.clock = ManualClock()
        self.go: dict[str, threading.Event] = {i: threading.Event() for i in "ab"}
        self.answered = threading.Event()

        def body(work: Work, context: AttemptContext) -> str:
            if work.subtask.id == "a":
                self.clock.advance(2.0)
                context.ask([RM])
                self.answered.set()
            context.token.wait(self.go[work.subtask.id])
            return "done"

        self.run: Run = make_run(FakeRunner(body), given, clock=self.clock, asking=Asking.PERSON).start()
        self.run.wait_for(ApprovalRequested)

    def allow(self) -> None:
        self.run.executor.control.decide("a1", Decision.ALLOW, by="ana")
        assert self.answered.wait(10)

    def finish(self, *ids: str) -> Run:
        for i in ids:
            self.go[i].set()
        run = self.run.finish()
        agrees(run.state(), run.records[-1].at)
        return run

    def left_s(self) -> float | None:
        """What the fold says the wave has left."""
        return self.run.state().waves["w"].left_s(self.clock.now())


def test_the_timeout_of_a_subtask_stands_while_it_asks_and_only_then() -> None:
    asks = Asks(plan(wave("w", subtask("a", timeout=10.0))))
    asks.clock.advance(1_000.0)
    asks.allow()
    asks.clock.advance(7.5)
    assert asks.run.ends() == {}
    asks.clock.advance(1.0)
    run = asks.finish()
    assert run.ends() == {"a": Status.TIMED_OUT}
    assert run.all(SubtaskFinished)[0].duration_s == pytest.approx(10.5)


def test_the_timeout_of_a_wave_stands_while_any_of_it_asks_and_only_then() -> None:
    asks = Asks(plan(wave("w", subtask("a", timeout=0.0), subtask("b", timeout=0.0), timeout=10.0)))
    asks.run.wait_for(SubtaskStarted, 2)
    assert asks.left_s() == 8.0
    asks.clock.advance(1_000.0)
    assert asks.left_s() == 8.0
    asks.allow()
    asks.clock.advance(7.5)
    assert asks.left_s() == 0.5
    assert asks.run.ends() == {}
    asks.clock.advance(1.0)
    run = asks.finish()
    assert set(run.ends().values()) == {Status.TIMED_OUT}


def test_another_subtask_of_the_wave_runs_out_of_its_own_time_all_the_same() -> None:
    asks = Asks(plan(wave("w", subtask("a", timeout=10.0), subtask("b", timeout=5.0), timeout=20.0)))
    asks.run.wait_for(SubtaskStarted, 2)
    asks.clock.advance(30.0)
    asks.run.wait_for(SubtaskFinished)
    asks.allow()
    run = asks.finish("a")
    assert run.ends() == {"a": Status.SUCCEEDED, "b": Status.TIMED_OUT}


def test_a_wave_whose_asking_subtask_ends_counts_its_time_again() -> None:
    asks = Asks(plan(wave("w", subtask("a", timeout=0.0), subtask("b", timeout=0.0), timeout=10.0)))
    asks.run.wait_for(SubtaskStarted, 2)
    asks.clock.advance(500.0)
    asks.run.executor.control.skip(["a"], by="user")
    asks.run.wait_for(SubtaskFinished)
    assert asks.left_s() == 8.0
    asks.clock.advance(8.5)
    assert asks.finish().ends() == {"a": Status.SKIPPED, "b": Status.TIMED_OUT}


def test_waits_in_the_midst_of_an_attempt_are_no_work_in_any_figure() -> None:
    asks = Asks(plan(wave("w", subtask("a", timeout=0.0))))
    asks.clock.advance(1_000.0)
    waiting = asks.run.state()
    assert waiting.tried.until(asks.clock.now()) == pytest.approx(2.0)
    agrees(waiting, asks.clock.now())
    asks.allow()
    asks.clock.advance(3.0)
    run = asks.finish("a")
    assert run.all(SubtaskFinished)[0].duration_s == pytest.approx(5.0)
    assert run.all(RunFinished)[0].sum_s == pytest.approx(5.0)
    state = fold(run.records)
    assert state.tried.until(5_000.0) == pytest.approx(5.0)
    assert state.subtasks["a"].tries[0].worked_s(5_000.0) == pytest.approx(5.0)


def test_a_turn_that_waits_for_its_limit_is_no_work_and_takes_none_of_the_time() -> None:
    clock = ManualClock()
    over = Demand(input_tokens=10_000_000, output_tokens=50)

    def body(work: Work, context: AttemptContext) -> str:
        clock.advance(1.0)
        context.usage(Usage(model="m", input_tokens=10_000_000, output_tokens=50), final=True)
        context.turn(2, over, lambda: clock.advance(1.0))
        return "done"

    run = make_run(
        FakeRunner(body, SMALL), plan(wave("w", subtask("a", timeout=10.0), timeout=0.0)), clock=clock
    ).start()
    run.wait_for(SubtaskWaiting)
    clock.advance(7_200.0)
    run.finish()
    assert run.ends() == {"a": Status.SUCCEEDED}
    assert run.all(SubtaskFinished)[0].duration_s == pytest.approx(2.0)
    agrees(run.state(), clock.now())
