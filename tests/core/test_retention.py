"""Which runs go: only what is over, the oldest first, no more than the limits ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.retention import GIGABYTE, KeepLimits, removable, to_remove
from luna_tui.core.run_summary import RESUMABLE, KeptStatus, RunSummary

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NO_LIMITS = KeepLimits(runs=0, gigabytes=0.0, days=0.0)


def kept(
    number: int, status: KeptStatus = KeptStatus.SUCCEEDED, *, days: float = 0.0, gb: float = 0.0
) -> RunSummary:
    return RunSummary(
        run=f"r{number}", status=status, began=NOW - timedelta(days=days), size_bytes=round(gb * GIGABYTE)
    )


RUNS = st.lists(
    st.tuples(st.sampled_from(KeptStatus), st.integers(0, 60), st.integers(0, 30)), max_size=30
).map(lambda given: [kept(n, s, days=d, gb=g / 10) for n, (s, d, g) in enumerate(given)])
LIMITS = st.builds(
    KeepLimits,
    runs=st.integers(0, 12),
    gigabytes=st.sampled_from([0.0, 0.5, 1.0, 5.0]),
    days=st.integers(0, 40),
)
SPARED = st.frozensets(st.sampled_from([f"r{n}" for n in range(30)]), max_size=3)


def within(runs: list[RunSummary], limits: KeepLimits, spared: frozenset[str]) -> bool:
    size = sum(r.size_bytes for r in runs)
    aged = [r for r in runs if r.run not in spared and (NOW - r.began) > timedelta(days=limits.days)]
    return not (
        (limits.days > 0 and aged) or 0 < limits.runs < len(runs) or 0 < limits.gigabytes * GIGABYTE < size
    )


@given(RUNS, LIMITS, SPARED)
def test_only_runs_that_are_over_go_and_never_a_spared_one(
    runs: list[RunSummary], limits: KeepLimits, spared: frozenset[str]
) -> None:
    gone = to_remove(runs, limits, NOW, spared)
    assert len({r.run for r in gone}) == len(gone)
    assert all(removable(r, NOW) and r.run not in spared for r in gone)
    assert not any(r.status is KeptStatus.RUNNING or r.status in RESUMABLE for r in gone)


@given(RUNS, LIMITS, SPARED)
def test_the_oldest_go_and_the_limits_hold_or_nothing_is_left_to_go(
    runs: list[RunSummary], limits: KeepLimits, spared: frozenset[str]
) -> None:
    gone = to_remove(runs, limits, NOW, spared)
    counted = [r for r in runs if removable(r, NOW)]
    left = [r for r in counted if r not in gone]
    stays = [r for r in left if r.run not in spared]
    assert all(g.began <= s.began for g in gone for s in stays)
    assert within(left, limits, spared) or not stays
    if gone:
        assert not within([*left, gone[-1]], limits, spared)


@given(RUNS, SPARED)
def test_without_limits_nothing_goes(runs: list[RunSummary], spared: frozenset[str]) -> None:
    assert to_remove(runs, NO_LIMITS, NOW, spared) == ()


@given(RUNS, LIMITS, SPARED)
def test_the_order_in_which_they_are_listed_decides_nothing(
    runs: list[RunSummary], limits: KeepLimits, spared: frozenset[str]
) -> None:
    assert to_remove(runs, limits, NOW, spared) == to_remove(runs[::-1], limits, NOW, spared)


@pytest.mark.parametrize("status", [KeptStatus.RUNNING, *sorted(RESUMABLE)])
def test_a_run_that_is_on_or_can_go_on_counts_for_nothing(status: KeptStatus) -> None:
    runs = [kept(1, days=3), kept(2, days=2), *(kept(n, status, days=90, gb=9) for n in range(3, 9))]
    assert to_remove(runs, KeepLimits(runs=2), NOW) == ()
    assert [r.run for r in to_remove(runs, KeepLimits(runs=1), NOW)] == ["r1"]


def test_the_run_that_just_ended_counts_and_stays() -> None:
    runs = [kept(1, gb=3), kept(2, days=1, gb=0.1)]
    assert [r.run for r in to_remove(runs, KeepLimits(gigabytes=1), NOW, frozenset({"r1"}))] == ["r2"]


def test_what_another_process_may_be_making_stays_for_an_hour() -> None:
    new, old = kept(1, KeptStatus.UNREADABLE, days=0.01), kept(2, KeptStatus.UNREADABLE, days=40)
    assert to_remove([new, old], KeepLimits(), NOW) == (old,)
