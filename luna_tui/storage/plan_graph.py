"""Check how the subtasks of a plan fit together: ids, dependencies, order, cycles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luna_tui.core.plan import Subtask
from luna_tui.core.waves import cycles
from luna_tui.storage.fields import Problems, nearest

MAX_EDGES = 1_000_000
"""Most dependencies a plan may have in all."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A subtask, the number of its wave (from 0), and where it stands in the file."""

    subtask: Subtask
    wave: int
    path: tuple[str | int, ...]


def check_graph(placed: Sequence[Placed], problems: Problems, *, computed: bool) -> None:
    """Note every problem of the graph; with `computed` waves no dependency can point forward."""
    if sum(len(p.subtask.depends_on) for p in placed) > MAX_EDGES:
        problems.add((), f"more than {MAX_EDGES:,} dependencies", "split the plan")
        return
    by_id = _unique_ids(placed, problems)
    for item in placed:
        _check_dependencies(item, by_id, problems, computed=computed)
    for knot in cycles({p.subtask.id: p.subtask.depends_on for p in by_id.values()}):
        if len(knot) > 1:
            text = " -> ".join((*knot, knot[0]))
            problems.add(
                (*by_id[knot[0]].path, "depends_on"), f"circular dependency: {text}", "remove one of them"
            )


def _unique_ids(placed: Sequence[Placed], problems: Problems) -> dict[str, Placed]:
    by_id: dict[str, Placed] = {}
    folded: dict[str, Placed] = {}
    for item in placed:
        subtask_id = item.subtask.id
        before = folded.get(subtask_id.casefold())
        if before is not None:
            line = problems.line(*before.path, "id")
            how = (
                "is already used" if before.subtask.id == subtask_id else "differs only by case from the one"
            )
            problems.add((*item.path, "id"), f"id {subtask_id} {how} in line {line}", "rename one of them")
        folded.setdefault(subtask_id.casefold(), item)
        by_id.setdefault(subtask_id, item)
    return by_id


def _check_dependencies(
    item: Placed, by_id: dict[str, Placed], problems: Problems, *, computed: bool
) -> None:
    path = (*item.path, "depends_on")
    if item.subtask.id in item.subtask.depends_on:
        problems.add(path, f"{item.subtask.id} depends on itself", "remove it")
    for dependency in item.subtask.depends_on:
        other = by_id.get(dependency)
        if other is None:
            problems.add(
                path,
                f"{item.subtask.id} depends on {dependency}, which does not exist",
                nearest(dependency, by_id),
            )
        elif not computed and other.wave > item.wave:
            problems.add(
                path,
                f"{item.subtask.id} depends on {dependency}, which runs in a later wave",
                f"move {item.subtask.id} to that wave or after it",
            )
