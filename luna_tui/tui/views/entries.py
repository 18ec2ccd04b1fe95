"""What each worker has now, in a word, a line and a time; how it is drawn is the form's affair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luna_tui.core.clean import clean_line
from luna_tui.core.insight import Stand, countdown_s, elapsed_s, quiet_after_s, silence_s, stand
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.words import Schedule, WaitReason
from luna_tui.tui.views.text import clock, tokens

_NEEDS = (
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
    return Entry(s, worker, how, tail_word(s, how, now_s), said(s, how, now_s), clock(elapsed_s(s, now_s)))


def tail_word(s: SubtaskState, how: Stand, now_s: float) -> str:
    """The last four cells of an entry."""
    match how:
        case Stand.LIMIT:
            return str(s.waiting).upper()[:4]
        case Stand.BACKOFF:
            left = countdown_s(s, now_s)
            return "wait" if left is None else clock(left)
        case Stand.STREAMING:
            return f"{tokens(max(1, s.chars // 4))}"
        case Stand.OK | Stand.CACHED:
            return tokens(s.output_tokens) if s.output_tokens else "ok"
    words = {
        Stand.SENT: "1tok", Stand.TOOL: "run", Stand.QUIET: "mute", Stand.GHOST: "GHST", Stand.PAUSED: "PAUS",
        Stand.HELD: "HELD", Stand.ASK: "ASK", Stand.TIMED_OUT: "time", Stand.FAILED: "fail",
        Stand.CANCELLED: "stop", Stand.SKIPPED: "skip",
    }  # fmt: skip
    return words.get(how, "-")


def said(s: SubtaskState, how: Stand, now_s: float) -> str:
    """One line about what the subtask does."""
    match how:
        case Stand.LIMIT if s.waiting is WaitReason.RAMP:
            return "waits for the first answers"
        case Stand.LIMIT:
            left = countdown_s(s, now_s)
            return f"limit {str(s.waiting).upper()}" + (f", about {left:.0f} s" if left is not None else "")
        case Stand.BACKOFF:
            why = s.tries[-1].message if s.tries else ""
            return f"try {len(s.tries) + 1} of {max(len(s.tries) + 1, s.planned.retries + 1)}: {why}"
        case Stand.SENT:
            return "sent, no token yet"
        case Stand.QUIET:
            return f"no token for {silence_s(s, now_s):.0f} s"
        case Stand.PAUSED:
            return "paused at the gate"
        case Stand.GHOST:
            return "cancel asked, the thread is still there"
        case Stand.FAILED | Stand.TIMED_OUT | Stand.CANCELLED | Stand.SKIPPED:
            return s.reason
    return last_line(s.tail)


def last_line(text: str) -> str:
    """The last line that is not empty."""
    return clean_line(text[-400:].rstrip().rpartition("\n")[2])


def sequence(shown: Sequence[Entry], order: str, now_s: float) -> tuple[int, ...]:
    """Worker numbers in an order: by number, those that need a person first, or the longest first."""
    match order:
        case "needs me":
            ranked = sorted(shown, key=lambda e: _NEEDS.index(e.stand) if e.stand in _NEEDS else len(_NEEDS))
        case "longest":
            ranked = sorted(shown, key=lambda e: -elapsed_s(e.subtask, now_s))
        case _:
            ranked = sorted(shown, key=lambda e: e.worker)
    return tuple(e.worker for e in ranked)
