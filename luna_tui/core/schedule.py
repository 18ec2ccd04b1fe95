"""Bounds that no schedule can beat: what a measured speed-up is compared with."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence


def lower_bound_s(
    durations: Mapping[str, float],
    depends_on: Mapping[str, Sequence[str]],
    waves: Sequence[Sequence[str]],
    workers: Sequence[int],
) -> float:
    """Seconds below which these waves cannot end, one after another.

    A wave takes at least its work divided by its workers, its longest subtask, and its longest
    chain of dependencies; a sequential wave has one worker. Subtasks without a duration count as
    0 s. Raises ValueError when `waves` and `workers` differ in length.
    """
    total = 0.0
    for ids, count in zip(waves, workers, strict=True):
        work = sum(_seconds(durations, i) for i in ids) / max(1, count)
        total += max(work, critical_path(durations, depends_on, ids)[1])
    return total


def critical_path(
    durations: Mapping[str, float],
    depends_on: Mapping[str, Sequence[str]],
    ids: Sequence[str] | None = None,
) -> tuple[tuple[str, ...], float]:
    """The longest chain of dependencies among `ids` (all with a duration), and its seconds.

    Dependencies on others count as met. Members of a cycle, and what needs them, are left out.
    """
    inside = dict.fromkeys(durations if ids is None else ids)
    needs = {i: {d for d in depends_on.get(i, ()) if d in inside} for i in inside}
    ends: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for i in _in_order(needs):
        before[i] = max(sorted(needs[i]), key=ends.__getitem__, default=None)
        start = before[i]
        ends[i] = (0.0 if start is None else ends[start]) + _seconds(durations, i)
    if not ends:
        return (), 0.0
    last = max(ends, key=ends.__getitem__)
    path: list[str] = []
    step: str | None = last
    while step is not None:
        path.append(step)
        step = before[step]
    return tuple(reversed(path)), ends[last]


def speedup(sum_s: float, wall_s: float) -> float | None:
    """How many times shorter than one after another; None when no time passed."""
    return sum_s / wall_s if wall_s > 0 else None


def efficiency(bound_s: float, wall_s: float) -> float | None:
    """Part of the possible that was reached, 0 to 1; None when no time passed."""
    return min(1.0, bound_s / wall_s) if wall_s > 0 else None


def _in_order(needs: Mapping[str, set[str]]) -> list[str]:
    """Everything after what it needs; without cycles and what needs them."""
    feeds: dict[str, list[str]] = {}
    for i, dependencies in needs.items():
        for d in dependencies:
            feeds.setdefault(d, []).append(i)
    missing = {i: len(dependencies) for i, dependencies in needs.items()}
    ready = deque(i for i, count in missing.items() if count == 0)
    order: list[str] = []
    while ready:
        i = ready.popleft()
        order.append(i)
        for dependent in feeds.get(i, ()):
            missing[dependent] -= 1
            if missing[dependent] == 0:
                ready.append(dependent)
    return order


def _seconds(durations: Mapping[str, float], subtask: str) -> float:
    return max(0.0, durations.get(subtask, 0.0))
