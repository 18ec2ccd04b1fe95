"""One attempt of a command subtask: a process group of its own that never outlives it."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from luna_tui.core.templates import TemplateError, names, render
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock
from luna_tui.engine.runner import AttemptContext, AttemptError, Work
from luna_tui.runners.guard import armed
from luna_tui.runners.kept_output import KeptOutput
from luna_tui.runners.leftovers import MARK
from luna_tui.runners.processes import ProcessGroup
from luna_tui.runners.spawn_errors import exit_error, spawn_error
from luna_tui.runners.workspace_files import folder_beneath

GRACE_S = 0.3
"""Seconds between TERM and KILL."""
_CHUNK = 64 * 1024
_PIPE_BYTES = 1024 * 1024
"""Most that a pipe can hold: what is read after the end beyond this is not the command's."""
_POLL_S = 0.2
"""How often the end is looked for where the system cannot announce it."""
_PASSED_ON = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL", "CI"} | {"VIRTUAL_ENV"}
)
_PASSED_ON_PREFIXES = ("LC_", "PYTHON")
"""Variables a command sees besides its own; never a credential."""
_DEFAULTS = {"PYTHONUNBUFFERED": "1", "TERM": "dumb", "NO_COLOR": "1"}


@dataclass(frozen=True, slots=True)
class _Launch:
    """What is started, with every template filled in."""

    argv: list[str]
    cwd: str
    environ: dict[str, str]


class CommandRunner:
    """Runs commands; holds no state between attempts."""

    def __init__(self, clock: Clock, environ: Mapping[str, str], *, grace_s: float = GRACE_S) -> None:
        """`environ` is narrowed to an allow-list; `grace_s` is the time between TERM and KILL."""
        self._clock = clock
        self._grace_s = grace_s
        self._environ = {k: v for k, v in environ.items() if _is_passed_on(k)} | _DEFAULTS

    def demand(self, work: Work) -> None:
        """Commands take nothing from the rate limits."""
        return None

    def run(self, work: Work, context: AttemptContext) -> str:
        """Run to the end; the output is stdout and stderr as they came.

        Values in an argument list are arguments. In a shell text they are variables, so that what
        a model wrote is never read as shell: quote them as any variable, `"{{ results.scan }}"`.
        """
        context.token.raise_if_cancelled()
        launch = self._launch(work)
        read_end, group = _start(launch)
        kept = KeptOutput(context)
        try:
            _follow(group, read_end, kept, context.token)
        finally:
            try:
                code = group.end(self._grace_s)
            finally:
                os.close(read_end)
        output = kept.finish()
        context.token.raise_if_cancelled()
        if code not in work.subtask.ok_codes:
            raise exit_error(code, output)
        return output

    def close(self) -> None:
        """Nothing is shared."""

    def _launch(self, work: Work) -> _Launch:
        subtask = work.subtask
        values = {f"results.{i}": text for i, text in work.results.items()} | {"run.dir": work.run_dir}
        try:
            extra = {name: render(value, values) for name, value in subtask.env}
            if subtask.shell:
                script, variables = _shell_text(subtask.command[0], values)
                argv = ["/bin/sh", "-c", script]
            else:
                argv, variables = [render(word, values) for word in subtask.command], {}
        except TemplateError as error:
            raise AttemptError(ErrorKind.INVALID_REQUEST, str(error)) from error
        cwd = folder_beneath(work.workspace, subtask.cwd)
        marks = {MARK: work.run_dir} if work.run_dir else {}
        return _Launch(argv, cwd, self._environ | extra | variables | marks)


def _is_passed_on(name: str) -> bool:
    return name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)


def _shell_text(template: str, values: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The script with a variable in place of each value, and those variables."""
    used = [name for name in names(template) if name in values]
    variables = {name: f"LUNA_VALUE_{n}" for n, name in enumerate(used)}
    script = render(template, {name: f"${{{variable}}}" for name, variable in variables.items()})
    return script, {variable: values[name] for name, variable in variables.items()}


def _start(launch: _Launch) -> tuple[int, ProcessGroup]:
    """The end of the pipe to read, and the process that writes into it."""
    read_end = write_end = -1
    try:
        read_end, write_end = os.pipe()
        process = subprocess.Popen(
            launch.argv,
            cwd=launch.cwd,
            env=launch.environ,
            stdin=subprocess.DEVNULL,
            stdout=write_end,
            stderr=write_end,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        if read_end >= 0:
            os.close(read_end)
        raise spawn_error(launch.argv[0], launch.cwd, launch.environ, error) from error
    finally:
        if write_end >= 0:
            os.close(write_end)
    return read_end, ProcessGroup(process)


def _follow(group: ProcessGroup, pipe: int, kept: KeptOutput, token: CancelToken) -> None:
    """Pass output on until the process has ended and its pipe is drained, or the token is cancelled.

    A process may close its output long before it ends, and something it started may keep writing
    after it; only its own end is the end.
    """
    waking, woken = socket.socketpair()
    with waking, woken, selectors.DefaultSelector() as selector, armed(token, lambda: _wake(waking)):
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
