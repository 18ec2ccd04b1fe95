"""Who holds a run: the lock of its process, what the lock file says, and where its socket is."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from luna_tui.storage.paths import RunDir, private_dir, runs_dir

_MOST_BYTES = 4_096
_MOST_SOCKET_PATH = 107
"""Bytes; what a local socket's address has room for."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockNote:
    """What the lock file says of the process that holds it: for people, and to find its socket."""

    pid: int
    host: str
    boot_id: str
    """Of the system that the pid counts in; empty where there is none."""
    started_at: str
    """RFC 3339, UTC."""
    socket: str
    """Path of the control socket; empty when there is none."""


def write_note(run_dir: RunDir, *, started_at: str, socket: str) -> None:
    """Say in the lock file who holds it; only the holder may. What cannot be written is left out."""
    note = LockNote(
        pid=os.getpid(), host=platform.node(), boot_id=_boot_id(), started_at=started_at, socket=socket
    )
    with suppress(OSError):
        descriptor = os.open(run_dir.lock, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(asdict(note)).encode() + b"\n")
        finally:
            os.close(descriptor)


def read_note(run_dir: RunDir) -> LockNote | None:
    """What the lock file says; None when it says nothing that can be used."""
    try:
        with run_dir.lock.open("rb") as file:
            value = json.loads(file.read(_MOST_BYTES))
        texts = {name: str(value[name]) for name in ("host", "boot_id", "started_at", "socket")}
        return LockNote(pid=int(value["pid"]), **texts)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def is_held(lock: Path) -> bool:
    """Whether a process holds the lock file of a run; it is never left held by asking."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def running_runs() -> list[RunDir]:
    """Runs that a process works on now, oldest first."""
    root = runs_dir()
    names = sorted(p.name for p in root.iterdir()) if root.is_dir() else []
    return [RunDir(root / name) for name in names if is_held(root / name / "lock")]


def socket_place(run_dir: RunDir) -> Path:
    """Where the control socket of a run goes: beside its journal, or elsewhere when that path is too long.

    LunaError when the other place, a folder of ours alone, cannot be had.
    """
    path = run_dir.path / "control.sock"
    if len(os.fsencode(path)) <= _MOST_SOCKET_PATH:
        return path
    root = Path("/tmp") if os.path.isdir("/tmp") else Path(tempfile.gettempdir())
    name = hashlib.sha256(os.fsencode(run_dir.path)).hexdigest()[:16]
    return private_dir(root / f"luna-tui-{os.geteuid()}") / f"{name}.sock"


def socket_of(run_dir: RunDir) -> Path | None:
    """Where the process that holds the run listens; None when it does not."""
    note = read_note(run_dir)
    if note is not None and note.socket:
        return Path(note.socket)
    path = run_dir.path / "control.sock"
    return path if path.exists() else None


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
