"""The run that the design's sketches show: 96 subtasks in five waves, 34 of 40 in flight, a budget of 11."""

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
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    UsageRecorded,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import ErrorKind, Kind, Mode, RunStatus, Status, WaitReason

NOW_S = 99.0
_SIZES = {"scan": 12, "extract": 64, "merge": 9, "check": 10, "report": 1}


def sketch(*, budget_usd: float | None = 11.0) -> RunState:
    """The state at `NOW_S`; without a budget with None."""
    told = [*_begin(), *_first_wave(), *_second_wave(), *_limits()]
    told.sort(key=lambda pair: pair[0])
    records = [Record(seq, at, "20260102-150405-7f3a", event) for seq, (at, event) in enumerate(told, 1)]
    state = fold(records)
    state.budget_usd = budget_usd
    return state


def _begin() -> list[tuple[float, Event]]:
    waves = tuple(
        PlannedWave(
            name=name,
            parallel=True,
            subtasks=tuple(PlannedSubtask(id=f"{name}{n}", title=f"{name} {n}") for n in range(size)),
        )
        for name, size in _SIZES.items()
    )
    return [
        (
            0.0,
            RunStarted(
                started_at="2026-01-02T15:04:05Z", plan=PlanOutline(name="nightly-docs", waves=waves),
                mode=Mode.AGGRESSIVE, tier="tier4", max_workers=40, provider="anthropic", version="0",
            ),
        )
    ]  # fmt: skip


def _first_wave() -> list[tuple[float, Event]]:
    told: list[tuple[float, Event]] = [
        (0.0, WaveStarted(wave="scan", parallel=True, reason="", workers=40)),
        (42.0, WaveFinished(wave="scan", status=RunStatus.SUCCEEDED, counts={}, wall_s=42.0)),
    ]
    for n in range(_SIZES["scan"]):
        told += _life("scan", n, n, 0.0, 30.0 + n, 0.05)
    return told


def _second_wave() -> list[tuple[float, Event]]:
    told: list[tuple[float, Event]] = [
        (42.0, WaveStarted(wave="extract", parallel=True, reason="", workers=40))
    ]
    for n in range(6):
        told += _life("extract", n, n, 42.0, 70.0 + 5 * n, 0.13)
    for n in (6, 7):
        told += _life("extract", n, n, 42.0, 60.0, 0.0, status=Status.FAILED)
    for turn, n in enumerate(range(8, 48)):
        told += _on(n, turn)
    return told


def _on(n: int, worker: int) -> list[tuple[float, Event]]:
    """Four of forty wait for input tokens, two back off, the others stream."""
    about = {"wave": "extract", "subtask": f"extract{n}", "attempt": 1, "worker": worker}
    started = SubtaskStarted(**about, title="", kind=Kind.CLAUDE)  # type: ignore[arg-type]
    if worker % 10 == 9:
        expected_s = 4.0 + worker
        return [(90.0, SubtaskWaiting(**about, reason=WaitReason.ITPM, expected_s=expected_s - 2.0))]  # type: ignore[arg-type]
    if worker in (15, 35):
        failed = AttemptFailed(
            wave="extract", subtask=f"extract{n}", attempt=1, error_kind=ErrorKind.OVERLOADED,
            message="overloaded (529)", status=529, will_retry=True, delay_s=30.0,
        )  # fmt: skip
        waits = SubtaskWaiting(**about, reason=WaitReason.BACKOFF, expected_s=30.0)  # type: ignore[arg-type]
        return [(70.0, started), (81.0, failed), (81.0, waits)]
    text = SubtaskOutput(wave="extract", subtask=f"extract{n}", attempt=1, text="## Summary")
    return [(60.0 + worker, started), (62.0 + worker, text)]


def _life(
    wave: str, n: int, worker: int, start: float, end: float, usd: float, status: Status = Status.SUCCEEDED
) -> list[tuple[float, Event]]:
    subtask = f"{wave}{n}"
    return [
        (
            start,
            SubtaskStarted(
                wave=wave, subtask=subtask, attempt=1, worker=worker, title="", kind=Kind.CLAUDE
            ),
        ),
        (
            end,
            UsageRecorded(
                wave=wave, subtask=subtask, attempt=1, model="m", input_tokens=17_000, output_tokens=900,
                cost_usd=usd,
            ),
        ),
        (
            end,
            SubtaskFinished(
                wave=wave, subtask=subtask, attempt=1, status=status, duration_s=end - start, attempts=1,
                worker=worker,
            ),
        ),
    ]  # fmt: skip


def _limits() -> list[tuple[float, Event]]:
    rpm = Gauge(limit=4_000, cap=3_800, settled=44, reserved=0)
    itpm = Gauge(limit=2_000_000, cap=1_900_000, settled=1_400_000, reserved=440_000)
    otpm = Gauge(
        limit=400_000,
        cap=380_000,
        settled=34_000,
        reserved=52_000,
        server_remaining=310_000,
        server_age_s=2.0,
    )
    return [(97.0, LimitsObserved(rpm=rpm, itpm=itpm, otpm=otpm, throttled=0, useful_workers=35))]
