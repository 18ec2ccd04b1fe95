"""What commands do to the state, to its measures, and how they are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tui.scenes import busy

from luna_tui.core.events import (
    BudgetChanged,
    Event,
    LimitsObserved,
    PlannedSubtask,
    PlannedWave,
    PlanOutline,
    Record,
    RetryRequested,
    RunFinished,
    RunStarted,
    SkipRequested,
    SubtaskFinished,
    SubtaskStarted,
    Tokens,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.idle import busy as busy_workers
from luna_tui.core.insight import Stand, elapsed_s, stand
from luna_tui.core.metrics import measure
from luna_tui.core.records import decode, encode, to_line
from luna_tui.core.spans import Span
from luna_tui.core.state import RunState, fold
from luna_tui.core.telling import line
from luna_tui.core.words import Kind, Mode, RunStatus, Status
from luna_tui.tui.views.glyphs import UNICODE
from luna_tui.tui.views.telling import tell

RETRY = RetryRequested(by="user", subtasks=("a",), requeued=("a", "b"))


def story(*more: tuple[float, Event]) -> list[Record]:
    """a fails after 4 s, so b is skipped; then whatever is told."""
    planned = (
        PlannedSubtask(id="a", title="A"),
        PlannedSubtask(id="b", title="B", depends_on=("a",)),
    )
    outline = PlanOutline(name="p", waves=(PlannedWave(name="w", parallel=True, subtasks=planned),))
    events: list[tuple[float, Event]] = [
        (
            0.0,
            RunStarted(
                started_at="2026-01-02T15:04:05Z", plan=outline, mode=Mode.BALANCED, tier="tier2",
                max_workers=2, provider="x", version="0", budget_usd=2.0,
            ),
        ),
        (0.0, WaveStarted(wave="w", parallel=True, reason="parallel", workers=2)),
        (0.0, started("a", 1)),
        (4.0, ended("a", Status.FAILED, 1, 4.0)),
        (4.0, ended("b", Status.SKIPPED, 0, 0.0)),
        (4.0, WaveFinished(wave="w", status=RunStatus.FAILED, counts={}, wall_s=4.0)),
        *more,
    ]  # fmt: skip
    return [Record(n, at, "r", event) for n, (at, event) in enumerate(events, 1)]


def started(subtask: str, attempt: int) -> SubtaskStarted:
    return SubtaskStarted(
        wave="w", subtask=subtask, attempt=attempt, worker=0, title=subtask, kind=Kind.CLAUDE
    )


def ended(subtask: str, status: Status, attempts: int, duration_s: float) -> SubtaskFinished:
    return SubtaskFinished(
        wave="w", subtask=subtask, attempt=attempts, status=status, duration_s=duration_s, attempts=attempts
    )


def test_the_shapes_on_the_wire_never_change() -> None:
    shapes: list[tuple[Event, dict[str, Any]]] = [
        (RETRY, {"type": "retry_requested", "subtasks": ["a"], "requeued": ["a", "b"], "prompt": None}),
        (SkipRequested(by="user", subtasks=("a",)), {"type": "skip_requested", "subtasks": ["a"]}),
        (BudgetChanged(by="user", from_=None, to=2.5), {"type": "budget_changed", "from": None, "to": 2.5}),
    ]
    for event, shape in shapes:
        record = Record(3, 1.5, "r", event)
        assert encode(record) == {"v": 1, "seq": 3, "at": 1.5, "run": "r", "by": "user", **shape}
        assert decode(json.loads(to_line(record))) == record


def test_a_retry_undoes_the_end_of_subtask_and_wave() -> None:
    before = fold(story())
    assert before.counts == {Status.FAILED: 1, Status.SKIPPED: 1}
    state = fold(story((10.0, RETRY)))
    a, b, w = state.subtasks["a"], state.subtasks["b"], state.waves["w"]
    assert (a.status, a.ended_at, a.reason, a.duration_s, a.running) == (None, None, "", 0.0, False)
    assert [t.number for t in a.tries] == [1]
    assert b.status is None
    assert state.counts == {}
    assert (w.status, w.ended_at, w.reopened) == (None, None, True)
    assert state.open_waves == (w,)
    assert a.undone == (Span("ended", 4.0, 10.0),)
    assert stand(a, 11.0) is stand(b, 11.0) is Stand.QUEUED
    assert elapsed_s(a, 11.0) == 0.0


def test_the_time_between_an_end_and_its_retry_is_nobodys() -> None:
    """From 4 to 10 s nothing was left to do, so two workers could not have been used."""
    records = story(
        (10.0, RETRY),
        (11.0, started("a", 2)),
        (15.0, ended("a", Status.SUCCEEDED, 2, 8.0)),
        (15.0, started("b", 1)),
        (18.0, ended("b", Status.SUCCEEDED, 1, 3.0)),
    )
    state = fold(records)
    spent = busy_workers(state, 18.0)
    assert spent.work_s == pytest.approx(4.0 + 4.0 + 3.0)
    assert elapsed_s(state.subtasks["a"], 18.0) == pytest.approx(4.0)
    found = measure(state, 18.0)
    assert found.sum_s == pytest.approx(11.0)
    assert found.bound_s == pytest.approx(11.0)
    assert sum(found.lost.values()) == pytest.approx(7.0)
    waiting = fold(story((10.0, RETRY)))
    assert busy_workers(waiting, 14.0).idle_s["slot"] > 0.0


def test_a_running_try_that_is_replaced_is_listed_as_interrupted() -> None:
    state = fold(story((10.0, RETRY), (11.0, started("a", 2)), (13.0, RETRY)))
    a = state.subtasks["a"]
    assert not a.running
    assert (a.tries[-1].ended_at, a.tries[-1].error_kind) == (13.0, "interrupted")
    assert a.tries[-1].message == "tried again by user"
    assert a.spans[-1].end_at == 13.0


def test_another_prompt_is_shown_for_those_that_were_named_only() -> None:
    event = RetryRequested(by="user", subtasks=("a",), requeued=("a", "b"), prompt="new " * 1_000)
    state = fold(story((10.0, event)))
    assert len(state.subtasks["a"].planned.prompt) == 2_000
    assert state.subtasks["a"].planned.prompt.endswith("…")
    assert state.subtasks["b"].planned.prompt == ""


def test_a_skip_is_a_wish_until_the_end_comes_and_a_retry_takes_it_back() -> None:
    skip = SkipRequested(by="user", subtasks=("a", "nobody"))
    records = story((10.0, RETRY), (11.0, started("a", 2)), (12.0, skip))
    assert fold(records).subtasks["a"].cancel_requested
    assert not fold([*records, Record(99, 13.0, "r", RETRY)]).subtasks["a"].cancel_requested
    assert not fold(story((5.0, skip))).subtasks["a"].cancel_requested, "it had ended"


def test_the_budget_is_the_last_that_was_told() -> None:
    assert fold(story()).budget_usd == 2.0
    assert fold(story((5.0, BudgetChanged(by="user", from_=2.0, to=3.0)))).budget_usd == 3.0
    assert fold(story((5.0, BudgetChanged(by="user", from_=2.0, to=None)))).budget_usd is None
    sample = next(r.event for r in busy() if isinstance(r.event, LimitsObserved))
    assert (sample.budget_usd, sample.spent_usd, sample.reserved_usd) == (None, None, None)
    assert fold(story((5.0, sample))).budget_usd == 2.0


def test_each_command_has_a_line_for_people() -> None:
    many = tuple(f"s{n}" for n in range(8))
    told: list[Event] = [
        RETRY,
        RetryRequested(by="user", subtasks=many, requeued=many, prompt="other"),
        SkipRequested(by="user", subtasks=("a",)),
        BudgetChanged(by="user", from_=None, to=0.25),
    ]
    assert [line(fold(story()), Record(1, 0.0, "r", event)) for event in told] == [
        "0:00 user asked to retry 1.01 A and 1 more that waited for it.",
        "0:00 user asked to retry s0, s1, s2, s3, s4 and 3 more, with another prompt.",
        "0:00 user asked to skip 1.01 A.",
        "0:00 the budget is 0.25 dollars now, it was without a cap; by user.",
    ]
    state: RunState = fold(story(*((9.0, event) for event in told)))
    lines = [tell(state, record, UNICODE) for record in state.log[-4:]]
    assert [f"{told.who} {told.what}" for told in lines] == [
        "user retries 1.01, and 1 that needs it",
        "user retries s0 s1 s2 +5 with another prompt",
        "user skips 1.01",
        "user budget none → $0.25",
    ]


def test_the_last_line_of_a_held_run_says_why() -> None:
    end = RunFinished(
        status=RunStatus.HELD, counts={}, wall_s=61.0, sum_s=0.0, speedup=None, bound_s=None,
        efficiency=None, tokens=Tokens(), cost_usd=None, throttled=0, reason="too dear",
    )  # fmt: skip
    said = line(fold(story()), Record(9, 61.0, "r", end))
    assert said == "1:01 run held after 1 minute 1 second: too dear."
