"""What a refusal does to a subtask and its run: a 429 keeps its place, a spend limit ends the run."""

from __future__ import annotations

import threading

from support import FakeRunner, make_run, names, plan, subtask, wave

from luna_tui.core.events import AttemptFailed, RunFinished, SubtaskFinished, SubtaskWaiting
from luna_tui.core.words import ErrorKind, RunStatus, Status, WaitReason
from luna_tui.engine.retry import MAX_REFUSALS
from luna_tui.engine.runner import (
    AttemptContext,
    AttemptError,
    Demand,
    ServerLimit,
    ServerLimits,
    Usage,
    Work,
)

SMALL = Demand(input_tokens=10, output_tokens=10, max_output_tokens=20)
USED = Usage(model="m", input_tokens=10, output_tokens=5)


def refuse(retry_after_s: float = 0.05) -> AttemptError:
    return AttemptError(ErrorKind.RATE_LIMITED, "no", status=429, retryable=True, retry_after_s=retry_after_s)


def test_a_refused_subtask_keeps_its_place_in_the_line() -> None:
    both, refused = threading.Event(), threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "s00":
            context.token.wait(both)
            raise refuse(30.0)
        both.set()
        context.token.wait(refused)
        return "done"

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", *map(subtask, names(6)))), workers=2).start()
    run.wait_for(AttemptFailed)
    refused.set()
    run.wait_for(SubtaskWaiting, 2)
    assert {e.subtask for e in run.all(SubtaskWaiting)} == {"s00", "s02"}
    first = run.limiter.of("")._admission.first
    assert first is not None
    assert first.place == min(t.place for _, t in run.limiter.of("")._admission._line), "s02 came later"
    run.executor.control.stop_admission("seen")
    run.finish()


def test_a_refused_subtask_says_that_it_waits_as_the_server_asked() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        if work.attempt == 1:
            raise refuse()
        return "done"

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", subtask("a")))).finish()
    assert [e.reason for e in run.all(SubtaskWaiting)] == [WaitReason.RETRY_AFTER]
    assert [(e.status, e.will_retry) for e in run.all(AttemptFailed)] == [(429, True)]


def test_nobody_is_admitted_while_a_refusal_holds_the_line() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "s00" and work.attempt == 1:
            raise refuse(30.0)
        return "done"

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", *map(subtask, names(3)))), workers=1).start()
    run.wait_for(SubtaskWaiting)
    assert run.limiter.snapshot().waiting == {"retry_after": 1}
    assert run.order() == ["s00"]
    run.executor.control.stop_admission("seen")
    run.finish()


def test_refusals_use_up_no_retry_but_have_an_end() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        raise refuse(0.0)

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", subtask("a", retries=0, timeout=0)))).finish()
    assert len(run.all(AttemptFailed)) == MAX_REFUSALS + 1
    assert run.ends() == {"a": Status.FAILED}


def test_an_overload_uses_up_no_retry() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        if work.attempt <= 2:
            raise AttemptError(ErrorKind.OVERLOADED, "no", status=529, retryable=True, retry_after_s=0.0)
        return "done"

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", subtask("a", retries=0)))).finish()
    assert run.ends() == {"a": Status.SUCCEEDED}


def test_an_overload_in_the_middle_of_an_answer_keeps_what_was_counted() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        context.usage(Usage(model="m", input_tokens=7_000, output_tokens=5), final=True)
        if work.attempt == 1:
            raise AttemptError(ErrorKind.OVERLOADED, "no", status=200, retryable=True, retry_after_s=0.0)
        return "done"

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", subtask("a", retries=0)))).finish()
    assert run.ends() == {"a": Status.SUCCEEDED}
    assert run.limiter.snapshot().itpm.settled > 13_000


def test_a_spend_limit_ends_the_run_in_words() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "s00":
            raise AttemptError(ErrorKind.SPEND_LIMIT, "spend limit reached: ask for more", status=429)
        return "done"

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", *map(subtask, names(4)))), workers=1).finish()
    assert run.ends()["s00"] is Status.FAILED
    assert {run.ends()[i] for i in names(4)[1:]} == {Status.CANCELLED}
    reasons = {e.reason for e in run.all(SubtaskFinished) if e.status is Status.CANCELLED}
    assert reasons == {"spend limit reached: ask for more"}
    assert run.status is RunStatus.CANCELLED
    assert run.all(RunFinished)[0].reason == "spend limit reached: ask for more"


def test_headers_of_an_answer_reach_the_books_of_its_model_only() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        context.server_limits(ServerLimits(itpm=ServerLimit(limit=9_000, remaining=8_000)))
        context.usage(USED, final=True)
        return "done"

    run = make_run(
        FakeRunner(body, SMALL),
        plan(wave("w", subtask("a", model="claude-opus-5-5"), subtask("b", model="claude-opus-5-9"))),
    ).finish()
    assert run.limiter.of("claude-opus-5-5") is run.limiter.of("claude-opus-5-9")
    assert run.limiter.of("claude-opus-5-5").snapshot().itpm.limit == 9_000
    assert run.limiter.of("claude-haiku-5-5").snapshot().itpm.limit == 450_000
