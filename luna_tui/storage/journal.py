"""Append records to disk, and hand them on once they are there: one writer thread, group commits."""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import zlib
from collections.abc import Callable
from time import monotonic

from luna_tui.core.events import Record, SubtaskOutput
from luna_tui.core.records import to_line
from luna_tui.storage.disk import Disk
from luna_tui.storage.journal_reading import Damage, JournalRead, read_journal, unseal
from luna_tui.storage.journal_segments import Segments
from luna_tui.storage.paths import RunDir, not_saved, why_not

__all__ = ["Damage", "JournalRead", "JournalWriter", "read_journal", "seal", "unseal"]

GROUP_LINES = 1_000
"""Most lines of one commit, so that a flood of records is made durable all the while."""
REST_S = 0.02
"""Pause after a commit, in which a stream of records gathers; a record after a pause never waits."""
KEPT_BYTES = 8 * 1024 * 1024
"""Most bytes kept in memory while the disk refuses them; what comes after that is lost and shows as a gap."""
RETRY_S = 2.0
"""Between two tries while the disk refuses."""
PATIENCE_S = 10.0
"""How long a disk must have refused before closing gives it up."""
LOOK_S = 4.0
"""Between two looks whether somebody removed the journal."""
SLOW_S = 0.25
SLOW_AGAIN_S = 10.0
"""Between two words about a slow disk."""


def seal(line: str) -> str:
    """A record's line with its CRC32 as last member; the checksum covers the line as it was."""
    return f'{line[:-1]},"crc":"{zlib.crc32(line.encode()):08x}"}}'


def _nothing_told(*_: object) -> None:
    """Nobody asked."""


def _nothing_else() -> str:
    return ""


