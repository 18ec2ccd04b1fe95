"""Read a journal back: every usable record, and every line that is not, so that nothing is lost silently."""

from __future__ import annotations

import re
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Record
from luna_tui.core.records import decode, output_of, parse

_CHUNK_BYTES = 64 * 1024
"""Lines of about this length are parsed together."""
_SEAL = re.compile(rb'"crc":"[0-9a-f]{8}"\}')
_MOST_JOINED = 8
"""Lines that are told apart when the ends between them are damaged."""
_BAD = "the checksum does not fit"


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
    """Whether a line fits its checksum, which covers it as it was without that."""
    if line[-18:-10] != b',"crc":"' or line[-2:] != b'"}':
        return False
    return b"%08x" % zlib.crc32(line[:-18] + b"}") == line[-10:-2]


def usable(line: bytes) -> bool:
    """Whether a record can be read from a line, be it two in one since the end of the first is damaged."""
    return fits(line) or _whole_part(line) is not None


def unseal(line: str) -> str | None:
    """The record's line without its checksum; None when it does not fit."""
    return line[:-18] + "}" if fits(line.encode()) else None


def read_journal(path: Path) -> JournalRead:
    """All usable records of a run directory or of one file, in order of `seq`, and all damage.

    A record that a new segment repeats counts once. LunaError(2) when a file cannot be read.
    """
    records: list[Record] = []
    return replace(read_each(path, records.append), records=tuple(records))


def read_each(path: Path, take: Callable[[Record], object]) -> JournalRead:
    """As `read_journal`, but the records are given to `take` one by one, and kept nowhere."""
    reading = _Reading(take)
    before = 0
    for file in segments_of(path) if path.is_dir() else (path,):
        if path.is_dir():
            number = _number(file.name)
            reading.note_missing(before + 1, number)
            before = number
        try:
            with file.open("rb") as lines:
                reading.segment(file.name, lines)
        except OSError as error:
            raise LunaError(
                "cannot read the journal",
                f"{file}: {(error.strerror or 'unknown error').lower()}",
                "check the path and its permissions",
                ExitCode.USAGE,
            ) from error
    return JournalRead((), tuple(reading.damaged), reading.unknown, reading.last_seq, reading.last_at)


def _number(name: str) -> int:
    digits = name.split(".")[1]
    return int(digits) if digits.isdecimal() else 0


@dataclass(slots=True)
class _Reading:
    """What was found so far, over all segments."""

    take: Callable[[Record], object]
    damaged: list[Damage] = field(default_factory=list)
    unknown: int = 0
    last_seq: int = 0
    last_at: float = 0.0
    unusable: int = 0
    """Lines since `last_seq` that were listed as damage already."""
    seqs: array[int] = field(default_factory=lambda: array("Q"))
    """Numbers of the records so far."""
    checksums: array[int] = field(default_factory=lambda: array("L"))
    """Of the same records; tells whether a line that comes again is the same."""

    def note_missing(self, first: int, found: int) -> None:
        """Segments from `first` up to the one that was found are not there."""
        for number in range(first, found):
            self.damaged.append(Damage(f"journal.{number:04d}.ndjson", 0, "this segment is missing"))

    def segment(self, name: str, file: BinaryIO) -> None:
        """One segment, some lines at a time."""
        number = 1
        while lines := file.readlines(_CHUNK_BYTES):
            torn = not lines[-1].endswith(b"\n")
            if torn:
                lines.pop()
            self._lines(name, number, lines)
            number += len(lines)
            if torn:
                self._damage(name, number, "torn: the line has no end")

    def _lines(self, name: str, number: int, lines: list[bytes]) -> None:
        """Some lines with their ends; those that are right are parsed together, which is much faster."""
        lines = [line[:-1] for line in lines]
        outputs = list(map(output_of, lines))
        others = [line for line, output in zip(lines, outputs, strict=True) if output is None]
        values = _parsed(others) if all(map(fits, others)) else None
        if values is None:
            for place, line in enumerate(lines, number):
                self._line(name, place, line)
            return
        rest = iter(values)
        for place, (line, output) in enumerate(zip(lines, outputs, strict=True), number):
            if output is None:
                self._value(name, place, next(rest), line)
            elif fits(line):
                self._record(name, place, output.seq, output.at, output, line)
            else:
                self._damage(name, place, _BAD)

    def _line(self, name: str, number: int, line: bytes) -> None:
        for _ in range(_MOST_JOINED):
            whole = None if fits(line) else _whole_part(line)
            if whole is None:
                break
            self.damaged.append(
                Damage(name, number, "two lines stand in one: the end of the first is damaged")
            )
            self._right_or_not(name, number, whole)
            line = line[len(whole) + 1 :]
        self._right_or_not(name, number, line)

    def _right_or_not(self, name: str, number: int, line: bytes) -> None:
        if not fits(line):
            self._damage(name, number, _BAD)
            return
        try:
            value = parse(line.decode())
        except (ValueError, RecursionError) as error:
            self._damage(name, number, f"unreadable: {error}")
            return
        self._value(name, number, value, line)

    def _value(self, name: str, number: int, value: Any, line: bytes) -> None:
        try:
            record = decode(value)
            if record is None:
                seq, at = int(value["seq"]), float(value["at"])
            else:
                seq, at = record.seq, record.at
        except (ValueError, TypeError, KeyError, RecursionError, AttributeError) as error:
            self._damage(name, number, f"unreadable: {error}")
            return
        self._record(name, number, seq, at, record, line)

    def _record(
        self, name: str, number: int, seq: int, at: float, record: Record | None, line: bytes
    ) -> None:
        checksum = int(line[-10:-2], 16)
        if seq <= self.last_seq:
            self._repeated(name, number, seq, checksum)
            return
        if seq != self.last_seq + 1:
            self._note_gap(name, number, seq)
        self.last_seq, self.last_at, self.unusable = seq, at, 0
        self.seqs.append(seq)
        self.checksums.append(checksum)
        if record is None:
            self.unknown += 1
        else:
            self.take(record)

    def _damage(self, name: str, number: int, reason: str) -> None:
        self.unusable += 1
        self.damaged.append(Damage(name, number, reason))

    def _note_gap(self, name: str, number: int, seq: int) -> None:
        first, last = self.last_seq + 1, seq - 1
        if last - first + 1 <= self.unusable:
            return
        what = f"record {first} is" if first == last else f"records {first} to {last} are"
        self.damaged.append(Damage(name, number, f"{what} missing before this line"))

    def _repeated(self, name: str, number: int, seq: int, checksum: int) -> None:
        place = bisect_left(self.seqs, seq)
        if place == len(self.seqs) or (self.seqs[place], self.checksums[place]) != (seq, checksum):
            self.damaged.append(Damage(name, number, f"record {seq} is out of order and left out"))


def _whole_part(line: bytes) -> bytes | None:
    """What comes first of two lines that lost the line end between them."""
    sealed = _SEAL.search(line)
    if sealed is None or sealed.end() > len(line) - 2 or not fits(line[: sealed.end()]):
        return None
    return line[: sealed.end()]


def _parsed(lines: list[bytes]) -> list[Any] | None:
    """The values of lines that fit their checksums; None when one by one would say which is wrong."""
    try:
        values: list[Any] = parse(f"[{b','.join(lines).decode()}]")
    except (ValueError, RecursionError):
        return None
    return values if len(values) == len(lines) else None
