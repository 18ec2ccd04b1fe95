"""Moments of a run in which one subtask has a story: tries, neighbours, a stream with a gap."""

from __future__ import annotations

from pathlib import Path

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
    ThreadAbandoned,
    UsageRecorded,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.words import ErrorKind, Kind, Mode, RunStatus, Status, WaitReason

RUN = "20260102-150405-7f3a"
HERE = "idx_files"
OTHER = "lint_api"
HOSTILE = "\x1b]52;c;cGF3bmVk\x07\x1b[2J\u202eevil\u202c \x9b31mred\x07 end"
PROMPT = (
    "List every broken link of the site, and every anchor that stands twice.\n\n"
    "Answer as JSON:\n    {\"links\": [...], \"anchors\": [...]}\n\n"
    "A link is broken when its page answers 404 or its anchor is not there. Follow no link that leads "
    "out of the site; those are checked by another subtask."
)  # fmt: skip
SAID = """## Findings

1. `index.html` links to `/docs/old`, which answers 404.
2. Two anchors are doubled: #install and #faq.
3. The sitemap lists 14 pages that are not in the navigation; most are made by tools/gen_pages.py and"""
ANSWER = '{"links": [{"page": "index.html", "to": "/docs/old"}], "anchors": ["#install", "#faq"]}'


def story(*, ended: bool = False, answer: str = ANSWER, said: str = SAID) -> tuple[Record, ...]:
    """Two failed tries, then a third that streams and falls silent, or ends with an answer."""
    found = _begin()
    found += [
        (42.0, WaveFinished(wave="scan", status=RunStatus.SUCCEEDED, counts={"succeeded": 2}, wall_s=42.0)),
        (42.1, WaveStarted(wave="extract", parallel=True, reason="parallel: 2 subtasks", workers=2)),
        (42.2, _waits(WaitReason.ITPM, 1, 4.0)),
        (46.2, _starts(HERE, 1)),
        (47.0, SubtaskOutput(wave="extract", subtask=HERE, attempt=1, text="Let me look at the ")),
        (49.2, UsageRecorded(wave="extract", subtask=HERE, attempt=1, model="claude-haiku-5-5",
                             input_tokens=8_556, output_tokens=12, cost_usd=0.0214)),
        (49.2, AttemptFailed(wave="extract", subtask=HERE, attempt=1, error_kind=ErrorKind.OVERLOADED,
                             message="overloaded (529): Overloaded", status=529, will_retry=True,
                             delay_s=2.0)),
        (49.2, _waits(WaitReason.BACKOFF, 2, 2.0)),
        (51.2, _starts(HERE, 2)),
        (54.2, AttemptFailed(wave="extract", subtask=HERE, attempt=2, error_kind=ErrorKind.CONNECTION,
                             message="the connection broke before the answer was complete",
                             will_retry=True, delay_s=4.0)),
        (54.2, _waits(WaitReason.BACKOFF, 3, 4.0)),
        (58.2, _starts(HERE, 3)),
        (60.0, _starts(OTHER, 1, worker=3)),
        (62.5, SubtaskFinished(wave="extract", subtask=OTHER, attempt=1, status=Status.SUCCEEDED,
                               duration_s=2.5, attempts=1, worker=3)),
    ]  # fmt: skip
    text = answer if ended else said
    for n in range(0, len(text), 40):
        piece = text[n : n + 40]
        found.append((61.2 + n / 100, SubtaskOutput(wave="extract", subtask=HERE, attempt=3, text=piece)))
    at = found[-1][0]
    if ended:
        found += [
            (at + 1, UsageRecorded(wave="extract", subtask=HERE, attempt=3, model="claude-haiku-5-5",
                                   input_tokens=8_556, output_tokens=612, cache_read_tokens=2_400,
                                   cost_usd=0.0326)),
            (at + 1.2, SubtaskFinished(wave="extract", subtask=HERE, attempt=3, status=Status.SUCCEEDED,
                                       duration_s=12.0, attempts=3, worker=11,
                                       output_file=f"outputs/{HERE}.3.txt")),
        ]  # fmt: skip
    else:
        found.append((at + 48.0, ThreadAbandoned(wave="merge", subtask="m1", attempt=1, worker=9)))
    return numbered(found)


def numbered(found: list[tuple[float, Event]]) -> tuple[Record, ...]:
    """Records in order of time."""
    found.sort(key=lambda pair: pair[0])
    return tuple(Record(seq, at, RUN, event) for seq, (at, event) in enumerate(found, 1))


def keep(folder: Path, texts: dict[tuple[str, int], str]) -> Path:
    """A run directory with what attempts said."""
    (folder / "outputs").mkdir(parents=True)
    for (subtask, attempt), text in texts.items():
        (folder / "outputs" / f"{subtask}.{attempt}.txt").write_bytes(text.encode())
    return folder


def _begin() -> list[tuple[float, Event]]:
    scan = tuple(PlannedSubtask(id=i, title=t) for i, t in (("a", "crawl"), ("b", "sitemap")))
    extract = (
        PlannedSubtask(id=HERE, title=HERE, depends_on=("a", "b"), retries=2, timeout=60.0,
                       model="claude-haiku-5-5", prompt=PROMPT),
        PlannedSubtask(id=OTHER, title=OTHER, depends_on=("a",), model="claude-haiku-5-5"),
    )  # fmt: skip
    merge = tuple(PlannedSubtask(id=f"m{n}", title="merge", depends_on=(HERE,)) for n in (1, 2))
    outline = PlanOutline(
        name="nightly-docs",
        waves=(
            PlannedWave(name="scan", parallel=True, subtasks=scan),
            PlannedWave(name="extract", parallel=True, subtasks=extract),
            PlannedWave(name="merge", parallel=True, subtasks=merge),
        ),
    )
    started = RunStarted(started_at="2026-01-02T15:04:05Z", plan=outline, mode=Mode.BALANCED, tier="tier2",
                         max_workers=12, provider="anthropic", version="0")  # fmt: skip
    found: list[tuple[float, Event]] = [
        (0.0, started),
        (0.1, WaveStarted(wave="scan", parallel=True, reason="parallel: 2 subtasks", workers=2)),
    ]
    for n, i in enumerate(("a", "b")):
        found.append((0.2, SubtaskStarted(wave="scan", subtask=i, attempt=1, worker=n, title=i,
                                          kind=Kind.CLAUDE)))  # fmt: skip
        found.append((40.0 + n, SubtaskFinished(wave="scan", subtask=i, attempt=1, attempts=1, worker=n,
                                                status=Status.SUCCEEDED, duration_s=39.8)))  # fmt: skip
    return found


def _starts(subtask: str, attempt: int, worker: int = 11) -> SubtaskStarted:
    return SubtaskStarted(
        wave="extract", subtask=subtask, attempt=attempt, worker=worker, title=subtask, kind=Kind.CLAUDE
    )


def _waits(reason: WaitReason, attempt: int, expected_s: float) -> SubtaskWaiting:
    return SubtaskWaiting(
        wave="extract", subtask=HERE, reason=reason, attempt=attempt, worker=11, expected_s=expected_s
    )
