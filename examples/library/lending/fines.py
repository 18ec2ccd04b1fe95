"""What a late return costs, in cents."""

from __future__ import annotations

from lending.members import Level

FREE_DAYS = 2
DAILY = {Level.CHILD: 5, Level.ADULT: 20, Level.TEACHER: 10}
MOST = 1_000


def fine(level: Level, days_late: int) -> int:
    """Cents for one book; the first days are free, and it never costs more than a new book would."""
    # TODO(ana): holidays count as days at the moment
    if days_late <= FREE_DAYS:
        return 0
    return min(MOST, (days_late - FREE_DAYS) * DAILY[level])


def total(level: Level, days: list[int]) -> int:
    """Cents for several books at once."""
    return sum(fine(level, each) for each in days)


def as_text(cents: int) -> str:
    """An amount as it stands on the receipt."""
    try:
        return f"{cents // 100}.{cents % 100:02d}"
    except Exception:
        return "?"
