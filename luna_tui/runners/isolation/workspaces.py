"""A workspace of its own for every attempt of a subtask that wants one, made, compared and removed."""

from __future__ import annotations

import logging
import os
import queue
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from luna_tui.core.clean import clean_line
from luna_tui.core.events import WorkspaceChanged
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.words import ErrorKind, Isolation
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.runner import AttemptError
from luna_tui.engine.workspaces import Entered
from luna_tui.runners.beneath import holds
from luna_tui.runners.isolation.comparing import Compared, Comparison
from luna_tui.runners.isolation.copying import BaseTexts, copy_tree, remember, uncopied
from luna_tui.runners.isolation.git import Git
from luna_tui.runners.isolation.kept import FOLDER, Kept, diff_of, write_diff, write_kept
from luna_tui.runners.isolation.tree import Node, identity, open_up, remove_tree

PLACE = "workspaces"
"""Folder in the run's directory that holds them while they are in use."""
CLOSING_S = 10.0
"""How long the end of a run waits for workspaces to be removed; the rest goes when the run goes on."""
_CHECKOUT = ".checkout"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """One that is in use."""

    subtask: Subtask
    attempt: int
    top: str
    """The folder that was made; the workspace may be a folder in it."""
    base: Mapping[str, Node]


class OwnWorkspaces:
    """`engine.workspaces.Workspaces` of a run; what an earlier process left of it is removed first."""

    def __init__(
        self, plan: Plan, run_dir: str, environ: Mapping[str, str], redaction: Redaction = NO_REDACTION
    ) -> None:
        """`run_dir` is absolute; without one no subtask can have a workspace of its own."""
        self._plan = plan
        self._waves = {s.id: wave.name for wave in plan.waves for s in wave.subtasks}
        self._run_dir = run_dir
        self._place = os.path.join(run_dir, PLACE) if run_dir else ""
        self._redaction = redaction
        self._git = Git(plan.workspace, environ)
        self._texts = BaseTexts(os.path.join(self._place, "base"))
        self._lock = threading.Lock()
        """Protects `_held` and the start of the thread."""
        self._held: dict[str, _Held] = {}
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        if self._place:
            clear_leftovers(run_dir, environ)

    def enter(self, subtask: Subtask, attempt: int, token: CancelToken) -> Entered:
        """The plan's workspace, or a fresh one of its own; AttemptError(WORKSPACE), or Cancelled."""
        if subtask.isolate is None:
            return Entered(self._plan.workspace)
        if not self._place:
            raise AttemptError(ErrorKind.WORKSPACE, "a run that keeps nothing has no workspaces of their own")
        top = os.path.join(self._place, f"{subtask.id}.{attempt}")
        try:
            os.makedirs(self._place, mode=0o700, exist_ok=True)
            remove_tree(top)
        except OSError as error:
            raise uncopied(error) from error
        try:
            path, base = self._make(subtask, top, token)
        except BaseException:
            self._later(lambda: self._remove(top))
            raise
        with self._lock:
            self._held[path] = _Held(subtask=subtask, attempt=attempt, top=top, base=base)
        return Entered(path, own=True)

    def leave(self, entered: Entered, ok: bool) -> WorkspaceChanged | None:
        """Keep what was changed and remove the rest; AttemptError(WORKSPACE) when the disk refuses.

        Of an attempt that came to nothing only the difference is kept, to be looked at.
        """
        with self._lock:
            held = self._held.pop(entered.path, None)
        if held is None:
            return None
        if not ok:
            self._later(lambda: self._give_up(entered.path, held))
            return None
        try:
            return self._compare(entered.path, held)
        except OSError as error:
            why = clean_line((error.strerror or str(error)).lower())
            raise AttemptError(ErrorKind.WORKSPACE, f"what it changed could not be kept: {why}") from error
        finally:
            self._later(lambda: self._remove(held.top))

    def close(self) -> None:
        """Remove what is left; waits, but not for ever."""
        self._jobs.put(None)
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(CLOSING_S)
        if self._place:
            with suppress(OSError):
                remove_tree(self._place)

    def _make(self, subtask: Subtask, top: str, token: CancelToken) -> tuple[str, dict[str, Node]]:
        if subtask.isolate is Isolation.GIT_WORKTREE:
            with open(top + _CHECKOUT, "w", encoding="utf-8") as note:
                note.write(self._plan.workspace)
            path = self._git.add_worktree(top, token)
            return path, remember(path, self._texts, token)
        avoid = frozenset(i for i in (identity(os.path.dirname(self._run_dir)),) if i is not None)
        return top, copy_tree(self._plan.workspace, top, self._texts, token, avoid)

    def _compare(self, path: str, held: _Held) -> WorkspaceChanged | None:
        subtask, attempt = held.subtask.id, held.attempt
        compared, draft = self._compared(path, held)
        try:
            if not compared.changes and not compared.left_out:
                return None
            name = self._write_diff(compared, held)
            if not compared.changes:
                return None
            kept = Kept(
                subtask=subtask,
                attempt=attempt,
                workspace=self._plan.workspace,
                changes=tuple(compared.changes),
            )
            write_kept(kept, draft, self._run_dir)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return WorkspaceChanged(
            wave=self._waves.get(subtask, ""),
            subtask=subtask,
            attempt=attempt,
            files=tuple(compared.files),
            diff_file=name,
        )

    def _compared(self, path: str, held: _Held) -> tuple[Compared, str]:
        draft = os.path.join(self._run_dir, FOLDER, f".{held.subtask.id}.{held.attempt}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        os.makedirs(draft, mode=0o700)
        open_up(held.top)
        comparison = Comparison(
            path, held.base, self._texts, draft, plan_file=self._plan_file(), ignored=self._git.ignored
        )
        return comparison.run(), draft

    def _plan_file(self) -> str:
        """Relative to the workspace; empty when it lies elsewhere."""
        workspace = self._plan.workspace
        inside = (file for file in self._plan.files if holds(workspace, file))
        return next((os.path.relpath(file, workspace) for file in inside), "")

    def _write_diff(self, compared: Compared, held: _Held) -> str:
        title = f"what {held.subtask.id} changed in attempt {held.attempt}"
        text = self._redaction.text(compared.text(title))
        return write_diff(text, self._run_dir, held.subtask.id, held.attempt)

    def _give_up(self, path: str, held: _Held) -> None:
        try:
            compared, draft = self._compared(path, held)
            shutil.rmtree(draft, ignore_errors=True)
            if compared.changes:
                self._write_diff(compared, held)
        except OSError as error:
            _log.warning("%s is not kept: %s", diff_of(held.subtask.id, held.attempt), error)
        self._remove(held.top)

    def _remove(self, top: str) -> None:
        try:
            remove_tree(top)
            _forget(top, self._git)
        except OSError as error:
            _log.warning("%s stays: %s", top, error)

    def _later(self, job: Callable[[], object]) -> None:
        """Do it in a thread that nobody waits for before the end of the run."""
        self._jobs.put(job)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="luna-workspaces", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def clear_leftovers(run_dir: str, environ: Mapping[str, str]) -> None:
    """Remove the workspaces of a run that no process works on, and drafts of what was kept of them."""
    place = os.path.join(run_dir, PLACE)
    for name in _names(place):
        if name.endswith(_CHECKOUT):
            top = os.path.join(place, name.removesuffix(_CHECKOUT))
            with suppress(OSError), open(top + _CHECKOUT, encoding="utf-8") as note:
                workspace = note.read()
                remove_tree(top)
                _forget(top, Git(workspace, environ))
    with suppress(OSError):
        remove_tree(place)
    diffs = os.path.join(run_dir, FOLDER)
    for name in _names(diffs):
        if name.endswith(".draft"):
            shutil.rmtree(os.path.join(diffs, name), ignore_errors=True)


def _forget(top: str, git: Git) -> None:
    """The repository's entry of a checkout that is removed."""
    note = top + _CHECKOUT
    if os.path.lexists(note):
        git.forget_worktree(top)
        os.unlink(note)


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
