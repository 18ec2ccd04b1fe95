"""No schedule beats the bound, and good ones come near it."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.schedule import critical_path, efficiency, lower_bound_s, speedup

Durations = dict[str, float]
Graph = dict[str, tuple[str, ...]]


@st.composite
def waves_of_subtasks(draw: st.DrawFn) -> tuple[Durations, Graph, list[list[str]], list[int]]:
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    waves = [[f"{w}.{n}" for n in range(size)] for w, size in enumerate(sizes)]
    durations = {i: draw(st.integers(0, 9)) / 2 for ids in waves for i in ids}
    graph = {
        i: tuple(draw(st.lists(st.sampled_from(ids[:n]), max_size=2))) if n else ()
        for ids in waves
        for n, i in enumerate(ids)
    }
    workers = [draw(st.integers(1, 4)) for _ in waves]
    return durations, graph, waves, workers


def greedy_wave_s(durations: Durations, graph: Graph, ids: list[str], workers: int) -> float:
    """List scheduling: each free worker takes the first ready subtask."""
    todo, done, now = list(ids), set[str](), 0.0
    running: list[tuple[float, str]] = []
    while todo or running:
        for i in [i for i in todo if set(graph[i]) <= done][: workers - len(running)]:
            todo.remove(i)
            heapq.heappush(running, (now + durations[i], i))
        now, ended = heapq.heappop(running)
        done.add(ended)
    return now


@given(waves_of_subtasks())
def test_no_schedule_is_shorter_than_the_bound_and_a_greedy_one_at_most_twice_as_long(
    drawn: tuple[Durations, Graph, list[list[str]], list[int]],
) -> None:
    durations, graph, waves, workers = drawn
    bound_s = lower_bound_s(durations, graph, waves, workers)
    greedy_s = sum(greedy_wave_s(durations, graph, w, n) for w, n in zip(waves, workers, strict=True))
    assert bound_s - 1e-9 <= greedy_s <= 2 * bound_s + 1e-9


@given(waves_of_subtasks())
def test_one_worker_is_bound_by_the_sum(
    drawn: tuple[Durations, Graph, list[list[str]], list[int]],
) -> None:
    durations, graph, waves, _ = drawn
    assert lower_bound_s(durations, graph, waves, [1] * len(waves)) == pytest.approx(sum(durations.values()))


def test_equal_subtasks_share_the_workers_and_barriers_add_up() -> None:
    durations = {str(n): 1.0 for n in range(20)}
    ids = list(durations)
    assert lower_bound_s(durations, {}, [ids], [15]) == pytest.approx(20 / 15)
    assert lower_bound_s(durations, {}, [ids[:10], ids[10:]], [10, 10]) == 2.0
    assert lower_bound_s(durations, {}, [ids], [40]) == 1.0


def test_a_dependency_on_an_earlier_wave_does_not_count_twice() -> None:
    durations = {"a": 3.0, "b": 4.0}
    assert lower_bound_s(durations, {"b": ("a",)}, [["a"], ["b"]], [2, 2]) == 7.0


def test_the_longest_chain_is_named_from_its_start() -> None:
    durations = {"a": 1.0, "b": 5.0, "c": 2.0, "d": 1.0}
    graph = {"c": ("a", "b"), "d": ("a",)}
    assert critical_path(durations, graph) == (("b", "c"), 7.0)
    assert critical_path(durations, graph, ["a", "c", "d"]) == (("a", "c"), 3.0)


def test_nothing_takes_no_time() -> None:
    assert critical_path({}, {}) == ((), 0.0)
    assert lower_bound_s({}, {}, [], []) == 0.0
    assert lower_bound_s({}, {}, [["never-ran"]], [4]) == 0.0


def test_members_of_a_cycle_are_left_out() -> None:
    durations = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 4.0}
    assert critical_path(durations, {"a": ("b",), "b": ("a",), "c": ("a",)}) == (("d",), 4.0)


def test_waves_and_workers_must_match() -> None:
    with pytest.raises(ValueError, match="zip"):
        lower_bound_s({}, {}, [["a"]], [])


def test_a_chain_of_a_hundred_thousand_is_added_up_without_recursion() -> None:
    ids = [str(n) for n in range(100_000)]
    graph = {i: (str(int(i) - 1),) for i in ids[1:]}
    path, seconds = critical_path(dict.fromkeys(ids, 0.5), graph)
    assert (len(path), seconds) == (100_000, 50_000.0)


def test_figures_without_time_are_unknown_and_efficiency_is_at_most_one() -> None:
    assert speedup(30.0, 3.0) == 10.0
    assert speedup(30.0, 0.0) is None
    assert efficiency(2.0, 4.0) == 0.5
    assert efficiency(4.0, 3.999) == 1.0
    assert efficiency(1.0, 0.0) is None
