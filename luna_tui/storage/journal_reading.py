"""Read a journal back: every usable record, and every line that is not, so that nothing is lost silently."""

from __future__ import annotations

import json
import zlib
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Record
from luna_tui.core.records import RecordError, decode


@dataclass(frozen=True, slots=True)
class Damage:
    """A line of a journal that could not be used, or one before which records are missing."""

    path: str
    line: int
    """From 1; 0 = the file itself."""
    reason: str


@dataclass(frozen=True, slots=True)
class JournalRead:
    """What a journal holds."""

    records: tuple[Record, ...]
    damaged: tuple[Damage, ...]
    unknown: int = 0
    """Intact records of a type this version does not know."""
    last_seq: int = 0
    """Number of the last intact record, known or not."""
    last_at: float = 0.0
    """Its instant, seconds since the run began."""


def segments_of(folder: Path) -> list[Path]:
    """The segments of a run directory, in order."""
    return sorted(folder.glob("journal.*.ndjson"), key=lambda path: (len(path.name), path.name))


def last_segment(folder: Path) -> int:
    """The highest number that a segment has; 0 without any."""
    return max((_number(path.name) for path in segments_of(folder)), default=0)


def fits(line: bytes) -> bool:
    """Whether a line fits its checksum."""
    return unseal(line.decode("utf-8", "replace")) is not None


def unseal(line: str) -> str | None:
    """The record's line without its checksum; None when it does not fit."""
    body, found, crc = line.rpartition(',"crc":"')
    if not found or len(crc) != 10 or not crc.endswith('"}'):
        return None
    original = body + "}"
    return original if f"{zlib.crc32(original.encode()):08x}" == crc[:8] else None


def read_journal(path: Path) -> JournalRead:
    """All usable records of a run directory or of one file, in order of `seq`, and all damage.

    A record that a new segment repeats counts once. LunaError(2) when a file cannot be read.
    """
    reading = _Reading()
    before = 0
    for file in segments_of(path) if path.is_dir() else (path,):
        if path.is_dir():
            number = _number(file.name)
            reading.note_missing(before + 1, number)
            before = number
        try:
            reading.take(file.name, file.read_bytes())
        except OSError as error:
            raise LunaError(
                "cannot read the journal",
                f"{file}: {(error.strerror or 'unknown error').lower()}",
                "check the path and its permissions",
                ExitCode.USAGE,
            ) from error
    return JournalRead(
        tuple(reading.records), tuple(reading.damaged), reading.unknown, reading.last_seq, reading.last_at
    )


def _number(name: str) -> int:
    digits = name.split(".")[1]
    return int(digits) if digits.isdecimal() else 0


@dataclass(slots=True)
class _Reading:
    """Records and damage so far, over all segments."""

    records: list[Record] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)
    unknown: int = 0
    last_seq: int = 0
    last_at: float = 0.0
    unusable: int = 0
    """Lines since `last_seq` that were listed as damage already."""

    def note_missing(self, first: int, found: int) -> None:
        """Segments from `first` up to the one that was found are not there."""
        for number in range(first, found):
            self.damaged.append(Damage(f"journal.{number:04d}.ndjson", 0, "this segment is missing"))

    def take(self, name: str, raw: bytes) -> None:
        """One segment."""
        *lines, tail = raw.split(b"\n")
        for number, line in enumerate(lines, 1):
            self._line(name, number, line)
        if tail:
            self._damage(name, len(lines) + 1, "torn: the line has no end")

    def _line(self, name: str, number: int, line: bytes) -> None:
        try:
            original = unseal(line.decode("utf-8"))
            if original is None:
                self._damage(name, number, "the checksum does not fit")
                return
            value: Any = json.loads(original)
            record = decode(value)
            seq, at = int(value["seq"]), float(value["at"])
        except (RecordError, ValueError, TypeError, KeyError, RecursionError, AttributeError) as error:
            self._damage(name, number, f"unreadable: {error}")
            return
        if seq <= self.last_seq:
            self._repeated(name, number, seq, record)
            return
        self._note_gap(name, number, seq)
        self.last_seq, self.last_at, self.unusable = seq, at, 0
        if record is None:
            self.unknown += 1
        else:
            self.records.append(record)

    def _damage(self, name: str, number: int, reason: str) -> None:
        self.unusable += 1
        self.damaged.append(Damage(name, number, reason))

    def _note_gap(self, name: str, number: int, seq: int) -> None:
        first, last = self.last_seq + 1, seq - 1
        if last - first + 1 <= self.unusable:
            return
        what = f"record {first} is" if first == last else f"records {first} to {last} are"
        self.damaged.append(Damage(name, number, f"{what} missing before this line"))

    def _repeated(self, name: str, number: int, seq: int, record: Record | None) -> None:
        place = bisect_left(self.records, seq, key=lambda r: r.seq)
        same = place < len(self.records) and self.records[place] == record
        if record is not None and not same:
            self.damaged.append(Damage(name, number, f"record {seq} is out of order and left out"))
