"""Moments of recorded and made-up runs, for the screens' tests."""

from __future__ import annotations

from pathlib import Path

from luna_tui.core.events import (
    AttemptFailed,
    Event,
    Gauge,
    LimitsObserved,
    PlannedSubtask,
    PlannedWave,
    PlanOutline,
    Record,
    RunPaused,
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    ThreadAbandoned,
    WaveStarted,
)
from luna_tui.core.words import ErrorKind, Kind, Mode, Status, WaitReason
from luna_tui.storage.journal import read_journal

DEMO = Path(__file__).parent.parent / "journals" / "demo.ndjson"
NIGHTLY = DEMO.with_name("nightly.ndjson")
TITLES = (
    "parse_css",
    "merge_ids",
    "scan_docs",
    "fix_links",
    "sum_tests",
    "typ_check",
    "lint_api",
    "scan_html",
)
SAID = (
    "## Summary of the module",
    "checking 41 of 96 files",
    "Next, the sitemap lists",
    "reading src/theme.css",
)


def demo(until_s: float | None = None) -> tuple[Record, ...]:
    """The recorded demo, up to an instant."""
    records = read_journal(DEMO).records
    return tuple(r for r in records if until_s is None or r.at <= until_s)


def nightly(until_s: float | None = None) -> tuple[Record, ...]:
    """A recorded run of 96 subtasks in five waves on 40 workers, up to an instant."""
    records = read_journal(NIGHTLY).records
    return tuple(r for r in records if until_s is None or r.at <= until_s)


def busy(workers: int = 40) -> tuple[Record, ...]:
    """A wave in which every kind of trouble is on the screen at once."""
    ids = [f"s{n:02d}" for n in range(workers + 16)]
    planned = tuple(PlannedSubtask(id=i, title=TITLES[n % len(TITLES)], retries=2) for n, i in enumerate(ids))
    after = tuple(PlannedSubtask(id=f"m{n}", title="merge", depends_on=(ids[1],)) for n in range(3))
    outline = PlanOutline(
        name="nightly-docs",
        waves=(
            PlannedWave(name="extract", parallel=True, subtasks=planned),
            PlannedWave(name="merge", parallel=True, subtasks=after),
        ),
    )
    found: list[tuple[float, Event]] = [
        (
            0.0,
            RunStarted(
                started_at="2026-01-02T15:04:05Z",
                plan=outline,
                mode=Mode.AGGRESSIVE,
                tier="tier4",
                max_workers=workers,
                provider="anthropic",
                version="0",
            ),
        ),
        (
            0.1,
            WaveStarted(
                wave="extract",
                parallel=True,
                reason=f"parallel: {len(ids)} subtasks on {workers} workers",
                workers=workers,
            ),
        ),
    ]
    for n, i in enumerate(ids[:workers]):
        found += _story(n, i)
    gauges = [
        Gauge(
            limit=x,
            cap=round(x * 0.95),
            settled=round(x * u),
            reserved=round(x * r),
            server_remaining=round(x * (1 - u)),
            server_age_s=2.0,
        )
        for x, u, r in ((4_000, 0.01, 0.0), (2_000_000, 0.7, 0.22), (400_000, 0.09, 0.13))
    ]
    found.append(
        (
            57.0,
            LimitsObserved(rpm=gauges[0], itpm=gauges[1], otpm=gauges[2], throttled=1, waiting={"itpm": 2}),
        )
    )
    found.sort(key=lambda pair: pair[0])
    return tuple(Record(seq, at, "20260102-150405-7f3a", event) for seq, (at, event) in enumerate(found, 1))


def paused() -> tuple[Record, ...]:
    """The same, paused."""
    records = busy(20)
    last = records[-1]
    return (*records, Record(last.seq + 1, last.at + 0.5, last.run, RunPaused(by="user")))


def _story(n: int, i: str) -> list[tuple[float, Event]]:
    began = 1.0 + n * 0.7
    started = SubtaskStarted(
        wave="extract", subtask=i, attempt=1, worker=n, title=TITLES[n % 8], kind=Kind.CLAUDE
    )
    said = SubtaskOutput(
        wave="extract", subtask=i, attempt=1, text=SAID[n % 4] * (1 + n % 5) + "\n" + SAID[(n + 1) % 4]
    )
    story: list[tuple[float, Event]] = [(began, started)]
    match n % 13:
        case 1:
            story.append(
                (
                    began + 3,
                    AttemptFailed(
                        wave="extract",
                        subtask=i,
                        attempt=1,
                        error_kind=ErrorKind.OVERLOADED,
                        message="overloaded (529): Overloaded",
                        status=529,
                    ),
                )
            )
            story.append(
                (
                    began + 3,
                    SubtaskFinished(
                        wave="extract",
                        subtask=i,
                        attempt=1,
                        status=Status.FAILED,
                        duration_s=3.0,
                        attempts=1,
                        reason="overloaded (529): Overloaded",
                        worker=n,
                    ),
                )
            )
        case 2:
            story.append(
                (
                    began + 2,
                    AttemptFailed(
                        wave="extract",
                        subtask=i,
                        attempt=1,
                        error_kind=ErrorKind.RATE_LIMITED,
                        message="rate_limit (429): slow down",
                        status=429,
                        will_retry=True,
                        delay_s=60.0,
                    ),
                )
            )
            story.append(
                (
                    began + 2,
                    SubtaskWaiting(
                        wave="extract",
                        subtask=i,
                        reason=WaitReason.RETRY_AFTER,
                        attempt=2,
                        worker=n,
                        expected_s=60.0,
                    ),
                )
            )
        case 4:
            story[0] = (
                56.0,
                SubtaskWaiting(
                    wave="extract", subtask=i, reason=WaitReason.ITPM, attempt=1, worker=n, expected_s=9.0
                ),
            )
        case 6:
            story[0] = (56.5, started)
        case 8:
            story += [
                (began + 1, said),
                (
                    began + 9,
                    SubtaskFinished(
                        wave="extract",
                        subtask=i,
                        attempt=1,
                        status=Status.SUCCEEDED,
                        duration_s=9.0,
                        attempts=1,
                        worker=n,
                    ),
                ),
            ]
        case 9:
            story += [
                (began + 1, said),
                (began + 4, ThreadAbandoned(wave="extract", subtask=i, attempt=1, worker=n)),
            ]
        case 10:
            story.append((began + 1, said))
        case _:
            story += [(began + 1, said), (56.9, said)]
    return story
