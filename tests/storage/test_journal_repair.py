"""What a killed process left torn is moved aside once, however often that is interrupted."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Record, RunPaused
from luna_tui.core.records import to_line
from luna_tui.storage.disk import Disk
from luna_tui.storage.holder import hold
from luna_tui.storage.journal import JournalWriter, read_journal, seal
from luna_tui.storage.journal_repair import Repair, repair
from luna_tui.storage.paths import RunDir, create_run

TORN = b'{"v":1,"seq":4,"at":0.4,"ty'


def paused(seq: int) -> Record:
    return Record(seq, seq / 10, "r", RunPaused(by="user"))


def lines(*seqs: int) -> bytes:
    return b"".join(seal(to_line(paused(seq))).encode() + b"\n" for seq in seqs)


def run_with(*segments: bytes, run: str = "r") -> RunDir:
    run_dir = create_run(run)
    for number, content in enumerate(segments, 1):
        run_dir.journal(number).write_bytes(content)
    return run_dir


def contents(run_dir: RunDir) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(run_dir.path.iterdir()) if p.is_file()}


def test_a_torn_end_is_kept_beside_the_segment_and_cut_off() -> None:
    run_dir = run_with(lines(1, 2, 3) + TORN)
    assert repair(run_dir) == Repair(1, "journal.0001.torn")
    assert run_dir.journal(1).read_bytes() == lines(1, 2, 3)
    assert (run_dir.path / "journal.0001.torn").read_bytes() == TORN
    assert (run_dir.path / "journal.0001.torn").stat().st_mode & 0o777 == 0o600
    assert repair(run_dir) is None
    assert read_journal(run_dir.path).damaged == ()


@pytest.mark.parametrize("content", [b"", lines(1), lines(1, 2, 3)])
def test_a_whole_journal_is_left_alone(content: bytes) -> None:
    run_dir = run_with(content)
    assert repair(run_dir) is None
    assert contents(run_dir) == {"journal.0001.ndjson": content, "lock": b""}


def test_a_run_without_a_journal_has_nothing_to_repair() -> None:
    assert repair(create_run("r")) is None


def test_whole_lines_at_the_end_that_fit_no_checksum_are_moved_too() -> None:
    bad = lines(3).replace(b"user", b"User") + b"\x00" * 20 + b"\n" + TORN
    run_dir = run_with(lines(1, 2) + bad)
    assert repair(run_dir) == Repair(3, "journal.0001.torn")
    assert contents(run_dir)["journal.0001.torn"] == bad
    assert contents(run_dir)["journal.0001.ndjson"] == lines(1, 2)


def test_damage_in_the_middle_stays_where_it_is() -> None:
    content = lines(1) + lines(2).replace(b"user", b"User") + lines(3)
    run_dir = run_with(content)
    assert repair(run_dir) is None
    assert contents(run_dir)["journal.0001.ndjson"] == content
    assert [d.line for d in read_journal(run_dir.path).damaged] == [2]


def test_a_segment_without_a_single_line_that_fits_ends_empty() -> None:
    run_dir = run_with(lines(1, 2), TORN)
    assert repair(run_dir) == Repair(1, "journal.0002.torn")
    assert contents(run_dir)["journal.0002.ndjson"] == b""


def test_a_segment_that_was_only_opened_does_not_hide_the_torn_one_before_it() -> None:
    run_dir = run_with(lines(1, 2, 3) + TORN, b"")
    assert repair(run_dir) == Repair(1, "journal.0001.torn")
    assert repair(run_dir) is None


def test_what_an_earlier_repair_kept_stays() -> None:
    run_dir = run_with(lines(1) + TORN)
    repair(run_dir)
    with run_dir.journal(1).open("ab") as file:
        file.write(b"rot")
    repair(run_dir)
    assert contents(run_dir)["journal.0001.torn"] == TORN + b"rot"


class Killed(BaseException):
    """The process ends here."""


class DeadlyDisk(Disk):
    """Kills at operation number `at`: before it, or after it (a write is then done by half)."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.at, self.after = at, after
        self.count = 0

    def _do(self, operation: Callable[[], object], half: Callable[[], object] | None = None) -> object:
        self.count += 1
        if self.count != self.at:
            return operation()
        if self.after:
            (half or operation)()
        raise Killed

    def open_again(self, path: Path) -> int:
        found = self._do(lambda: Disk.open_again(self, path))
        assert isinstance(found, int)
        return found

    def write(self, descriptor: int, content: bytes) -> None:
        self._do(
            lambda: Disk.write(self, descriptor, content),
            lambda: Disk.write(self, descriptor, content[: len(content) // 2]),
        )

    def sync(self, descriptor: int) -> None:
        self._do(lambda: Disk.sync(self, descriptor))

    def truncate(self, descriptor: int, size: int) -> None:
        self._do(lambda: Disk.truncate(self, descriptor, size))

    def sync_folder(self, path: Path) -> None:
        self._do(lambda: Disk.sync_folder(self, path))

    def replace(self, path: Path, content: bytes) -> None:
        self._do(lambda: Disk.replace(self, path, content))


OPERATIONS = 8
"""replace, write, sync, sync_folder, open_again, truncate, sync; and one more that never comes."""


def test_the_kill_ladder_below_has_a_rung_for_every_operation() -> None:
    disk = DeadlyDisk(0, after=False)
    repair(run_with(lines(1, 2, 3) + TORN), disk)
    assert disk.count == OPERATIONS - 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("first", range(1, OPERATIONS))
@pytest.mark.parametrize("second", range(OPERATIONS + 1))
def test_a_repair_killed_anywhere_twice_ends_like_any_other(first: int, second: int, after: bool) -> None:
    expected = run_with(lines(1, 2, 3) + TORN, run="expected")
    repair(expected)
    run_dir = run_with(lines(1, 2, 3) + TORN)
    with pytest.raises(Killed):
        repair(run_dir, DeadlyDisk(first, after=after))
    seen = b"".join(contents(run_dir).values())
    assert lines(1, 2, 3) in seen
    assert TORN in seen
    if second:
        with contextlib.suppress(Killed):
            repair(run_dir, DeadlyDisk(second, after=after))
    repair(run_dir)
    assert contents(run_dir) == contents(expected)
    assert repair(run_dir) is None


def test_two_records_at_the_end_whose_line_end_is_damaged_stay() -> None:
    run_dir = run_with(lines(1, 2, 3)[:-1].replace(b"\n", b"\x0b") + b"\n")
    before = read_journal(run_dir.path)
    assert len(before.records) == 3
    assert repair(run_dir) is None
    assert read_journal(run_dir.path) == before


def test_a_run_that_another_process_writes_is_not_repaired() -> None:
    run_dir = run_with(lines(1) + TORN)
    held = hold(run_dir)
    with pytest.raises(LunaError, match="another process") as caught:
        repair(run_dir)
    assert caught.value.code is ExitCode.USAGE
    assert contents(run_dir)["journal.0001.ndjson"] == lines(1) + TORN
    assert repair(run_dir, lock=held) is not None
    with pytest.raises(LunaError, match="another process"):
        hold(run_dir)
    Disk().close(held)
    assert repair(run_dir) is None


def test_a_repair_that_the_disk_refuses_is_a_sentence_and_loses_nothing() -> None:
    class Full(Disk):
        def write(self, descriptor: int, content: bytes) -> None:
            raise OSError(errno.ENOSPC, "injected")

    run_dir = run_with(lines(1) + TORN)
    with pytest.raises(LunaError, match="the disk is full"):
        repair(run_dir, Full())
    assert contents(run_dir)["journal.0001.ndjson"] == lines(1) + TORN
    assert repair(run_dir) is not None


def test_a_later_process_goes_on_in_a_segment_of_its_own() -> None:
    run_dir = run_with(lines(1, 2, 3) + TORN)
    held = hold(run_dir)
    repair(run_dir, lock=held)
    read = read_journal(run_dir.path)
    assert (read.last_seq, read.last_at) == (3, 0.3)
    journal = JournalWriter(run_dir, on_failure=lambda _: None, lock=held)
    journal.append(paused(4))
    assert journal.close()
    assert run_dir.journal(1).read_bytes() == lines(1, 2, 3)
    assert run_dir.journal(2).read_bytes() == lines(4)
    read = read_journal(run_dir.path)
    assert [r.seq for r in read.records] == [1, 2, 3, 4]
    assert read.damaged == ()
    Disk().close(hold(run_dir))


def test_a_segment_that_could_not_be_opened_leaves_no_number_out() -> None:
    class Reluctant(Disk):
        refusals = 2

        def sync_folder(self, path: Path) -> None:
            if Reluctant.refusals:
                Reluctant.refusals -= 1
                raise OSError(errno.EIO, "injected")
            super().sync_folder(path)

    run_dir = create_run("r")
    for _ in range(2):
        with pytest.raises(LunaError):
            JournalWriter(run_dir, on_failure=lambda _: None, disk=Reluctant())
    assert JournalWriter(run_dir, on_failure=lambda _: None).close()
    assert read_journal(run_dir.path).damaged == ()


@pytest.mark.parametrize(("gone", "said"), [(1, "0001"), (2, "0002")])
def test_a_segment_that_is_missing_is_named_with_its_records(gone: int, said: str) -> None:
    run_dir = run_with(lines(1, 2), lines(3, 4), lines(5, 6))
    run_dir.journal(gone).unlink()
    read = read_journal(run_dir.path)
    told = [f"{d.path}:{d.line} {d.reason}" for d in read.damaged]
    assert told[0] == f"journal.{said}.ndjson:0 this segment is missing"
    assert "are missing before this line" in told[1]
    assert len(read.records) == 4


def test_a_copy_of_a_journal_is_read_by_itself(tmp_path: Path) -> None:
    run_dir = run_with(lines(1, 2, 3))
    copy = shutil.copy(run_dir.journal(1), tmp_path / "copy.ndjson")
    assert len(read_journal(Path(copy)).records) == 3
