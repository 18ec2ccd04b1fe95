"""What is foretold: nothing before three ends, the same model for what is and for what could be."""

from __future__ import annotations

import pytest
from core.test_line import Told
from support import plan, subtask, wave

from luna_tui.core.events import (
    CancelRequested,
    Gauge,
    LimitsObserved,
    RunPaused,
    SubtaskFinished,
    SubtaskOutput,
    UsageRecorded,
    WaveFinished,
)
from luna_tui.core.forecast import (
    cost_forecast,
    forecast,
    in_flight_usd,
    useful_workers,
    what_if,
    when_cap_passed,
)
from luna_tui.core.insight import quiet_after_s, quiet_facts
from luna_tui.core.lost import Gauged
from luna_tui.core.metrics import measure
from luna_tui.core.samples import MOST_SAMPLES
from luna_tui.core.state import RunState
from luna_tui.core.words import ErrorKind, Manner, Mode, RunStatus, Scope, Status


def ended(
    told: Told, at: float, id: str, took: float, *, usd: float | None = 0.5, status: Status = Status.SUCCEEDED
) -> None:
    """One ran for `took` seconds until `at`, and asked with 1,000 tokens for 200."""
    told.starts(at - took, id)
    told.tell(
        at,
        UsageRecorded(
            wave=told.wave_of[id], subtask=id, attempt=1, model="m", input_tokens=1_000, output_tokens=200,
            cost_usd=usd,
        ),
        SubtaskFinished(
            wave=told.wave_of[id], subtask=id, attempt=1, status=status, duration_s=took, attempts=1
        ),
    )  # fmt: skip


def run_of(sizes: tuple[int, ...], workers: int = 4, done: int = 3, took: float = 10.0) -> Told:
    """Waves of these sizes; the first `done` of the first have ended, each after `took` seconds."""
    waves = [wave(f"w{w}", *(subtask(f"{w}.{n}") for n in range(size))) for w, size in enumerate(sizes)]
    told = Told(plan(*waves), workers).opens(0, "w0")
    for n in range(done):
        ended(told, took, f"0.{n}", took)
    return told


def limits(told: Told, at: float, *, itpm: int = 0, settled: int = 0, useful: int | None = None) -> None:
    big = Gauge(limit=10**6, cap=850_000, settled=0, reserved=0)
    narrow = Gauge(limit=itpm, cap=round(itpm * 0.85), settled=settled, reserved=0) if itpm else big
    told.tell(at, LimitsObserved(rpm=big, itpm=narrow, otpm=big, throttled=0, useful_workers=useful))


def seconds(state: RunState, now_s: float) -> float:
    found = forecast(state, now_s)
    assert found is not None
    return found[0]


def test_nothing_is_foretold_before_three_ends_of_the_wave() -> None:
    assert forecast(run_of((9, 9), done=2).state, 10.0) is None
    told = run_of((9, 9), done=9)
    assert forecast(told.state, 10.0) is not None
    told.tell(11, WaveFinished(wave="w0", status=RunStatus.SUCCEEDED, counts={}, wall_s=11.0)).opens(11, "w1")
    assert forecast(told.state, 11.0) is None, "nine ends, but none of them in this wave"
    for n in range(3):
        ended(told, 31, f"1.{n}", 20.0)
    assert seconds(told.state, 31.0) == 40.0, "six of 20 s on four workers"


def test_a_wave_of_two_never_has_three_ends_so_the_plan_counts() -> None:
    told = run_of((9, 2), done=9)
    told.tell(11, WaveFinished(wave="w0", status=RunStatus.SUCCEEDED, counts={}, wall_s=11.0)).opens(11, "w1")
    assert seconds(told.state, 11.0) == 10.0


def test_what_came_from_a_cache_says_nothing_of_how_long_others_take() -> None:
    told = run_of((12,), done=0)
    for n in range(6):
        told.ends(1, f"0.{n}", Status.CACHED)
    assert forecast(told.state, 10.0) is None
    for n in range(6, 9):
        ended(told, 21, f"0.{n}", 20.0)
    assert seconds(told.state, 21.0) == 20.0


