"""Levels, cycles, and bounds no schedule can beat."""

from __future__ import annotations

import graphlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.expect import miss
from luna_tui.core.plan import Expectation
from luna_tui.core.schedule import critical_path, lower_bound_s
from luna_tui.core.templates import TemplateError, names, render
from luna_tui.core.waves import cycles, levels

GRAPHS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=3), max_size=8
)


@given(GRAPHS)
def test_levels_and_cycles_agree_with_the_standard_library(graph: dict[str, list[str]]) -> None:
    known = {i: [d for d in deps if d in graph] for i, deps in graph.items()}
    try:
        list(graphlib.TopologicalSorter(known).static_order())
    except graphlib.CycleError:
        assert cycles(graph)
        return
    assert cycles(graph) == []
    place = {i: n for n, level in enumerate(levels(graph)) for i in level}
    assert set(place) == set(graph)
    assert all(place[d] < place[i] for i, deps in known.items() for d in deps)


def test_a_chain_of_a_hundred_thousand_is_no_problem() -> None:
    chain = {str(n): [str(n - 1)] if n else [] for n in range(100_000)}
    assert len(levels(chain)) == 100_000


def test_the_bound_is_the_larger_of_work_longest_and_chain() -> None:
    durations = {"a": 4.0, "b": 1.0, "c": 1.0, "d": 2.0}
    assert lower_bound_s(durations, {}, [["a", "b", "c", "d"]], [2]) == 4.0
    assert lower_bound_s(durations, {"d": ["a"]}, [["a", "b", "c", "d"]], [4]) == 6.0
    assert lower_bound_s(durations, {}, [["a"], ["b", "c", "d"]], [1, 3]) == 6.0
    assert critical_path(durations, {"d": ["a"]}, ["a", "b", "d"]) == (("a", "d"), 6.0)


def test_templates_are_filled_once_and_never_looked_into_again() -> None:
    assert names("{{ results.a-b }} {{files.0}} {{ not a name }}") == ("results.a-b", "files.0")
    assert render("{{ x }} {{ y z }}", {"x": "{{ x }}"}) == "{{ x }} {{ y z }}"
    with pytest.raises(TemplateError):
        render("{{ nope }}", {})


@pytest.mark.parametrize(
    ("expect", "output", "hit"),
    [
        (Expectation(json=True), '{"a": 1}', True),
        (Expectation(json=True), '```json\n{"a": 1}\n```', True),
        (Expectation(json=True), "{'a': 1}", False),
        (Expectation(contains="links"), "two links", True),
        (Expectation(contains="links"), "none", False),
        (Expectation(max_chars=3), "abcd", False),
    ],
)
def test_an_expectation_decides(expect: Expectation, output: str, hit: bool) -> None:
    assert (miss(expect, output) is None) == hit
