"""Two runs compared: each subtask by its id, and a difference counts only from its threshold on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kept import records

from luna_tui.core.comparison import (
    Change,
    Comparison,
    compare_runs,
    comparison_data,
)
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import Status


def demo(run: str = "a") -> RunState:
    return fold(records(run))


def changed(**changes: object) -> Comparison:
    """The demo beside itself with one subtask changed; each key is an attribute of its state."""
    after = demo("b")
    for name, value in changes.items():
        setattr(after.subtasks["gzip"], name, value)
    return compare_runs(demo(), after)


def changes_of(found: Comparison) -> dict[str, tuple[Change, ...]]:
    return {s.subtask: s.changes for s in found.subtasks}


def test_a_run_beside_itself_has_changed_in_nothing() -> None:
    found = compare_runs(demo(), demo("b"), ("x", "x"))
    assert found.subtasks == ()
    assert found.same_plan is True
    assert replace(found.after, run="a") == found.before


@pytest.mark.parametrize(("digests", "same"), [(("x", "y"), False), (("", "y"), None), (("x", "x"), True)])
def test_plans_are_the_same_by_their_digests(digests: tuple[str, str], same: bool | None) -> None:
    assert compare_runs(demo(), demo(), digests).same_plan is same


@pytest.mark.parametrize(
    ("was", "now", "slower"),
    [(2.0, 2.99, False), (2.0, 3.0, True), (10.0, 11.9, False), (10.0, 12.0, True), (0.0, 1.0, True)],
)
def test_slower_needs_a_second_and_a_fifth(was: float, now: float, slower: bool) -> None:
    before, after = demo(), demo("b")
    before.subtasks["gzip"].duration_s, after.subtasks["gzip"].duration_s = was, now
    assert changes_of(compare_runs(before, after)) == ({"gzip": (Change.SLOWER,)} if slower else {})


def test_faster_and_slower_are_each_others_mirror() -> None:
    slow = demo("b")
    slow.subtasks["gzip"].duration_s += 30.0
    assert changes_of(compare_runs(demo(), slow)) == {"gzip": (Change.SLOWER,)}
    assert changes_of(compare_runs(slow, demo())) == {"gzip": (Change.FASTER,)}


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMED_OUT, Status.SKIPPED, Status.CANCELLED])
def test_what_does_not_end_well_any_more_failed_anew_and_is_no_slower(status: Status) -> None:
    found = changed(status=status, duration_s=500.0, reason="exited with 3")
    assert changes_of(found) == {"gzip": (Change.BROKEN,)}
    assert found.subtasks[0].after is not None
    assert found.subtasks[0].after.reason == "exited with 3"


def test_what_ends_well_again_is_fixed() -> None:
    before = demo()
    before.subtasks["gzip"].status = Status.TIMED_OUT
    assert changes_of(compare_runs(before, demo("b"))) == {"gzip": (Change.FIXED,)}


def test_what_came_from_the_cache_is_no_gain() -> None:
    assert changes_of(changed(status=Status.CACHED, duration_s=0.0, cost_usd=0.0)) == {}


def test_what_has_not_ended_is_neither_broken_nor_fixed() -> None:
    assert changes_of(changed(status=None, duration_s=0.0)) == {}
    before = demo()
    before.subtasks["gzip"].status = None
    assert changes_of(compare_runs(before, demo("b"))) == {}


def test_dearer_needs_both_prices() -> None:
    before, after = demo(), demo("b")
    after.subtasks["gzip"].cost_usd = 0.5
    assert changes_of(compare_runs(before, after)) == {}
    before.subtasks["gzip"].cost_usd = 0.4
    assert changes_of(compare_runs(before, after)) == {"gzip": (Change.DEARER,)}
    assert changes_of(compare_runs(after, before)) == {"gzip": (Change.CHEAPER,)}
    before.subtasks["gzip"].cost_usd = 0.495
    assert changes_of(compare_runs(before, after)) == {}


def test_added_and_removed_are_matched_by_id() -> None:
    before, after = demo(), demo("b")
    after.subtasks["zlib"] = after.subtasks.pop("gzip")
    found = compare_runs(before, after)
    assert changes_of(found) == {"zlib": (Change.ADDED,), "gzip": (Change.REMOVED,)}


def test_the_greatest_difference_comes_first() -> None:
    after = demo("b")
    for more, name in ((5.0, "gzip"), (50.0, "ast"), (20.0, "csv")):
        after.subtasks[name].duration_s += more
    slower = compare_runs(demo(), after).having(Change.SLOWER)
    assert [s.subtask for s in slower] == ["ast", "csv", "gzip"]
    assert slower[0].gained_s == pytest.approx(50.0)


def test_a_run_that_is_not_over_gives_figures_so_far() -> None:
    found = compare_runs(demo(), fold(records("b", until=400)))
    assert found.before.over
    assert not found.after.over
    assert 0 < found.after.wall_s < found.before.wall_s


def test_data_tell_the_threshold_and_both_sides() -> None:
    data = comparison_data(changed(duration_s=100.0))
    assert data["notable"] == {"share": 0.2, "seconds": 1.0, "usd": 0.01}
    assert [s["id"] for s in data["subtasks"]] == ["gzip"]
    assert data["subtasks"][0]["after"]["seconds"] == 100.0
    assert data["before"]["run"] == "a"