def test_a_row_of_dependencies_takes_as_long_however_many_workers_there_are() -> None:
    chain = [subtask("c0"), *(subtask(f"c{n}", depends_on=(f"c{n - 1}",)) for n in range(1, 4))]
    told = Told(plan(wave("w", *(subtask(f"{n}") for n in range(3)), *chain)), workers=40).opens(0, "w")
    for n in range(3):
        ended(told, 10, f"{n}", 10.0)
    assert seconds(told.state, 10.0) == 40.0
    assert what_if(told.state, 10.0).bound_by == "critical_path"
    told.starts(10, "c0")
    assert seconds(told.state, 14.0) == 36.0


def test_another_number_of_workers_helps_only_as_long_as_the_limits_allow() -> None:
    told = run_of((43,), workers=4)
    limits(told, 10, itpm=10_000, settled=8_500)
    now = what_if(told.state, 10.0)
    assert now.seconds == pytest.approx(40_000 / (8_500 / 60) + 10)
    assert now.bound_by == "itpm"
    assert (
        now.seconds
        == seconds(told.state, 10.0)
        == what_if(told.state, 10.0, workers=4, mode=Mode.BALANCED).seconds
    )
    assert what_if(told.state, 10.0, workers=20).seconds == now.seconds
    slow = what_if(told.state, 10.0, workers=1)
    assert (slow.seconds, slow.bound_by) == (400.0, "workers")
    fast = what_if(told.state, 10.0, mode=Mode.AGGRESSIVE)
    assert fast.seconds is not None
    assert fast.seconds < now.seconds
    assert fast.usd == now.usd == pytest.approx(1.5 + 40 * 0.5)


def test_useful_workers_are_admissions_times_seconds() -> None:
    told = run_of((43,))
    assert useful_workers(told.state) is None, "no limit is known"
    limits(told, 10, itpm=10_000)
    useful = useful_workers(told.state)
    assert useful is not None
    assert (useful.admissions, useful.seconds, useful.binds, useful.workers) == (8.5, 10.0, "itpm", 2)


def test_a_stop_that_lets_finish_leaves_only_what_is_in_flight() -> None:
    told = run_of((20,)).starts(10, "0.3", "0.4")
    told.tell(12, CancelRequested(by="me", scope=Scope.RUN, manner=Manner.FINISH))
    assert seconds(told.state, 12.0) == 8.0
    cost = cost_forecast(told.state, 12.0)
    assert cost is not None
    assert cost[0] == pytest.approx(1.5 + 2 * 0.5)


def test_the_cost_is_what_was_spent_and_what_is_to_come() -> None:
    told = run_of((9, 4)).starts(10, "0.3", "0.4")
    cost = cost_forecast(told.state, 10.0)
    assert cost is not None
    assert cost[0] == pytest.approx(13 * 0.5)
    assert cost[1] == pytest.approx(0.5 * 4 * 0.5), "of the second wave only the first tells what it costs"
    assert in_flight_usd(told.state) == 1.0
    assert cost_forecast(run_of((9,), done=2).state, 10.0) is None
    unknown = run_of((9,), done=2)
    ended(unknown, 10, "0.2", 10.0, usd=None)
    assert cost_forecast(unknown.state, 10.0) is None, "some usage has no price"


def paid(told: Told, at: float, id: str, usd: float) -> Told:
    """A turn of an agent that goes on."""
    wave, used = told.wave_of[id], {"model": "m", "input_tokens": 1_000, "output_tokens": 200}
    return told.tell(at, UsageRecorded(wave=wave, subtask=id, attempt=1, cost_usd=usd, **used))  # type: ignore[arg-type]


