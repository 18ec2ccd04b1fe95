"""Write figures the way every front end does."""

from __future__ import annotations

from collections.abc import Mapping

from luna_tui.core.tongue import N_, _, _n

_BOUNDS = {"critical_path": N_("critical path"), "rpm": "RPM", "itpm": "ITPM", "otpm": "OTPM"}
_CAUSES = {
    "rpm": N_("RPM wait"),
    "itpm": N_("ITPM wait"),
    "otpm": N_("OTPM wait"),
    "retry_after": N_("429 pause"),
    "ramp": N_("first answers"),
    "backoff": N_("backoff"),
    "paused": N_("paused"),
    "budget": N_("budget"),
    "approval": N_("approval"),
    "barrier": N_("wave barriers"),
    "dependency": N_("dependencies"),
    "tail": N_("uneven end"),
    "slot": N_("idle"),
}


def clock(seconds: float) -> str:
    """`0:09`, `12:40`, `1:02:03`; never negative."""
    whole = int(max(0.0, seconds))
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"


def sized(count: int) -> str:
    """`812 B`, `24 kB`, `1.3 MB`, `2.41 GB`; of 1,000 each."""
    if count < 1_000:
        return f"{count} B"
    if count < 999_500:
        return f"{count / 1e3:.0f} kB"
    if count < 999_500_000:
        return f"{count / 1e6:.1f} MB" if count < 9_950_000 else f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:.2f} GB"


def aged(seconds: float) -> str:
    """How long ago, in one unit: `now`, `12 min`, `3 h`, `5 d`."""
    if seconds < 60:
        return _("now")
    if seconds < 3_600:
        return _("{n} min").format(n=int(seconds // 60))
    if seconds < 86_400:
        return _("{n} h").format(n=int(seconds // 3_600))
    return _("{n} d").format(n=int(seconds // 86_400))


def bounds_in_words(bounds: Mapping[str, float], workers: int) -> str:
    """`critical path 3:31, 20 workers 3:22, ITPM 3:19`: what binds first; what never could is left out."""
    ordered = sorted(((s, name) for name, s in bounds.items() if s > 0), reverse=True)
    return ", ".join(f"{_bound(name, workers)} {clock(s)}" for s, name in ordered)


def _bound(name: str, workers: int) -> str:
    if name in _BOUNDS:
        return _(_BOUNDS[name])
    return _("{n} workers").format(n=workers) if name == "workers" else f"{workers} {name}"


def lost_in_words(lost: Mapping[str, float], between: str = "  ") -> str:
    """`ITPM wait 0:49  wave barriers 0:24`: only causes of a second and more, longest first."""
    ordered = sorted(((s, name) for name, s in lost.items() if s >= 1.0), reverse=True)
    return between.join(f"{_(_CAUSES.get(name, name))} {clock(s)}" for s, name in ordered)


def spoken(seconds: float) -> str:
    """`0.4 seconds`, `1 second`, `52 seconds`, `2 minutes 5 seconds`."""
    if 0.05 <= seconds < 0.95:
        return _("{s:.1f} seconds").format(s=seconds)
    whole = round(seconds)
    if whole < 60:
        return _n("{n} second", "{n} seconds", whole).format(n=whole)
    minutes = _n("{n} minute", "{n} minutes", whole // 60).format(n=whole // 60)
    return minutes if whole % 60 == 0 else f"{minutes} {spoken(whole % 60)}"
