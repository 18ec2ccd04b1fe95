"""A small table in memory that processes of one user on one host share: the books of one key's limits."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import mmap
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_VERSION = 1
SLOTS = 64
"""Most processes that can share one key's limits; further ones keep books of their own."""
_OWNER_WIDTH = 2
"""Of a slot: process id (0 = free) and the start of that process, to tell it from a later one."""
_LOOKS = 64
"""Exchanges after which a process id is checked to belong to the same process still."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(slots=True)
class Rows:
    """The table while it is locked; `common` and `mine` are written back."""

    common: list[float]
    mine: list[float]
    others: list[list[float]] = field(default_factory=list)
    before: int = 0
    gone: list[list[float]] = field(default_factory=list)


class LimitsTable:
    """One key's table: numbers common to all, and a slot for each process. Not thread-safe.

    Lives in a file of this boot that only its user can open, on a file system in memory where there
    is one. A process that died leaves its slot to be told once as gone, and then to be used again.
    """

    def __init__(self, path: Path, common_width: int, slot_width: int) -> None:
        """Open or begin the table and take a slot. Raises OSError, also when all slots are taken."""
        self._common_width, self._slot_width = common_width, slot_width
        self._width = _OWNER_WIDTH + slot_width
        self._exchanges = 0
        self._me = (float(os.getpid()), _started(os.getpid()))
        self._descriptor = _open_own(path)
        try:
            size = 8 * (common_width + SLOTS * self._width)
            with self._locked():
                if os.fstat(self._descriptor).st_size < size:
                    os.ftruncate(self._descriptor, size)
                self._memory = mmap.mmap(self._descriptor, size)
                self._numbers = memoryview(self._memory).cast("d")
                self._slot = self._take_slot()
        except BaseException:
            os.close(self._descriptor)
            raise

    @contextlib.contextmanager
    def exchange(self) -> Iterator[Rows]:
        """Lock the table, read it, and write it back at the end. Raises OSError."""
        with self._locked():
            others, gone, before = self._look_around()
            start = self._start(self._slot) + _OWNER_WIDTH
            rows = Rows(
                common=list(self._numbers[: self._common_width]),
                mine=list(self._numbers[start : start + self._slot_width]),
                others=others,
                before=before,
                gone=gone,
            )
            yield rows
            self._write(0, rows.common)
            self._write(self._start(self._slot), (*self._me, *rows.mine))

    def close(self) -> None:
        """Give the slot back; the common numbers stay for whoever comes within the minute."""
        with contextlib.suppress(OSError), self._locked():
            self._write(self._start(self._slot), [0.0] * self._width)
        self._numbers.release()
        self._memory.close()
        os.close(self._descriptor)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _look_around(self) -> tuple[list[list[float]], list[list[float]], int]:
        """Rows of the living, rows of the dead (whose slots become free), and how many stand before us."""
        self._exchanges += 1
        thorough = self._exchanges % _LOOKS == 1
        others: list[list[float]] = []
        gone: list[list[float]] = []
        before = 0
        for slot in range(SLOTS):
            start = self._start(slot)
            if slot == self._slot or self._numbers[start] == 0.0:
                continue
            row = list(self._numbers[start : start + self._width])
            if _alive(int(row[0]), row[1] if thorough else None):
                others.append(row[_OWNER_WIDTH:])
                before += slot < self._slot
            else:
                gone.append(row[_OWNER_WIDTH:])
                self._write(start, [0.0] * self._width)
        return others, gone, before

    def _take_slot(self) -> int:
        for slot in range(SLOTS):
            start = self._start(slot)
            if self._numbers[start] == 0.0:
                self._write(start, (*self._me, *[0.0] * self._slot_width))
                return slot
        raise OSError(f"more than {SLOTS} processes share these limits")

    def _start(self, slot: int) -> int:
        return self._common_width + slot * self._width

    def _write(self, start: int, numbers: Sequence[float]) -> None:
        for place, number in enumerate(numbers, start):
            self._numbers[place] = number


def limits_table(secret: str, family: str, common_width: int, slot_width: int) -> LimitsTable:
    """The table of a key (or whatever names the account) and a family of models. Raises OSError.

    The name of the file is a digest, so it tells nothing about the key.
    """
    boot = _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else ""
    widths = f"{_VERSION}.{common_width}.{slot_width}"
    digest = hashlib.sha256("\0".join((widths, boot, family, secret)).encode()).hexdigest()
    return LimitsTable(_folder() / f"limits-{digest[:32]}", common_width, slot_width)


def _folder() -> Path:
    """A folder of this user alone, the same for all of its processes whatever their HOME."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    shared = Path("/dev/shm")
    parent = shared if shared.is_dir() else Path(tempfile.gettempdir())
    folder = Path(runtime) / "luna-tui" if runtime.startswith("/") else parent / f"luna-tui-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=False, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user alone")
    return folder


def _open_own(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    if os.fstat(descriptor).st_uid != os.getuid():
        os.close(descriptor)
        raise PermissionError(f"{path} belongs to somebody else")
    return descriptor


def _alive(pid: int, started: float | None) -> bool:
    """Whether a process is there; with `started`, whether it is the same one."""
    try:
        # A process of somebody else's is there, too; its start tells whether it is the same one.
        with contextlib.suppress(PermissionError):
            os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return started is None or _started(pid) == started


def _started(pid: int) -> float:
    """When a process began, in ticks since boot; 0 where that cannot be told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return float(text.rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0.0
