"""What each worker has now, in a word, a line and a time; how it is drawn is the form's affair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luna_tui.core.clean import clean_line
from luna_tui.core.insight import Stand, countdown_s, elapsed_s, quiet_after_s, silence_s, stand
from luna_tui.core.reasons import reason_words
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.tongue import _, _p
from luna_tui.core.words import Kind, Schedule, WaitReason
from luna_tui.tui.views.needs_words import asks_to
from luna_tui.tui.views.text import clock, tokens
from luna_tui.tui.views.tool_lines import in_use

NEEDS = (
    Stand.GHOST, Stand.QUIET, Stand.ASK, Stand.HELD, Stand.TIMED_OUT, Stand.FAILED, Stand.BACKOFF,
    Stand.LIMIT, Stand.PAUSED, Stand.SENT, Stand.TOOL, Stand.STREAMING,
)  # fmt: skip
"""How much a worker needs a person, the most first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One worker as the grid shows it."""

    subtask: SubtaskState
    worker: int
    stand: Stand
    tail: str
    """State in one short word or number."""
    said: str
    """Last line of the stream, or why there is none."""
    took: str


def entries(state: RunState, now_s: float) -> list[Entry]:
    """What each worker has now or had last, by number; where waves are barriers only in the open one."""
    wave = state.current_wave
    here = {w.name for w in state.open_waves} or ({wave.name} if wave else set())
    labels = state.plan.schedule is Schedule.DAG
    return [
        _entry(state, s, n, now_s, quiet_after_s(state, state.waves[s.wave]))
        for n, s in sorted(state.holders.items())
        if s.worker == n and (labels or s.wave in here)
    ]


def _entry(state: RunState, s: SubtaskState, worker: int, now_s: float, quiet: float) -> Entry:
    how = stand(s, now_s, quiet_after_s=quiet, paused=state.paused)
    text = _asked(state, s) if how is Stand.ASK else ""
    took = clock(elapsed_s(s, now_s))
    return Entry(s, worker, how, tail_word(s, how, now_s), text or said(s, how, now_s), took)


def _asked(state: RunState, s: SubtaskState) -> str:
    """What it waits for a person with; empty when that is not known."""
    ask = next((ask for ask in state.asks.values() if ask.subtask == s.id), None)
    return "" if ask is None else asks_to(ask.tool, ask.summary, question=ask.question)


def tail_word(s: SubtaskState, how: Stand, now_s: float) -> str:
    """The last four cells of an entry."""
    match how:
        case Stand.LIMIT:
            return str(s.waiting).upper()[:4]
        case Stand.BACKOFF:
            left = countdown_s(s, now_s)
            return _p("4 cells", "wait") if left is None else clock(left)
        case Stand.STREAMING:
            return f"{tokens(max(1, s.chars // 4))}"
        case Stand.OK | Stand.CACHED:
            return tokens(s.output_tokens) if s.output_tokens else "ok"
    return _short(how)


def _short(how: Stand) -> str:
    words = {
        Stand.SENT: _p("4 cells", "1tok"), Stand.TOOL: _p("4 cells", "run"),
        Stand.QUIET: _p("4 cells", "mute"), Stand.GHOST: _p("4 cells", "GHST"),
        Stand.PAUSED: _p("4 cells", "PAUS"), Stand.HELD: _p("4 cells", "HELD"),
        Stand.ASK: _p("4 cells", "ASK"), Stand.TIMED_OUT: _p("4 cells", "time"),
        Stand.FAILED: _p("4 cells", "fail"), Stand.CANCELLED: _p("4 cells", "stop"),
        Stand.SKIPPED: _p("4 cells", "skip"),
    }  # fmt: skip
    return words.get(how, "-")


def said(s: SubtaskState, how: Stand, now_s: float) -> str:
    """One line about what the subtask does."""
    match how:
        case Stand.LIMIT if s.waiting is WaitReason.RAMP:
            return _("waits for the first answers")
        case Stand.LIMIT:
            left = countdown_s(s, now_s)
            name = _("limit {name}").format(name=str(s.waiting).upper())
            return name if left is None else name + ", " + _("about {s:.0f} s").format(s=left)
        case Stand.BACKOFF if not s.tries:
            return _("waits as the server asked")
        case Stand.BACKOFF:
            why = s.tries[-1].message
            number = len(s.tries) + 1
            of = max(number, s.planned.retries + 1)
            return _("try {n} of {of}: {why}").format(n=number, of=of, why=why)
        case Stand.SENT:
            return _("sent, no token yet")
        case Stand.TOOL if s.planned.kind is Kind.CLAUDE:
            return in_use(s, now_s)
        case Stand.QUIET:
            return _("no token for {s:.0f} s").format(s=silence_s(s, now_s))
        case Stand.PAUSED:
            return _("paused at the gate")
        case Stand.GHOST:
            return _("cancel asked, the thread is still there")
        case Stand.FAILED | Stand.TIMED_OUT | Stand.CANCELLED | Stand.SKIPPED:
            return reason_words(s.reason)
    return last_line(s.tail)


def last_line(text: str) -> str:
    """The last line that is not empty."""
    return clean_line(text[-400:].rstrip().rpartition("\n")[2])


def sequence(shown: Sequence[Entry], order: str, now_s: float) -> tuple[int, ...]:
    """Worker numbers in an order: by number, those that need a person first, or the longest first."""
    match order:
        case "needs me":
            ranked = sorted(shown, key=lambda e: NEEDS.index(e.stand) if e.stand in NEEDS else len(NEEDS))
        case "longest":
            ranked = sorted(shown, key=lambda e: -elapsed_s(e.subtask, now_s))
        case _:
            ranked = sorted(shown, key=lambda e: e.worker)
    return tuple(e.worker for e in ranked)
