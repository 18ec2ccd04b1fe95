"""A process that waits in front of the program, so that the program can leave the terminal and go on."""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.tongue import N_

_PR_SET_PDEATHSIG = 1
_TAKEN = frozenset(
    {
        signal.SIGCHLD,
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGWINCH,
    }
)
"""Signals that the waiting process looks at one by one."""
_NO_TERMINAL = N_("this is no terminal")
_NO_PROCESS = N_("the system refused a second process at the start")


@dataclass(slots=True)
class Launcher:
    """The process that waits for this one, as this one knows it."""

    why_not: str = _NO_TERMINAL
    """Why there is none, not yet translated; empty when there is one."""
    detaches: bool = False
    """It waits only to hear where the run goes on; no terminal is used."""
    _process: int = 0
    _pipe: int = -1

    def untie(self) -> None:
        """From now on the end of the waiting process or of its terminal is not the end of this one.

        Call from the main thread.
        """
        if self._process:
            _die_with_parent(0)
            with suppress(PermissionError):
                os.setsid()

    def send_away(self, code: int, text: str = "") -> None:
        """Have the waiting process print `text`, if any, and exit with `code`; this one goes on."""
        self.untie()
        if self._process and self._pipe >= 0:
            os.write(self._pipe, f"{code} {text}\n".encode())
            os.close(self._pipe)
            self._pipe = -1
            if os.getppid() == self._process:
                os.kill(self._process, signal.SIGCHLD)


def launch(args: argparse.Namespace, body: Callable[[Launcher], int]) -> int:
    """Run `body` in a process that can go on without this one; returns in both, with the exit code of each.

    Call before there are threads. Where no terminal will be watched `body` runs in this process.
    LunaError when `--detach` is asked for and there can be no second process (1), or events would go to a
    terminal that is left (2).
    """
    if args.detach and args.events == "-":
        raise LunaError(
            "nobody would read them",
            "--events - writes to this terminal, and --detach leaves it",
            "name a file after --events",
            ExitCode.USAGE,
        )
    if not args.detach and (args.headless or not sys.stdin.isatty()):
        return body(Launcher())
    mode = _mode()
    asleep = signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN)
    parent = os.getpid()
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, asleep)
        if args.detach:
            why = os.strerror(error.errno or 0)
            raise LunaError("cannot detach", f"no second process: {why}", "try --headless") from error
        return body(Launcher(_NO_PROCESS))
    if child:
        os.close(writing)
        return _Waiting(child, reading, mode).run()
    os.close(reading)
    _begin_child(parent, detaches=args.detach)
    signal.pthread_sigmask(signal.SIG_SETMASK, asleep)
    return body(Launcher("", args.detach, parent, writing))


def _begin_child(parent: int, *, detaches: bool) -> None:
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)
    if detaches:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.close(null)


def _die_with_parent(number: int) -> None:
    """Have the calling thread's process sent this signal when the waiting one dies; 0 = none."""
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def _mode() -> list[Any] | None:
    with suppress(termios.error):
        return termios.tcgetattr(0)
    return None


class _Waiting:
    """The waiting process: passes signals on, stops when the program stops, and ends as it ends."""

    def __init__(self, child: int, pipe: int, mode: list[Any] | None) -> None:
        self._child = child
        self._pipe = pipe
        self._mode = mode
        """Of the terminal, as it was before."""
        # A signal whose default is to be ignored need not be kept while it is blocked.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTSTP, signal.SIGTTOU):
            signal.signal(number, signal.SIG_IGN)

    def run(self) -> int:
        """Wait; the exit code of this process."""
        while True:
            number, sent = _next_signal()
            if number != signal.SIGCHLD:
                self._pass_on(number, sent=sent)
                continue
            code = self._sent_away()
            if code is None:
                code = self._ended()
            if code is not None:
                return code

    def _pass_on(self, number: int, *, sent: bool) -> None:
        """What the terminal sends reaches the program by itself while it is in the terminal's group."""
        with suppress(ProcessLookupError):
            theirs = os.getpgid(self._child) == os.getpgrp()
            if sent or not theirs or number == signal.SIGHUP:
                os.kill(self._child, number)

    def _ended(self) -> int | None:
        """The program's exit code, None while it runs; stops when the program was stopped."""
        pid, status = os.waitpid(self._child, os.WNOHANG | os.WUNTRACED)
        while pid and os.WIFSTOPPED(status):
            os.kill(os.getpid(), signal.SIGSTOP)
            pid, status = os.waitpid(self._child, os.WNOHANG | os.WCONTINUED)
            if not pid:
                os.kill(self._child, signal.SIGCONT)
        if not pid or os.WIFCONTINUED(status):
            return None
        if os.WIFSIGNALED(status):
            self._restore()
            return 128 + os.WTERMSIG(status)
        return os.WEXITSTATUS(status)

    def _sent_away(self) -> int | None:
        """The exit code that the program asks this process to leave with, None = it asks nothing."""
        raw = b""
        while not raw.endswith(b"\n") and (raw or select.select([self._pipe], [], [], 0)[0]):
            some = os.read(self._pipe, 4_096)
            if not some:
                return None
            raw += some
        if not raw:
            return None
        code, _, text = raw.decode().rstrip("\n").partition(" ")
        if text:
            print(text, flush=True)
        return int(code)

    def _restore(self) -> None:
        """A program that was killed has left the terminal as it used it."""
        if self._mode is None:
            return
        from luna_tui.tui.restore import force

        with suppress(termios.error):
            termios.tcsetattr(0, termios.TCSANOW, self._mode)
        if os.isatty(2):
            force(2)


def _next_signal() -> tuple[int, bool]:
    """The next signal, and whether a process sent it; else the terminal did."""
    wait = getattr(signal, "sigwaitinfo", None)
    if wait is None:
        return signal.sigwait(_TAKEN), False
    found = wait(_TAKEN)
    return found.si_signo, found.si_code <= 0
