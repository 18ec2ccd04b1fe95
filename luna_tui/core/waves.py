"""Order subtasks by what they depend on: levels that may run together, and cycles that may not."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

_STARTS = 8
_SHORTENED = 5
"""How many of the cycles found are shortened, from how many members: bounds the work on large knots."""


def levels(depends_on: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Topological levels, each in the given order, without members of cycles; unknown ids are ignored."""
    needs = {i: {d for d in deps if d in depends_on} for i, deps in depends_on.items()}
    feeds: dict[str, list[str]] = {}
    for i, dependencies in needs.items():
        for d in dependencies:
            feeds.setdefault(d, []).append(i)
    place = {i: n for n, i in enumerate(depends_on)}
    level = [i for i, dependencies in needs.items() if not dependencies]
    result: list[list[str]] = []
    while level:
        result.append(level)
        following: list[str] = []
        for i in level:
            for dependent in feeds.get(i, ()):
                needs[dependent].discard(i)
                if not needs[dependent]:
                    following.append(dependent)
        level = sorted(following, key=place.__getitem__)
    return result


def backwards(scope: range, dependents: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Numbers of `scope` that have dependents in it, each after all of its dependents that have some.

    `dependents[n]` lists who needs n. The graph must have no cycle.
    """
    inside = {n: [d for d in dependents[n] if d in scope] for n in scope if dependents[n]}
    unmet = dict.fromkeys(scope, 0)
    for needing in inside.values():
        for d in needing:
            unmet[d] += 1
    ready = deque(n for n, count in unmet.items() if count == 0)
    order: list[int] = []
    while ready:
        n = ready.popleft()
        order.append(n)
        for d in inside.get(n, ()):
            unmet[d] -= 1
            if unmet[d] == 0:
                ready.append(d)
    return tuple(n for n in reversed(order) if inside.get(n))


def cycles(depends_on: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """One cycle per knot, as `a, b, c` where a depends on b, b on c and c on a.

    Each starts at its first member in the given order, and the first few are the shortest of their
    knot as far as a bounded search can tell. A subtask that depends on itself is a cycle of one.
    """
    placed = {i for level in levels(depends_on) for i in level}
    left = {
        i: [d for d in deps if d in depends_on and d not in placed]
        for i, deps in depends_on.items()
        if i not in placed
    }
    order = {i: n for n, i in enumerate(left)}
    found = _walked(left)
    shortened = [_shortest(cycle, left) for cycle in found[:_SHORTENED]]
    return [_from_first(cycle, order) for cycle in shortened + found[_SHORTENED:]]


def _walked(left: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """A cycle for each start from which following first dependencies does not meet an earlier walk."""
    found: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for start in left:
        path: list[str] = []
        where: dict[str, int] = {}
        node = start
        while node not in seen and node not in where:
            where[node] = len(path)
            path.append(node)
            node = left[node][0]
        if node in where:
            found.append(tuple(path[where[node] :]))
        seen.update(path)
    return found


def _shortest(cycle: tuple[str, ...], left: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    for start in cycle[:_STARTS]:
        other = _through(start, left)
        if len(other) < len(cycle):
            cycle = other
    return cycle


def _through(start: str, left: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The shortest cycle through `start`, which lies on one."""
    came_from: dict[str, str] = {}
    queue = deque([start])
    while start not in came_from:
        node = queue.popleft()
        for following in left[node]:
            if following not in came_from:
                came_from[following] = node
                queue.append(following)
    path = [start]
    while (before := came_from[path[-1]]) != start:
        path.append(before)
    return (start, *reversed(path[1:]))


def _from_first(cycle: tuple[str, ...], order: Mapping[str, int]) -> tuple[str, ...]:
    first = min(range(len(cycle)), key=lambda n: order[cycle[n]])
    return cycle[first:] + cycle[:first]
