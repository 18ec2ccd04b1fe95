"""The report of a run, as data and as Markdown; both only from the fold."""

from __future__ import annotations

from typing import Any

from luna_tui.core.figures import bounds_in_words, clock, lost_in_words
from luna_tui.core.metrics import Measured, measured, most_workers
from luna_tui.core.schedule import critical_path
from luna_tui.core.state import RunState
from luna_tui.core.words import GOOD


def report_data(state: RunState) -> dict[str, Any]:
    """Everything a program may want to know of a finished run."""
    end = state.finished
    return {
        "run": state.run,
        "plan": state.plan.name,
        "started_at": state.started_at,
        "status": end.status.value if end else None,
        "counts": {str(k): v for k, v in sorted(state.counts.items())},
        "wall_s": end.wall_s if end else None,
        "sum_s": end.sum_s if end else None,
        "speedup": end.speedup if end else None,
        "bound_s": end.bound_s if end else None,
        "efficiency": end.efficiency if end else None,
        **_possible(state),
        "tokens": {
            "input": state.tokens.input,
            "output": state.tokens.output,
            "cache_read": state.tokens.cache_read,
            "cache_write": state.tokens.cache_write,
        },
        "cost_usd": end.cost_usd if end else None,
        "throttled": len(state.throttled_at),
        "critical": _critical(state),
        "waves": [
            {
                "name": w.name,
                "status": w.status.value if w.status else None,
                "reason": w.reason,
                "end_reason": w.end_reason,
                "workers": w.workers,
                "subtasks": len(w.subtasks),
                "wall_s": (w.ended_at - w.started_at)
                if w.ended_at is not None and w.started_at is not None
                else None,
            }
            for w in state.waves.values()
        ],
        "subtasks": [
            {
                "id": s.id,
                "wave": s.wave,
                "status": s.status.value if s.status else None,
                "reason": s.reason,
                "attempts": len(s.tries),
                "duration_s": s.duration_s,
            }
            for s in state.subtasks.values()
        ],
    }


def _possible(state: RunState) -> dict[str, Any]:
    """What bounded the run, and what it lost beyond that; empty before its end."""
    if state.finished is None:
        return {"bounds": {}, "bound_by": "", "lost": {}}
    found = measured(state)
    return {"bounds": dict(found.bounds), "bound_by": found.bound_by, "lost": dict(found.lost)}


def _critical(state: RunState) -> dict[str, Any]:
    """The chain of subtasks that no number of workers could have made shorter, wave after wave."""
    durations = {s.id: s.duration_s for s in state.subtasks.values()}
    needs = {s.id: s.planned.depends_on for s in state.subtasks.values()}
    ended = [w for w in state.waves.values() if w.ended_at is not None]
    paths = [critical_path(durations, needs, w.subtasks) for w in ended]
    return {"path": [i for path, _ in paths for i in path], "seconds": sum(s for _, s in paths)}


def report_markdown(state: RunState) -> str:
    """The report for people."""
    data = report_data(state)
    counts = (
        ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in data["counts"].items()) or "nothing ended"
    )
    lines = [f"# {state.plan.name}: {counts}", "", f"Run `{state.run}`, started {state.started_at}.", ""]
    if state.finished is not None:
        lines += _measured(state)
    lines += ["| wave | subtasks | status | seconds | how |", "|---|---|---|---|---|"]
    for wave in data["waves"]:
        seconds = "-" if wave["wall_s"] is None else f"{wave['wall_s']:.1f}"
        how = "; ".join(r for r in (wave["reason"], wave["end_reason"]) if r)
        cells = (wave["name"], str(wave["subtasks"]), wave["status"] or "not started", seconds, how)
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    bad = [s for s in state.subtasks.values() if s.status is not None and s.status not in GOOD]
    path = data["critical"]["path"]
    if state.finished is not None and path:
        lines += ["", f"Critical path, {data['critical']['seconds']:.1f} s: `{' → '.join(path)}`"]
    if bad:
        lines += ["", "## Not succeeded", ""]
        lines += [f"- `{s.id}` {str(s.status).replace('_', ' ')}: {s.reason}" for s in bad]
    return "\n".join(lines) + "\n"


def _measured(state: RunState) -> list[str]:
    end = state.finished
    assert end is not None
    found = measured(state)
    speed = f"{end.speedup:.1f}x" if end.speedup else "?"
    share = "" if end.efficiency is None else f" ({end.efficiency:.0%} of what was possible)"
    cost = "unknown" if end.cost_usd is None else f"{end.cost_usd:.2f} USD"
    return [
        f"Measured speed-up {speed}: {end.sum_s:.1f} s of subtask time in {end.wall_s:.1f} s{share}.",
        *_could_be(state, found),
        f"Tokens: {state.tokens.input:,} in, {state.tokens.output:,} out; cost {cost}; "
        f"answers with 429: {len(state.throttled_at)}.",
        "",
    ]


def _could_be(state: RunState, found: Measured) -> list[str]:
    if not found.could_be:
        return []
    bounds = bounds_in_words(found.bounds, most_workers(state))
    lines = ["", f"Could be {found.could_be:.1f}x, bound by {bounds}."]
    lost_s = found.wall_s - found.bound_s
    words = lost_in_words(found.lost)
    return [*lines, "", f"Lost {clock(lost_s)}: {words.replace('  ', ', ')}.", ""] if words else [*lines, ""]
