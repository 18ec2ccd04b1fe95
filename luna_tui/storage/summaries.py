"""Tell kept runs at a glance: from the end of a journal, or all of it where it has none."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from luna_tui.core.events import Record, RunFinished, RunStarted
from luna_tui.core.records import RecordError, decode
from luna_tui.core.run_summary import KeptStatus, RunSummary, instant, read_instant
from luna_tui.core.state import RunState
from luna_tui.core.words import Status
from luna_tui.storage.journal_reading import unseal
from luna_tui.storage.paths import why_not
from luna_tui.storage.run_lock import is_held as is_held

_TAIL_BYTES = 64 * 1024
"""The end of a run is looked for in this much of its last segment."""
_HEAD_BYTES = 16 * 1024
_META_BYTES = 256 * 1024
_STARTED, _FINISHED = b'"type":"run_started"', b'"type":"run_finished"'
_PASSED_OVER = (b'"type":"subtask_output"', b'"type":"limits_observed"')
"""Most of a journal, and nothing in a summary. Inside a text every quote has a backslash before it."""
_TYPE_BEFORE = 160
"""Bytes of a line in which its type stands."""
_PLAN_NAME = re.compile(rb'"plan":\{"name":("(?:[^"\\]|\\.)*")')
_AT = re.compile(rb'"at":([0-9]+(?:\.[0-9]+)?),')
_BEGAN = re.compile(rb'"started_at":"([^"\\]*)"')


def disk_bytes(folder: str) -> int:
    """What a folder takes on the disk, links themselves included and never what they point to."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                total += status.st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    total += disk_bytes(entry.path)
    except OSError:
        return total
    return total


class _Unusable(Exception):
    """A line of a journal that is none."""


@dataclass(frozen=True, slots=True)
class _Files:
    """The files at the top of a run's folder that decide what its summary says."""

    segments: tuple[tuple[str, int, int], ...]
    """Name, bytes and time of change (ns) of each segment of the journal, in order."""
    others: tuple[tuple[str, int], ...]
    """Name and time of change of the rest."""

    @property
    def changed_s(self) -> float:
        """When the journal was written last, seconds since 1970; 0 without one."""
        return max((ns for _name, _size, ns in self.segments), default=0) / 1e9


@dataclass(slots=True)
class _Reading:
    """A journal without an end, read as far as it goes; what is appended later is read then."""

    state: RunState = field(default_factory=RunState)
    at_s: float = 0.0
    """Instant of the last record, those passed over included."""
    read: dict[str, int] = field(default_factory=dict)
    """Segment -> bytes of it that were read, whole lines only."""
    end: RunFinished | None = None
    """Where nothing has begun after it."""
    unusable: int = 0
    """Lines."""
    torn: bool = False
    """The last line has no end yet."""

    def take(self, folder: Path, files: _Files) -> None:
        """Read what is new."""
        for name, _size, _ns in files.segments:
            with (folder / name).open("rb") as file:
                file.seek(self.read.get(name, 0))
                self.torn, last = False, b""
                for line in file:
                    self.torn = not line.endswith(b"\n")
                    if not self.torn:
                        self.read[name] = self.read.get(name, 0) + len(line)
                        self._line(line)
                        last = line

            at = _AT.search(last[:_TYPE_BEFORE])
            self.at_s = max(self.at_s, float(at[1])) if at else self.at_s

    def _line(self, line: bytes) -> None:
        head = line[:_TYPE_BEFORE]
        if any(kind in head for kind in _PASSED_OVER):
            return
        try:
            record = _record(line)
        except _Unusable:
            self.unusable += 1
            return
        if record is None:
            return
        if isinstance(record.event, RunStarted | RunFinished):
            self.end = record.event if isinstance(record.event, RunFinished) else None
        self.state.apply(record)


