"""What a run could have been, what it lost and to what: from its records alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import plan, subtask, wave

from luna_tui.core.events import (
    AttemptFailed,
    Event,
    Gauge,
    LimitsObserved,
    Record,
    RunPaused,
    RunResumed,
    RunStarted,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
    UsageRecorded,
    WorkersChanged,
)
from luna_tui.core.idle import busy
from luna_tui.core.insight import forecast
from luna_tui.core.metrics import measure
from luna_tui.core.outline import outline
from luna_tui.core.plan import Plan
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import ErrorKind, Kind, Mode, Schedule, Status, WaitReason


class Story:
    """Records of a run, told out of order and put in order at the end."""

    def __init__(self, given_plan: Plan, workers: int) -> None:
        self._wave = {s.id: w.name for w in given_plan.waves for s in w.subtasks}
        self._told: list[tuple[float, int, Event]] = []
        self.tell(
            0.0,
            RunStarted(
                started_at="",
                plan=outline(given_plan),
                mode=Mode.BALANCED,
                tier="tier2",
                max_workers=workers,
                provider="",
                version="",
            ),
        )

    def tell(self, at: float, event: Event) -> None:
        self._told.append((at, len(self._told), event))

    def waits(self, at: float, id: str, reason: WaitReason) -> None:
        self.tell(at, SubtaskWaiting(wave=self._wave[id], subtask=id, reason=reason, attempt=1, worker=0))

    def starts(self, at: float, id: str, attempt: int = 1) -> None:
        self.tell(
            at,
            SubtaskStarted(
                wave=self._wave[id], subtask=id, attempt=attempt, worker=0, title="", kind=Kind.CLAUDE
            ),
        )

    def fails(self, at: float, id: str, attempt: int = 1) -> None:
        self.tell(
            at,
            AttemptFailed(
                wave=self._wave[id], subtask=id, attempt=attempt, error_kind=ErrorKind.SERVER, message=""
            ),
        )

    def ends(self, at: float, id: str, took: float, status: Status = Status.SUCCEEDED) -> None:
        self.tell(
            at,
            SubtaskFinished(
                wave=self._wave[id], subtask=id, attempt=1, status=status, duration_s=took, attempts=1
            ),
        )

    def runs(self, start: float, end: float, *ids: str) -> None:
        for id in ids:
            self.starts(start, id)
            self.ends(end, id, end - start)

    def state(self) -> RunState:
        ordered = sorted(self._told, key=lambda told: told[:2])
        return fold(Record(n, at, "r", event) for n, (at, _, event) in enumerate(ordered, 1))


def three(schedule: Schedule = Schedule.WAVES) -> Plan:
    """a and b in one wave, c after a in the next."""
    return plan(
        wave("one", subtask("a"), subtask("b")),
        wave("two", subtask("c", depends_on=("a",))),
        schedule=schedule,
    )


def test_a_run_at_its_bound_loses_nothing() -> None:
    story = Story(three(Schedule.DAG), workers=2)
    story.runs(0, 4, "a")
    story.runs(0, 10, "b")
    story.runs(4, 12, "c")
    found = measure(story.state(), 12.0)
    assert found.bounds == {"critical_path": 12.0, "workers": 11.0}
    assert (found.bound_s, found.bound_by, found.lost) == (12.0, "critical_path", {})
    assert (found.sum_s, found.speedup, found.could_be, found.efficiency) == (22.0, 22 / 12, 22 / 12, 1.0)


def test_with_barriers_each_wave_has_a_bound_of_its_own() -> None:
    story = Story(three(), workers=2)
    story.runs(0, 4, "a")
    story.runs(0, 10, "b")
    story.runs(10, 18, "c")
    found = measure(story.state(), 18.0)
    assert (found.bound_s, found.lost) == (18.0, {})
    assert found.bounds == {"critical_path": 18.0, "workers": 7.0 + 4.0}
    idle_s = busy(story.state(), 18.0).idle_s
    assert idle_s == {"barrier": 6.0, "tail": 8.0}, "c was ready from 4 to 10, and was alone from then on"


def test_work_that_waited_for_workers_is_bound_by_them() -> None:
    story = Story(plan(wave("w", *(subtask(i) for i in "abcd"))), workers=2)
    story.runs(0, 5, "a", "b")
    story.runs(5, 10, "c", "d")
    found = measure(story.state(), 10.0)
    assert (found.bound_by, found.bound_s) == ("workers", 10.0)


def test_time_is_lost_to_what_held_the_workers() -> None:
    """Two workers for 20 s; 10 s of work each; a waits 6 s for input tokens and backs off for 4 s."""
    story = Story(plan(wave("w", subtask("a"), subtask("b"))), workers=2)
    story.waits(0, "a", WaitReason.ITPM)
    story.starts(6, "a")
    story.fails(8, "a")
    story.waits(8, "a", WaitReason.BACKOFF)
    story.starts(12, "a", attempt=2)
    story.ends(20, "a", 10.0)
    story.runs(0, 10, "b")
    found = measure(story.state(), 20.0)
    assert found.bound_s == 10.0
    assert found.lost == pytest.approx({"itpm": 6.0, "backoff": 4.0})


def test_who_waits_at_a_barrier_waits_for_what_holds_the_last_before_it() -> None:
    story = Story(three(), workers=4)
    story.runs(0, 2, "a")
    story.waits(0, "b", WaitReason.ITPM)
    story.runs(8, 10, "b")
    story.runs(10, 12, "c")
    found = measure(story.state(), 12.0)
    assert (found.bound_s, found.bound_by) == (4.0, "critical_path")
    assert found.lost == pytest.approx({"itpm": 8.0})


def test_a_long_one_that_went_last_is_an_uneven_end() -> None:
    story = Story(plan(wave("w", *(subtask(i) for i in "abcde"))), workers=2)
    story.runs(0, 5, "a", "b")
    story.runs(5, 10, "c", "d")
    story.runs(10, 20, "e")
    found = measure(story.state(), 20.0)
    assert (found.bound_s, found.bound_by) == (15.0, "workers")
    assert found.lost == pytest.approx({"tail": 5.0})


def test_a_limit_that_binds_costs_only_what_it_kept_beyond_its_bound() -> None:
    """The limit lets 30 s of work through in 75 s; a pause of 15 s is what was lost."""
    story = Story(plan(wave("w", subtask("a"), subtask("b"))), workers=2)
    story.tell(0, LimitsObserved(rpm=gauge(60), itpm=gauge(1_000), otpm=gauge(9_000), throttled=0))
    for id in "ab":
        story.waits(0, id, WaitReason.ITPM)
        story.waits(60, id, WaitReason.PAUSED)
        story.runs(75, 90, id)
        used = UsageRecorded(wave="w", subtask=id, attempt=1, model="m", input_tokens=1_125, output_tokens=5)
        story.tell(89, used)
    found = measure(story.state(), 90.0)
    assert (found.bound_s, found.bound_by) == (75.0, "itpm")
    assert found.lost == pytest.approx({"paused": 15.0})


def test_a_pause_and_a_slow_start_have_names() -> None:
    story = Story(plan(wave("w", subtask("a"))), workers=1)
    story.tell(2, RunPaused(by="user"))
    story.tell(7, RunResumed(by="user"))
    story.runs(8, 10, "a")
    found = measure(story.state(), 10.0)
    assert found.bound_s == 2.0
    assert found.lost == pytest.approx({"paused": 5.0, "slot": 3.0})


def test_a_sequential_wave_is_no_loss_to_workers_it_may_not_use() -> None:
    story = Story(plan(wave("w", subtask("a"), subtask("b"), parallel=False)), workers=8)
    story.runs(0, 5, "a")
    story.runs(7, 12, "b")
    found = measure(story.state(), 12.0)
    assert found.bound_s == 10.0
    assert found.lost == pytest.approx({"slot": 2.0})


def gauge(cap: int) -> Gauge:
    return Gauge(limit=cap * 2, cap=cap, settled=0, reserved=0)


def test_the_limits_bound_a_run_by_what_a_full_bucket_and_its_refill_let_through() -> None:
    story = Story(plan(wave("w", subtask("a"), subtask("b"))), workers=9)
    for at, cap in ((0, 500), (1, 1_000)):
        story.tell(at, LimitsObserved(rpm=gauge(60), itpm=gauge(cap), otpm=gauge(9_000), throttled=0))
    story.runs(0, 30, "a", "b")
    for id in "ab":
        story.tell(
            29, UsageRecorded(wave="w", subtask=id, attempt=1, model="m", input_tokens=1_250, output_tokens=5)
        )
    found = measure(story.state(), 100.0)
    assert found.bounds["itpm"] == pytest.approx((2_500 - 1_000) / (1_000 / 60))
    assert (found.bounds["rpm"], found.bounds["otpm"]) == (0.0, 0.0)
    assert found.bound_by == "itpm"


def test_a_run_that_is_on_is_measured_so_far() -> None:
    story = Story(plan(wave("w", subtask("a"), subtask("b"))), workers=2)
    story.starts(0, "a")
    story.runs(0, 3, "b")
    found = measure(story.state(), 4.0)
    assert (found.wall_s, found.sum_s, found.speedup, found.could_be) == (4.0, 7.0, 7 / 4, 7 / 4)


def test_more_workers_count_from_when_they_came() -> None:
    story = Story(plan(wave("w", *(subtask(i) for i in "abc"))), workers=1)
    story.tell(4, WorkersChanged(by="user", from_=1, to=3))
    story.runs(0, 6, "a")
    story.runs(5, 6, "b", "c")
    assert busy(story.state(), 6.0).idle_s == {"slot": 2.0}


def test_before_anything_happened_nothing_is_known() -> None:
    found = measure(RunState(), 0.0)
    assert (found.bound_by, found.speedup, found.could_be, found.efficiency) == ("", None, None, None)


@given(st.integers(0, 10**6), st.sampled_from(list(Schedule)))
def test_the_parts_are_never_negative_and_add_up_to_the_whole(seed: int, schedule: Schedule) -> None:
    rng = random.Random(seed)
    ids: list[str] = []
    waves = []
    for w in range(rng.randint(1, 4)):
        here = []
        for n in range(rng.randint(1, 5)):
            needs = tuple({rng.choice(ids) for _ in range(rng.randint(0, 2))}) if ids else ()
            here.append(subtask(f"{w}.{n}", depends_on=needs))
            ids.append(f"{w}.{n}")
        most = rng.choice([None, 1, 2])
        waves.append(wave(f"w{w}", *here, parallel=rng.random() < 0.8, max_workers=most))
    story = Story(plan(*waves, schedule=schedule), rng.randint(1, 6))
    for at in sorted(rng.uniform(0, 60) for _ in range(rng.randint(0, 2))):
        story.tell(at, WorkersChanged(by="", from_=1, to=rng.randint(1, 6)))
        story.tell(at, RunPaused(by=""))
        story.tell(at + rng.uniform(0, 5), RunResumed(by=""))
    if rng.random() < 0.5:
        limits = LimitsObserved(rpm=gauge(1), itpm=gauge(9), otpm=gauge(9), throttled=0)
        story.tell(rng.uniform(0, 50), limits)
    for i in ids:
        at, took = rng.uniform(0, 40), 0.0
        for attempt in range(1, rng.randint(0, 2) + 1):
            if rng.random() < 0.5:
                story.waits(at, i, rng.choice(list(WaitReason)))
                at += rng.uniform(0, 10)
            story.starts(at, i, attempt)
            length = rng.uniform(0, 20)
            at, took = at + length, took + length
            if rng.random() < 0.3:
                story.fails(at, i, attempt)
                at += rng.uniform(0, 3)
        if rng.random() < 0.9:
            story.ends(at, i, took, rng.choice(list(Status)))
    state = story.state()
    for now_s in (state.at, state.at + 5, state.at / 2):
        found = measure(state, now_s)
        assert all(part >= 0 for part in found.lost.values())
        assert sum(found.lost.values()) == pytest.approx(max(0.0, found.wall_s - found.bound_s), abs=1e-6)
        assert found.bound_s >= 0
        spent = busy(state, now_s)
        assert all(s >= 0 for s in spent.idle_s.values())


def test_the_forecast_knows_no_barriers_where_there_are_none() -> None:
    """Three of twelve ended after 10 s each; nine are left, with two workers."""
    waves = [wave(f"w{n}", *(subtask(f"{i}{n}") for i in "abc")) for n in range(4)]
    left: dict[Schedule, float] = {}
    for schedule in Schedule:
        story = Story(plan(*waves, schedule=schedule), workers=2)
        story.runs(0, 10, "a0", "b0", "c0")
        found = forecast(story.state(), 10.0)
        assert found is not None
        left[schedule] = found[0]
    assert left == {Schedule.DAG: 50.0, Schedule.WAVES: 20.0 + 20.0 + 20.0}
