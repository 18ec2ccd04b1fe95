"""What a frame of the run screen computes: with 40 subtasks live in a small plan and in a large one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.measure import Cost, compare, cost_of, options, report
from luna_tui.core.events import (
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
    WaveStarted,
)
from luna_tui.core.insight import flow, forecast
from luna_tui.core.line import line_of
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import Kind, Mode, Status, WaitReason
from luna_tui.tui.views.bars import gauges, header, strip, waiting_line
from luna_tui.tui.views.entries import entries
from luna_tui.tui.views.glyphs import UNICODE
from luna_tui.tui.views.trouble import attention

LIVE = 40
WAVES = 5
SMALL = 500
FAILS = 20
"""One of so many ends badly."""


def state_of(count: int) -> tuple[RunState, float]:
    """A run in its second wave: half of that wave has ended, 40 are live, a tenth of them wait."""
    each = count // WAVES
    waves = tuple(
        PlannedWave(
            name=f"wave {w}",
            parallel=True,
            subtasks=tuple(PlannedSubtask(id=f"{w}.{n}", title=f"Subtask {n}") for n in range(each)),
        )
        for w in range(WAVES)
    )
    told: list[Event] = [
        RunStarted(
            started_at="2026-01-01T00:00:00Z",
            plan=PlanOutline(name="benchmark", waves=waves),
            mode=Mode.BALANCED,
            tier="tier4",
            max_workers=LIVE,
            provider="none",
            version="0",
        ),
        WaveStarted(wave="wave 0", parallel=True, reason="", workers=LIVE),
        WaveStarted(wave="wave 1", parallel=True, reason="", workers=LIVE),
    ]
    ended = [(w, n) for w, most in ((0, each), (1, each // 2)) for n in range(most)]
    for turn, (w, n) in enumerate(ended):
        told += _life(w, n, turn, bad=turn % FAILS == FAILS - 1)
    for turn in range(min(LIVE, each - each // 2)):
        told += _begun(1, each // 2 + turn, turn)
    gauge = Gauge(limit=4_000, cap=3_800, settled=900, reserved=200)
    told.append(LimitsObserved(rpm=gauge, itpm=gauge, otpm=gauge, throttled=0, useful_workers=LIVE - 5))
    return fold(Record(n, n / 1000, "benchmark", event) for n, event in enumerate(told, 1)), len(told) / 1000


def frame(state: RunState, now_s: float, width: int) -> None:
    """Everything but the drawing."""
    g = UNICODE
    flow(state, now_s)
    forecast(state, now_s)
    header(state, now_s, width, g)
    gauges(state, now_s, width, g, tall=width >= 100)
    waiting_line(state, now_s, width, g)
    strip(state, now_s, width, g)
    entries(state, now_s)
    line_of(state)
    attention(state, now_s, width, 3, g)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=100_000, quick_items=1_000)
    frames = 200 if args.items > 1_000 else 2
    cases: dict[str, Callable[[], Cost]] = {}
    for count in (SMALL, args.items):
        state, now_s = state_of(count)
        for width in (80, 200):
            cases[f"{count:,} subtasks, {width} columns"] = _frames(state, now_s, width, frames)
    results = compare(cases, items=frames, repeats=args.repeats)
    report(f"one frame, {LIVE} of the subtasks live", results, as_json=args.json)


def _frames(state: RunState, now_s: float, width: int, frames: int) -> Callable[[], Cost]:
    def body() -> None:
        for n in range(frames):
            frame(state, now_s + n / 100, width)

    return lambda: cost_of(body)


def _begun(w: int, n: int, turn: int) -> list[Event]:
    wave, subtask, worker = f"wave {w}", f"{w}.{n}", turn % LIVE
    if turn % 10 == 0:
        return [
            SubtaskWaiting(
                wave=wave, subtask=subtask, reason=WaitReason.ITPM, attempt=1, worker=worker, expected_s=9.0
            )
        ]
    return [
        SubtaskStarted(wave=wave, subtask=subtask, attempt=1, worker=worker, title="", kind=Kind.CLAUDE),
        SubtaskOutput(wave=wave, subtask=subtask, attempt=1, text="## Summary of the module\nchecking"),
    ]


def _life(w: int, n: int, turn: int, *, bad: bool) -> list[Event]:
    wave, subtask = f"wave {w}", f"{w}.{n}"
    return [
        SubtaskStarted(wave=wave, subtask=subtask, attempt=1, worker=turn % LIVE, title="", kind=Kind.CLAUDE),
        UsageRecorded(
            wave=wave,
            subtask=subtask,
            attempt=1,
            model="m",
            input_tokens=900,
            output_tokens=300,
            cost_usd=0.01,
        ),
        SubtaskFinished(
            wave=wave,
            subtask=subtask,
            attempt=1,
            status=Status.FAILED if bad else Status.SUCCEEDED,
            duration_s=8.0 + turn % 5,
            attempts=1,
            worker=turn % LIVE,
        ),
    ]


if __name__ == "__main__":
    main()
