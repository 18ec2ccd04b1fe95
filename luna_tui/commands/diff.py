"""`diff`: what subtasks changed in workspaces of their own; take it over, or throw it away."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from luna_tui.core.agents import Changes
from luna_tui.core.clean import clean, clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.nearest import nearest
from luna_tui.core.state import RunState, fold
from luna_tui.engine.clock import SystemClock
from luna_tui.session.asking import control_of, state_of
from luna_tui.session.changes import settle_after
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import RunDir, find_run
from luna_tui.storage.run_lock import is_held

PATIENCE_S = 30.0
"""How long a run in another process may take to say what came of it."""
_LOOK_EVERY_S = 0.1
_SAME_AGAIN_S = 2.0
_MOST_BYTES = 16 * 1024 * 1024
_BY = "user"


def diff(args: argparse.Namespace) -> int:
    """Print the differences, or settle them; 100 when one could not be taken over.

    LunaError(2) when there is no such run or subtask, or nothing of it to settle.
    """
    run_dir = find_run(args.run)
    found = _chosen(_state(run_dir), args.subtask, run_dir.run)
    if not args.accept and not args.drop:
        _print(run_dir, found, as_json=args.json)
        return ExitCode.OK
    left = [c for c in found if not c.settled]
    if found and not left:
        raise LunaError(
            "nothing to settle",
            f"{found[0].subtask} was {found[0].settled} already",
            f"luna-tui diff {run_dir.run} shows it",
            ExitCode.USAGE,
        )
    settled = [_settle(run_dir, changes, accept=args.accept) for changes in left]
    for one in settled:
        _say(one)
    if args.json:
        print(json.dumps([_told(run_dir, one, with_text=False) for one in settled], indent=1))
    return ExitCode.SOME_FAILED if any(not one.settled for one in settled) else ExitCode.OK


def _state(run_dir: RunDir) -> RunState:
    if is_held(run_dir.lock):
        return state_of(run_dir)[0]
    return fold(read_journal(run_dir.path).records)


def _chosen(state: RunState, subtask: str | None, run: str) -> list[Changes]:
    if subtask is None:
        return list(state.changes.values())
    if subtask in state.changes:
        return [state.changes[subtask]]
    near = nearest(subtask, state.changes)
    hint = f"did you mean {near}?" if near else f"luna-tui diff {run} shows all"
    name = clean_line(subtask)
    what = f"the run has no subtask {name}"
    if subtask in state.subtasks:
        what = f"{name} changed nothing in a workspace of its own"
    raise LunaError("nothing to show", what, hint, ExitCode.USAGE)


def _print(run_dir: RunDir, found: list[Changes], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_told(run_dir, c, with_text=True) for c in found], indent=1))
        return
    if not found:
        print("no subtask changed anything in a workspace of its own", file=sys.stderr)
    for changes in found:
        print(_headline(changes), file=sys.stderr)
        text = _text(run_dir, changes)
        print(clean(text) if sys.stdout.isatty() else text, end="")


def _headline(changes: Changes) -> str:
    how = changes.settled or "nothing taken over yet"
    return f"{changes.subtask}  {_files(changes)}  +{changes.added} -{changes.removed}  {how}"


def _files(changes: Changes) -> str:
    return "1 file" if len(changes.files) == 1 else f"{len(changes.files)} files"


def _told(run_dir: RunDir, changes: Changes, *, with_text: bool) -> dict[str, Any]:
    more = {"diff": _text(run_dir, changes)} if with_text else {}
    return asdict(changes) | more


def _text(run_dir: RunDir, changes: Changes) -> str:
    path = run_dir.path / "diffs" / Path(changes.diff_file).name
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        why = (error.strerror or "unknown error").lower()
        raise LunaError("cannot read", f"{path}: {why}", code=ExitCode.USAGE) from error


def _settle(run_dir: RunDir, changes: Changes, *, accept: bool) -> Changes:
    """By the run's process while there is one; how the changes stand then."""
    if not is_held(run_dir.lock):
        settle_after(run_dir, changes, accept=accept, by=_BY)
        return fold(read_journal(run_dir.path).records).changes[changes.subtask]
    control_of(run_dir).settle_changes(changes.subtask, accept=accept, by=_BY)
    clock, never = SystemClock(), threading.Event()
    asked_at = clock.now()
    while clock.now() < asked_at + PATIENCE_S:
        now = _state(run_dir).changes.get(changes.subtask, changes)
        # The same conflicts as before are news only after a while.
        refused = now.conflicts != changes.conflicts or clock.now() > asked_at + _SAME_AGAIN_S
        if now.settled or (now.conflicts and refused):
            return now
        clock.wait(never, _LOOK_EVERY_S)
    raise LunaError(
        "no answer",
        f"the process of {run_dir.run} has not said what came of it",
        f"luna-tui diff {run_dir.run} {changes.subtask}",
        ExitCode.USAGE,
    )


def _say(changes: Changes) -> None:
    match changes.settled:
        case "accepted":
            text = f"{_files(changes)} taken over"
        case "dropped":
            text = "what it changed is thrown away"
        case _:
            text = "nothing was taken over, since the workspace is not as it found it:"
    print(f"{changes.subtask}: {text}", file=sys.stderr)
    for conflict in changes.conflicts if not changes.settled else ():
        print(f"  {clean_line(conflict)}", file=sys.stderr)
