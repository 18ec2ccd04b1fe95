"""The benchmarks still run and still compare; what they measure is not judged here."""

from __future__ import annotations

import importlib
import json

import pytest

COMPARISONS = (
    "agents", "bus", "engine_overhead", "fold", "frame", "held_commands", "run_list", "startup", "streams",
)  # fmt: skip


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_comparison_says_how_its_cases_relate(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module(f"benchmarks.{name}").main(["--quick", "--json"])
    first, *others = json.loads(capsys.readouterr().out)["cases"]
    assert first["wall_ratio"] == 1.0
    assert others
    assert all(case["wall_ratio"] > 0 and case["cpu_ratio"] > 0 for case in others)


@pytest.mark.parametrize(
    ("name", "figure"), [("screen_frames", "kb_s"), ("screen_keys", "p95_ms"), ("screen_memory", "after_mb")]
)
def test_a_benchmark_of_the_screen_measures(
    name: str, figure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    importlib.import_module(f"benchmarks.{name}").main(["--quick", "--json"])
    cases = json.loads(capsys.readouterr().out)["cases"]
    assert cases[-1][figure] > 0


def test_a_table_has_a_line_for_each_case(capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module("benchmarks.fold").main(["--quick"])
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert "records" in title
    assert "us each" in head
    assert [row.split("  ")[0] for row in rows] == [
        "fold records",
        "read a journal",
        "read a journal and fold it",
    ]


def test_the_journal_says_how_much_is_durable_and_how_long_one_waits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    importlib.import_module("benchmarks.journal").main(["--quick", "--json"])
    cases = json.loads(capsys.readouterr().out)["cases"]
    assert len(cases) == 5
    assert all(case["per_second"] > 0 and case["p99_ms"] >= case["p50_ms"] for case in cases.values())


def test_memory_is_told_for_three_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module("benchmarks.memory").main(["--quick", "--json"])
    sizes = json.loads(capsys.readouterr().out)["cases"]
    assert [row["items"] for row in sizes] == [50, 150, 500]
    assert all(row["peak_mb"] >= row["before_mb"] > 0 for row in sizes)


def test_a_long_list_is_compared_with_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module("benchmarks.big_list").main(["--quick", "--json"])
    cases = json.loads(capsys.readouterr().out)["cases"]
    assert set(cases) == {"plan screen", "DataTable"}
    assert all(low <= median <= high for row in cases.values() for median, low, high in row.values())


def test_viewers_are_counted_in_what_they_cost(capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module("benchmarks.attach").main(["--quick", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["attach_ms"]["1,000 events, 40 subtasks"] > 0
    assert found["storms"]["2,000"].keys() == {"0", "1"}
    assert all(series[0][0] > 0 for series in found["storms"]["2,000"].values())
