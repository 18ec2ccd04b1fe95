"""Ask a run in another process one thing: its state, a few figures, or to do something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from luna_tui import __version__
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.state import RunState
from luna_tui.engine.control import RunControl
from luna_tui.storage.paths import RunDir
from luna_tui.storage.run_lock import is_held, socket_of
from luna_tui.wire.asking import ask, look
from luna_tui.wire.client import RefusedError
from luna_tui.wire.messages import WireError
from luna_tui.wire.remote_control import RemoteControl

_T = TypeVar("_T")


def state_of(run_dir: RunDir) -> tuple[RunState, float]:
    """The state of a run and its clock in seconds, as its own screen has them. Raises as `status_of` does."""
    return _reached(run_dir, lambda path: look(path, version=__version__))


def status_of(run_dir: RunDir) -> Mapping[str, Any]:
    """How a run stands, in the figures of `core.standing`.

    LunaError(2) in words when no process works on it, or it does not answer.
    """
    return _reached(run_dir, lambda path: ask(path, {"do": "status"}, version=__version__))


def control_of(run_dir: RunDir) -> RunControl:
    """Its commands, each of which waits until it was accepted; LunaError(2) when it was not."""

    def send(message: Mapping[str, Any]) -> None:
        _reached(run_dir, lambda path: ask(path, message, version=__version__))

    return RemoteControl(send)


def _reached(run_dir: RunDir, call: Callable[[Path], _T]) -> _T:
    if not is_held(run_dir.lock):
        raise LunaError(
            "not running",
            f"no process works on {run_dir.run}",
            f"what became of it: luna-tui show {run_dir.run}",
            ExitCode.USAGE,
        )
    try:
        path = socket_of(run_dir)
        if path is None:
            raise FileNotFoundError("it has no control socket")
        return call(path)
    except RefusedError as error:
        raise LunaError("refused", f"{run_dir.run}: {error}", code=ExitCode.USAGE) from error
    except (OSError, EOFError, WireError) as error:
        raise LunaError(
            "cannot be reached",
            f"the process of {run_dir.run} does not answer: {error}",
            f"what it has saved: luna-tui show {run_dir.run}",
            ExitCode.USAGE,
        ) from error
