"""A child process with everything it started, ended as one."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess

_REAP_S = 1.0
"""Longest wait for a killed process; only one stuck in the kernel takes it."""


class ProcessGroup:
    """The group of a child that was started in a session of its own.

    Where the system has process descriptors, the child is not reaped before its group has been
    killed: until then nobody else can have got its number.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._descriptor = _descriptor_of(process.pid)

    @property
    def descriptor(self) -> int | None:
        """Readable when the child has ended; None where the system has no such thing."""
        return self._descriptor

    def has_ended(self, within_s: float = 0.0) -> bool:
        """Whether the child itself has ended, after at most `within_s` seconds."""
        if self._descriptor is not None:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            return bool(poll.poll(within_s * 1000))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
        return self._process.returncode is not None

    def end(self, grace_s: float) -> int:
        """TERM to the group, KILL after `grace_s` seconds; returns the exit code, negative for a signal."""
        try:
            if not self.has_ended():
                self._signal(signal.SIGTERM)
                self.has_ended(grace_s)
        finally:
            self._signal(signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_REAP_S)
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
        code = self._process.returncode
        return -signal.SIGKILL if code is None else code

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _descriptor_of(pid: int) -> int | None:
    opened = getattr(os, "pidfd_open", None)
    if opened is None:
        return None
    try:
        return int(opened(pid))
    except OSError:
        return None
