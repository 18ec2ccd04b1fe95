"""The past of a run by worker: bars, cells, how many were in flight, the critical path."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from past import Past, two_waves

from luna_tui.core.events import RetryRequested
from luna_tui.core.lanes import (
    Cause,
    Window,
    bars,
    bars_around,
    borders,
    cells,
    critical_so_far,
    in_flight,
    lane_bars,
    limit_shares,
    nearest_limit,
)
from luna_tui.core.schedule import critical_path
from luna_tui.core.state import RunState, fold
from luna_tui.core.tracks import Spent
from luna_tui.core.words import Kind, Schedule, Status, WaitReason

STATE = two_waves().state()


def stretches(subtask: str, now_s: float = 60.0) -> list[list[tuple[str, float, float]]]:
    found = bars(STATE.subtasks[subtask], now_s)
    return [[(str(s.cause), s.start_at, s.end_at) for s in bar.stretches] for bar in found]


def test_an_attempt_is_the_way_to_its_first_token_its_stream_and_its_tools() -> None:
    assert stretches("b") == [
        [("first token", 0, 4), ("stream", 4, 10), ("tool", 10, 16), ("stream", 16, 30)]
    ]


def test_a_wait_belongs_to_the_attempt_after_it() -> None:
    assert stretches("c") == [
        [("first token", 0, 1), ("stream", 1, 8)],
        [("backoff", 8, 12), ("first token", 12, 14), ("stream", 14, 24)],
    ]
    first, second = bars(STATE.subtasks["c"], 60.0)
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.error == "overloaded (529)"
    assert second.error == ""


def test_a_wait_that_is_still_on_is_a_bar_of_the_attempt_to_come() -> None:
    state = Past({"w": "a"}).wait(1.0, "a", 0, WaitReason.OTPM).limits(9.0, 0.1).state()
    (bar,) = bars(state.subtasks["a"], 9.0)
    assert (bar.attempt, bar.over) == (1, False)
    assert [(s.cause, s.reason, s.seconds) for s in bar.stretches] == [(Cause.LIMIT, "otpm", 8.0)]


def test_a_subtask_that_ran_out_of_time_failed_at_its_end() -> None:
    (bar,) = bars(STATE.subtasks["f"], 60.0)
    assert (bar.end_at, bar.error) == (48.0, "timed out after 18 s")


def test_a_command_works_from_its_start_and_has_no_first_token() -> None:
    state = Past({"w": "a"}, kind=Kind.COMMAND).start(1.0, "a", 0).end(5.0, "a").state()
    assert [(s.cause, s.seconds) for s in bars(state.subtasks["a"], 9.0)[0].stretches] == [(Cause.TOOL, 4.0)]


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (WaitReason.SLOT, Cause.SLOT),
        (WaitReason.RPM, Cause.LIMIT),
        (WaitReason.ITPM, Cause.LIMIT),
        (WaitReason.OTPM, Cause.LIMIT),
        (WaitReason.RAMP, Cause.LIMIT),
        (WaitReason.BACKOFF, Cause.BACKOFF),
        (WaitReason.RETRY_AFTER, Cause.BACKOFF),
        (WaitReason.PAUSED, Cause.PAUSED),
        (WaitReason.BUDGET, Cause.HELD),
        (WaitReason.APPROVAL, Cause.ASK),
    ],
)
def test_every_reason_to_wait_has_a_cause(reason: WaitReason, cause: Cause) -> None:
    state = Past({"w": "a"}).wait(0.0, "a", 0, reason).limits(4.0, 0.1).state()
    assert [c.cause for c in cells(state, 0, Window(0, 4, 1.0), 4.0) if c is not None] == [cause] * 4


def drawn(state: RunState, worker: int, window: Window, now_s: float) -> str:
    letters = {Cause.FIRST: "f", Cause.STREAM: "s", Cause.TOOL: "t", Cause.LIMIT: "l", Cause.BACKOFF: "b"}
    row = cells(state, worker, window, now_s)
    return "".join(" " if c is None else "x" if c.failed else letters.get(c.cause, ".") for c in row)


def test_a_cell_shows_what_took_most_of_it_and_every_failure() -> None:
    window = Window(0, 34, 2.0)
    assert drawn(STATE, 0, window, 60.0) == "fsssssssss.....lllfsssssssssss    "
    assert drawn(STATE, 1, window, 60.0) == "ffssstttsssssssf" + "s" * 14 + "    "
    assert drawn(STATE, 2, window, 60.0) == "fsssxbfsssss...fssssssssx.....    "


def test_what_is_over_is_drawn_the_same_a_second_time() -> None:
    state = two_waves().state()
    window = Window(0, 40, 1.5)
    first = [cells(state, w, window, 60.0) for w in range(3)]
    assert [cells(state, w, window, 60.0) for w in range(3)] == first
    assert [cells(fold(two_waves().records()), w, window, 60.0) for w in range(3)] == first
    assert state.tracks.lanes[0].memo


def test_a_subtask_that_went_on_with_another_worker_is_in_both_lanes() -> None:
    past = Past({"w": "ab"}).start(0.0, "a", 0).say(0.0, "a").fail(4.0, "a", delay_s=1.0)
    past.start(4.0, "b", 0).say(4.0, "b").wait(6.0, "a", 1, WaitReason.ITPM).start(8.0, "a", 1)
    state = past.say(8.0, "a").limits(10.0, 0.1).state()
    assert drawn(state, 0, Window(0, 10, 1.0), 10.0) == "ssssxsssss"
    assert drawn(state, 1, Window(0, 10, 1.0), 10.0) == "......llss"


def test_what_a_person_had_tried_again_is_drawn_twice() -> None:
    past = Past({"w": "ab"}).start(0.0, "a", 0).say(0.0, "a").end(3.0, "a", Status.FAILED, "said no")
    past.tell(5.0, RetryRequested(by="user", subtasks=("a",), requeued=("a",)))
    past.start(6.0, "a", 0).say(6.0, "a")
    past.tell(8.0, RetryRequested(by="user", subtasks=("a",), requeued=("a",)))
    state = past.start(8.5, "a", 1).say(8.5, "a").limits(10.0, 0.1).state()
    assert drawn(state, 0, Window(0, 20, 0.5), 10.0) == "ssssssx.....ssssx..."
    assert drawn(state, 1, Window(0, 20, 0.5), 10.0) == "................." + "sss"
    assert [b.error for b in bars(state.subtasks["a"], 10.0)] == ["", "tried again by user", ""]
    assert state.tracks.load.count == state.running == 1


def test_a_worker_that_was_replaced_ends_its_bar_where_the_next_one_begins() -> None:
    past = Past({"w": "ab"}).start(0.0, "a", 0).say(0.0, "a").start(6.0, "b", 0).say(6.0, "b")
    state = past.limits(10.0, 0.1).state()
    found = list(lane_bars(state.tracks.lanes[0], 0, 0.0, 10.0, 10.0))
    assert [(b.subtask, b.start_at, b.end_at) for b in found] == [("a", 0.0, 6.0), ("b", 6.0, 10.0)]


def test_the_bars_around_an_instant_are_few_however_long_the_lane() -> None:
    ids = [f"s{n}" for n in range(1_000)]
    past = Past({"w": ids}).wave(0.0, "w")
    for n, i in enumerate(ids):
        past.start(n * 2.0, i, 0).end(n * 2.0 + 1.0, i)
    state = past.state()
    track = state.tracks.lanes[0]
    assert [b.subtask for b in bars_around(track, 0, 1_000.5, state.at)] == [
        "s498", "s499", "s500", "s501", "s502",
    ]  # fmt: skip
    assert [b.subtask for b in bars_around(track, 0, state.at, state.at)] == ["s997", "s998", "s999"]
    assert [b.subtask for b in bars_around(track, 0, 0.0, state.at)] == ["s0", "s1", "s2"]


def test_a_window_begins_at_a_multiple_of_its_cells() -> None:
    whole = drawn(STATE, 2, Window(0, 30, 2.0), 60.0)
    assert drawn(STATE, 2, Window(4, 10, 2.0), 60.0) == whole[4:14]


def test_a_lane_without_a_subtask_is_idle() -> None:
    assert drawn(STATE, 99, Window(0, 5, 2.0), 6.0) == "...  "


def test_waves_have_borders_only_where_they_wait_for_each_other() -> None:
    assert [(at, wave.name) for at, wave in borders(STATE)] == [(30.0, "merge")]
    labels = Past({"a": "a", "b": "b"}, schedule=Schedule.DAG).wave(0.0, "a").wave(3.0, "b").state()
    assert borders(labels) == []


def test_how_many_were_in_flight() -> None:
    levels = in_flight(STATE, Window(0, 14, 5.0), 60.0)
    assert [round(v, 2) for v in levels if v is not None] == [
        3.0, 2.6, 2.6, 3.0, 1.8, 1.0, 2.0, 2.8, 3.0, 2.6, 2.0, 2.0,
    ]  # fmt: skip
    assert levels[12:] == [None, None]


def test_how_full_a_limit_was_is_unknown_before_it_was_observed() -> None:
    shares = limit_shares(STATE, "itpm", Window(0, 130, 0.5), 60.0)
    assert shares[0] is None
    assert shares[1] == pytest.approx(0.3)
    assert shares[21] == pytest.approx(0.4)
    assert shares[119] == pytest.approx(0.85)
    assert shares[121] is None
    assert nearest_limit(STATE) == "itpm"
    assert nearest_limit(Past({"w": "a"}).state()) == ""


def test_the_critical_path_so_far_ends_with_what_runs() -> None:
    found = critical_so_far(STATE, 60.0)
    assert found.path == ("b", "e")
    assert found.seconds == pytest.approx(60.0)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, tuple[str, ...]], dict[str, float], bool]:
    ids = [f"s{n}" for n in range(draw(st.integers(1, 12)))]
    needs = {
        i: tuple(draw(st.lists(st.sampled_from(ids[:n]), unique=True, max_size=3)) if n else ())
        for n, i in enumerate(ids)
    }
    return needs, {i: float(draw(st.integers(0, 30))) for i in ids}, draw(st.booleans())


@given(graphs())
def test_the_row_that_the_fold_keeps_is_the_critical_path(
    graph: tuple[dict[str, tuple[str, ...]], dict[str, float], bool],
) -> None:
    needs, lengths, labels = graph
    half = len(needs) // 2
    ids = list(needs)
    waves = {name: part for name, part in (("one", ids[:half]), ("two", ids[half:])) if part}
    past = Past(waves, needs=needs, schedule=Schedule.DAG if labels else Schedule.WAVES)
    at = 0.0
    for i in ids:
        past.start(at, i, 0).end(at + lengths[i], i)
        at += lengths[i]
    groups = [ids] if labels else list(waves.values())
    expected = sum(critical_path(lengths, needs, group)[1] for group in groups)
    found = critical_so_far(past.state(), at)
    assert found.seconds == pytest.approx(expected)
    assert sum(lengths[i] for i in found.path) == pytest.approx(expected)


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    """Up to three workers that take one subtask after another, with waits, tools and failures."""
    ids = iter([f"s{n}" for n in range(200)])
    used: list[str] = []
    past = Past({"w": [f"s{n}" for n in range(200)]}).wave(0.0, "w")
    end = 0.0
    steps = st.floats(0.05, 9.0)
    for worker in range(draw(st.integers(1, 3))):
        at = draw(st.floats(0.0, 5.0))
        for _ in range(draw(st.integers(0, 8))):
            i = next(ids)
            used.append(i)
            for reason in draw(st.lists(st.sampled_from(list(WaitReason)), max_size=2)):
                past.wait(at, i, worker, reason)
                at += draw(steps)
            past.start(at, i, worker)
            at += draw(steps)
            if draw(st.booleans()):
                past.say(at, i)
                at += draw(steps)
            if draw(st.integers(0, 3)) == 0:
                past.fail(at, i)
            past.end(at, i, draw(st.sampled_from([Status.SUCCEEDED, Status.FAILED])))
            at += draw(st.floats(0.0, 3.0))
        end = max(end, at)
    return past.limits(end + 0.01, 0.1)


@settings(max_examples=60, deadline=None)
@given(pasts())
def test_a_lane_never_overlaps_and_its_bars_are_those_of_its_subtasks(past: Past) -> None:
    state = past.state()
    now_s = state.at
    for worker, track in state.tracks.lanes.items():
        found = list(lane_bars(track, worker, 0.0, now_s, now_s))
        flat = [s for bar in found for s in bar.stretches]
        assert all(one.end_at <= two.start_at + 1e-9 for one, two in pairwise(flat))
        mine = [s for s in state.subtasks.values() if s.worker == worker]
        assert found == sorted((b for s in mine for b in bars(s, now_s)), key=lambda b: b.start_at)
        whole = sum((span.end_at or now_s) - span.start_at for s in mine for span in s.spans)
        assert sum(s.seconds for s in flat) == pytest.approx(whole)


@settings(max_examples=60, deadline=None)
@given(pasts(), st.sampled_from([0.1, 0.25]))
def test_the_cells_of_a_cause_add_up_to_its_stretches(past: Past, cell_s: float) -> None:
    state = past.state()
    now_s = state.at
    count = int(now_s / cell_s) + 1
    for worker, track in state.tracks.lanes.items():
        flat = [s for bar in lane_bars(track, worker, 0.0, now_s, now_s) for s in bar.stretches]
        row = [c.cause for c in cells(state, worker, Window(0, count, cell_s), now_s) if c is not None]
        for cause in Cause:
            mine = [s for s in flat if s.cause is cause]
            if cause is not Cause.IDLE:
                seconds = sum(s.seconds for s in mine)
                assert abs(row.count(cause) * cell_s - seconds) <= 2 * cell_s * len(mine) + 1e-6


@settings(max_examples=60, deadline=None)
@given(pasts())
def test_the_sums_that_the_fold_keeps_agree_with_the_stretches(past: Past) -> None:
    state = past.state()
    now_s = state.at
    for worker, track in state.tracks.lanes.items():
        flat = [s for bar in lane_bars(track, worker, 0.0, now_s, now_s) for s in bar.stretches]
        kept = track.spent.between(0.0, now_s + 100.0)
        for cause in Cause:
            seconds = sum(s.seconds for s in flat if s.cause is cause)
            assert kept.get(cause, 0.0) == pytest.approx(seconds, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0.01, 40.0), st.sampled_from(list(Cause)[:3])), min_size=1, max_size=80))
def test_sums_lose_no_second_when_their_buckets_grow(steps: list[tuple[float, Cause]]) -> None:
    spent = Spent()
    at = 0.0
    for length, cause in steps:
        spent.add(cause, at, at + length)
        at += length
    found = spent.between(0.0, at + 1.0)
    for cause in Cause:
        assert found.get(cause, 0.0) == pytest.approx(sum(n for n, c in steps if c is cause))
    assert all(len(sums) <= 513 for sums in spent.by_cause.values())


def test_a_lane_of_very_many_subtasks_is_drawn_from_sums() -> None:
    ids = [f"s{n}" for n in range(3_000)]
    past = Past({"w": ids}).wave(0.0, "w")
    for n, i in enumerate(ids):
        past.wait(n * 2.0, i, 0, WaitReason.ITPM).start(n * 2.0 + 1.5, i, 0).end(n * 2.0 + 2.0, i)
        if n == 1_500:
            past.fail(n * 2.0 + 1.9, i)
    state = past.state()
    row = cells(state, 0, Window(0, 60, 100.0), 6_000.0)
    assert all(c is not None and c.cause is Cause.LIMIT for c in row)
    assert [n for n, c in enumerate(row) if c is not None and c.failed] == [30]


def test_in_flight_over_a_long_run_keeps_few_buckets() -> None:
    ids = [f"s{n}" for n in range(2_000)]
    past = Past({"w": ids}).wave(0.0, "w")
    for n, i in enumerate(ids):
        past.start(n * 5.0, i, 0).end(n * 5.0 + 2.5, i)
    state = past.state()
    assert len(state.tracks.load.buckets) <= 2_048
    assert in_flight(state, Window(0, 100, 100.0), 10_000.0) == pytest.approx([0.5] * 100, abs=0.01)


def test_the_critical_path_of_a_stopped_run_holds_only_what_ran() -> None:
    past = Past({"one": ["a"], "two": ["b", "c"]}).wave(0.0, "one").start(0.0, "a", 0).end(4.0, "a")
    past.wave(4.0, "two").end(5.0, "b", Status.CANCELLED).end(5.0, "c", Status.CANCELLED)
    state = past.state()
    assert critical_so_far(state, state.at).path == ("a",)
