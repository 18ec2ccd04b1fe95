"""`--events`: a reader that is slow holds nobody up, and gets every line."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from luna_tui.core.events import Record, RunPaused
from luna_tui.headless.printer import RecordPrinter

COUNT = 3_000
"""More than a pipe holds."""


def record(seq: int) -> Record:
    return Record(seq, 0.0, "r", RunPaused(by="x" * 50))


def test_a_reader_that_does_not_read_holds_nobody_up_and_gets_every_line(tmp_path: Path) -> None:
    path = tmp_path / "events"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    printer = RecordPrinter(str(path))
    for seq in range(1, COUNT + 1):
        printer(record(seq))
    os.set_blocking(reader, True)
    chunks: list[bytes] = []

    def read() -> None:
        while chunk := os.read(reader, 65_536):
            chunks.append(chunk)

    thread = threading.Thread(target=read)
    thread.start()
    printer.close()
    thread.join(10)
    os.close(reader)
    lines = b"".join(chunks).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, COUNT + 1))
    assert printer.lost == ""


def test_a_reader_that_went_away_ends_the_output_quietly(tmp_path: Path) -> None:
    path = tmp_path / "events"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    printer = RecordPrinter(str(path))
    os.close(reader)
    for seq in range(1, 10):
        printer(record(seq))
    printer.close()
    assert printer.lost == ""


def test_a_full_disk_is_told_with_the_first_event_that_is_missing() -> None:
    printer = RecordPrinter("/dev/full")
    printer(record(7))
    printer(record(8))
    printer.close()
    assert printer.lost == "events are missing in /dev/full from number 7 on: No space left on device"


def test_without_a_single_record_the_file_is_empty(tmp_path: Path) -> None:
    printer = RecordPrinter(str(tmp_path / "events"))
    printer.close()
    assert (tmp_path / "events").read_text() == ""
