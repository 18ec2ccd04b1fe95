"""The comparison of limiters: its parts, and one contender from end to end."""

from __future__ import annotations

import pytest

from benchmarks import limiter
from benchmarks.compressed import CompressedClock
from benchmarks.original_limiter import WindowLimiter
from benchmarks.workloads import mixed
from luna_tui.core.limits import Limits


class Slept(CompressedClock):
    """Time by hand; sleeping is only noted."""

    def __init__(self) -> None:
        super().__init__(1.0, 0.0)
        self.at = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    def wait(self, event: object, timeout_s: float | None = None) -> bool:
        self.slept.append(timeout_s or 0.0)
        return False


def test_the_original_admits_any_burst_on_a_fresh_window() -> None:
    clock = Slept()
    window = WindowLimiter(Limits(1_000, 450_000, 90_000), 0.85, clock)
    for _ in range(200):
        window.wait_if_needed()
    assert clock.slept == [], "nothing is booked before an answer has ended"


def test_the_original_waits_for_the_oldest_call_and_looks_once() -> None:
    clock = Slept()
    window = WindowLimiter(Limits(1_000, 450_000, 90_000), 0.85, clock)
    for at in (0.0, 40.0):
        clock.at = at
        window.book(190_000, 10)
    clock.at = 50.0
    window.wait_if_needed()
    assert clock.slept == [11.0], "until the first call leaves the window, although that is not enough"
    clock.at = 101.0
    window.wait_if_needed()
    assert clock.slept == [11.0], "calls of a minute ago are forgotten"


def test_share_of_the_limit_counts_what_was_admitted_after_the_first_bucket() -> None:
    works = mixed(200, 7)
    numbers = list(range(200))
    told = {"first_s": 1.0, "last_s": 101.0, "admitted": numbers, "refused": 3, "peak": 40}
    run = limiter.run_of({"makespan_s": 120.0, "failed": 0, "cpu_s": 1.0}, told, works)
    total = sum(work.input_tokens for work in works)
    assert run.used == pytest.approx((total - 450_000) / (100.0 * 7_500))
    assert len(limiter.cells("x", [run, run])) == len(limiter.COLUMNS)


def test_lost_requests_are_marked_beside_the_makespan() -> None:
    run = limiter.Run(makespan_s=80.0, used=1.0, failed=3, refused=9, peak=50, cpu_s=1.0)
    assert limiter.cells("x", [run])[1] == "80 *"


def test_a_missing_peer_is_told_loudly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert not any("aiolimiter" in name for name in limiter.chosen([]))
    assert "pip install aiolimiter" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["50 threads, SDK retries 2 (its default)", limiter.OURS])
def test_a_contender_does_all_the_work_in_a_process_of_its_own(name: str) -> None:
    run = limiter.measure(name, speed=60.0, count=4, seed=7)
    assert (run.failed, run.refused, run.peak) == (0, 0, 4)
    assert run.makespan_s >= max(work.seconds for work in mixed(4, 7)) - 0.1
