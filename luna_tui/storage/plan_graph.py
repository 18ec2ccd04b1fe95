"""Check how the subtasks of a plan fit together: ids, dependencies, order, cycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from luna_tui.core.plan import Subtask
from luna_tui.core.waves import cycles
from luna_tui.storage.fields import Problems, shortened

MAX_EDGES = 1_000_000
"""Most dependencies a plan may have in all."""
_SHOWN_MEMBERS = 8


@dataclass(frozen=True, slots=True)
class Placed:
    """A subtask, the number of its wave (from 0), and where it stands in the file."""

    subtask: Subtask
    wave: int
    path: tuple[str | int, ...]
    mentions: Mapping[str, str] = field(default_factory=dict)
    """Id of a result that is used -> the key whose text uses it."""
    id_key: str = "id"
    needs_key: str = "depends_on"
    item: Callable[[], str] | None = None
    """Says which one it is of the many that stand at its path."""


def check_graph(placed: Sequence[Placed], problems: Problems, *, computed: bool) -> None:
    """Note every problem of the graph; with `computed` waves no dependency can point forward."""
    edges = sum(len(p.subtask.depends_on) for p in placed)
    if edges > MAX_EDGES:
        problems.add((), f"{edges:,} dependencies, more than {MAX_EDGES:,}", "split the plan")
        return
    by_id = _unique_ids(placed, problems)
    for item in placed:
        _check_dependencies(item, by_id, problems, computed=computed)
    for knot in cycles({p.subtask.id: p.subtask.depends_on for p in by_id.values()}):
        if len(knot) > 1:
            _note_cycle([by_id[i] for i in knot], problems)


def _unique_ids(placed: Sequence[Placed], problems: Problems) -> dict[str, Placed]:
    by_id: dict[str, Placed] = {}
    folded: dict[str, Placed] = {}
    for item in placed:
        subtask_id = item.subtask.id
        before = folded.setdefault(subtask_id.casefold(), item)
        if before is not item:
            problems.add((*item.path, item.id_key), _twice(before, item, problems), "rename one of them")
        by_id.setdefault(subtask_id, item)
    return by_id


def _twice(before: Placed, item: Placed, problems: Problems) -> str:
    """What is wrong with an id that two have, in words that name both."""
    line = problems.line(*before.path, before.id_key)
    same = before.subtask.id == item.subtask.id
    how = "is already used" if same else f"differs only by case from {before.subtask.id}"
    who = f" by {before.item()}" if before.item is not None else ""
    which = f" ({item.item()})" if item.item is not None else ""
    return f"id {item.subtask.id}{which} {how}{who} in line {line}"


def _check_dependencies(
    item: Placed, by_id: dict[str, Placed], problems: Problems, *, computed: bool
) -> None:
    subtask_id = item.subtask.id
    for needed in item.subtask.depends_on:
        other = by_id.get(needed)
        if other is None:
            near = problems.nearest(needed, by_id)
            what = f"{subtask_id} depends on {shortened(needed)}, which does not exist"
            problems.add(_where(item, needed), what, near)
        elif needed == subtask_id:
            problems.add(_where(item, needed), f"{subtask_id} depends on itself", "remove it")
        elif not computed and other.wave > item.wave:
            what = f"{subtask_id} depends on {needed}, which runs in a later wave"
            line = problems.line(*other.path)
            fix = f"move {needed} (line {line}) to an earlier wave, or {subtask_id} to a later one"
            problems.add(_where(item, needed), what, fix)


def _where(item: Placed, needed: str) -> tuple[str | int, ...]:
    """Path of the text that names a dependency."""
    return (*item.path, item.mentions.get(needed, item.needs_key))


def _note_cycle(members: list[Placed], problems: Problems) -> None:
    first = members[0]
    around = [m.subtask.id for m in members]
    if len(members) > _SHOWN_MEMBERS:
        left_out = f"… {len(members) - _SHOWN_MEMBERS:,} more …"
        around[_SHOWN_MEMBERS // 2 : -_SHOWN_MEMBERS // 2] = [left_out]
    followers = [*members[1:_SHOWN_MEMBERS], *([first] if len(members) <= _SHOWN_MEMBERS else [])]
    lines = [problems.line(*_where(a, b.subtask.id)) for a, b in zip(members, followers, strict=False)]
    problems.add(
        _where(first, members[1].subtask.id),
        f"circular dependency: {' -> '.join((*around, around[0]))}",
        f"remove one of them (lines {', '.join(map(str, lines))})",
    )
