"""A replay of a long journal on a real terminal: the time to open it and to go anywhere, and its memory."""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measure import table
from benchmarks.screen_terminal import BenchTerminal
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
    UsageRecorded,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.records import to_line
from luna_tui.core.words import ErrorKind, Kind, Mode, RunStatus, Status
from luna_tui.storage.journal import seal

WORKERS = 40
TEXTS = 9
TEXT = "Nothing in it contradicts itself, and each step can be checked. "
EACH = TEXTS + 3
"""Events of a subtask: a start, texts, its tokens, its end."""
WAVES = 5
FAILS = 50
"""One of so many ends badly."""
PATIENCE_S = 60.0


def events(count: int) -> Iterator[Event]:
    """About `count` events of a run of 40 workers, each of which does one subtask after another."""
    each = max(WORKERS, count // EACH // WAVES // WORKERS * WORKERS)
    waves = tuple(
        PlannedWave(
            name=f"wave {w}",
            parallel=True,
            subtasks=tuple(PlannedSubtask(id=f"{w}.{n}", title=f"Subtask {n}") for n in range(each)),
        )
        for w in range(WAVES)
    )
    yield RunStarted(
        started_at="2026-01-01T00:00:00Z",
        plan=PlanOutline(name="benchmark", waves=waves),
        mode=Mode.BALANCED,
        tier="tier4",
        max_workers=WORKERS,
        provider="none",
        version="0",
    )
    gauge = Gauge(limit=4_000, cap=3_800, settled=900, reserved=200)
    for wave in waves:
        yield WaveStarted(wave=wave.name, parallel=True, reason="parallel", workers=WORKERS)
        for first in range(0, each, WORKERS):
            for step in range(EACH):
                for worker in range(WORKERS):
                    yield from _step(wave.name, wave.subtasks[first + worker].id, worker, step)
                yield LimitsObserved(rpm=gauge, itpm=gauge, otpm=gauge, throttled=0)
        yield WaveFinished(wave=wave.name, status=RunStatus.SUCCEEDED, counts={}, wall_s=1.0)


def _step(wave: str, subtask: str, worker: int, step: int) -> Iterator[Event]:
    bad = int(subtask.partition(".")[2]) % FAILS == 0
    match step:
        case 0:
            yield SubtaskStarted(
                wave=wave, subtask=subtask, attempt=1, worker=worker, title=subtask, kind=Kind.CLAUDE
            )
        case 10:
            yield UsageRecorded(
                wave=wave, subtask=subtask, attempt=1, model="m", input_tokens=900, output_tokens=300,
                cost_usd=0.01,
            )  # fmt: skip
        case 11:
            if bad:
                yield AttemptFailed(
                    wave=wave, subtask=subtask, attempt=1, error_kind=ErrorKind.SERVER, message="server (500)"
                )
            yield SubtaskFinished(
                wave=wave, subtask=subtask, attempt=1, duration_s=8.25, attempts=1, worker=worker,
                status=Status.FAILED if bad else Status.SUCCEEDED,
            )  # fmt: skip
        case _:
            yield SubtaskOutput(wave=wave, subtask=subtask, attempt=1, text=TEXT)


def write_journal(path: Path, count: int) -> int:
    """Write a journal of about `count` events; how many it has."""
    written = 0
    with path.open("w", encoding="ascii") as file:
        for event in events(count):
            written += 1
            file.write(seal(to_line(Record(written, written / 250, "benchmark", event))) + "\n")
    return written


def measure(path: Path, count: int, places: int, size: tuple[int, int]) -> dict[str, float]:
    """Seconds from the start to the first picture, and from enter to the picture of each place."""
    argv = [sys.executable, "-m", "luna_tui", "replay", str(path), "--at", "#1"]
    began = time.monotonic()
    terminal = BenchTerminal(argv, width=size[0], height=size[1])
    try:
        _until(terminal, "REPLAY")
        open_s, open_cpu_s = time.monotonic() - began, _cpu_s(terminal)
        terminal.send(b" ")
        _until(terminal, "paused")
        rng = random.Random(7)
        pairs = [_seek(terminal, rng.randint(2, count), count) for _ in range(places)]
        terminal.idle(0.3)
        status = Path(f"/proc/{terminal.process.pid}/status").read_text()
        peak_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    finally:
        terminal.close()
    seeks, cpus = sorted(wall for wall, _cpu in pairs), sorted(cpu for _wall, cpu in pairs)
    last = min(places - 1, int(0.95 * places))
    return {
        "open_s": open_s,
        "open_cpu_s": open_cpu_s,
        "seek_median_ms": statistics.median(seeks) * 1000,
        "seek_p95_ms": seeks[last] * 1000,
        "seek_cpu_median_ms": statistics.median(cpus) * 1000,
        "seek_cpu_p95_ms": cpus[last] * 1000,
        "peak_mb": peak_kb / 1024,
    }


def _cpu_s(terminal: BenchTerminal) -> float:
    """Seconds that the program computed so far: what a machine busy with other work does not change."""
    fields = Path(f"/proc/{terminal.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _seek(terminal: BenchTerminal, number: int, count: int) -> tuple[float, float]:
    terminal.send(b"g")
    _until(terminal, "go to")
    terminal.send(f"#{number}".encode())
    _until(terminal, f"#{number}")
    terminal.idle(0.05)
    began, cpu_s = time.monotonic(), _cpu_s(terminal)
    terminal.send(b"\r")
    _until(terminal, f" {number} of {count}")
    return time.monotonic() - began, _cpu_s(terminal) - cpu_s


def _until(terminal: BenchTerminal, text: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not terminal.glass.shows(text):
        if not terminal.turn() or time.monotonic() > end:
            raise RuntimeError(f"the screen does not show {text!r}: {terminal.glass.lines()}")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000, help="events of the journal")
    parser.add_argument("--places", type=int, default=50, help="places gone to")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--quick", action="store_true", help="a short one: only to see that it works")
    args = parser.parse_args(argv)
    if args.quick:
        args.items, args.places = 2_000, 3
    found = []
    with tempfile.TemporaryDirectory(prefix="luna-replay-") as folder:
        path = Path(folder) / "journal.0001.ndjson"
        count = write_journal(path, args.items)
        for size in ((80, 24), (120, 40)):
            found.append({"size": f"{size[0]}x{size[1]}"} | measure(path, count, args.places, size))
    if args.json:
        print(json.dumps(found))
        return
    rows = [
        [
            str(f["size"]),
            f"{f['open_s']:.1f} s",
            f"{f['open_cpu_s']:.1f} s",
            f"{f['seek_median_ms']:.0f} ms",
            f"{f['seek_p95_ms']:.0f} ms",
            f"{f['seek_cpu_median_ms']:.0f} ms",
            f"{f['seek_cpu_p95_ms']:.0f} ms",
            f"{f['peak_mb']:.0f} MB",
        ]
        for f in found
    ]
    head = ["size", "open", "its CPU", "seek", "p95", "CPU", "p95", "memory"]
    table(f"{count:,} events, {args.places} places", head, rows)


if __name__ == "__main__":
    main()