def test_what_agents_have_paid_so_far_is_not_foretold_once_more() -> None:
    told = run_of((9,)).starts(10, "0.3", "0.4")
    told = paid(paid(told, 12, "0.3", 0.2), 13, "0.4", 0.9)
    cost = cost_forecast(told.state, 13.0)
    assert cost is not None
    assert cost[0] == pytest.approx(1.5 + (0.5 + 0.9) + 4 * 0.5), "0.2 of 0.5 is paid, and 0.9 is past it"
    assert in_flight_usd(told.state) == pytest.approx(0.3)
    told.state.budget_usd = 3.45
    found = when_cap_passed(told.state, 13.0)
    assert found is not None
    assert found.subtask == 3 + 2 + 1 + 1, "what the two still cost and one more fit into 0.85"


def test_the_cap_is_passed_at_about_a_subtask_and_an_instant() -> None:
    told = run_of((23,))
    assert when_cap_passed(told.state, 10.0) is None
    told.state.budget_usd = 12.0
    assert when_cap_passed(told.state, 10.0) is None
    told.state.budget_usd = 6.5
    found = when_cap_passed(told.state, 10.0)
    assert found is not None
    assert found.subtask == 3 + 11, "3 cost 1.50, the 10 after them 5.00, and the next one is too much"
    assert found.after_s == pytest.approx(50.0 / 2)


def test_silence_is_judged_by_the_longest_silences_of_attempts_that_went_well() -> None:
    told = run_of((30,), done=0)
    state = told.state
    wave_0 = state.waves["w0"]
    assert (quiet_after_s(state, wave_0), quiet_facts(state, wave_0)) == (20.0, (None, 0))
    for n, gap in enumerate([30.0] * 19 + [90.0]):
        id, at = f"0.{n}", 1_000.0 * n
        told.starts(at, id)
        for say_at in (at + 1, at + 1 + gap, at + 2 + gap):
            told.tell(say_at, SubtaskOutput(wave="w0", subtask=id, attempt=1, text="x"))
        told.ends(at + 3 + gap, id)
    p95_s, attempts = quiet_facts(state, wave_0)
    assert (attempts, quiet_after_s(state, wave_0)) == (20, p95_s)
    assert p95_s == pytest.approx(30.0, rel=0.05)
    assert p95_s is not None
    assert p95_s >= 30.0, "so that 95 of 100 were never silent for longer"


def test_attempts_that_failed_teach_nothing_about_silence() -> None:
    told = run_of((9,), done=0)
    for n in range(4):
        told.starts(0, f"0.{n}").fails(200, f"0.{n}", ErrorKind.STALLED).ends(200, f"0.{n}", Status.FAILED)
    assert quiet_facts(told.state, told.state.waves["w0"]) == (None, 0)


def test_samples_stay_few_and_keep_the_whole_run() -> None:
    told = run_of((9,))
    for at in range(10, 4_010):
        limits(told, float(at), itpm=10_000, settled=at)
    samples = told.state.samples
    assert MOST_SAMPLES / 2 <= len(samples) <= MOST_SAMPLES
    assert sum(s.of for s in samples) == 4_000
    assert (samples[0].at, [s.at for s in samples]) == (10.0, sorted(s.at for s in samples))
    assert samples[-1].itpm == pytest.approx(0.4, abs=0.01)
    assert sum(s.itpm * s.of for s in samples) == pytest.approx(sum(range(10, 4_010)) / 10_000)


def test_lost_time_is_worked_out_once_a_second_and_not_for_large_plans() -> None:
    told, gauged = run_of((9,)), Gauged()
    first = gauged.of(told.state, 20.0)
    assert first == measure(told.state, 20.0)
    assert gauged.of(told.state, 20.9) is first
    assert gauged.of(told.state, 21.0) is not first
    assert Gauged().of(run_of((501,)).state, 20.0) is None


def test_a_pause_changes_no_forecast() -> None:
    told = run_of((9,))
    before = forecast(told.state, 10.0)
    told.tell(10, RunPaused(by="me"))
    assert forecast(told.state, 10.0) == before
