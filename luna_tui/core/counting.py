"""Keep the numbers of a run in step with its subtasks: take one out, change it, count it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from luna_tui.core.parts import SubtaskState, WaveState
from luna_tui.core.words import BAD, GOOD, Kind, Schedule, Status

if TYPE_CHECKING:
    from luna_tui.core.state import RunState


def uncount(state: RunState, s: SubtaskState) -> None:
    """Take a subtask out of every number, as it was counted; what happens to it comes after this."""
    if s.status is None:
        pause(state, s)
    else:
        _end(state, s, s.status, -1)


def count(state: RunState, s: SubtaskState) -> None:
    """Count a subtask as it stands now, after `uncount` and a change of its status or of what it does."""
    if s.status is None:
        go_on(state, s)
    else:
        _end(state, s, s.status, 1)


def pause(state: RunState, s: SubtaskState) -> None:
    """`uncount`, where the status does not change."""
    if s.status is None and (s.running or s.waiting is not None):
        state.waves[s.wave].on -= 1
        state.on -= 1
        state.running -= s.running


def go_on(state: RunState, s: SubtaskState) -> None:
    """`count`, where the status did not change."""
    if s.status is None and (s.running or s.waiting is not None):
        wave = state.waves[s.wave]
        wave.on += 1
        state.on += 1
        state.running += s.running
        if s.planned.id not in state.live:
            state.live[s.planned.id] = s
            wave.blocked -= s.unmet > 0


def _end(state: RunState, s: SubtaskState, status: Status, sign: int) -> None:
    """Count an end, or take it back with a `sign` of -1."""
    wave = state.waves[s.wave]
    state.ended += sign
    wave.ended += sign
    state.counts[status] = state.counts.get(status, 0) + sign
    asks = s.planned.kind is Kind.CLAUDE
    if asks:
        wave.asking -= sign
    if sign > 0:
        wave.chains.drop(s.chain)
        if state.live.pop(s.planned.id, None) is None and s.unmet:
            wave.blocked -= 1
    else:
        wave.chains.add(s.chain)
        if s.unmet:
            wave.blocked += 1
        if not state.counts[status]:
            del state.counts[status]
    if status is Status.SUCCEEDED:
        wave.good += sign
        if s.duration_s > 0:
            wave.sums.add(s, sign, asks=asks)
    elif status is Status.CACHED:
        wave.good += sign
        wave.cached += sign
    elif status is Status.SKIPPED:
        wave.skipped += sign
    elif status in BAD:
        wave.failed += sign
    if status in GOOD and s.planned.id in state.feeds:
        _meet(state, s, sign)
    if s.ghost or status in BAD:
        note_trouble(state, s, status if sign > 0 else None)


def _meet(state: RunState, s: SubtaskState, sign: int) -> None:
    """What needs this subtask lacks one thing less, or one more."""
    for i in state.feeds[s.planned.id]:
        other = state.subtasks[i]
        lacked = other.unmet > 0
        other.unmet -= sign
        if other.status is None and i not in state.live and lacked != (other.unmet > 0):
            state.waves[other.wave].blocked -= sign


def note_trouble(state: RunState, s: SubtaskState, status: Status | None) -> None:
    """List a subtask with others in the same trouble, or nowhere when it has none."""
    troubled = state.troubled
    if s.ghost:
        kind = troubled.ghosts
    elif status is Status.TIMED_OUT:
        kind = troubled.timed_out
    elif status is Status.FAILED:
        kind = troubled.failed
    else:
        troubled.drop(s.id)
        return
    if s.id not in kind:
        troubled.drop(s.id)
        kind[s.id] = s


def count_plan(state: RunState) -> None:
    """The first count of all, once the plan is known: what feeds what, chains, what each wave has to do."""
    needs = {
        s.id: tuple(dict.fromkeys(i for i in s.planned.depends_on if i in state.subtasks))
        for s in state.subtasks.values()
        if s.planned.depends_on
    }
    found: dict[str, list[str]] = {}
    for i, dependencies in needs.items():
        state.subtasks[i].unmet = len(dependencies)
        for d in dependencies:
            found.setdefault(d, []).append(i)
    state.feeds = {i: tuple(ids) for i, ids in found.items()}
    _measure_chains(state, needs)
    for s in state.subtasks.values():
        wave = state.waves[s.wave]
        wave.chains.add(s.chain)
        wave.asking += s.planned.kind is Kind.CLAUDE
        wave.blocked += bool(s.unmet)


def _measure_chains(state: RunState, needs: Mapping[str, Iterable[str]]) -> None:
    """Set how long a row of dependencies each begins; within its wave where waves are barriers."""
    barriers = state.plan.schedule is Schedule.WAVES
    subtasks = state.subtasks

    def joined(one: str, other: str) -> bool:
        return not barriers or subtasks[one].wave == subtasks[other].wave

    missing = {i: sum(joined(i, d) for d in ids) for i, ids in state.feeds.items()}
    ready = [i for i in (*missing, *needs) if not missing.get(i)]
    done: set[str] = set()
    while ready:
        i = ready.pop()
        if i in done:
            continue
        done.add(i)
        for d in needs.get(i, ()):
            if joined(i, d):
                subtasks[d].chain = max(subtasks[d].chain, subtasks[i].chain + 1)
                missing[d] -= 1
                if not missing[d]:
                    ready.append(d)


def note_wave(state: RunState, wave: WaveState) -> None:
    """Remember which waves are open, and the last one that began."""
    if wave.started_at is None:
        return
    if wave.ended_at is None:
        state.opened[wave.number] = wave
    else:
        state.opened.pop(wave.number, None)
    if state.begun is None or wave.number >= state.begun.number:
        state.begun = wave
