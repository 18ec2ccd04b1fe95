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
    """From 1."""
    reason: str


@dataclass(frozen=True, slots=True)
class JournalRead:
    """What a journal holds."""

    records: tuple[Record, ...]
    damaged: tuple[Damage, ...]
    unknown: int = 0
    """Intact records of a type this version does not know."""


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
    found = path.glob("journal.*.ndjson") if path.is_dir() else (path,)
    reading = _Reading()
    for file in sorted(found, key=lambda f: (len(f.name), f.name)):
        try:
            reading.take(file.name, file.read_bytes())
        except OSError as error:
            raise LunaError(
                "cannot read the journal",
                f"{file}: {(error.strerror or 'unknown error').lower()}",
                "check the path and its permissions",
                ExitCode.USAGE,
            ) from error
    return JournalRead(tuple(reading.records), tuple(reading.damaged), reading.unknown)


@dataclass(slots=True)
class _Reading:
    """Records and damage so far, over all segments."""

    records: list[Record] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)
    unknown: int = 0
    last_seq: int = 0
    unusable: int = 0
    """Lines since `last_seq` that were listed as damage already."""

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
            seq = int(value["seq"])
        except (RecordError, ValueError, TypeError, KeyError, RecursionError, AttributeError) as error:
            self._damage(name, number, f"unreadable: {error}")
            return
        if seq <= self.last_seq:
            self._repeated(name, number, seq, record)
            return
        self._note_gap(name, number, seq)
        self.last_seq, self.unusable = seq, 0
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