class RunShelf:
    """All kept runs. One thread at a time; what did not change since the last look is not read again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, tuple[_Files, bool, RunSummary]] = {}
        """Name of a folder -> what it was made of, whether it was written then, the summary."""
        self._readings: dict[str, _Reading] = {}

    def look(self, now: datetime) -> tuple[RunSummary, ...]:
        """Summaries, the newest first; what cannot be read is listed with what is wrong."""
        names = _folders(self._root)
        for gone in self._known.keys() - names:
            self._known.pop(gone)
            self._readings.pop(gone, None)
        found = [self._summary(name, now) for name in names]
        return tuple(sorted(found, key=lambda s: (s.began, s.run), reverse=True))

    def one(self, name: str, now: datetime) -> RunSummary:
        """The summary of one run."""
        return self._summary(name, now)

    def _summary(self, name: str, now: datetime) -> RunSummary:
        folder = self._root / name
        try:
            files = _files(folder)
        except OSError as error:
            return _unreadable(folder, why_not(error))
        before = self._known.get(name)
        held = False
        if before is None or before[0] != files or before[2].status not in _ENDS:
            held = is_held(folder / "lock")
        if before is not None and before[:2] == (files, held) and not held:
            return before[2]
        try:
            summary = self._made(folder, files, now, held=held)
        except OSError as error:
            summary = _unreadable(folder, why_not(error))
        self._known[name] = (files, held, summary)
        return summary

    def _made(self, folder: Path, files: _Files, now: datetime, *, held: bool) -> RunSummary:
        base = _base(folder, files)
        end = None if held else _end_of(folder, files)
        plan = _plan_name(folder, files) if end is not None else None
        if end is not None and plan is not None:
            self._readings.pop(folder.name, None)
            return replace(_ended(base, end), plan=plan)
        reading = self._readings.setdefault(folder.name, _Reading())
        reading.take(folder, files)
        if not held:
            del self._readings[folder.name]
        return _so_far(base, reading, files, now, held=held)


_ENDS = tuple(KeptStatus(s) for s in ("succeeded", "failed", "cancelled", "held"))
"""How a run stands that nobody writes unless its journal grows."""


def _folders(root: Path) -> set[str]:
    """Names of all runs; what begins with a dot is on its way out."""
    try:
        with os.scandir(root) as entries:
            return {e.name for e in entries if not e.name.startswith(".") and e.is_dir()}
    except OSError:
        return set()


def _files(folder: Path) -> _Files:
    segments, others = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            journal = entry.name.startswith("journal.") and entry.name.endswith(".ndjson")
            if journal and entry.is_file(follow_symlinks=False):
                segments.append((entry.name, status.st_size, status.st_mtime_ns))
            else:
                others.append((entry.name, status.st_mtime_ns))
    segments.sort(key=lambda s: (len(s[0]), s[0]))
    return _Files(tuple(segments), tuple(sorted(others)))


def _unreadable(folder: Path, *wrong: str) -> RunSummary:
    try:
        made = folder.lstat().st_mtime
    except OSError:
        made = 0.0
    return RunSummary(
        run=folder.name, status=KeptStatus.UNREADABLE, began=instant(made), folder=str(folder), wrong=wrong
    )


def _base(folder: Path, files: _Files) -> RunSummary:
    """What `run.json` tells, and what all runs have."""
    wrong: list[str] = []
    meta = _meta(folder / "run.json", wrong)
    began = read_instant(_text(meta, "started_at")) or read_instant(_started_at(folder, files))
    return RunSummary(
        run=folder.name,
        status=KeptStatus.UNREADABLE,
        began=began or instant(folder.lstat().st_mtime),
        size_bytes=disk_bytes(str(folder)),
        workspace=_text(meta, "workspace"),
        plan_file=_text(meta, "plan"),
        plan_sha256=_text(meta, "plan_sha256"),
        host=_text(meta, "host"),
        version=_text(meta, "version"),
        folder=str(folder),
        wrong=tuple(wrong),
    )


def _meta(path: Path, wrong: list[str]) -> dict[str, Any]:
    try:
        found = json.loads(_head_of(path, _META_BYTES))
        if isinstance(found, dict):
            return found
        wrong.append("run.json holds no table")
    except FileNotFoundError:
        wrong.append("run.json is missing")
    except OSError as error:
        wrong.append(f"run.json cannot be read: {why_not(error)}")
    except (ValueError, RecursionError):
        wrong.append("run.json is damaged")
    return {}


def _head_of(path: Path, most: int) -> bytes:
    """The beginning of a file; nothing of a pipe, and never through a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most) or b""


