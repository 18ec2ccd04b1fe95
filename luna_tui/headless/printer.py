"""Tell a run in plain lines on stderr, and its records as NDJSON where they are asked for."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

from luna_tui.core.events import (
    AttemptFailed,
    BudgetChanged,
    CancelRequested,
    JournalFailed,
    ModeChanged,
    Record,
    RetryRequested,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    SkipRequested,
    SubtaskFinished,
    ThreadAbandoned,
    WaveFinished,
    WaveStarted,
    WorkersChanged,
)
from luna_tui.core.figures import clock
from luna_tui.core.prices import usd
from luna_tui.core.records import to_line
from luna_tui.core.words import RunStatus

_NAMED = 5
"""Subtasks named in one line."""


def sentence(record: Record) -> str | None:
    """The line a person reads for a record; None for those that are only data."""
    text = _text(record)
    return None if text is None else f"{clock(record.at)} {text}"


def _text(record: Record) -> str | None:
    match record.event:
        case RunStarted() as e:
            total = sum(len(w.subtasks) for w in e.plan.waves)
            return (
                f"run {record.run}: {e.plan.name}, {total} subtasks in {len(e.plan.waves)} waves; "
                f"{e.tier} {e.mode}, {'up to ' if e.automatic else ''}{e.max_workers} workers, {e.provider}"
            )
        case WaveStarted() as e:
            return f"wave {e.wave}: {e.reason}"
        case WaveFinished() as e:
            counts = ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in e.counts.items())
            return f"wave {e.wave} ended after {clock(e.wall_s)}: {counts}" + (
                f" ({e.reason})" if e.reason else ""
            )
        case AttemptFailed() as e:
            after = (
                f"try {e.attempt + 1} in {e.delay_s:.1f} s" if e.will_retry and e.delay_s is not None else ""
            )
            return f"try {e.attempt} of {e.subtask} failed: {e.message}" + (f"; {after}" if after else "")
        case SubtaskFinished() as e:
            why = f": {e.reason}" if e.reason else ""
            return f"{e.subtask} {e.status.value.replace('_', ' ')}{why} ({e.duration_s:.1f} s)"
        case RunFinished() as e:
            speed = f", speed-up {e.speedup:.1f}x" if e.speedup else ""
            why = f": {e.reason}" if e.status is RunStatus.HELD else ""
            return f"run {e.status} after {clock(e.wall_s)}{speed}{why}"
        case CancelRequested() as e:
            what = e.subtask or e.wave or "the run"
            return f"cancel of {what} ({e.manner}) asked by {e.by}"
        case ModeChanged() as e:
            return f"mode {e.to} (was {e.from_}), by {e.by}"
        case WorkersChanged() as e:
            return f"{e.to} workers (were {e.from_})"
        case RetryRequested() | SkipRequested() | BudgetChanged() as e:
            return _command(e)
        case RunPaused():
            return "paused"
        case RunResumed():
            return "resumed"
        case ThreadAbandoned() as e:
            return f"{e.subtask}: its thread ignores the cancellation"
        case JournalFailed() as e:
            return f"NOT SAVED: {e.message}"
        case _:
            return None


def _command(event: RetryRequested | SkipRequested | BudgetChanged) -> str:
    match event:
        case RetryRequested() as e:
            more = len(e.requeued) - len(set(e.requeued).intersection(e.subtasks))
            with_it = f" and {more} more that waited for it" if more else ""
            changed = ", with another prompt" if e.prompt is not None else ""
            return f"retry of {_named(e.subtasks)}{with_it}{changed}, by {e.by}"
        case SkipRequested() as e:
            return f"skip of {_named(e.subtasks)}, by {e.by}"
        case BudgetChanged() as e:
            return f"budget {_usd(e.to)} (was {_usd(e.from_)}), by {e.by}"


def _named(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more


def _usd(amount: float | None) -> str:
    return "without a cap" if amount is None else usd(amount)


class LinePrinter:
    """Prints sentences; a closed pipe ends it quietly."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._broken = False
        self.quiet = False
        """Records are not told, while a screen shows them."""

    def __call__(self, record: Record) -> None:
        """Print the record's sentence, if it has one."""
        if self.quiet:
            return
        text = sentence(record)
        if text is not None:
            self.say(text)

    def say(self, text: str) -> None:
        """Print one line."""
        if self._broken:
            return
        try:
            print(text, file=self._stream, flush=True)
        except (BrokenPipeError, ValueError):
            self._broken = True


class RecordPrinter:
    """Writes every record as a line of NDJSON; `-` is stdout."""

    def __init__(self, target: str) -> None:
        self._stream: IO[str] = sys.stdout
        if target != "-":
            self._stream = Path(target).open("w", encoding="utf-8")  # noqa: SIM115 - closed by `close`
        self._broken = False

    def __call__(self, record: Record) -> None:
        """Write the record's line; a reader that went away ends the output, not the run."""
        if self._broken:
            return
        try:
            self._stream.write(to_line(record) + "\n")
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            self._broken = True
            if self._stream is sys.stdout:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def close(self) -> None:
        """Close a file that was opened here."""
        if self._stream is not sys.stdout:
            self._stream.close()
