"""A moment at which every box has something to say: prices, failures, skips, what runs and what waits."""

from __future__ import annotations

from luna_tui.core.events import (
    AttemptFailed,
    Event,
    Gauge,
    LimitsObserved,
    PlannedSubtask,
    PlannedWave,
    PlanOutline,
    Record,
    RunFinished,
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    Tokens,
    UsageRecorded,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.words import ErrorKind, Kind, Mode, RunStatus, Status, WaitReason

RUN = "20260102-150405-7f3a"
NOW_S = 100.0
EXTRACT = ("good", "fine", "fast", "slow", "late", "bad", "worse", "again", "queued", "shell", "long")


def scene(*more: Event, workers: int = 15, automatic: bool = False) -> tuple[Record, ...]:
    """The moment, and what follows it."""
    found = [(0.0, _start(workers, automatic=automatic)), *_first_wave(), *_second_wave()]
    found += [(NOW_S, event) for event in more]
    return tuple(Record(seq, at, RUN, event) for seq, (at, event) in enumerate(found, 1))


def ended() -> Event:
    """The run is over."""
    return RunFinished(
        status=RunStatus.FAILED, counts={}, wall_s=NOW_S, sum_s=NOW_S, speedup=None, bound_s=None,
        efficiency=None, tokens=Tokens(), cost_usd=None, throttled=0,
    )  # fmt: skip


def failed_now(subtask: str = "worse") -> Event:
    """Somewhere the same error comes again."""
    return _failed(subtask, 1)


def _start(workers: int, *, automatic: bool) -> Event:
    scan = tuple(PlannedSubtask(id=f"scan{n}", title=f"scan part {n}") for n in range(3))
    extract = tuple(
        PlannedSubtask(
            id=i,
            title=f"{i} work",
            kind=Kind.COMMAND if i == "shell" else Kind.CLAUDE,
            prompt="x" * 1_999 + "…" if i == "long" else f"Look at {i}.\nSay what it does.",
            depends_on=("scan0",) if i == "slow" else (),
        )
        for i in EXTRACT
    )
    merge = (
        PlannedSubtask(id="m1", title="merge bad", depends_on=("bad",)),
        PlannedSubtask(id="m2", title="merge slow", depends_on=("slow", "queued")),
        PlannedSubtask(id="m3", title="sum up", depends_on=("m2",)),
        PlannedSubtask(id="m4", title="sum bad", depends_on=("m1",)),
    )
    waves = (("scan", scan), ("extract", extract), ("merge", merge))
    outline = PlanOutline(
        name="nightly-docs",
        waves=tuple(PlannedWave(name=name, parallel=True, subtasks=subtasks) for name, subtasks in waves),
    )
    return RunStarted(
        started_at="2026-01-02T15:04:05Z", plan=outline, mode=Mode.BALANCED, tier="tier2",
        max_workers=workers, provider="anthropic", version="0", automatic=automatic,
    )  # fmt: skip


def _first_wave() -> list[tuple[float, Event]]:
    found: list[tuple[float, Event]] = [
        (0.1, WaveStarted(wave="scan", parallel=True, reason="parallel: 3 subtasks", workers=3))
    ]
    for n in range(3):
        found += _good("scan", f"scan{n}", n, 0.2, 20.0, 0.10)
    found.append(
        (25.0, WaveFinished(wave="scan", status=RunStatus.SUCCEEDED, counts={"succeeded": 3}, wall_s=24.9))
    )
    return sorted(found, key=lambda pair: pair[0])


def _second_wave() -> list[tuple[float, Event]]:
    found: list[tuple[float, Event]] = [
        (25.1, WaveStarted(wave="extract", parallel=True, reason="parallel: 11 subtasks", workers=11))
    ]
    for n, (name, seconds) in enumerate((("good", 40.0), ("fine", 50.0), ("fast", 30.0))):
        found += _good("extract", name, n, 26.0, seconds, 0.12)
    for n, name in ((3, "slow"), (4, "late")):
        found += [
            (80.0, _began(name, n)),
            (99.0, SubtaskOutput(wave="extract", subtask=name, attempt=1, text="some words " * 200)),
        ]
    for n, name in ((5, "bad"), (6, "worse")):
        found += [(30.0, _began(name, n)), (40.0, _failed(name, 1)), (40.0, _ended(name, n, Status.FAILED))]
    for name, needs in (("m1", "bad"), ("m4", "m1")):
        skipped = SubtaskFinished(
            wave="merge", subtask=name, attempt=0, status=Status.SKIPPED, duration_s=0.0, attempts=0,
            reason=f"{needs} failed",
        )  # fmt: skip
        found.append((40.1, skipped))
    waits = SubtaskWaiting(
        wave="extract", subtask="again", reason=WaitReason.BACKOFF, attempt=2, worker=7, expected_s=20.0
    )
    found += [(85.0, _began("again", 7)), (90.0, _failed("again", 1, will_retry=True)), (90.0, waits)]
    gauges = [
        Gauge(limit=x, cap=round(x * 0.85), settled=round(x * u), reserved=round(x * r))
        for x, u, r in ((1_000, 0.05, 0.0), (450_000, 0.6, 0.2), (90_000, 0.2, 0.1))
    ]
    seen = LimitsObserved(
        rpm=gauges[0], itpm=gauges[1], otpm=gauges[2], throttled=0, waiting={}, useful_workers=18
    )
    found.append((NOW_S, seen))
    return sorted(found, key=lambda pair: pair[0])


def _good(
    wave: str, name: str, worker: int, at: float, seconds: float, usd: float
) -> list[tuple[float, Event]]:
    began = SubtaskStarted(wave=wave, subtask=name, attempt=1, worker=worker, title=name, kind=Kind.CLAUDE)
    used = UsageRecorded(
        wave=wave, subtask=name, attempt=1, model="m", input_tokens=9_000, output_tokens=900, cost_usd=usd
    )
    ended = SubtaskFinished(
        wave=wave,
        subtask=name,
        attempt=1,
        status=Status.SUCCEEDED,
        duration_s=seconds,
        attempts=1,
        worker=worker,
    )
    return [(at, began), (at + seconds, used), (at + seconds, ended)]


def _began(name: str, worker: int) -> Event:
    return SubtaskStarted(
        wave="extract", subtask=name, attempt=1, worker=worker, title=name, kind=Kind.CLAUDE
    )


def _failed(name: str, attempt: int, *, will_retry: bool = False) -> Event:
    return AttemptFailed(
        wave="extract", subtask=name, attempt=attempt, error_kind=ErrorKind.OVERLOADED,
        message="overloaded (529): Overloaded", status=529, will_retry=will_retry,
        delay_s=20.0 if will_retry else None,
    )  # fmt: skip


def _ended(name: str, worker: int, status: Status) -> Event:
    return SubtaskFinished(
        wave="extract", subtask=name, attempt=1, status=status, duration_s=10.0, attempts=1,
        reason="overloaded (529): Overloaded", worker=worker,
    )  # fmt: skip
