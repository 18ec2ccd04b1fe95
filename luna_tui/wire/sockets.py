"""Local sockets that only their owner can use: how they are made, reached, and who is at the other end."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from pathlib import Path

MOST_PATH = 107
"""Bytes of the longest path that a local socket can have."""
_BACKLOG = 64


def fits(path: Path) -> bool:
    """Whether a local socket can have this path."""
    return len(os.fsencode(path)) <= MOST_PATH


def listen(path: Path) -> socket.socket:
    """A socket that listens there, 0600 from the first moment; what an earlier process left is replaced.

    Only who holds the run's lock may call it. OSError when it cannot be made. Call it while no other
    thread makes files: permissions of new files are a matter of the whole process.
    """
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        found.bind(os.fspath(path))
        found.listen(_BACKLOG)
    except OSError:
        found.close()
        raise
    finally:
        os.umask(before)
    found.setblocking(False)
    return found


def connect(path: Path, timeout_s: float) -> socket.socket:
    """A connection to whoever listens there; OSError when nobody does, or another user does."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        found.settimeout(timeout_s)
        found.connect(os.fspath(path))
        if not trusted(uid_of(found)):
            raise PermissionError(f"{path} belongs to another user")
    except OSError:
        found.close()
        raise
    return found


def uid_of(connection: socket.socket) -> int | None:
    """User of the process at the other end; None where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    found = connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
    return int(struct.unpack("3i", found)[1])


def trusted(uid: int | None) -> bool:
    """Our own user and root may; where the system does not tell, the permissions of the path decide."""
    return uid is None or uid in (os.geteuid(), 0)