def _text(meta: dict[str, Any], key: str) -> str:
    value = meta.get(key)
    return value if isinstance(value, str) else ""


def _record(line: bytes) -> Record | None:
    """The record of a line; None where this version does not know its kind; raises _Unusable."""
    try:
        original = unseal(line.rstrip(b"\n").decode("utf-8"))
        if original is None:
            raise _Unusable
        return decode(json.loads(original))
    except (RecordError, ValueError, TypeError, KeyError, RecursionError, AttributeError) as error:
        raise _Unusable from error


def _end_of(folder: Path, files: _Files) -> RunFinished | None:
    """The end of a run, where nothing has begun after it."""
    for name, size, _ns in reversed(files.segments):
        for line in _lines_from_end(folder / name) if size else ():
            head = line[:_TYPE_BEFORE]
            if _STARTED in head:
                return None
            if _FINISHED in head:
                with suppress(_Unusable):
                    record = _record(line)
                    return record.event if record and isinstance(record.event, RunFinished) else None
                return None
        # What is decided after the end of a run stands in small segments of its own.
        if size > _TAIL_BYTES:
            return None
    return None


def _lines_from_end(path: Path) -> Iterator[bytes]:
    """Whole lines, the last one first, as far back as a tail reaches."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - _TAIL_BYTES)
        file.seek(start)
        lines = file.read(_TAIL_BYTES).split(b"\n")
    yield from reversed(lines[1:-1] if start else lines[:-1])


def _plan_name(folder: Path, files: _Files) -> str | None:
    """Name of the plan, from the first record; None = look at all of it."""
    head = _head_of(folder / files.segments[0][0], _HEAD_BYTES)
    name = _PLAN_NAME.search(head)
    return str(json.loads(name[1])) if name is not None and _STARTED in head[:_TYPE_BEFORE] else None


def _started_at(folder: Path, files: _Files) -> str:
    """When the first record says that the run began; empty where there is none."""
    if not files.segments:
        return ""
    began = _BEGAN.search(_head_of(folder / files.segments[0][0], _HEAD_BYTES))
    return began[1].decode("ascii", "replace") if began else ""


def _ended(base: RunSummary, end: RunFinished) -> RunSummary:
    known = {s.value: s for s in Status}
    return replace(
        base,
        status=KeptStatus(end.status.value),
        wall_s=end.wall_s,
        counts={known[name]: n for name, n in end.counts.items() if name in known},
        subtasks=sum(end.counts.values()),
        tokens=end.tokens,
        cost_usd=end.cost_usd,
        throttled=end.throttled,
    )


def _so_far(base: RunSummary, reading: _Reading, files: _Files, now: datetime, *, held: bool) -> RunSummary:
    """A run that has no end, or begins to have another one."""
    state = reading.state
    wrong = list(base.wrong)
    if not files.segments:
        wrong.append("there is no journal")
    elif not state.seq and not held:
        wrong.append("the journal holds no record that can be used")
    if reading.unusable:
        lines = "1 line" if reading.unusable == 1 else f"{reading.unusable} lines"
        wrong.append(f"{lines} of the journal cannot be used")
    if reading.torn and not held:
        wrong.append("the last line of the journal is torn")
    status = KeptStatus.INTERRUPTED if state.seq else KeptStatus.UNREADABLE
    wall_s = reading.at_s if state.seq else None
    if held:
        status = KeptStatus.RUNNING
        wall_s = reading.at_s + max(0.0, now.timestamp() - files.changed_s)
    elif reading.end is not None:
        status, wall_s = KeptStatus(reading.end.status.value), reading.end.wall_s
    return replace(
        base,
        status=status,
        plan=state.plan.name,
        wall_s=wall_s,
        counts=dict(state.counts),
        subtasks=len(state.subtasks),
        tokens=state.tokens,
        cost_usd=state.cost_usd,
        throttled=len(state.throttled_at),
        wrong=tuple(wrong),
    )
