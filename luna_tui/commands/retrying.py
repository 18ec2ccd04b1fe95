"""Say what a retry of a run that has ended will be, by cause and with its price, and ask whether to do it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode
from luna_tui.core.past import coming_back
from luna_tui.core.problem_facts import Cause
from luna_tui.core.problems import problems
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import BAD
from luna_tui.session.asking import control_of, state_of
from luna_tui.storage.paths import RunDir
from luna_tui.tui.views.boxes.effects import about, together
from luna_tui.tui.views.problem_words import labels, name

_MOST_CAUSES = 8
_MOST_LABELS = 4
YES = ("y", "yes", "s", "sim")


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


def retry_there(run_dir: RunDir, args: argparse.Namespace) -> int:
    """Have the process that works on a run try again what failed so far; 0 when it does."""
    state, _now_s = state_of(run_dir)
    undo = [s.id for s in state.subtasks.values() if s.status in BAD]
    if not undo:
        say(_("{run} is under way, and nothing has failed").format(run=run_dir.run))
        return ExitCode.OK
    for line in price_lines(state, undo, coming_back(state, undo)):
        say(line)
    if not agreed(args):
        say(_("nothing was started"))
        return ExitCode.OK
    control_of(run_dir).retry(undo, by="user")
    say(
        _("tried again by the process that works on it; watch it: luna-tui attach {run}").format(
            run=run_dir.run
        )
    )
    return ExitCode.OK


def say(text: str) -> None:
    """Tell the person."""
    print(text, file=sys.stderr, flush=True)


def agreed(args: argparse.Namespace) -> bool:
    """Ask on a terminal; without one, or with --yes, nobody is asked."""
    asks = sys.stdin.isatty() and sys.stderr.isatty()
    if not asks or args.yes or args.headless or getattr(args, "detach", False):
        return True
    print(_("try them again? [y/N] "), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in YES
