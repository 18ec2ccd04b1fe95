"""The benchmark's workloads, rows and picture."""

from __future__ import annotations

import random
from xml.etree import ElementTree

import pytest

from luna_tui.core.bench_picture import picture
from luna_tui.core.bench_rows import COLUMNS, BenchRow, cells, pipe_table, row_data, verdict
from luna_tui.core.makespan import Bound
from luna_tui.core.workloads import WORKLOADS, bench_plan, draw, prompt
from luna_tui.simulator.model import count_tokens
from luna_tui.simulator.script import read_script


def row(**more: object) -> BenchRow:
    given: dict[str, object] = {
        "name": "files", "title": "20 file analyses", "count": 20, "workers": 15,
        "sequential_s": (600.0,), "parallel_s": (60.0,), "bound": Bound(58.8, "packing"),
        "longest_first_s": 60.0, "claimed": 20.0,
    }  # fmt: skip
    return BenchRow(**(given | more))  # type: ignore[arg-type]


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.name)
def test_a_workload_takes_its_sequential_time_whatever_the_seed(workload: object) -> None:
    for seed in (1, 2):
        items = draw(workload, random.Random(seed).gauss)  # type: ignore[arg-type]
        assert sum(i.seconds for i in items) == pytest.approx(workload.count * workload.mean_s)  # type: ignore[attr-defined]
        assert all(0 < i.first_s <= i.seconds / 2 and i.output_tokens > 0 for i in items)


def test_without_spread_all_subtasks_are_alike() -> None:
    assert {i.seconds for i in draw(WORKLOADS[0], random.Random(1).gauss, 0.0)} == {30.0}


def test_the_same_seed_draws_the_same() -> None:
    assert draw(WORKLOADS[1], random.Random(5).gauss) == draw(WORKLOADS[1], random.Random(5).gauss)


def test_a_prompt_is_as_long_as_it_was_drawn_and_orders_its_latency() -> None:
    item = draw(WORKLOADS[4], random.Random(3).gauss)[0]
    text = prompt(WORKLOADS[4], item, 1)
    script = read_script(text)
    assert count_tokens(text) == pytest.approx(item.input_tokens, abs=10)
    assert script.output == item.output_tokens
    assert script.seconds == pytest.approx(item.seconds, abs=0.001)


def test_a_plan_carries_the_guesses_and_no_timeouts() -> None:
    items = draw(WORKLOADS[3], random.Random(3).gauss)
    plan = bench_plan(WORKLOADS[3], items, "m", [float(n) for n in range(10)])
    subtasks = list(plan.subtasks())
    assert [s.estimate.seconds for s in subtasks] == [float(n) for n in range(10)]
    assert len({s.id for s in subtasks}) == 10
    assert plan.waves[0].timeout == 0.0
    assert {s.timeout for s in subtasks} == {0.0}
    assert all(s.max_tokens > i.output_tokens for s, i in zip(subtasks, items, strict=True))
    assert {s.estimate.seconds for s in bench_plan(WORKLOADS[3], items, "m").subtasks()} == {None}


def test_figures_of_a_row() -> None:
    it = row(parallel_s=(58.0, 60.0, 75.0))
    assert it.speedup == pytest.approx(10.0)
    assert it.efficiency == pytest.approx(0.98)
    assert it.overhead == pytest.approx(0.0)
    assert cells(it)[3] == "60.0 s (58.0 to 75.0)"
    assert len(cells(it)) == len(COLUMNS)
    assert row_data(it)["bound_name"] == "packing"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "20x: impossible, 15 workers"),
        ({"count": 10, "claimed": 15.0}, "15x: impossible, 10 subtasks"),
        (
            {"count": 15, "claimed": 14.0, "bound": Bound(50.0, "longest subtask")},
            "14x: not here, at most 12.0x",
        ),
        ({"count": 50, "claimed": 10.0}, "10x: possible"),
        ({"claimed": None}, "-"),
    ],
)
def test_a_claim_is_judged_by_counting(more: dict[str, object], said: str) -> None:
    assert verdict(row(**more)) == said


def test_a_table_reads_as_text_and_as_markdown() -> None:
    assert pipe_table(["a", "b"], [["1|2", "x"]]).splitlines() == [
        "| a    | b |",
        "|------|---|",
        "| 1\\|2 | x |",
    ]


def test_the_picture_is_one_well_formed_file_that_says_its_figures_in_words() -> None:
    text = picture([row(title="a < b & c"), row()], title='five "workloads"', foot="f")
    root = ElementTree.fromstring(text)
    assert "a < b & c 10.0 times" in root.attrib["aria-label"]
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    bars = [e for e in root.iter() if e.tag.endswith("rect")]
    assert len(bars) == 2 + 2 * 2
    assert float(bars[2].attrib["width"]) == pytest.approx(10 * float(bars[3].attrib["width"]), rel=0.01)