class JournalWriter:
    """Writes a run's records. `append` never waits; `close` waits until all is durable.

    Begins a new segment, so what is there already is never written to again. Each record is given to
    `hand_on`, in order, by the writer's thread: when it is durable, or at once while the disk refuses.

    When a write fails, `on_failure` is told why, and the lines are kept in memory, up to `KEPT_BYTES`.
    A full disk is tried again every `RETRY_S` seconds, after any other error a new segment, at once and
    then as often. When all is saved, `also()` is asked to save what others keep, and says why that is
    not possible; then `on_saved` is told after how many seconds, and how many records are lost.
    `on_slow` is told of a commit that took longer than `SLOW_S` seconds, now and then.

    Holds the run's lock while it lives; `lock` = what `hold` gave the caller, closed here at the end.
    LunaError(74) when the journal cannot be begun, (2) when another process writes the run.
    """

    def __init__(
        self,
        run_dir: RunDir,
        *,
        on_failure: Callable[[str], None],
        on_saved: Callable[[float, int], None] = _nothing_told,
        on_slow: Callable[[float], None] = _nothing_told,
        hand_on: Callable[[Record], None] = _nothing_told,
        also: Callable[[], str] = _nothing_else,
        disk: Disk | None = None,
        lock: int | None = None,
    ) -> None:
        self._on_failure = on_failure
        self._on_saved = on_saved
        self._on_slow = on_slow
        self._hand_on = hand_on
        self._also = also
        self._queue: queue.SimpleQueue[Record | str | None] = queue.SimpleQueue()
        """Records, why something else was refused, and None at the end."""
        self._hurry = threading.Event()
        """Somebody waits; cuts a rest short."""
        self._lock = threading.Lock()
        """Protects `_waiters`, `_refuses` and the order in which both and `saved_seq` change."""
        self._waiters: list[tuple[int, int, threading.Event]] = []
        """A heap: number of a record, a tie-breaker, and what is set when that is durable or refused."""
        self._ties = itertools.count()
        self._refuses = False
        self.saved_seq = 0
        """Number of the last record that is durable."""
        self._leftovers = threading.Lock()
        """Protects the order of records that come when the thread is over."""
        self._closing = self._over = False
        self._kept: list[bytes] = []
        """Lines that are not yet durable; the writer thread's own, as everything below."""
        self._kept_bytes = 0
        self._kept_seq = 0
        """Number of the last record taken in."""
        self._held_back: list[Record] = []
        """Not yet handed on."""
        self._lost = self._lost_now = 0
        self._refused_at: float | None = None
        self._try_at = self._look_at = self._slow_at = 0.0
        self._segments = Segments(run_dir, disk or Disk(), lock)
        try:
            self._segments.begin()
        except OSError as error:
            raise not_saved(run_dir.path, error) from error
        self._thread = threading.Thread(target=self._loop, name="luna-journal", daemon=True)
        self._thread.start()

    def append(self, record: Record) -> None:
        """Save the record soon; returns at once."""
        self._queue.put(record)
        if self._over:
            self._hand_on_leftovers()

    def refuse(self, why: str) -> None:
        """The disk refused something else of the run, which `also` keeps; returns at once."""
        self._queue.put(why)

    def wait_saved(self, seq: int, timeout_s: float | None = None) -> bool:
        """Wait until a record is durable; False at once while the disk refuses, or after `timeout_s`."""
        with self._lock:
            if self.saved_seq >= seq or self._refuses or self._over:
                return self.saved_seq >= seq
            done = threading.Event()
            heapq.heappush(self._waiters, (seq, next(self._ties), done))
        self._hurry.set()
        done.wait(timeout_s)
        return self.saved_seq >= seq

    def close(self, timeout_s: float = 15.0) -> bool:
        """Save and hand on what is left, and stop; False when a record was not saved in time."""
        self._closing = True
        self._queue.put(None)
        self._hurry.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self._kept and not self._lost

    def _loop(self) -> None:
        ended = last = False
        try:
            while not last:
                before = self._kept_seq
                last = self._gather()
                self._look()
                self._save()
                if self._kept_seq != before and not last and self._may_rest():
                    self._hurry.wait(REST_S)
            self._finish()
            ended = True
        finally:
            self._end(whole=ended)

    def _may_rest(self) -> bool:
        """Nobody waits for the disk or for the end, and there is no bad news to tell."""
        return not self._waiters and not self._closing and self._refused_at is None

    def _finish(self) -> None:
        """Save what is left, and what is said of that; a disk that refuses gets some time to come back."""
        self._try_at = 0.0
        self._save()
        while self._is_patient() or not self._queue.empty():
            self._gather()
            self._save()

    def _gather(self) -> bool:
        """Take what waits, at most a group; True when nothing follows."""
        self._hurry.clear()
        due_at = self._look_at if self._refused_at is None else self._try_at
        for _ in range(GROUP_LINES):
            wait_s = max(0.0, due_at - monotonic())
            try:
                taken = self._queue.get(block=wait_s > 0, timeout=wait_s or None)
            except queue.Empty:
                return False
            due_at = 0.0
            match taken:
                case None:
                    return True
                case str():
                    self._refuse(taken)
                case _:
                    self._keep(taken)
        return False

    def _keep(self, record: Record) -> None:
        self._kept_seq = record.seq
        self._held_back.append(record)
        try:
            line = seal(to_line(record)).encode() + b"\n"
        except (TypeError, ValueError, RecursionError) as error:
            self._lose()
            self._refuse(f"record {record.seq} has no place in a journal: {error}")
            return
        if self._refused_at is not None:
            self._hand_on_held_back()
            # Texts are in files of their own as well, so they leave room for what is nowhere else.
            room = KEPT_BYTES // 2 if isinstance(record.event, SubtaskOutput) else KEPT_BYTES
            if self._kept_bytes + len(line) > room:
                self._lose()
                return
        self._kept.append(line)
        self._kept_bytes += len(line)

    def _lose(self) -> None:
        self._lost += 1
        self._lost_now += 1

    def _look(self) -> None:
        """Notice that the file was removed, after which writing to it would be in vain."""
        now = monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_S
        found = self._segments.taken_back()
        if found is not None:
            content, lost = found
            self._kept.insert(0, content)
            self._lost += lost
            self._lost_now += lost
            self._try_at = now
            self._refuse("the journal was removed; it is written once more")

    def _save(self) -> None:
        """Make what is kept durable, if there is something to save or to try again."""
        began_at = monotonic()
        if self._refused_at is None and not self._kept:
            return
        if self._refused_at is not None and began_at < self._try_at:
            return
        try:
            if self._kept:
                self._segments.commit(b"".join(self._kept))
        except OSError as error:
            # The first time another file is tried at once.
            self._try_at = began_at if self._refused_at is None else began_at + RETRY_S
            self._refuse(why_not(error))
            return
        self._saved()
        took_s = monotonic() - began_at
        if took_s > SLOW_S and began_at >= self._slow_at:
            self._slow_at = began_at + SLOW_AGAIN_S
            self._on_slow(took_s)

    def _saved(self) -> None:
        self._kept, self._kept_bytes = [], 0
        why = self._also() if self._refused_at is not None else ""
        with self._lock:
            self.saved_seq = self._kept_seq
            self._refuses = bool(why)
            while self._waiters and self._waiters[0][0] <= self.saved_seq:
                heapq.heappop(self._waiters)[2].set()
        self._hand_on_held_back()
        if why:
            self._try_at = monotonic() + RETRY_S
        elif self._refused_at is not None:
            after_s, self._refused_at = monotonic() - self._refused_at, None
            lost, self._lost_now = self._lost_now, 0
            self._on_saved(after_s, lost)

    def _refuse(self, why: str) -> None:
        """From the first refusal on nobody waits for the disk any more."""
        if self._refused_at is None:
            self._refused_at = monotonic()
            self._on_failure(why)
            with self._lock:
                self._refuses = True
                for *_, done in self._waiters:
                    done.set()
                self._waiters.clear()
        self._hand_on_held_back()

    def _is_patient(self) -> bool:
        """Whether it is worth waiting for the disk before closing."""
        return self._refused_at is not None and monotonic() < self._refused_at + PATIENCE_S

    def _hand_on_held_back(self) -> None:
        records, self._held_back = self._held_back, []
        for record in records:
            self._hand_on(record)

    def _end(self, *, whole: bool) -> None:
        try:
            if not whole:
                self._lost += 1
                self._refuse("the thread that writes the journal broke")
        finally:
            self._segments.close()
            with self._lock:
                self._over = True
                for *_, done in self._waiters:
                    done.set()
            self._hand_on_leftovers()

    def _hand_on_leftovers(self) -> None:
        """Nothing is saved any more; whoever follows the run hears of it all the same."""
        with self._leftovers:
            while True:
                try:
                    taken = self._queue.get_nowait()
                except queue.Empty:
                    return
                if isinstance(taken, Record):
                    self._hand_on(taken)
