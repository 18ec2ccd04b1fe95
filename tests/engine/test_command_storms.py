"""Many commands at once, at every moment: a subtask ends once for every time it came in line."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest
from engine.commands_support import check
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import FakeRunner, Run, make_run, names, plan, subtask, wave

from luna_tui.core.events import RetryRequested, RunStarted, SubtaskFinished, SubtaskStarted
from luna_tui.core.plan import Plan
from luna_tui.core.prices import Price
from luna_tui.core.words import ErrorKind, Manner, OnFailure, RunStatus, Schedule, Scope, Status
from luna_tui.engine.runner import AttemptContext, AttemptError, Demand, Usage, Work

PRICES = {"m": Price(input=1.0, output=1.0)}
SMALL = Demand(input_tokens=3, output_tokens=7)
USED = Usage(model="m", input_tokens=3, output_tokens=7)


def at_once(*bodies: Callable[[], None]) -> None:
    """Run these on threads of their own, to their ends."""
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a command did not return"


def ends_of(run: Run) -> Callable[[], set[str]]:
    """What has ended and was not put back, found out from the records since the last call."""
    seen = 0
    ended: set[str] = set()

    def look() -> set[str]:
        nonlocal seen
        for record in run.records[seen:]:
            seen += 1
            match record.event:
                case SubtaskFinished(subtask=i):
                    ended.add(i)
                case RetryRequested(requeued=ids):
                    ended.difference_update(ids)
        return ended

    return look


@pytest.mark.parametrize("workers", [3, 40])
def test_two_hundred_that_fail_are_tried_again_by_several_threads_at_once(workers: int) -> None:
    done = threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "open":
            context.token.wait(done)
        elif work.subtask.id in ids and work.attempt <= 3:
            raise AttemptError(ErrorKind.REFUSED, "no")
        return "done"

    ids = list(names(200))
    after = subtask("after", depends_on=tuple(ids))
    before = plan(wave("w", subtask("open"), *map(subtask, ids)), wave("next", after))
    run = make_run(FakeRunner(body, SMALL), before, workers=workers).start()

    def retry(seed: int) -> Callable[[], None]:
        rng = random.Random(seed)

        def storm() -> None:
            for _ in range(25):
                run.executor.control.retry(rng.sample(ids, 50), by=f"t{seed}")

        return storm

    ended = ends_of(run)
    run.wait_until(lambda: len(ended()) > 50)
    at_once(*map(retry, range(4)))
    for _ in range(4):
        run.wait_until(lambda: ended() >= set(ids), 60)
        run.executor.control.retry(ids, by="main")
    done.set()
    run.finish(60)
    assert run.status is RunStatus.SUCCEEDED
    assert run.ends()["after"] is Status.SUCCEEDED, "it came back with the last of those it needs"
    check(run)


def test_a_retry_that_meets_the_end_of_an_attempt_never_loses_or_doubles_it() -> None:
    """Every attempt takes no time, so that retries come while it starts, runs, lands and has landed."""

    stormy = threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        stormy.wait(60)
        if work.attempt % 2:
            raise AttemptError(ErrorKind.REFUSED, "no")
        return "done"

    ids = list(names(60))
    before = plan(wave("w", *map(subtask, ids)), wave("x", subtask("z")))
    run = make_run(FakeRunner(body, SMALL), before, workers=6)
    run.start()
    run.wait_until(lambda: bool(run.all(SubtaskStarted)))
    control = run.executor.control

    def storm() -> None:
        control.retry(ids, by="t")
        stormy.set()
        for i in ids * 5:
            control.retry([i], by="t")
            control.retry([i], by="t", prompt="again")
            control.skip([i], by="t")

    at_once(storm, storm, storm)
    run.finish(60)
    check(run)
    control.retry(ids, by="t")
    assert sum(len(e.requeued) for e in run.all(RetryRequested)) > 0


COMMANDS = ["retry", "retry_all", "prompt", "skip", "cancel", "wave", "finish", "pause", "workers", "budget"]
DEEDS = ["ok", "ok", "fail", "again", "command", "command", "command"]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    ids: list[str] = []
    waves = []
    for number in range(draw(st.integers(1, 3))):
        subtasks = []
        for place in range(draw(st.integers(1, 4))):
            needs = draw(st.lists(st.sampled_from(ids), max_size=2)) if ids else []
            model = draw(st.sampled_from(["m", "free"]))
            subtasks.append(
                subtask(f"w{number}s{place}", depends_on=tuple(set(needs)), retries=1, model=model)
            )
            ids.append(subtasks[-1].id)
        most = draw(st.sampled_from([None, 2]))
        waves.append(wave(f"w{number}", *subtasks, parallel=draw(st.booleans()), max_workers=most))
    return plan(
        *waves,
        on_failure=draw(st.sampled_from(list(OnFailure))),
        schedule=draw(st.sampled_from(list(Schedule))),
    )


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(), st.integers(0, 2**32), st.integers(1, 5), st.sampled_from([None, 0.00002, 1.0]))
def test_whatever_is_asked_from_within_and_without_the_events_make_sense(
    given_plan: Plan, seed: int, workers: int, budget: float | None
) -> None:
    rng = random.Random(seed)
    ids = [s.id for s in given_plan.subtasks()]
    deeds = {(i, attempt): rng.choice(DEEDS) for i in ids for attempt in range(1, 9)}
    seeds = [rng.random() for _ in range(100)]
    holder: list[Run] = []
    left = threading.Semaphore(30)

    def body(work: Work, context: AttemptContext) -> str:
        match deeds.get((work.subtask.id, work.attempt), "ok"):
            case "fail":
                raise AttemptError(ErrorKind.REFUSED, "no")
            case "again":
                raise AttemptError(ErrorKind.SERVER, "no", retryable=True, retry_after_s=0.0)
            case "command":
                ask()
        context.usage(USED, final=True)
        return "done"

    def ask() -> None:
        if left.acquire(blocking=False):
            command(holder[0], random.Random(seeds.pop()), ids)

    run = make_run(FakeRunner(body, SMALL), given_plan, workers=workers, prices=PRICES, budget_usd=budget)
    holder.append(run)
    run.start().wait_for(RunStarted)

    def ask_often() -> None:
        for _ in range(8):
            ask()

    at_once(ask_often, ask_often)
    run.executor.control.resume(by="test")
    while left.acquire(blocking=False):
        pass
    run.executor.control.resume(by="test")
    run.finish(30)
    check(run)


def command(run: Run, rng: random.Random, ids: list[str]) -> None:
    """One command, whatever it does."""
    control = run.executor.control
    some = rng.sample(ids, rng.randint(1, len(ids)))
    match rng.choice(COMMANDS):
        case "retry":
            control.retry(some, by="test")
        case "retry_all":
            control.retry(ids, by="test")
        case "prompt":
            control.retry(some, by="test", prompt="other")
        case "skip":
            control.skip(some, by="test")
        case "cancel":
            control.cancel(Scope.SUBTASK, rng.choice(list(Manner)), by="test", subtask=some[0])
        case "wave" | "finish" as how:
            manner = Manner.NOW if how == "wave" else Manner.FINISH
            control.cancel(Scope.WAVE, manner, by="test", wave=some[0][:2])
        case "pause":
            control.pause(by="test")
            control.resume(by="test")
        case "workers":
            control.set_workers(rng.randint(1, 6), by="test")
        case "budget":
            control.set_budget(rng.choice([None, 0.0, 0.00005, 1.0]), by="test")
