"""`cancel`: end a run that goes on in another process, or a part of it."""

from __future__ import annotations

import argparse
import difflib
import threading
from collections.abc import Iterable

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.state import RunState
from luna_tui.core.words import Manner, Scope
from luna_tui.engine.clock import SystemClock
from luna_tui.session.asking import control_of, state_of, status_of
from luna_tui.storage.paths import RunDir, find_run

DRAIN_S = 10.0
"""Time that what is in flight has to end by itself before it is ended."""
_LOOK_EVERY_S = 0.25


def cancel(args: argparse.Namespace) -> int:
    """Ask the run's process; 0 when it does as asked."""
    run_dir = find_run(args.run)
    state, _ = state_of(run_dir)
    scope, name = _target(args, state)
    what = f"run {run_dir.run}" if scope is Scope.RUN else f"{scope} {name}"
    gently = args.finish or (scope is Scope.RUN and not args.now)
    _cancel(run_dir, scope, Manner.FINISH if gently else Manner.NOW, name)
    on = _in_flight(state, scope, name)
    if not gently:
        print(f"{what}: {on} in flight ended now; what had ended is kept")
        return ExitCode.OK
    limit = "" if args.finish else f", for at most {DRAIN_S:.0f} s"
    print(f"{what}: nothing more starts; {on} in flight may end by themselves{limit}", flush=True)
    if not args.finish and not _ended_in_time(run_dir):
        _cancel(run_dir, scope, Manner.NOW, name)
        print(f"{what}: what was still in flight is ended now")
    return ExitCode.OK


def _cancel(run_dir: RunDir, scope: Scope, manner: Manner, name: str) -> None:
    wave, subtask = (name if scope is kind else None for kind in (Scope.WAVE, Scope.SUBTASK))
    control_of(run_dir).cancel(scope, manner, by="user", wave=wave, subtask=subtask)


def _target(args: argparse.Namespace, state: RunState) -> tuple[Scope, str]:
    """What is to end; LunaError(2) with the nearest name for one that the run does not have."""
    if args.wave is not None:
        return Scope.WAVE, _known(args.wave, state.waves, "wave")
    if args.subtask is not None:
        return Scope.SUBTASK, _known(args.subtask, state.subtasks, "subtask")
    return Scope.RUN, ""


def _known(name: str, known: Iterable[str], what: str) -> str:
    names = list(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names[:5])}"
    raise LunaError(f"unknown {what}", f"the run has no {what} {clean_line(name)!r}", hint, ExitCode.USAGE)


def _in_flight(state: RunState, scope: Scope, name: str) -> int:
    """Attempts that it hits."""
    running = [s for s in state.live.values() if s.running]
    match scope:
        case Scope.RUN:
            return len(running)
        case Scope.WAVE:
            return sum(s.wave == name for s in running)
        case Scope.SUBTASK:
            return sum(s.id == name for s in running)


def _ended_in_time(run_dir: RunDir) -> bool:
    """Wait for the end of the run; False when that takes too long."""
    clock, never = SystemClock(), threading.Event()
    until = clock.now() + DRAIN_S
    while clock.now() < until:
        try:
            if status_of(run_dir)["status"] is not None:
                return True
        except LunaError:
            return True
        clock.wait(never, _LOOK_EVERY_S)
    return False
