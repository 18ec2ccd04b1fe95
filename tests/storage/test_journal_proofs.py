"""A real journal cut at every byte, and with flipped bits: nothing is silent, and nothing else is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from support import make_run, plan, subtask, wave

from luna_tui.core.errors import LunaError
from luna_tui.core.events import Record
from luna_tui.core.records import to_line
from luna_tui.core.state import fold
from luna_tui.engine.runner import AttemptContext, Work
from luna_tui.storage.disk import Disk
from luna_tui.storage.holder import hold
from luna_tui.storage.journal import JournalWriter, read_journal, seal
from luna_tui.storage.journal_repair import repair
from luna_tui.storage.paths import RunDir, create_run, state_dir

EVENTS = 60
FLIPS = 1_000


def answer(work: Work, context: AttemptContext) -> str:
    context.output(f"{work.subtask.id} says: é, \\ and a\nnew line")
    return "done"


@pytest.fixture(scope="module")
def real() -> list[Record]:
    """The first events of a run by the real engine."""
    subtasks = [subtask(f"s{n}", depends_on=() if n < 8 else (f"s{n - 8}",)) for n in range(20)]
    records = make_run(answer, plan(wave("w", *subtasks)), workers=3).finish().records
    assert len(records) >= EVENTS
    return records[:EVENTS]


class Weightless(Disk):
    """Waits for nothing: what is on the disk when is not the question here."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_folder(self, path: Path) -> None:
        pass


def written(run_dir: RunDir, raw: bytes) -> None:
    for path in run_dir.path.glob("journal.*"):
        path.unlink()
    run_dir.journal(1).write_bytes(raw)


def whole_of(records: list[Record]) -> bytes:
    return b"".join(seal(to_line(r)).encode() + b"\n" for r in records)


def lines_of(records: Iterable[Record]) -> set[str]:
    return set(map(to_line, records))


def test_cut_at_every_byte_it_is_read_and_repaired_up_to_the_cut(real: list[Record]) -> None:
    run_dir, whole = create_run("r"), whole_of(real)
    disk = Weightless()
    for size in range(len(whole) + 1):
        cut = whole[:size]
        written(run_dir, cut)
        kept = cut.count(b"\n")
        torn = cut[cut.rfind(b"\n") + 1 :]
        read = read_journal(run_dir.path)
        assert list(read.records) == real[:kept], size
        assert len(read.damaged) == bool(torn), size
        assert (read.last_seq, read.last_at) == ((kept, real[kept - 1].at) if kept else (0, 0.0)), size
        done = repair(run_dir, disk)
        assert (done is not None) == bool(torn), size
        assert run_dir.journal(1).read_bytes() + torn == cut, size
        if torn:
            assert (run_dir.path / "journal.0001.torn").read_bytes() == torn, size
            assert repair(run_dir, disk) is None, size
            again = read_journal(run_dir.path)
            assert (list(again.records), again.damaged) == (real[:kept], ()), size


def test_no_flipped_bit_is_silent_and_none_costs_more_than_its_own_event(real: list[Record]) -> None:
    run_dir, whole = create_run("r"), whole_of(real)
    disk, rng = Weightless(), random.Random(20)
    for flip in range(FLIPS):
        place, bit = rng.randrange(len(whole)), 1 << rng.randrange(8)
        damaged = bytearray(whole)
        damaged[place] ^= bit
        written(run_dir, bytes(damaged))
        read = read_journal(run_dir.path)
        assert read == read_journal(run_dir.path), flip
        assert lines_of(read.records) <= lines_of(real), flip
        assert len(read.records) >= EVENTS - 1, f"flip {flip} of bit {bit} in byte {place}"
        assert read.damaged or list(read.records) == real, f"flip {flip} is silent"
        repair(run_dir, disk)
        assert repair(run_dir, disk) is None, flip
        again = read_journal(run_dir.path)
        assert again.records == read.records, flip
        assert again.damaged or len(again.records) >= EVENTS - 1, flip
        fold(again.records)


def test_a_line_end_that_is_damaged_costs_nothing(real: list[Record]) -> None:
    run_dir = create_run("r")
    written(run_dir, whole_of(real).replace(b"\n", b"\x0b", 3))
    read = read_journal(run_dir.path)
    assert list(read.records) == real
    assert [d.line for d in read.damaged] == [1, 1, 1]


def test_a_journal_without_any_line_end_is_damage_and_no_trouble(real: list[Record]) -> None:
    run_dir = create_run("r")
    written(run_dir, (whole_of(real) * 50).replace(b"\n", b" ") + b"\n")
    read = read_journal(run_dir.path)
    assert list(read.records) == real[: len(read.records)]
    assert read.damaged


HOLDER = """
import subprocess, sys
from luna_tui.core.events import Record, RunPaused
from luna_tui.storage.journal import JournalWriter
from luna_tui.storage.paths import create_run
journal = JournalWriter(create_run("held"), on_failure=print)
nowhere = subprocess.DEVNULL
child = subprocess.Popen(["sleep", "60"], close_fds=False, stdin=nowhere, stdout=nowhere)
journal.append(Record(1, 0.0, "held", RunPaused(by="user")))
journal.wait_saved(1)
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_a_run_is_held_by_its_process_alone_and_not_by_a_child_that_outlives_it() -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        run_dir = RunDir(state_dir() / "runs" / "held")
        with pytest.raises(LunaError, match="another process has it"):
            JournalWriter(run_dir, on_failure=lambda _: None)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert Path(f"/proc/{child}").exists(), "the child outlives its parent"
        Disk().close(hold(run_dir))
        assert len(read_journal(run_dir.path).records) == 1
    finally:
        subprocess.run(["kill", "-9", str(child)], check=False)
        holder.stdin.close()
        holder.stdout.close()
