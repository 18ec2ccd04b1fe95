"""One step down when frames are late for a while, one up when they have been quick for longer."""

from __future__ import annotations

from luna_tui.tui.ladder import CLIMB_S, FALL_S, LONGEST_CLIMB_S, Ladder, Rung


def feed(ladder: Ladder, took_s: float, begin: float, seconds: float, every_s: float = 0.5) -> list[float]:
    """Frames that take so long; instants at which the rung changed."""
    changed = []
    for n in range(round(seconds / every_s)):
        before, now = ladder.rung, begin + n * every_s
        ladder.frame(took_s, now)
        if ladder.rung is not before:
            changed.append(now)
    return changed


def rung(ladder: Ladder) -> Rung:
    return ladder.rung


def test_a_single_late_frame_changes_nothing() -> None:
    ladder = Ladder()
    ladder.frame(1.0, 10.0)
    feed(ladder, 0.05, 10.5, 3.0)
    ladder.frame(1.0, 14.0)
    assert ladder.rung is Rung.FULL


def test_late_frames_lead_down_one_step_at_a_time_to_the_last() -> None:
    ladder = Ladder()
    changed = feed(ladder, 0.4, 0.0, 20.0)
    assert ladder.rung is Rung.SUMMARY
    assert len(changed) == 2
    assert changed[1] - changed[0] >= FALL_S


def test_one_frame_that_never_arrives_counts_as_many() -> None:
    ladder = Ladder()
    for tenth in range(20, 39):
        ladder.frame(tenth / 10, tenth / 10)
    assert rung(ladder) is Rung.NO_TEXT
    ladder.frame(4.1, 4.1)
    assert rung(ladder) is Rung.SUMMARY


def test_frames_that_are_neither_late_nor_quick_keep_the_rung() -> None:
    ladder = Ladder()
    feed(ladder, 0.4, 0.0, 3.0)
    assert feed(ladder, 0.2, 3.0, 100.0) == []
    assert ladder.rung is Rung.NO_TEXT


def test_quick_frames_lead_up_after_a_while() -> None:
    ladder = Ladder()
    feed(ladder, 0.4, 0.0, 3.0)
    changed = feed(ladder, 0.05, 3.0, 20.0)
    assert len(changed) == 1
    assert changed[0] - 3.0 >= CLIMB_S


def test_it_does_not_swing_on_a_line_that_carries_one_step_less() -> None:
    ladder, now = Ladder(), 0.0
    changes = []
    for _ in range(1_200):
        now += 0.25
        before = ladder.rung
        ladder.frame(0.4 if ladder.rung is Rung.FULL else 0.05, now)
        if ladder.rung is not before:
            changes.append(now)
    assert len(changes) <= 16
    assert changes[-1] - changes[-3] >= LONGEST_CLIMB_S
