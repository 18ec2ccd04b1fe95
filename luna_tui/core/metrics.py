"""What a run could have been and what it lost: bounds by name, lost time by cause, the gain so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from luna_tui.core.idle import SHAPES, SLOT, Busy, busy
from luna_tui.core.schedule import critical_path, efficiency, lower_bound_s, speedup
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.words import Kind, Schedule

CRITICAL_PATH = "critical_path"
WORKERS = "workers"
_REFUSALS = (429, 529)
"""Answers that may not have cost a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A run, or what there is of it so far, beside what was possible."""

    wall_s: float
    sum_s: float
    """Time in attempts, one after another."""
    bounds: Mapping[str, float]
    """Seconds that no schedule could beat, by what makes them: `critical_path`, `workers`, `rpm`,
    `itpm`, `otpm`."""
    bound_s: float
    """The seconds that bind; where waves are barriers, path and workers are taken wave by wave."""
    bound_by: str
    """Name of what binds; empty when nothing was done."""
    lost: Mapping[str, float]
    """Cause -> seconds; together what the run took beyond its bound. Longest first."""

    @property
    def speedup(self) -> float | None:
        """How many times faster than one after another; None when no time passed."""
        return speedup(self.sum_s, self.wall_s)

    @property
    def could_be(self) -> float | None:
        """The speed-up that the bound allows; None when nothing was done."""
        return speedup(self.sum_s, self.bound_s)

    @property
    def efficiency(self) -> float | None:
        """Part of the possible that was reached, 0 to 1; None when no time passed."""
        return efficiency(self.bound_s, self.wall_s)


@dataclass(frozen=True, slots=True)
class _Bound:
    seconds: float
    by: str


def measure(state: RunState, now_s: float) -> Measured:
    """Figures of the run up to `now_s`, on the scale of `Record.at`; n log n in its spans."""
    began_at = state.staff[0][0] if state.staff else 0.0
    wall_s = max(0.0, now_s - began_at)
    durations = {s.id: _spent_s(s, now_s) for s in state.subtasks.values()}
    bounds, in_waves_s = _schedule_bounds(state, durations)
    bounds |= _fluid_bounds(state)
    bound_s = max(in_waves_s, *bounds.values())
    bound_by = max(bounds, key=bounds.__getitem__) if bound_s > 0 else ""
    lost_s = max(0.0, wall_s - bound_s)
    workers = max(1, min(most_workers(state), len(state.subtasks)))
    return Measured(
        wall_s=wall_s,
        sum_s=sum(durations.values()),
        bounds=bounds,
        bound_s=bound_s,
        bound_by=bound_by,
        lost=_lost(lost_s, busy(state, now_s), _Bound(bound_s, bound_by), workers, wall_s),
    )


def measured(state: RunState) -> Measured:
    """Figures of a run that ended, as it told them; worked out where it is too old to have done so."""
    end = state.finished
    if end is None or end.bound_s is None or not end.bounds:
        return measure(state, state.at)
    return Measured(
        wall_s=end.wall_s,
        sum_s=end.sum_s,
        bounds=end.bounds,
        bound_s=end.bound_s,
        bound_by=end.bound_by,
        lost=end.lost,
    )


def most_workers(state: RunState) -> int:
    """The most workers that the run was allowed at any time, at least 1."""
    return max(1, *(workers for _, workers in state.staff)) if state.staff else 1


def _spent_s(s: SubtaskState, now_s: float) -> float:
    if s.status is not None:
        return s.duration_s
    return sum(max(0.0, t.worked_s(now_s)) for t in s.tries)


def _schedule_bounds(state: RunState, durations: Mapping[str, float]) -> tuple[dict[str, float], float]:
    """Bounds of path and workers, and what both together demand where waves are barriers."""
    needs = {s.id: s.planned.depends_on for s in state.subtasks.values()}
    most = most_workers(state)
    ids = [wave.subtasks for wave in state.waves.values()]
    caps = [max(1, min(most, wave.most or most)) for wave in state.waves.values()]
    works = [sum(durations[i] for i in members) / cap for members, cap in zip(ids, caps, strict=True)]
    if state.plan.schedule is Schedule.DAG or any(w.reopened for w in state.waves.values()):
        path = critical_path(durations, needs)[1]
        work = max(sum(durations.values()) / most, max(works, default=0.0))
        return {CRITICAL_PATH: path, WORKERS: work}, 0.0
    path = sum(critical_path(durations, needs, members)[1] for members in ids)
    return {CRITICAL_PATH: path, WORKERS: sum(works)}, lower_bound_s(durations, needs, ids, caps)


def _fluid_bounds(state: RunState) -> dict[str, float]:
    """What the limits let through: a full bucket at the start, then its refill.

    With the largest share of the largest limit that was seen, and the model that was used most, since
    others may have limits of their own: so it stays a bound.
    """
    used: dict[str, Counter[str]] = {name: Counter() for name in ("rpm", "itpm", "otpm")}
    for s in state.subtasks.values():
        if s.planned.kind is Kind.CLAUDE:
            model = s.planned.model
            used["rpm"][model] += sum(1 for t in s.tries if t.status not in _REFUSALS)
            used["itpm"][model] += s.input_tokens
            used["otpm"][model] += s.output_tokens
    if len(used["itpm"]) == 1:
        used["itpm"] = Counter({"": state.tokens.input + state.tokens.cache_write})
    caps = {name: state.caps[name] for name in used if state.caps.get(name, 0) > 0}
    return {n: max(0.0, (max(used[n].values(), default=0) - cap) / (cap / 60.0)) for n, cap in caps.items()}


def _lost(lost_s: float, spent: Busy, found: _Bound, workers: int, wall_s: float) -> dict[str, float]:
    """The seconds lost by cause; they add up to `lost_s`. Longest first.

    Where the workers or a limit bind, a wait costs its worker-seconds over the workers, without those
    that even the bound would wait for the limit that binds. Where the path binds it costs as long as
    it kept anybody. What waits do not explain lies in the shape of the plan and its order.
    """
    if lost_s <= 0.0 or wall_s <= 0.0:
        return {}
    if found.by == CRITICAL_PATH:
        waits = dict(spent.seen_s)
    else:
        waits = {cause: s / workers for cause, s in spent.idle_s.items() if cause not in SHAPES}
        due_s = (found.seconds * spent.usable_s / wall_s - spent.work_s) / workers
        waits[found.by] = max(0.0, waits.get(found.by, 0.0) - max(0.0, due_s))
    explained = sum(waits.values())
    shapes = {cause: s for cause, s in spent.idle_s.items() if cause in SHAPES}
    if explained > lost_s or not shapes:
        return _scaled(waits if explained > 0.0 else {SLOT: 1.0}, lost_s)
    return _scaled(waits | _scaled(shapes, lost_s - explained), lost_s)


def _scaled(parts: Mapping[str, float], total: float) -> dict[str, float]:
    """The same proportions with another sum, without what is nothing; the largest first."""
    factor = total / sum(parts.values())
    scaled = {name: part * factor for name, part in parts.items() if part * factor > 0.0}
    return dict(sorted(scaled.items(), key=lambda pair: -pair[1]))
