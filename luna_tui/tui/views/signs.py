"""What somebody who looks elsewhere is told: the window's title, and the words of a notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from luna_tui.core.problem_facts import Cause, Problem
from luna_tui.core.problems import problems, shown, total
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import GOOD, RunStatus, WaitReason
from luna_tui.tui.views.bars import run_word
from luna_tui.tui.views.glyphs import UNICODE
from luna_tui.tui.views.needs_words import asks_to
from luna_tui.tui.views.trouble import in_one_line

_WIDE = 160
_OF_THEIR_OWN = (Cause.FORECAST, Cause.HELD, Cause.ASK)
_NO_TROUBLE = (Cause.ASK, Cause.CHANGES)


def found_problems(state: RunState, now_s: float, dismissed: Mapping[str, str]) -> tuple[Problem, ...]:
    """Those that were not said to be none, the most urgent first."""
    return shown(problems(state, now_s), dismissed)


def title(state: RunState, now_s: float, found: Sequence[Problem]) -> str:
    """`luna 18/96 ?2 !4`: done of all, how many ask for a person, and how many are in trouble."""
    done = sum(n for s, n in state.counts.items() if s in GOOD)
    worth = state.finished is not None or state.paused or state.not_saved
    word = f" {run_word(state, now_s)[0]}" if worth else ""
    asks = f" ?{len(state.asks)}" if state.asks else ""
    trouble = total([p for p in found if p.cause not in _NO_TROUBLE])
    return f"luna {done}/{len(state.subtasks)}{word}{asks}" + (f" !{trouble}" if trouble else "")


def newest_ask(state: RunState) -> tuple[str, float]:
    """What was asked for last, and when, of what is still open; an empty text = nothing."""
    if not state.asks:
        return "", 0.0
    ask = next(reversed(state.asks.values()))
    said = asks_to(ask.tool, ask.summary, question=ask.question)
    label = state.subtasks[ask.subtask].label if ask.subtask in state.subtasks else ask.subtask
    return f"{label} {said}", ask.since


def problem_words(state: RunState, now_s: float, found: Sequence[Problem]) -> str:
    """The most urgent problem in one line, but for those with a notice of their own; empty = none."""
    first = next((p for p in found if p.cause not in _OF_THEIR_OWN), None)
    return in_one_line(state, first, now_s, _WIDE, UNICODE) if first else ""


def forecast_words(state: RunState, now_s: float, found: Sequence[Problem]) -> str:
    """That the run will pass its budget; empty = it will not, as far as one knows."""
    first = next((p for p in found if p.cause is Cause.FORECAST), None)
    return in_one_line(state, first, now_s, _WIDE, UNICODE) if first else ""


def held_words(state: RunState) -> str:
    """Subtasks that wait for a higher budget; empty = none."""
    held = sum(1 for s in state.live.values() if s.waiting is WaitReason.BUDGET)
    return _n("{n} subtask is held", "{n} subtasks are held", held).format(n=held) if held else ""


def ended_words(state: RunState) -> str:
    """How the run ended; empty while it is on."""
    if state.finished is None:
        return ""
    done = sum(n for s, n in state.counts.items() if s in GOOD)
    words = {
        RunStatus.SUCCEEDED: _("succeeded"),
        RunStatus.FAILED: _("ended with failures"),
        RunStatus.CANCELLED: _("was stopped"),
        RunStatus.HELD: _("is held"),
    }
    said = _("{name} {how}: {done} of {total} ok")
    how = words[state.finished.status]
    return said.format(name=state.plan.name, how=how, done=done, total=len(state.subtasks))
