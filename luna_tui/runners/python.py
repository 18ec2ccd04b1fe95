"""One attempt of a Python subtask: its callable in a process of its own, which nothing else shares."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from luna_tui.core.clean import clean_line
from luna_tui.core.templates import TemplateError, render
from luna_tui.core.words import ErrorKind
from luna_tui.engine.runner import AttemptContext, AttemptError, Work
from luna_tui.runners import python_child
from luna_tui.runners.command import GRACE_S
from luna_tui.runners.environment import marks, narrowed
from luna_tui.runners.kept_output import KeptOutput
from luna_tui.runners.spawn_errors import exit_error
from luna_tui.runners.spawning import Launch, run_to_end
from luna_tui.runners.workspace_files import folder_beneath

MAX_RESULT_BYTES = 16 * 1024 * 1024
"""Longest value that a callable may return."""


class PythonRunner:
    """Calls callables; holds no state between attempts."""

    def __init__(self, environ: Mapping[str, str], *, grace_s: float = GRACE_S) -> None:
        """`environ` is narrowed to an allow-list; `grace_s` is the time between TERM and KILL."""
        self._grace_s = grace_s
        self._environ = narrowed(environ)
        self._python = _interpreter(environ)

    def demand(self, work: Work) -> None:
        """A callable takes nothing from the rate limits."""
        return None

    def run(self, work: Work, context: AttemptContext) -> str:
        """Call it; the output is what it returns, as JSON where that is no text, or else what it printed."""
        context.token.raise_if_cancelled()
        kept = KeptOutput(context.output)
        with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as came_of_it:
            wanted.write(_call(work))
            wanted.flush()
            wanted.seek(0)
            launch = self._launch(work, wanted, came_of_it)
            code = run_to_end(launch, kept, context.token, grace_s=self._grace_s)
            context.token.raise_if_cancelled()
            printed = kept.finish()
            found = _read(came_of_it)
        if found is None or "error" in found:
            raise _failure(found, code or 0, printed)
        if "text" not in found:
            return printed
        text = str(found["text"])
        context.output(("\n" if printed and not printed.endswith("\n") else "") + text)
        return text

    def close(self) -> None:
        """Nothing is shared."""

    def _launch(self, work: Work, wanted: IO[bytes], came_of_it: IO[bytes]) -> Launch:
        values = work.values
        try:
            extra = {name: render(value, values) for name, value in work.subtask.env}
        except TemplateError as error:
            raise AttemptError(ErrorKind.INVALID_REQUEST, str(error)) from error
        ends = (wanted.fileno(), came_of_it.fileno())
        return Launch(
            [self._python, str(Path(python_child.__file__)), *map(str, ends)],
            folder_beneath(work.workspace, work.subtask.cwd),
            self._environ | extra | marks(work.run_dir),
            pass_fds=ends,
        )


def _interpreter(environ: Mapping[str, str]) -> str:
    """The Python of the environment that the user is in, else our own."""
    if (folder := environ.get("VIRTUAL_ENV")) and os.access(Path(folder, "bin", "python"), os.X_OK):
        return str(Path(folder, "bin", "python"))
    return sys.executable


def _call(work: Work) -> bytes:
    subtask, values = work.subtask, work.values
    try:
        wanted = {
            "callable": subtask.callable,
            "workspace": os.path.realpath(work.workspace),
            "args": _rendered(json.loads(subtask.args), values),
            "kwargs": _rendered(json.loads(subtask.kwargs), values),
        }
    except TemplateError as error:
        raise AttemptError(ErrorKind.INVALID_REQUEST, str(error)) from error
    return json.dumps(wanted).encode()


def _rendered(value: Any, values: Mapping[str, str]) -> Any:
    """The value with every text in it filled in."""
    if isinstance(value, str):
        return render(value, values)
    if isinstance(value, list):
        return [_rendered(v, values) for v in value]
    if isinstance(value, dict):
        return {k: _rendered(v, values) for k, v in value.items()}
    return value


def _read(came_of_it: IO[bytes]) -> dict[str, Any] | None:
    """What the process wrote; None when it did not get that far."""
    came_of_it.seek(0)
    content = came_of_it.read(MAX_RESULT_BYTES + 1)
    if len(content) > MAX_RESULT_BYTES:
        return {
            "error": f"it returned more than {MAX_RESULT_BYTES:,} bytes; write it to a file",
            "found": True,
        }
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _failure(found: dict[str, Any] | None, code: int, printed: str) -> AttemptError:
    if found is not None:
        kind = ErrorKind.CRASHED if found.get("found") else ErrorKind.SPAWN
        return AttemptError(kind, clean_line(str(found["error"])), retryable=kind is ErrorKind.CRASHED)
    if code != 0:
        return exit_error(code, printed)
    return AttemptError(ErrorKind.CRASHED, "it ended its process before it returned", retryable=True)
