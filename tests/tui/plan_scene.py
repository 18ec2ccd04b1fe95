"""A run of the nightly plan at a moment, with money, and runs of very many subtasks."""

from __future__ import annotations

from tui.preflight_stage import MODEL, nightly

from luna_tui.core.events import (
    AttemptFailed,
    Event,
    PlannedSubtask,
    PlannedWave,
    PlanOutline,
    Record,
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    UsageRecorded,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.plan import Wave
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import ErrorKind, Kind, Mode, RunStatus, Status, WaitReason

AT_S = 99.0


def nightly_run() -> tuple[Record, ...]:
    """Wave 1 is over, wave 2 has 16 good ends, two failures, 20 on; the rest has not begun."""
    plan = nightly()
    found: list[tuple[float, Event]] = [(0.0, started(outline_of(plan.waves)))]
    scan, extract = plan.waves[0], plan.waves[1]
    found.append((0.1, WaveStarted(wave="scan", parallel=True, reason="parallel", workers=20)))
    for n, s in enumerate(scan.subtasks):
        found += ended("scan", s.id, n, 0.2, 30.0 + n, Status.SUCCEEDED, usd=0.031)
    found.append((43.0, WaveFinished(wave="scan", status=RunStatus.SUCCEEDED, counts={}, wall_s=43.0)))
    found.append((43.1, WaveStarted(wave="extract", parallel=True, reason="parallel", workers=20)))
    for n, s in enumerate(extract.subtasks[:38]):
        found += extracted(n, s.id)
    found.sort(key=lambda pair: pair[0])
    return tuple(Record(seq, at, "20260102-150405-61c0", event) for seq, (at, event) in enumerate(found, 1))


def extracted(n: int, i: str) -> list[tuple[float, Event]]:
    """What became of a subtask of the second wave."""
    if n in (2, 5):
        return [
            *ended("extract", i, n, 43.5, 31.0, Status.FAILED, why="overloaded (529): Overloaded"),
        ]
    if n < 18:
        return ended("extract", i, n % 20, 43.4 + n * 0.1, 24.0 + n, Status.SUCCEEDED, usd=0.053)
    at = 75.0 + n * 0.6
    if n % 7 == 0:
        wait = SubtaskWaiting(
            wave="extract", subtask=i, reason=WaitReason.ITPM, attempt=1, worker=n % 20, expected_s=9.0
        )
        return [(95.0, wait)]
    said = SubtaskOutput(wave="extract", subtask=i, attempt=1, text="## Summary of the module\n" * (n - 15))
    return [(at, begun("extract", i, n % 20)), (98.0 if n % 5 else at, said)]


def begun(wave: str, i: str, worker: int) -> SubtaskStarted:
    return SubtaskStarted(wave=wave, subtask=i, attempt=1, worker=worker, title=i, kind=Kind.CLAUDE)


def ended(
    wave: str,
    i: str,
    worker: int,
    at: float,
    took_s: float,
    status: Status,
    *,
    usd: float = 0.0,
    why: str = "",
) -> list[tuple[float, Event]]:
    story: list[tuple[float, Event]] = [(at, begun(wave, i, worker))]
    if status is Status.SUCCEEDED:
        usage = UsageRecorded(
            wave=wave, subtask=i, attempt=1, model=MODEL, input_tokens=16_000, output_tokens=912, cost_usd=usd
        )
        story.append((at + took_s, usage))
    else:
        failed = AttemptFailed(
            wave=wave, subtask=i, attempt=1, error_kind=ErrorKind.OVERLOADED, message=why, status=529
        )
        story.append((at + took_s, failed))
    finished = SubtaskFinished(
        wave=wave,
        subtask=i,
        attempt=1,
        status=status,
        duration_s=took_s,
        attempts=1,
        reason=why,
        worker=worker,
    )
    return [*story, (at + took_s, finished)]


def started(outline: PlanOutline) -> RunStarted:
    return RunStarted(
        started_at="2026-01-02T15:04:05Z",
        plan=outline,
        mode=Mode.AGGRESSIVE,
        tier="tier2",
        max_workers=20,
        provider="anthropic",
        version="0",
    )


def outline_of(waves: tuple[Wave, ...]) -> PlanOutline:
    """The outline; the first two of the third wave need the two that fail."""
    needs = {"m00": ("x02", "x05"), "m01": ("x02",)}
    planned = tuple(
        PlannedWave(
            name=w.name,
            parallel=True,
            subtasks=tuple(
                PlannedSubtask(id=s.id, title=s.title, kind=s.kind, depends_on=needs.get(s.id, ()))
                for s in w.subtasks
            ),
        )
        for w in waves
    )
    return PlanOutline(name="nightly-docs", waves=planned)


def very_many(count: int, waves: int = 1, *, run: str = "20260102-150405-b161") -> RunState:
    """A run that has just begun, of so many subtasks."""
    each = count // waves
    planned = tuple(
        PlannedWave(
            name=f"w{n}",
            parallel=True,
            subtasks=tuple(PlannedSubtask(id=f"s{n}-{k}", title=f"page {k}") for k in range(each)),
        )
        for n in range(waves)
    )
    events: tuple[Event, ...] = (
        started(PlanOutline(name="crawl", waves=planned)),
        WaveStarted(wave="w0", parallel=True, reason="parallel", workers=20),
        *(begun("w0", f"s0-{k}", k) for k in range(min(20, each))),
    )
    return fold(Record(seq, seq * 0.1, run, event) for seq, event in enumerate(events, 1))
