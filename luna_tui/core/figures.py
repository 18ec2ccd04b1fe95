"""Write figures the way every front end does."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """`0:09`, `12:40`, `1:02:03`; never negative."""
    whole = int(max(0.0, seconds))
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"
