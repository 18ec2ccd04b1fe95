"""Keep the full text of every attempt and the result of every subtask."""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable

from luna_tui.core.attempt_use import AttemptUse
from luna_tui.core.events import SubtaskFinished
from luna_tui.storage.disk import Disk
from luna_tui.storage.output_files import Room, TextFile, write_whole
from luna_tui.storage.paths import RunDir, why_not

KEPT_BYTES = 16 * 1024 * 1024
"""Most bytes of texts and results kept in memory while the disk refuses them."""

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def _nothing_told(_: str) -> None:
    """Nobody asked."""


class FileOutputs:
    """The OutputStore of a run directory. Text is raw; it is cleaned before any screen sees it.

    What the disk refuses is kept in memory, up to `KEPT_BYTES`, until `save_kept` gets it there;
    `on_refused` is told why, so that somebody calls it. No attempt ever fails for it.
    """

    def __init__(
        self,
        run_dir: RunDir,
        disk: Disk | None = None,
        *,
        on_refused: Callable[[str], None] = _nothing_told,
    ) -> None:
        self._dir = run_dir
        self._disk = disk or Disk()
        self._on_refused = on_refused
        self._room = Room(KEPT_BYTES)
        self._lock = threading.Lock()
        """Protects everything below."""
        self._current: dict[str, TextFile] = {}
        """The open file of each subtask."""
        self._finished: dict[str, int] = {}
        """Subtask -> the attempt after which it finished, so that late text is dropped."""
        self._unsaved: list[TextFile] = []
        """Closed, with text that the disk refused."""
        self._results: dict[str, bytes] = {}
        """Results that the disk refused, by subtask."""
        self._lost: dict[str, None] = {}
        """Subtasks whose result, or text, there was no room to keep."""

    def write(self, subtask: str, attempt: int, text: str) -> None:
        """Append text; dropped when a later attempt has begun or this one has finished."""
        file = self._file(subtask, attempt)
        if file is None:
            return
        refused = file.write(text.encode("utf-8", "replace"))
        if refused is not None:
            self._on_refused(_why(_name(subtask, attempt), refused))

    def finish(self, subtask: str, attempt: int) -> str | None:
        """Close the file of a subtask; its path when this attempt wrote it, else None.

        The file of a later attempt stays open: a thread that was given up may come back when a new
        try is under way.
        """
        with self._lock:
            self._finished[subtask] = max(attempt, self._finished.get(subtask, 0))
            file = self._current.get(subtask)
            if file is None or file.attempt > attempt:
                return None
            del self._current[subtask]
        self._close(file)
        return _name(subtask, attempt) if file.attempt == attempt else None

    def save_result(self, result: SubtaskFinished, output: str, used: AttemptUse | None = None) -> None:
        """Make the result durable, or keep it while the disk refuses."""
        content = _result(result, output, used)
        with self._lock:
            if result.subtask in self._results:
                # `save_kept` may be writing that very file now, and must end with this.
                self._keep(result.subtask, content)
                return
        path = self._dir.results / f"{result.subtask}.json"
        try:
            self._disk.replace(path, content)
        except OSError as error:
            with self._lock:
                self._keep(result.subtask, content)
            self._on_refused(_why(f"results/{path.name}", error))

    def save_kept(self) -> str:
        """Try again what the disk refused; why that is not possible, empty when nothing is left."""
        try:
            for file in self._files():
                file.save()
            while True:
                with self._lock:
                    subtask, content = next(iter(self._results.items()), ("", b""))
                if not subtask:
                    return ""
                write_whole(self._dir.results / f"{subtask}.json", content, self._disk)
                with self._lock:
                    if self._results.get(subtask) is content:
                        del self._results[subtask]
                        self._room.give_back(len(content))
        except OSError as error:
            return why_not(error)

    @property
    def unsaved(self) -> tuple[str, ...]:
        """Subtasks of which something is on no disk, now or for good."""
        with self._lock:
            files = [*self._current.values(), *self._unsaved]
            texts = [f.subtask for f in files if f.kept or f.lost]
            return tuple(dict.fromkeys([*self._results, *texts, *self._lost]))

    def _keep(self, subtask: str, content: bytes) -> None:
        before = self._results.pop(subtask, b"")
        self._room.give_back(len(before))
        if self._room.take(len(content)):
            self._results[subtask] = content
        else:
            self._lost[subtask] = None

    def _files(self) -> list[TextFile]:
        """Those that may have something to save; what was saved meanwhile is forgotten."""
        with self._lock:
            self._unsaved = [f for f in self._unsaved if f.kept]
            return [*self._unsaved, *self._current.values()]

    def _file(self, subtask: str, attempt: int) -> TextFile | None:
        """The file to write to; the one of an earlier attempt is closed on the way."""
        with self._lock:
            file = self._current.get(subtask)
            if attempt <= self._finished.get(subtask, 0):
                return None
            if file is not None and file.attempt >= attempt:
                return file if file.attempt == attempt else None
            earlier = file
            path = self._dir.path / _name(subtask, attempt)
            file = TextFile(path, subtask, attempt, self._disk, self._room)
            self._current[subtask] = file
        if earlier is not None:
            self._close(earlier)
        return file

    def _close(self, file: TextFile) -> None:
        file.close()
        with self._lock:
            if file.lost:
                self._lost[file.subtask] = None
            if file.kept:
                self._unsaved.append(file)


def _result(result: SubtaskFinished, output: str, used: AttemptUse | None) -> bytes:
    content = {
        "subtask": result.subtask,
        "wave": result.wave,
        "status": result.status.value,
        "reason": result.reason,
        "attempts": result.attempts,
        "duration_s": round(result.duration_s, 6),
        "output_file": result.output_file,
        "used": None if used is None else _used(used),
        "output": output,
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def _used(used: AttemptUse) -> dict[str, object]:
    return {
        "attempt": used.attempt,
        "model": used.model,
        "input_tokens": used.tokens.input,
        "output_tokens": used.tokens.output,
        "cache_read_tokens": used.tokens.cache_read,
        "cache_write_tokens": used.tokens.cache_write,
        "searches": used.searches,
        "cost_usd": used.cost_usd,
    }


def _why(name: str, error: OSError) -> str:
    """Why a disk refuses everything, or one file."""
    return why_not(error) if error.errno in _OF_THE_DISK else f"{name}: {why_not(error)}"


def _name(subtask: str, attempt: int) -> str:
    return f"outputs/{subtask}.{attempt}.txt"
