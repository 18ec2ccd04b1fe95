"""Read what a run left behind, for the process that goes on with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from luna_tui.core.attempt_use import untold
from luna_tui.core.events import Record, SubtaskFinished, UsageRecorded
from luna_tui.core.past import (
    Past,
    Traces,
    coming_back,
    ends_of,
    flown_of,
    gone_wrong,
    interrupted_by,
    traces_of,
    unfinished,
)
from luna_tui.core.plan import Plan
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import GOOD, Status
from luna_tui.storage.journal import Damage, read_journal
from luna_tui.storage.paths import RunDir
from luna_tui.storage.results import KeptResult, kept_ids, output_of, read_result


@dataclass(frozen=True, slots=True)
class Left:
    """A run as its files tell it; somebody holds its lock."""

    run_dir: RunDir
    records: tuple[Record, ...]
    seq: int
    at: float
    """Both of the last record, of whatever type."""
    damaged: tuple[Damage, ...]
    state: RunState
    traces: Traces
    found: dict[str, KeptResult]
    """Subtasks that have not ended as the journal tells, and of which there is a newer result."""

    @property
    def ends(self) -> dict[str, Status]:
        """How each subtask ended that has, by journal or by result."""
        return ends_of(self.state) | {i: kept.event.status for i, kept in self.found.items()}


@dataclass(frozen=True, slots=True)
class Prepared:
    """How it goes on."""

    past: Past
    lost: tuple[str, ...]
    """Subtasks that ended well, whose output is needed and cannot be read: they run again."""
    to_run: frozenset[str]
    """All that is going to run."""


def look_back(run_dir: RunDir) -> Left:
    """Read journal and results; changes nothing."""
    read = read_journal(run_dir.path)
    state, traces = fold(read.records), traces_of(read.records)
    return Left(run_dir, read.records, read.last_seq, read.last_at, read.damaged, state, traces, {})


def with_results(left: Left, plan: Plan) -> Left:
    """The same, with results of the plan's subtasks that are newer than what the journal tells."""
    ended, kept = ends_of(left.state), kept_ids(left.run_dir)
    found = {}
    for subtask in plan.subtasks():
        if subtask.id not in ended and subtask.id in kept:
            result = read_result(left.run_dir, subtask.id)
            if result is not None and _is_newer(left, result):
                found[subtask.id] = result
    return replace(left, found=found)


def _is_newer(left: Left, kept: KeptResult) -> bool:
    """Whether it is of an end that was not told, and not of one that was undone since."""
    s = left.state.subtasks.get(kept.event.subtask)
    begun = s.tries[-1].number if s is not None and s.tries else 0
    told = left.traces.attempts.get(kept.event.subtask, -1)
    return kept.event.attempts >= begun and kept.event.attempts > told


def with_prompts(plan: Plan, traces: Traces) -> Plan:
    """The plan with the prompts that a person gave subtasks while the run was on."""
    if not traces.prompts:
        return plan
    waves = tuple(
        replace(
            wave,
            subtasks=tuple(
                replace(s, prompt=traces.prompts[s.id]) if s.id in traces.prompts else s
                for s in wave.subtasks
            ),
        )
        for wave in plan.waves
    )
    return replace(plan, waves=waves)


def told_ends(records: Iterable[Record]) -> dict[str, SubtaskFinished]:
    """Subtask -> its last end that was told."""
    return {r.event.subtask: r.event for r in records if isinstance(r.event, SubtaskFinished)}


def prepare(left: Left, plan: Plan, now: datetime, *, retry: bool) -> Prepared:
    """What the process that goes on must know: to finish the run, or to retry what went wrong in it."""
    stopped = [i for i, kept in left.found.items() if kept.event.status is Status.CANCELLED]
    undo = gone_wrong(left.state, left.traces) if retry else (*unfinished(left.state), *stopped)
    ends = left.ends
    to_run = coming_back(left.state, undo) | {s.id for s in plan.subtasks() if s.id not in ends}
    results, lost = _results_for(left, plan, to_run)
    past = replace(
        _as_told(left, now), undo=(*undo, *lost), by="user" if retry else "resume", results=results
    )
    return Prepared(past, lost, frozenset(to_run.union(lost)))


def _results_for(left: Left, plan: Plan, to_run: set[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Outputs that those which will run need, and the subtasks whose output is lost: they run again."""
    ends, by_id = left.ends, {s.id: s for s in plan.subtasks()}
    told = told_ends(left.records)
    results: dict[str, str] = {}
    lost: dict[str, None] = {}
    line = [i for i in to_run if i in by_id]
    while line:
        for i in by_id[line.pop()].depends_on:
            if i in results or i in lost or i in to_run or ends.get(i) not in GOOD:
                continue
            output = output_of(left.run_dir, told.get(i), i)
            if output is not None:
                results[i] = output
            else:
                lost[i] = None
                line.append(i)
    return results, tuple(lost)


def _as_told(left: Left, now: datetime) -> Past:
    state = left.state
    waves = [w for w in state.waves.values() if w.started_at is not None]
    unpaid = _untold(left)
    return Past(
        run=left.run_dir.run,
        records=left.records,
        seq=left.seq,
        at=left.at,
        away_s=_away_s(left.traces, now),
        ends=ends_of(state),
        flown=flown_of(state),
        failures=left.traces.failures,
        begun={w.name: left.at - (w.started_at or 0.0) for w in waves},
        over=[w.name for w in waves if w.ended_at is not None],
        spent_usd=(state.cost_usd or 0.0) + sum(e.cost_usd or 0.0 for e in unpaid),
        throttled=0 if state.limits is None else state.limits.throttled,
        asked=left.traces.asked,
        grants=left.traces.grants,
        interrupted=[e for e in interrupted_by(left.traces) if e.subtask not in left.found],
        found=[(kept.event, kept.output) for kept in left.found.values()],
        untold=unpaid,
    )


def _untold(left: Left) -> list[UsageRecorded]:
    """Use of tokens that only results tell: it was paid, and the budget has to count it."""
    found = []
    for i, kept in left.found.items():
        if kept.used is not None:
            used = untold(kept.used, left.traces.used.get(i), kept.event)
            found += [used] if used is not None else []
    return found


def _away_s(traces: Traces, now: datetime) -> float:
    """Seconds of wall clock since the last record; 0 when the clock was set back, or never told."""
    try:
        ended = datetime.fromisoformat(traces.ended_at) + timedelta(seconds=traces.ended_after_s)
        return round(max(0.0, (now - ended).total_seconds()), 3)
    except (ValueError, TypeError, OverflowError):
        return 0.0
