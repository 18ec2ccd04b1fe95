"""Compare outputs with what takes a process to compare with: expressions, schemas and commands of a plan."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from luna_tui.core.clean import short_line
from luna_tui.core.expect import unfenced
from luna_tui.core.plan import Expectation
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.runner import AttemptError, Work
from luna_tui.runners import expect_child
from luna_tui.runners.answering import AnsweringProcess
from luna_tui.runners.environment import marks, narrowed
from luna_tui.runners.guard import armed, limited
from luna_tui.runners.kept_output import KeptOutput
from luna_tui.runners.spawn_errors import exit_error
from luna_tui.runners.spawning import Launch, run_to_end

LIMIT_S = 5.0
"""Longest time for one output, the start of a process included."""
COMMAND_S = 60.0
"""Longest time that a command of a plan may take for one output."""
GRACE_S = 0.3
"""Seconds between TERM and KILL."""
_SHOWN_CHARS = 200
_KEPT_BYTES = 16 * 1024
_KEPT = 4
"""Processes that wait for the next output."""


class Examiner:
    """Serves all threads; an expression that takes too long ends its own process and nothing else."""

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        limit_s: float = LIMIT_S,
        command_s: float = COMMAND_S,
    ) -> None:
        """`environ` is narrowed to an allow-list for commands; the limits are for one output each."""
        self._environ = narrowed(environ or {})
        self._limit_s = limit_s
        self._command_s = command_s
        self._lock = threading.Lock()
        """Protects the two below."""
        self._idle: list[_Child] = []
        self._closed = False

    def missed(self, work: Work, output: str, token: CancelToken) -> str | None:
        """Why an output is not what its plan expects, in one sentence; None when it is.

        Raises AttemptError when that cannot be found out, and Cancelled.
        """
        expect = work.subtask.expect
        missed = None
        if expect is not None and (expect.regex is not None or expect.schema is not None):
            missed = self._compared(expect, output, token)
        if missed is None and expect is not None and expect.command:
            missed = self._accepted(work, expect.command, output, token)
        return missed

    def _accepted(self, work: Work, command: tuple[str, ...], output: str, token: CancelToken) -> str | None:
        token.raise_if_cancelled()
        shown = short_line(shlex.join(command), _SHOWN_CHARS)
        kept = KeptOutput(lambda text: None, _KEPT_BYTES)
        with tempfile.TemporaryFile() as given:
            given.write(output.encode("utf-8", "replace"))
            given.flush()
            given.seek(0)
            environ = self._environ | marks(work.run_dir)
            launch = Launch([*command], os.path.realpath(work.workspace), environ, stdin=given.fileno())
            code = run_to_end(launch, kept, token, grace_s=GRACE_S, limit_s=self._command_s)
        token.raise_if_cancelled()
        if code is None:
            what = f"{shown} did not say within {self._command_s:g} s whether the output will do"
            raise AttemptError(ErrorKind.EXPECTATION, what)
        if code == 0:
            return None
        lines = (line for line in reversed(kept.finish().splitlines()) if line.strip())
        why = short_line(next(lines, ""), _SHOWN_CHARS) or exit_error(code, "").message
        return f"expected {shown} to accept the output, got: {why}"

    def _compared(self, expect: Expectation, output: str, token: CancelToken) -> str | None:
        token.raise_if_cancelled()
        with self._child() as child:
            answer = child.ask(_question(expect, output), token, self._limit_s)
        if answer is None:
            token.raise_if_cancelled()
            what = f"could not be compared with {_what(expect)} within {self._limit_s:g} s"
            raise AttemptError(ErrorKind.EXPECTATION, f"the output {what}")
        if "error" in answer:
            why = f"the output cannot be compared with {_what(expect)}: {answer['error']}"
            raise AttemptError(ErrorKind.EXPECTATION, why)
        missed: str | None = answer["missed"]
        return missed

    @property
    def idle(self) -> int:
        """Processes that wait for an output."""
        with self._lock:
            return len(self._idle)

    def close(self) -> None:
        """End the processes; no attempt runs any more."""
        with self._lock:
            self._closed, idle = True, self._idle
            self._idle = []
        for child in idle:
            child.end()

    @contextmanager
    def _child(self) -> Iterator[_Child]:
        with self._lock:
            child = self._idle.pop() if self._idle else None
        child = child or _Child()
        try:
            yield child
        except BaseException:
            child.end()
            raise
        with self._lock:
            keep = child.alive and not self._closed and len(self._idle) < _KEPT
            if keep:
                self._idle.append(child)
        if not keep:
            child.end()


class _Child:
    """One process that answers; used by one thread at a time."""

    def __init__(self) -> None:
        try:
            self._process = AnsweringProcess(expect_child)
        except OSError as error:
            what = f"the output cannot be compared: {(error.strerror or 'no process').lower()}"
            raise AttemptError(ErrorKind.SPAWN, what, retryable=True) from error
        self.alive = True
        """It answered whatever it was asked."""
        self._process.tell(_line(sys.path))

    def ask(self, question: dict[str, Any], token: CancelToken, limit_s: float) -> dict[str, Any] | None:
        """The answer; None when it took too long, the token was cancelled, or the process died."""
        self.alive = False
        with armed(token, self._process.kill), limited(limit_s, self._process.kill):
            line = self._process.ask(_line(question))
        if line is None:
            return None
        self.alive = True
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """End it now."""
        self._process.close()


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _question(expect: Expectation, output: str) -> dict[str, Any]:
    return {"regex": expect.regex, "schema": expect.schema, "output": output, "value": unfenced(output)}


def _what(expect: Expectation) -> str:
    return "the expression" if expect.regex is not None else "the schema"
