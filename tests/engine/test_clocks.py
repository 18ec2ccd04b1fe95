"""Clocks: time that runs faster."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from luna_tui.engine.clock import ManualClock, ScaledClock


def test_a_scaled_clock_is_so_many_times_as_fast() -> None:
    base = ManualClock(100.0, datetime(2026, 1, 1, tzinfo=UTC))
    base.advance(5.0)
    clock = ScaledClock(60.0, base)
    assert clock.now() == 105.0
    assert clock.wall() == base.wall()
    base.advance(2.0)
    assert clock.now() == 225.0
    assert clock.wall() == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=125)


def test_a_wait_on_a_scaled_clock_ends_at_its_instant() -> None:
    base = ManualClock()
    clock = ScaledClock(10.0, base)
    ends: list[tuple[bool, float]] = []
    waiting = threading.Thread(target=lambda: ends.append((clock.wait(threading.Event(), 30.0), clock.now())))
    waiting.start()
    base.advance(2.0)
    waiting.join(0.05)
    assert waiting.is_alive()
    base.advance(1.5)
    waiting.join(5.0)
    assert ends == [(False, 35.0)]


def test_a_scaled_clock_waits_for_events_without_end() -> None:
    event = threading.Event()
    event.set()
    assert ScaledClock(60.0).wait(event)


def test_time_does_not_stand_still_or_go_back() -> None:
    with pytest.raises(ValueError, match="above 0"):
        ScaledClock(0.0)
