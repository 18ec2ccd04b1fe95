"""The order of dispatch on mixed work, in a simulation without threads: makespans beside their bounds."""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
from support import plan, subtask, wave

from benchmarks.workloads import mixed
from luna_tui.core.events import Tokens
from luna_tui.core.expectations import Expectations, PerRequest
from luna_tui.core.plan import Estimate, Plan, Subtask
from luna_tui.core.schedule import critical_path
from luna_tui.core.words import Schedule, Status
from luna_tui.engine.board import PlanBoard


class InPlanOrder(Expectations):
    """Knows nothing and learns nothing, so that the plan's order decides among prompts of one size."""

    def learn(self, subtask: object, used: object, seconds: float) -> None:
        pass

    def seconds(self, subtask: object) -> float:
        return 1.0


def makespan(
    given: Plan, seconds: Mapping[str, float], workers: int, expectations: Expectations | None = None
) -> float:
    """Seconds the board needs when nothing but workers, dependencies and barriers binds."""
    knows = expectations or Expectations(given)
    board = PlanBoard(given, knows)
    dag = given.schedule is Schedule.DAG
    opened = len(given.waves) if dag else 1
    board.open(range(opened))
    now = 0.0
    on: list[tuple[float, str, Subtask]] = []
    while board.left:
        while len(on) < workers and (taken := board.take()) is not None:
            heapq.heappush(on, (now + seconds[taken.id], taken.id, taken))
        now, _, done = heapq.heappop(on)
        knows.learn(done, PerRequest.once(Tokens(output=round(60 * seconds[done.id]))), seconds[done.id])
        board.end(done.id, Status.SUCCEEDED)
        if opened < len(given.waves) and board.left_of(opened - 1) == 0:
            board.open(range(opened, opened + 1))
            opened += 1
    return now


def one_wave(count: int, seed: int) -> tuple[Plan, dict[str, float]]:
    work = mixed(count, seed)
    subtasks = [subtask(f"s{n:03d}", files_chars=4 * w.input_tokens, timeout=0.0) for n, w in enumerate(work)]
    return plan(wave("w", *subtasks)), {s.id: w.seconds for s, w in zip(subtasks, work, strict=True)}


def flat(given: Plan) -> Plan:
    """The same plan without any size to go by."""
    waves = (replace(w, subtasks=tuple(replace(s, files_chars=0) for s in w.subtasks)) for w in given.waves)
    return replace(given, waves=tuple(waves))


def ten_by_twenty(seed: int) -> tuple[Plan, dict[str, float]]:
    work = mixed(200, seed)
    rng = random.Random(seed)
    seconds: dict[str, float] = {}
    waves = []
    for w in range(10):
        subtasks = []
        for n in range(20):
            id = f"{w}.{n:02d}"
            seconds[id] = work[20 * w + n].seconds
            needs = (f"{w - 1}.{rng.randrange(20):02d}",) if w else ()
            size = 4 * work[20 * w + n].input_tokens
            subtasks.append(subtask(id, depends_on=needs, files_chars=size, timeout=0.0))
        waves.append(wave(f"w{w}", *subtasks))
    return plan(*waves), seconds


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_by_dependency_ten_waves_take_their_critical_path(seed: int) -> None:
    given, seconds = ten_by_twenty(seed)
    _, path_s = critical_path(seconds, {s.id: s.depends_on for s in given.subtasks()})
    with_barriers = makespan(given, seconds, 200)
    without = makespan(replace(given, schedule=Schedule.DAG), seconds, 200)
    assert without <= 1.001 * path_s
    assert with_barriers > 1.5 * without


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_known_seconds_bring_few_workers_close_to_their_bound(seed: int) -> None:
    given, seconds = ten_by_twenty(seed)
    told = tuple(
        replace(w, subtasks=tuple(replace(s, estimate=Estimate(seconds=seconds[s.id])) for s in w.subtasks))
        for w in given.waves
    )
    given = replace(given, waves=told, schedule=Schedule.DAG)
    _, path_s = critical_path(seconds, {s.id: s.depends_on for s in given.subtasks()})
    bound_s = max(path_s, sum(seconds.values()) / 20)
    assert makespan(given, seconds, 20) <= 1.05 * bound_s


def test_what_is_learnt_beats_the_order_of_the_plan_on_the_whole() -> None:
    learnt = known = blind = bound = 0.0
    for seed in range(12):
        given, seconds = one_wave(200, seed)
        learnt += makespan(given, seconds, 20)
        blind += makespan(flat(given), seconds, 20, InPlanOrder(given))
        told = [replace(s, estimate=Estimate(seconds=seconds[s.id])) for s in given.subtasks()]
        known += makespan(plan(wave("w", *told)), seconds, 20)
        bound += max(sum(seconds.values()) / 20, *seconds.values())
    assert known <= 1.02 * bound
    assert learnt < blind
    assert learnt <= 1.12 * bound
