"""Levels are as early as they can be; cycles are real, short, and one a knot."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.waves import cycles, levels

GRAPHS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefghz"), max_size=3), max_size=8
)


@given(GRAPHS)
def test_a_level_is_one_more_than_the_latest_it_needs(graph: dict[str, list[str]]) -> None:
    place = {i: n for n, level in enumerate(levels(graph)) for i in level}
    for i, n in place.items():
        needed = [place[d] for d in graph[i] if d in graph]
        assert n == max(needed, default=-1) + 1


@given(GRAPHS)
def test_every_cycle_told_is_one(graph: dict[str, list[str]]) -> None:
    for cycle in cycles(graph):
        assert len(set(cycle)) == len(cycle)
        for here, following in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            assert following in graph[here]


@given(GRAPHS)
def test_what_is_in_no_level_is_on_or_behind_a_cycle(graph: dict[str, list[str]]) -> None:
    placed = {i for level in levels(graph) for i in level}
    assert (placed != set(graph)) == bool(cycles(graph))


def test_the_short_cycle_of_a_knot_is_told() -> None:
    graph = {"a": ["b"], "b": ["c"], "c": ["d"], "d": ["e", "c"], "e": ["a"]}
    assert cycles(graph) == [("c", "d")]


def test_a_cycle_starts_with_its_first_member_in_file_order() -> None:
    graph = {"entry": ["y"], "x": ["y"], "y": ["z"], "z": ["x"]}
    assert cycles(graph) == [("x", "y", "z")]


def test_each_knot_has_its_own_cycle() -> None:
    assert cycles({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"], "e": ["e"]}) == [
        ("a", "b"),
        ("c", "d"),
        ("e",),
    ]


def test_levels_keep_the_order_of_the_file() -> None:
    assert levels({"b": [], "a": [], "d": ["a"], "c": ["b"]}) == [["b", "a"], ["d", "c"]]


def test_a_cycle_of_a_hundred_thousand_is_found() -> None:
    ring = {str(n): [str((n + 1) % 100_000)] for n in range(100_000)}
    assert len(cycles(ring)[0]) == 100_000


def test_many_knots_that_hang_together_are_no_problem() -> None:
    graph: dict[str, list[str]] = {}
    for n in range(20_000):
        graph[f"a{n}"] = [f"b{n}", f"a{n + 1}"]
        graph[f"b{n}"] = [f"a{n}"]
    assert len(cycles(graph)) == 20_000
