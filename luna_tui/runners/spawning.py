"""Start a process with its output in one pipe, and read that to its end."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
from dataclasses import dataclass

from luna_tui.engine.cancel import CancelToken
from luna_tui.runners.guard import armed, limited
from luna_tui.runners.kept_output import KeptOutput
from luna_tui.runners.processes import ProcessGroup
from luna_tui.runners.spawn_errors import spawn_error

_CHUNK = 64 * 1024
_PIPE_BYTES = 1024 * 1024
"""Most that a pipe can hold: what is read after the end beyond this is not the command's."""
_POLL_S = 0.2
"""How often the end is looked for where the system cannot announce it."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What is started, with every template filled in."""

    argv: list[str]
    cwd: str
    environ: dict[str, str]
    stdin: int = subprocess.DEVNULL
    pass_fds: tuple[int, ...] = ()
    """Descriptors that it gets besides."""


def _start(launch: Launch) -> tuple[int, ProcessGroup]:
    """The end of the pipe to read, and the process that writes into it."""
    read_end = write_end = -1
    try:
        read_end, write_end = os.pipe()
        process = subprocess.Popen(
            launch.argv,
            cwd=launch.cwd,
            env=launch.environ,
            stdin=launch.stdin,
            stdout=write_end,
            stderr=write_end,
            start_new_session=True,
            pass_fds=launch.pass_fds,
        )
    except (OSError, ValueError) as error:
        if read_end >= 0:
            os.close(read_end)
        raise spawn_error(launch.argv[0], launch.cwd, launch.environ, error) from error
    finally:
        if write_end >= 0:
            os.close(write_end)
    return read_end, ProcessGroup(process)


def run_to_end(
    launch: Launch, kept: KeptOutput, token: CancelToken, *, grace_s: float, limit_s: float | None = None
) -> int | None:
    """The exit code, negative for a signal; None when it was ended, by its token or after `limit_s` seconds.

    Nothing that it started and that stayed in its group is left. `grace_s` is between TERM and KILL.
    """
    read_end, group = _start(launch)
    in_time = False
    try:
        _follow(group, read_end, kept, token, limit_s)
        in_time = group.has_ended()
    finally:
        try:
            code = group.end(grace_s)
        finally:
            os.close(read_end)
    return code if in_time else None


def _follow(
    group: ProcessGroup, pipe: int, kept: KeptOutput, token: CancelToken, limit_s: float | None = None
) -> None:
    """Pass output on until the process has ended and its pipe is drained, the token is cancelled, or
    `limit_s` seconds have passed.

    A process may close its output long before it ends, and something it started may keep writing
    after it; only its own end is the end.
    """
    waking, woken = socket.socketpair()
    with (
        waking,
        woken,
        selectors.DefaultSelector() as selector,
        armed(token, lambda: _wake(waking)),
        limited(limit_s, lambda: _wake(waking)),
    ):
        for source in (pipe, woken.fileno(), group.descriptor):
            if source is not None:
                selector.register(source, selectors.EVENT_READ)
        after_end = 0
        while True:
            timeout_s = None if group.descriptor is not None else _POLL_S
            ready = {key.fd for key, _ in selector.select(timeout_s)}
            ended = group.has_ended()
            if woken.fileno() in ready or (ended and pipe not in ready) or after_end > _PIPE_BYTES:
                return
            if pipe not in ready:
                continue
            chunk = os.read(pipe, _CHUNK)
            after_end += len(chunk) if ended else 0
            kept.take(chunk)
            if not chunk:
                selector.unregister(pipe)


def _wake(waking: socket.socket) -> None:
    with contextlib.suppress(OSError):
        waking.send(b"x")
