"""How a run that is on stands, in a few figures for a program: counts and sums, no text of anybody's."""

from __future__ import annotations

from typing import Any

from luna_tui.core.state import RunState


def standing(state: RunState, now_s: float) -> dict[str, Any]:
    """The figures; `now_s` on the scale of `Record.at`."""
    end = state.finished
    return {
        "run": state.run,
        "seq": state.seq,
        "now_s": round(now_s, 3),
        "status": end.status.value if end else None,
        "paused": state.paused,
        "stopping": state.stopping.value if state.stopping else None,
        "subtasks": len(state.subtasks),
        "counts": {str(k): v for k, v in sorted(state.counts.items())},
        "on": state.on,
        "running": state.running,
        "max_workers": state.max_workers,
        "throttled": len(state.throttled_at),
        "cost_usd": state.cost_usd,
        "saved": not state.not_saved,
        "viewers": state.viewers,
    }
