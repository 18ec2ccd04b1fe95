"""The tier x mode table: workers and what may be used of each limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.limits import (
    AUTO_WORKERS,
    DEFAULT_MODE,
    DEFAULT_TIER,
    SHARES,
    TIERS,
    Limits,
    WorkerRule,
    above_table,
    caps,
    worker_rule,
)
from luna_tui.core.words import Mode, Staffing

CONSERVATIVE, BALANCED, AGGRESSIVE = Mode.CONSERVATIVE, Mode.BALANCED, Mode.AGGRESSIVE

CELLS = [
    ("tier1", CONSERVATIVE, 3, Limits(37, 22_500, 6_000)),
    ("tier1", BALANCED, 4, Limits(42, 25_500, 6_800)),
    ("tier1", AGGRESSIVE, 5, Limits(47, 28_500, 7_600)),
    ("tier2", CONSERVATIVE, 10, Limits(750, 337_500, 67_500)),
    ("tier2", BALANCED, 15, Limits(850, 382_500, 76_500)),
    ("tier2", AGGRESSIVE, 20, Limits(950, 427_500, 85_500)),
    ("tier3", CONSERVATIVE, 15, Limits(1_500, 600_000, 120_000)),
    ("tier3", BALANCED, 20, Limits(1_700, 680_000, 136_000)),
    ("tier3", AGGRESSIVE, 30, Limits(1_900, 760_000, 152_000)),
    ("tier4", CONSERVATIVE, 20, Limits(3_000, 1_500_000, 300_000)),
    ("tier4", BALANCED, 30, Limits(3_400, 1_700_000, 340_000)),
    ("tier4", AGGRESSIVE, 40, Limits(3_800, 1_900_000, 380_000)),
]


@pytest.mark.parametrize(("tier", "mode", "workers", "allowed"), CELLS)
def test_each_cell_has_its_workers_and_its_caps(tier: str, mode: Mode, workers: int, allowed: Limits) -> None:
    assert worker_rule(Staffing.TABLE, tier, mode).most == workers
    assert caps(TIERS[tier].limits, mode) == allowed


def test_without_a_choice_fifteen_work() -> None:
    assert worker_rule(Staffing.TABLE, DEFAULT_TIER, DEFAULT_MODE).most == 15


@pytest.mark.parametrize("tier", ["start", "build", "scale"])
@pytest.mark.parametrize("mode", list(Mode))
def test_newer_tiers_leave_the_number_of_workers_open(tier: str, mode: Mode) -> None:
    assert worker_rule(Staffing.TABLE, tier, mode).most == AUTO_WORKERS


def test_a_tier_that_the_table_lacks_is_an_error() -> None:
    with pytest.raises(KeyError):
        worker_rule(Staffing.TABLE, "tier9", Mode.BALANCED)


@given(st.integers(1, 10**9), st.sampled_from(list(Mode)))
def test_a_cap_is_the_exact_share_rounded_down(limit: int, mode: Mode) -> None:
    percent = {CONSERVATIVE: 75, BALANCED: 85, AGGRESSIVE: 95}[mode]
    assert SHARES[mode] == percent / 100
    exact = limit * percent // 100
    assert caps(Limits(limit, limit, limit), mode) == Limits(exact, exact, exact)


def test_a_number_is_taken_as_it_is_and_the_limits_have_a_ceiling() -> None:
    assert worker_rule(40, "tier2", BALANCED) == WorkerRule(40)
    assert worker_rule(Staffing.TABLE, "tier2", BALANCED) == WorkerRule(15)
    assert worker_rule(Staffing.AUTO, "tier2", BALANCED).most == AUTO_WORKERS
    assert worker_rule(Staffing.AUTO, "tier2", BALANCED).automatic
    assert worker_rule(Staffing.TABLE, "build", BALANCED).automatic


def test_a_number_above_the_table_is_told() -> None:
    assert above_table(40, "tier2", BALANCED) == "40 workers, above the table's 15 for tier2 balanced"
    assert above_table(15, "tier2", BALANCED) == ""
    assert above_table(1_000, "build", BALANCED) == ""
    assert above_table(Staffing.AUTO, "tier2", BALANCED) == ""
