"""What a finished run means to a script: its exit code."""

from __future__ import annotations

from luna_tui.core.errors import ExitCode
from luna_tui.core.state import RunState
from luna_tui.core.words import ErrorKind, Kind, RunStatus, Status

_CREDENTIALS = {ErrorKind.AUTHENTICATION.value, ErrorKind.CREDENTIALS_MISSING.value}


def exit_code(state: RunState) -> ExitCode:
    """The exit code of a run; INTERNAL for one that did not end."""
    if state.not_saved:
        return ExitCode.NOT_SAVED
    if state.finished is None:
        return ExitCode.INTERNAL
    asked = [s for s in state.subtasks.values() if s.planned.kind is Kind.CLAUDE]
    if not any(s.status is Status.SUCCEEDED for s in asked):
        last = {s.tries[-1].error_kind for s in asked if s.tries and s.status is Status.FAILED}
        if last & _CREDENTIALS:
            return ExitCode.CREDENTIALS
        if last == {ErrorKind.UNREACHABLE.value}:
            return ExitCode.UNREACHABLE
    match state.finished.status:
        case RunStatus.SUCCEEDED:
            return ExitCode.OK
        case RunStatus.CANCELLED | RunStatus.HELD:
            return ExitCode.STOPPED_EARLY
        case RunStatus.FAILED:
            return ExitCode.SOME_FAILED
