"""Where things are kept, and that nobody else can read or plant them."""

from __future__ import annotations

import difflib
import errno
import os
import random
import re
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from luna_tui.core.errors import ExitCode, LunaError

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_RUN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_WHY = {
    errno.EAGAIN: "another process is writing this run",
    errno.EIO: "the disk reports an input/output error",
    errno.ELOOP: "a symbolic link stands where it must not",
    errno.EACCES: "permission denied",
    errno.EROFS: "the disk is read-only",
    errno.ENOSPC: "the disk is full",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EEXIST: "something else is already there",
    errno.ENAMETOOLONG: "the path is too long",
    errno.ENOENT: "the folder above it does not exist",
    errno.EDQUOT: "your quota is used up",
}


def state_dir() -> Path:
    """`$XDG_STATE_HOME/luna-tui`, else where the platform keeps state."""
    given = os.environ.get("XDG_STATE_HOME", "")
    if given.startswith("/"):
        return Path(given) / "luna-tui"
    import platformdirs

    return Path(platformdirs.user_state_dir("luna-tui", appauthor=False))


def config_dir() -> Path:
    """`$XDG_CONFIG_HOME/luna-tui`, else where the platform keeps settings."""
    given = os.environ.get("XDG_CONFIG_HOME", "")
    if given.startswith("/"):
        return Path(given) / "luna-tui"
    import platformdirs

    return Path(platformdirs.user_config_dir("luna-tui", appauthor=False))


def why_not(error: OSError) -> str:
    """Words for every way in which a disk can refuse."""
    return _WHY.get(error.errno or 0, (error.strerror or "unknown error").lower())


def not_saved(path: Path, error: OSError) -> LunaError:
    """One sentence for every way in which a disk can refuse."""
    return LunaError(
        "cannot save",
        f"{path}: {why_not(error)}",
        "free or fix it, or set XDG_STATE_HOME elsewhere",
        ExitCode.NOT_SAVED,
    )


def private_dir(path: Path) -> Path:
    """Make a folder that only its owner can enter; refuse a link, another's, or one that others can write."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise not_saved(path, error) from error
    if stat.S_ISLNK(status.st_mode):
        raise LunaError("cannot save", f"{path} is a symbolic link", "make it a folder", ExitCode.NOT_SAVED)
    if status.st_uid != os.geteuid():
        raise LunaError("cannot save", f"{path} belongs to another user", "chown it", ExitCode.NOT_SAVED)
    if status.st_mode & 0o022:
        raise LunaError("cannot save", f"others can write to {path}", f"chmod 700 {path}", ExitCode.NOT_SAVED)
    return path


def new_run_id(now: datetime, rng: random.Random) -> str:
    """UTC time to the second and four random characters, sortable: `20260102-150405-7f3a`."""
    return f"{now:%Y%m%d-%H%M%S}-" + "".join(rng.choice(_ALPHABET) for _ in range(4))


@dataclass(frozen=True, slots=True)
class RunDir:
    """The folder of one run."""

    path: Path

    @property
    def run(self) -> str:
        """The id."""
        return self.path.name

    def journal(self, segment: int) -> Path:
        """Segments count from 1."""
        return self.path / f"journal.{segment:04d}.ndjson"

    @property
    def lock(self) -> Path:
        """Held by the process that writes the run."""
        return self.path / "lock"

    @property
    def outputs(self) -> Path:
        """Full texts of attempts."""
        return self.path / "outputs"

    @property
    def results(self) -> Path:
        """One JSON file per finished subtask."""
        return self.path / "results"


def runs_dir() -> Path:
    """The folder that holds all runs, not necessarily there."""
    return state_dir() / "runs"


def create_run(run: str) -> RunDir:
    """Make the folder of a new run, exclusively; LunaError(74) when the disk refuses, (2) for a bad id."""
    if not _RUN_ID.fullmatch(run) or run == "last":
        raise LunaError(
            "bad run id",
            f"{run!r} cannot name a run",
            "up to 64 letters, digits, '.', '_' and '-', not starting with '.' or '-', and not `last`",
            ExitCode.USAGE,
        )
    private_dir(state_dir())
    path = private_dir(runs_dir()) / run
    try:
        path.mkdir(mode=0o700)
        for name in ("outputs", "results"):
            (path / name).mkdir(mode=0o700)
    except FileExistsError:
        raise LunaError(
            "run id in use", f"a run {run} exists already", "choose another --run-id", ExitCode.USAGE
        ) from None
    except OSError as error:
        raise not_saved(path, error) from error
    return RunDir(path)


def find_run(word: str) -> RunDir:
    """The run with this id, unique prefix or suffix, or `last`; LunaError names the candidates."""
    root = runs_dir()
    known = _known_runs(root)
    if not known:
        raise LunaError("no runs", f"nothing in {root}", "start one: luna-tui demo", ExitCode.USAGE)
    if word == "last":
        return RunDir(root / known[-1])
    hits = [k for k in known if k == word] or [k for k in known if k.startswith(word) or k.endswith(word)]
    if len(hits) == 1:
        return RunDir(root / hits[0])
    if hits:
        raise LunaError(
            "ambiguous run", f"{word} fits {', '.join(hits[:5])}", "give more of it", ExitCode.USAGE
        )
    near = difflib.get_close_matches(word, known, 3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"the last ones: {', '.join(known[-3:])}"
    raise LunaError("unknown run", f"no run {word}", hint, ExitCode.USAGE)


def _known_runs(root: Path) -> list[str]:
    """Ids of all runs, oldest first; `run.json` never changes, so its age is the age of the run."""
    try:
        found = root.iterdir() if root.is_dir() else ()
        paths = [p for p in found if not p.name.startswith(".") and p.is_dir()]
        return [p.name for p in sorted(paths, key=lambda p: (_began_ns(p), p.name))]
    except OSError as error:
        raise LunaError(
            "cannot read the runs", f"{root}: {why_not(error)}", f"chmod 700 {root}", ExitCode.USAGE
        ) from error


def _began_ns(run: Path) -> int:
    meta = run / "run.json"
    return (meta if meta.exists() else run).stat().st_mtime_ns
