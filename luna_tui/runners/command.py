"""One attempt of a command subtask: a process group of its own that never outlives it."""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import shutil
import signal
import subprocess
from collections import deque
from pathlib import Path

from luna_tui.core.clean import clean_line
from luna_tui.core.templates import TemplateError, render
from luna_tui.core.words import ErrorKind
from luna_tui.engine.clock import Clock
from luna_tui.engine.runner import AttemptContext, AttemptError, Work

GRACE_S = 0.3
"""Seconds between TERM and KILL."""
KEPT_BYTES = 256 * 1024
"""Kept of the beginning and of the end of an output each; the rest only passes through."""
SHOWN_BYTES = 4 * 1024 * 1024
"""Output beyond this is no longer streamed to screens and the output file."""
_CHUNK = 64 * 1024
_POLL_S = 0.2
_PASSED_ON = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL", "CI"}
    | {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}
)
"""Variables a command sees besides its own; never a credential."""


class CommandRunner:
    """Runs commands; holds no state between attempts."""

    def __init__(self, clock: Clock, environ: dict[str, str]) -> None:
        self._clock = clock
        self._environ = {k: v for k, v in environ.items() if k in _PASSED_ON or k.startswith("LC_")}

    def demand(self, work: Work) -> None:
        """Commands take nothing from the rate limits."""
        return None

    def run(self, work: Work, context: AttemptContext) -> str:
        """Run to the end; the output is stdout and stderr as they came."""
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
        try:
            process = self._spawn(work, write_end)
        finally:
            os.close(write_end)
        with os.fdopen(read_end, "rb", buffering=0) as pipe:
            kept = _KeptOutput(context)
            try:
                self._read(process, pipe.fileno(), kept, context)
            finally:
                self._end(process)
        context.token.raise_if_cancelled()
        output = kept.text()
        if process.returncode not in work.subtask.ok_codes:
            raise _exit_error(process.returncode, output)
        return output

    def close(self) -> None:
        """Nothing is shared."""

    def _spawn(self, work: Work, write_end: int) -> subprocess.Popen[bytes]:
        subtask = work.subtask
        values = {f"results.{i}": text for i, text in work.results.items()} | {"run.dir": work.run_dir}
        try:
            words = [render(word, values) for word in subtask.command]
            extra = {name: render(value, values) for name, value in subtask.env}
        except TemplateError as error:
            raise AttemptError(ErrorKind.INVALID_REQUEST, str(error)) from error
        argv = ["/bin/sh", "-c", words[0]] if subtask.shell else words
        cwd = _folder(work.workspace, subtask.cwd)
        defaults = {"PYTHONUNBUFFERED": "1", "TERM": "dumb", "NO_COLOR": "1"}
        try:
            return subprocess.Popen(
                argv,
                cwd=cwd,
                env=self._environ | defaults | extra,
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise _spawn_error(argv[0], error) from error

    def _read(
        self, process: subprocess.Popen[bytes], pipe: int, kept: _KeptOutput, context: AttemptContext
    ) -> None:
        """Pass output on until the process has ended and its pipe is drained, or the token is cancelled.

        A process may close its output long before it ends; only its end is the end.
        """
        wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

        def wake() -> None:
            with contextlib.suppress(OSError):
                os.write(wake_write, b"x")

        try:
            pidfd = os.pidfd_open(process.pid)
        except OSError:
            pidfd = -1
        try:
            with context.token.on_cancel(wake):
                watched = [pipe, wake_read] + ([pidfd] if pidfd >= 0 else [])
                while True:
                    ready, _, _ = select.select(watched, [], [], _POLL_S)
                    if wake_read in ready:
                        return
                    if pipe not in ready:
                        if process.poll() is not None:
                            return
                        continue
                    chunk = os.read(pipe, _CHUNK)
                    if chunk:
                        kept.take(chunk)
                    else:
                        watched.remove(pipe)
        finally:
            for descriptor in (wake_read, wake_write, pidfd):
                if descriptor >= 0:
                    os.close(descriptor)
            kept.finish()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Leave nothing behind: TERM to the group, KILL after the grace; the pipe may stay open elsewhere."""
        if process.poll() is None:
            _signal(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
        _signal(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1.0)


class _KeptOutput:
    """Decodes and passes on output, and keeps its beginning and its end."""

    def __init__(self, context: AttemptContext) -> None:
        self._context = context
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head: list[str] = []
        self._head_size = 0
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._dropped = 0
        self._shown = 0

    def take(self, chunk: bytes) -> None:
        text = self._decoder.decode(chunk)
        if not text:
            return
        if self._shown < SHOWN_BYTES:
            self._context.output(text)
            self._shown += len(chunk)
            if self._shown >= SHOWN_BYTES:
                self._context.output("\n… more output follows, no longer shown\n")
        if self._head_size < KEPT_BYTES:
            self._head.append(text)
            self._head_size += len(text)
            return
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail_size - len(self._tail[0]) > KEPT_BYTES:
            self._tail_size -= len(self._tail[0])
            self._dropped += len(self._tail.popleft())

    def finish(self) -> None:
        rest = self._decoder.decode(b"", final=True)
        if rest:
            self._head.append(rest) if not self._tail else self._tail.append(rest)
            self._context.output(rest)

    def text(self) -> str:
        gap = f"\n… {self._dropped:,} characters left out …\n" if self._dropped else ""
        return "".join(self._head) + gap + "".join(self._tail)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _folder(workspace: str, cwd: str) -> str:
    root = os.path.realpath(workspace)
    path = os.path.realpath(os.path.join(root, cwd))
    if not Path(path).is_relative_to(root):
        raise AttemptError(ErrorKind.WORKSPACE, f"cwd {cwd} lies outside the workspace")
    if not os.path.isdir(path):
        raise AttemptError(ErrorKind.WORKSPACE, f"cwd {cwd} is not a folder of the workspace")
    return path


def _exit_error(code: int, output: str) -> AttemptError:
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    said = f": {clean_line(last)[:200]}" if last else ""
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return AttemptError(ErrorKind.EXIT_CODE, f"killed by {name}{said}", status=code, retryable=True)
    return AttemptError(ErrorKind.EXIT_CODE, f"exited with {code}{said}", status=code, retryable=True)


def _spawn_error(program: str, error: OSError | ValueError) -> AttemptError:
    if isinstance(error, FileNotFoundError):
        found = shutil.which(program.lower())
        hint = f"; did you mean {found}?" if found else "; is it installed and on PATH?"
        return AttemptError(ErrorKind.SPAWN, f"command not found: {clean_line(program)}{hint}")
    if isinstance(error, PermissionError):
        return AttemptError(ErrorKind.SPAWN, f"{clean_line(program)} may not be executed; chmod +x it")
    return AttemptError(
        ErrorKind.SPAWN, f"{clean_line(program)} could not be started: {clean_line(str(error))}"
    )
