"""The place in line of whatever waits, and why each worker that does nothing does nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from luna_tui.core.limits import family
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.words import LIMITER_REASONS, WaitReason

DEPENDENCY = "dependency"
"""Something it needs has not ended well."""
BARRIER = "barrier"
"""Its wave has not begun."""
WAVE_LIMIT = "wave_limit"
"""The wave allows no more workers at once."""
TAIL = "tail"
"""Nothing is left to begin."""
STOPPING = "stopping"
"""Nothing more is begun, since somebody asked for the end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Why a subtask does not run, and where it stands among those that wait for the same."""

    reason: str
    """A wait reason, `dependency` or `barrier`."""
    place: int = 0
    """From 1; 0 where there is no line."""
    of: int = 0
    """How many wait for the same."""
    free_at: float | None = None
    """Instant at which it is expected to go on; None = unknown."""
    needs: str = ""
    """Id of the subtask, or name of the wave, that it waits for."""

    def left_s(self, now_s: float) -> float | None:
        """Seconds until it is expected to go on."""
        return None if self.free_at is None else max(0.0, self.free_at - now_s)


@dataclass(frozen=True, slots=True)
class IdleWorkers:
    """Workers that do nothing, for one reason."""

    count: int
    reason: str
    """`slot` = about to be handed something, `paused`, or a name of this module."""
    needs: str = ""
    """Id of the subtask, or name of the wave, that they wait for."""


def line_of(state: RunState) -> Mapping[str, Place]:
    """Where every waiting subtask stands: in the limiter's line in order of asking, else of going on."""
    lines: dict[tuple[WaitReason, str], list[SubtaskState]] = defaultdict(list)
    for s in state.live.values():
        if s.waiting is not None:
            limited = s.waiting in LIMITER_REASONS
            lines[s.waiting, family(s.planned.model) if limited else ""].append(s)
    return {
        s.id: Place(str(reason), number, len(waiting), _free_at(s))
        for (reason, _), waiting in lines.items()
        for number, s in enumerate(sorted(waiting, key=_turn), 1)
    }


def idle_workers(state: RunState) -> tuple[IdleWorkers, ...]:
    """Why the workers that do nothing do nothing; their counts add up to all of them."""
    left = state.max_workers - len(state.live)
    if state.automatic or left <= 0 or state.finished is not None:
        return ()
    if state.stopping is not None:
        return (IdleWorkers(left, STOPPING),)
    if state.paused:
        return (IdleWorkers(left, str(WaitReason.PAUSED)),)
    found: list[IdleWorkers] = []
    for reason, count, needs in _causes(state):
        taken = min(left, count)
        if taken > 0:
            found.append(IdleWorkers(taken, reason, needs))
            left -= taken
    return tuple(found)


def _causes(state: RunState) -> list[tuple[str, int, str]]:
    """(reason, how many subtasks it keeps, what they need); the last one explains any number."""
    wave = state.current_wave
    ready = barred = blocked = begun = 0
    for w in state.opened.values():
        free = w.untouched - w.blocked
        may = free if w.most is None else max(0, min(free, w.most - w.on))
        ready, barred = ready + may, barred + free - may
        blocked, begun = blocked + w.blocked, begun + w.untouched
    later = len(state.subtasks) - state.ended - state.on - begun
    return [
        (str(WaitReason.SLOT), ready, ""),
        (WAVE_LIMIT, barred, wave.name if wave else ""),
        (DEPENDENCY, blocked, _keeper(state) if blocked else ""),
        (BARRIER, later, wave.name if wave else ""),
        (TAIL, state.max_workers, ""),
    ]


def _keeper(state: RunState) -> str:
    """The live subtask that most others need."""
    needed = max(state.live.values(), key=lambda s: len(state.feeds.get(s.id, ())), default=None)
    return needed.id if needed is not None and needed.id in state.feeds else ""


def _free_at(s: SubtaskState) -> float | None:
    return None if s.expected_s is None else s.waiting_since + s.expected_s


def _turn(s: SubtaskState) -> tuple[float, float]:
    """In the limiter's line whoever asked first; elsewhere whoever goes on first."""
    if s.waiting in LIMITER_REASONS and s.asked is not None:
        return 0.0, s.asked
    free_at = _free_at(s)
    return (1.0, s.waiting_since) if free_at is None else (0.0, free_at)
