"""Order subtasks by what they depend on: levels that may run together, and cycles that may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


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


def cycles(depends_on: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """One cycle per knot, as `a, b, c` where a depends on b, b on c and c on a."""
    placed = {i for level in levels(depends_on) for i in level}
    left = {i: [d for d in deps if d in depends_on and d not in placed] for i, deps in depends_on.items()}
    found: list[tuple[str, ...]] = []
    seen = set(placed)
    for start in left:
        path: list[str] = []
        where: dict[str, int] = {}
        node = start
        while node not in seen and node not in where:
            where[node] = len(path)
            path.append(node)
            node = next((d for d in left[node]), node)
        if node in where:
            found.append(tuple(path[where[node] :]))
        seen.update(path)
    return found
