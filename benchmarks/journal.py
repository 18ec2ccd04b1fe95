"""How many events become durable in a second, how long who waits for one waits, and when a follower hears."""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from benchmarks.measure import options, table
from benchmarks.noop import close_journal, open_journal, scratch_run
from benchmarks.records import records
from luna_tui.core.events import Record
from luna_tui.core.records import to_line
from luna_tui.storage.journal import JournalWriter, seal
from luna_tui.storage.paths import RunDir

THREADS = 40
EVENT_GAP_S = 0.01
"""Between two events whose way to a follower is measured."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One case."""

    per_second: float
    """Events that became durable."""
    p50_ms: float
    """How long who waits for an event waits."""
    p99_ms: float


class Numbered:
    """Gives records numbers in the order in which they are appended, as the event bus does."""

    def __init__(self, given: Sequence[Record], append: Callable[[Record], None]) -> None:
        self._records = iter(given)
        self._append = append
        self._lock = threading.Lock()
        """Protects the order of the records."""

    def next(self) -> int | None:
        """Append the next record; its number, None when there is none left."""
        with self._lock:
            record = next(self._records, None)
            if record is None:
                return None
            self._append(record)
            return record.seq


def forty_threads(work: Callable[[list[float]], None]) -> list[float]:
    """All waiting times, in seconds."""
    found: list[list[float]] = [[] for _ in range(THREADS)]
    threads = [threading.Thread(target=work, args=(mine,)) for mine in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [waited for mine in found for waited in mine]


def figures(count: int, took_s: float, waits: Sequence[float]) -> Figures:
    """Of a case in which so many events became durable."""
    ordered = sorted(waits) or [0.0]
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return Figures(count / took_s, statistics.median(ordered) * 1e3, p99 * 1e3)


def grouped(given: list[Record], *, each: int) -> Figures:
    """The journal of a run; one in `each` events is waited for, 0 = none."""
    with scratch_run() as run_dir:
        journal = open_journal(run_dir)
        line = Numbered(given, journal.append)

        def work(waits: list[float]) -> None:
            while (seq := line.next()) is not None:
                if each and seq % each == 0:
                    waits.append(waited_s(journal, seq))

        began_at = time.perf_counter()
        waits = forty_threads(work)
        close_journal(journal)
        return figures(len(given), time.perf_counter() - began_at, waits)


def waited_s(journal: JournalWriter, seq: int) -> float:
    """How long it takes until the event is durable."""
    began_at = time.perf_counter()
    if not journal.wait_saved(seq, 60.0):
        raise RuntimeError("an event was not saved in time")
    return time.perf_counter() - began_at


def one_by_one(given: list[Record]) -> Figures:
    """The same lines, and a sync of the disk for each of them."""
    with scratch_run() as run_dir:
        descriptor = os.open(run_dir.journal(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

        def append(record: Record) -> None:
            os.write(descriptor, seal(to_line(record)).encode() + b"\n")
            os.fdatasync(descriptor)

        line = Numbered(given, append)

        def work(waits: list[float]) -> None:
            before = time.perf_counter()
            while line.next() is not None:
                waits.append(time.perf_counter() - before)
                before = time.perf_counter()

        began_at = time.perf_counter()
        waits = forty_threads(work)
        took_s = time.perf_counter() - began_at
        os.close(descriptor)
        return figures(len(given), took_s, waits)


def heard(given: list[Record]) -> Figures:
    """From the event to the follower, while nobody waits for the disk and events come now and then."""
    at: dict[int, float] = {}
    waits: list[float] = []
    with scratch_run() as run_dir:
        journal = _followed(run_dir, lambda r: waits.append(time.perf_counter() - at[r.seq]))
        began_at = time.perf_counter()
        for record in given:
            at[record.seq] = time.perf_counter()
            journal.append(record)
            time.sleep(EVENT_GAP_S)
        close_journal(journal)
        return figures(len(given), time.perf_counter() - began_at, waits)


def _followed(run_dir: RunDir, hear: Callable[[Record], None]) -> JournalWriter:
    def refuse(why: str) -> None:
        raise RuntimeError(why)

    return JournalWriter(run_dir, on_failure=refuse, hand_on=hear)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=40_000, quick_items=400, repeats=3)
    given = records(args.items)
    few = given[: max(50, args.items // 40)]
    cases: dict[str, Callable[[], Figures]] = {
        f"{THREADS} threads, each event waited for": lambda: grouped(given, each=1),
        f"{THREADS} threads, one in ten waited for": lambda: grouped(given, each=10),
        f"{THREADS} threads, none waited for": lambda: grouped(given, each=0),
        f"{THREADS} threads, a sync for each event": lambda: one_by_one(few),
        "from an event to a follower": lambda: heard(few),
    }
    found: dict[str, list[Figures]] = {name: [] for name in cases}
    for _ in range(args.repeats):
        for name, measured in cases.items():
            found[name].append(measured())
    middle = {
        name: sorted(series, key=lambda f: f.per_second)[len(series) // 2] for name, series in found.items()
    }
    if args.json:
        print(json.dumps({"cases": {name: asdict(f) for name, f in middle.items()}}))
        return
    rows = [
        [name, f"{f.per_second:,.0f}", f"{f.p50_ms:.2f}", f"{f.p99_ms:.2f}"] for name, f in middle.items()
    ]
    table(f"{args.items:,} events", ["", "durable a second", "wait p50 ms", "p99 ms"], rows)


if __name__ == "__main__":
    main()
