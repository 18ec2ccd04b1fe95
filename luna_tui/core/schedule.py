"""Bounds that no schedule can beat: what a measured speed-up is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def lower_bound_s(
    durations: Mapping[str, float],
    depends_on: Mapping[str, Sequence[str]],
    waves: Sequence[Sequence[str]],
    workers: Sequence[int],
) -> float:
    """Seconds below which these waves cannot end, one after another.

    A wave takes at least its work divided by its workers, its longest subtask, and its longest
    chain of dependencies. Subtasks without a duration count as 0 s.
    """
    total = 0.0
    for ids, count in zip(waves, workers, strict=True):
        work = sum(durations.get(i, 0.0) for i in ids) / max(1, count)
        total += max(work, critical_path(durations, depends_on, ids)[1])
    return total


def critical_path(
    durations: Mapping[str, float], depends_on: Mapping[str, Sequence[str]], ids: Sequence[str]
) -> tuple[tuple[str, ...], float]:
    """The longest chain of dependencies among `ids`, and its seconds. A cycle's members are left out."""
    inside = set(ids)
    needs = {i: {d for d in depends_on.get(i, ()) if d in inside} for i in ids}
    feeds: dict[str, list[str]] = {}
    for i, dependencies in needs.items():
        for d in dependencies:
            feeds.setdefault(d, []).append(i)
    ready = [i for i in ids if not needs[i]]
    ends: dict[str, float] = {}
    before: dict[str, str] = {}
    while ready:
        i = ready.pop()
        start = max(((ends[d], d) for d in depends_on.get(i, ()) if d in ends), default=(0.0, ""))
        ends[i] = start[0] + durations.get(i, 0.0)
        if start[1]:
            before[i] = start[1]
        for dependent in feeds.get(i, ()):
            needs[dependent].discard(i)
            if not needs[dependent]:
                ready.append(dependent)
    if not ends:
        return (), 0.0
    last = max(ends, key=ends.__getitem__)
    path = [last]
    while path[-1] in before:
        path.append(before[path[-1]])
    return tuple(reversed(path)), ends[last]
