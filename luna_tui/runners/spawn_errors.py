"""Say why a command could not be started or how it failed, and what is nearest to right."""

from __future__ import annotations

import difflib
import errno
import os
import signal
from collections.abc import Collection, Mapping

from luna_tui.core.clean import clean_line
from luna_tui.core.words import ErrorKind
from luna_tui.engine.runner import AttemptError

_LINE_CHARS = 200
_PASSING = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ETXTBSY})


def exit_error(code: int, output: str) -> AttemptError:
    """The failure of a process that ended with `code` (negative: by a signal)."""
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    said = f": {clean_line(last)[:_LINE_CHARS]}" if clean_line(last) else ""
    how = f"killed by {_signal_name(-code)}" if code < 0 else f"exited with {code}"
    return AttemptError(ErrorKind.EXIT_CODE, how + said, status=code, retryable=True)


def spawn_error(program: str, cwd: str, environ: Mapping[str, str], error: Exception) -> AttemptError:
    """The failure of a process that never began."""
    name = clean_line(program)[:_LINE_CHARS]
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOENT:
        return AttemptError(ErrorKind.SPAWN, _missing(program, name, cwd, environ))
    if number == errno.EACCES:
        return AttemptError(ErrorKind.SPAWN, f"{name} may not be executed; is it a program? chmod +x it")
    if number == errno.ENOEXEC:
        return AttemptError(ErrorKind.SPAWN, f"{name} is no program; does its first line begin with #! ?")
    if number == errno.E2BIG:
        text = f"{name} could not be started: an argument or result is too long; pass it in a file"
        return AttemptError(ErrorKind.SPAWN, text)
    if number is None:
        text = f"{name} could not be started: an argument holds a NUL or half a character"
        return AttemptError(ErrorKind.SPAWN, text)
    text = f"{name} could not be started: {os.strerror(number).lower()}"
    return AttemptError(ErrorKind.SPAWN, text, retryable=number in _PASSING)


def _missing(program: str, name: str, cwd: str, environ: Mapping[str, str]) -> str:
    if os.path.dirname(program):
        if os.path.exists(os.path.join(cwd, program)):
            return f"{name} names an interpreter in its first line (#!) that is not installed"
        return f"command not found: {name}; paths are relative to cwd"
    near = difflib.get_close_matches(program, _programs(environ), n=1)
    return f"command not found: {name}; " + (
        f"did you mean {clean_line(near[0])}?" if near else "is it installed and on PATH?"
    )


def _programs(environ: Mapping[str, str]) -> Collection[str]:
    found: set[str] = set()
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        try:
            found.update(os.listdir(folder or "."))
        except OSError:
            continue
    return found


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
