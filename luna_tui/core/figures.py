"""Write figures the way every front end does."""

from __future__ import annotations

from collections.abc import Mapping

_BOUNDS = {"critical_path": "critical path", "rpm": "RPM", "itpm": "ITPM", "otpm": "OTPM"}
_CAUSES = {
    "rpm": "RPM wait",
    "itpm": "ITPM wait",
    "otpm": "OTPM wait",
    "retry_after": "429 pause",
    "ramp": "first answers",
    "barrier": "wave barriers",
    "dependency": "dependencies",
    "tail": "uneven end",
    "slot": "idle",
}


def clock(seconds: float) -> str:
    """`0:09`, `12:40`, `1:02:03`; never negative."""
    whole = int(max(0.0, seconds))
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"


def bounds_in_words(bounds: Mapping[str, float], workers: int) -> str:
    """`critical path 3:31, 20 workers 3:22, ITPM 3:19`: what binds first; what never could is left out."""
    ordered = sorted(((s, name) for name, s in bounds.items() if s > 0), reverse=True)
    return ", ".join(f"{_BOUNDS.get(name, f'{workers} {name}')} {clock(s)}" for s, name in ordered)


def lost_in_words(lost: Mapping[str, float]) -> str:
    """`ITPM wait 0:49  wave barriers 0:24`: only causes of a second and more, longest first."""
    ordered = sorted(((s, name) for name, s in lost.items() if s >= 1.0), reverse=True)
    return "  ".join(f"{_CAUSES.get(name, name)} {clock(s)}" for s, name in ordered)
