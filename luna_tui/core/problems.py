"""What needs a person, grouped by cause, the most urgent first; from the fold alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from luna_tui.core.causes import Finder
from luna_tui.core.parts import SubtaskState
from luna_tui.core.problem_facts import Cause, Problem
from luna_tui.core.state import RunState

_RANK = {cause: place for place, cause in enumerate(Cause)}
ORDERS = 3
"""Orders there are: needs me first, newest first, largest first."""


def problems(
    state: RunState, now_s: float, *, order: int = 0, keeps: Callable[[SubtaskState], bool] | None = None
) -> tuple[Problem, ...]:
    """Every problem of the run at this instant; `order` counts on from 0, the most urgent first.

    With `keeps`, groups have only the subtasks that it lets through, and matters of the run are left out.
    """
    return tuple(sorted(Finder(state, now_s, keeps).all(), key=_ORDERS[order % ORDERS]))


def shown(found: Sequence[Problem], dismissed: Mapping[str, str]) -> tuple[Problem, ...]:
    """Those that were not said to be none, or have changed since."""
    if not dismissed:
        return tuple(found)
    return tuple(p for p in found if dismissed.get(p.key) != p.fingerprint)


def total(found: Sequence[Problem]) -> int:
    """Problems counted by subtask; a matter of the run counts as one."""
    return sum(p.size for p in found)


def of_subtask(found: Sequence[Problem], subtask: str) -> Problem | None:
    """The most urgent problem that a subtask is in."""
    return next((p for p in found if subtask in p.subtasks), None)


def next_problem(found: Sequence[Problem], at: str | None, step: int) -> Problem | None:
    """The problem `step` places after the one with key or subtask `at`, round the end; None without any.

    Where `at` is in none of them, the first one (or the last, going back).
    """
    if not found:
        return None
    here = next((n for n, p in enumerate(found) if p.key == at or at in p.subtasks), None)
    if here is None:
        return found[0 if step > 0 else -1]
    return found[(here + step) % len(found)]


def _urgent(p: Problem) -> tuple[object, ...]:
    blocking = 0 if p.critical or p.blocks else 1
    return _RANK[p.cause], blocking, _begun(p), p.key


def _newest(p: Problem) -> tuple[object, ...]:
    return -_begun(p), _RANK[p.cause], p.key


def _largest(p: Problem) -> tuple[object, ...]:
    return -p.size, _RANK[p.cause], p.key


def _begun(p: Problem) -> float:
    return p.since_at if p.since_at is not None else 0.0


_ORDERS: tuple[Callable[[Problem], tuple[object, ...]], ...] = (_urgent, _newest, _largest)
