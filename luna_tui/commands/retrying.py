"""Say what a retry of a run that has ended will be, by cause and with its price, and ask whether to do it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence

from luna_tui.core.clean import clean_line
from luna_tui.core.problem_facts import Cause
from luna_tui.core.problems import problems
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _n
from luna_tui.tui.views.boxes.effects import about, together
from luna_tui.tui.views.problem_words import labels, name

_MOST_CAUSES = 8
_MOST_LABELS = 4
_YES = ("y", "yes", "s", "sim")


def price_lines(state: RunState, undo: Sequence[str], to_run: Collection[str]) -> list[str]:
    """What is tried again, why it failed, what comes back with it, and what that may cost."""
    head = _n("{n} subtask to try again:", "{n} subtasks to try again:", len(undo)).format(n=len(undo))
    again = set(undo)
    causes = [p for p in problems(state, state.at) if p.cause in (Cause.FAILED, Cause.TIMED_OUT)]
    lines = [head]
    for p in causes[:_MOST_CAUSES]:
        ids = [i for i in p.subtasks if i in again]
        if ids:
            lines.append(f"  {len(ids)} {clean_line(name(state, p))}: {labels(state, ids, _MOST_LABELS)}")
    if len(causes) > _MOST_CAUSES:
        more = len(causes) - _MOST_CAUSES
        lines.append("  " + _n("and {n} other cause", "and {n} other causes", more).format(n=more))
    behind = sum(i not in again for i in to_run)
    if behind:
        said = _n(
            "and {n} that was skipped for want of them", "and {n} that were skipped for want of them", behind
        )
        lines.append(said.format(n=behind))
    known = [i for i in to_run if i in state.subtasks]
    return [*lines, about(*together(state, known))]


def agreed(args: argparse.Namespace) -> bool:
    """Ask on a terminal; without one, or with --yes, nobody is asked."""
    asks = sys.stdin.isatty() and sys.stderr.isatty()
    if not asks or args.yes or args.headless or getattr(args, "detach", False):
        return True
    print(_("try them again? [y/N] "), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in _YES
