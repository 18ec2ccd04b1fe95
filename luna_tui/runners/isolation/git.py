"""Checkouts of what a repository has committed; git runs in the plan's own repository only, never in a tree
that an agent wrote to, and starts nothing of its configuration but filters, which make the files."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterable, Mapping
from contextlib import nullcontext, suppress

from luna_tui.core.clean import clean_line, short_line
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.guard import armed
from luna_tui.runners.processes import ProcessGroup

_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME")
_OWN = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
}
_HARMLESS = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "submodule.recurse=false", "gc.auto=0")
_PATIENCE_S = 120.0
_SHOWN = 3
_SAID = 200


class Git:
    """The git of one repository, in which the plan's workspace lies."""

    def __init__(self, workspace: str, environ: Mapping[str, str]) -> None:
        self._workspace = workspace
        self._environ = {k: environ[k] for k in _PASSED_ON if k in environ} | _OWN
        self._adding = threading.Lock()
        """Protects the repository's list of checkouts: git takes no two new ones at once."""

    def add_worktree(self, target: str, token: CancelToken) -> str:
        """Check HEAD out at a new folder; returns where the workspace lies in it.

        AttemptError(WORKSPACE) where there is no repository or no commit, or where files that it
        tracks have changes that would be missing; Cancelled.
        """
        inside = self._ask(("rev-parse", "--show-prefix"), token)
        self._refuse_changes(token)
        with self._adding:
            self._ask(("worktree", "add", "--quiet", "--detach", target, "HEAD"), token)
        path = os.path.join(target, inside.rstrip("\n"))
        if not os.path.isdir(path):
            raise _refused(f"the last commit does not have {clean_line(inside.strip())}")
        return path.rstrip("/")

    def forget_worktree(self, target: str) -> None:
        """Take a checkout whose folder is gone out of the repository's list."""
        with self._adding, suppress(AttemptError):
            # Twice: what was killed in the midst of being made is locked.
            self._ask(("worktree", "remove", "--force", "--force", target), None)

    def ignored(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of these paths that the repository ignores; none where there is no repository."""
        # Nothing that begins like this can be read as a pattern.
        asked = b"".join(b"./" + os.fsencode(path) + b"\0" for path in paths)
        if not asked:
            return frozenset()
        try:
            said = self._run(("check-ignore", "-z", "--stdin"), None, asked)[1]
        except AttemptError:
            return frozenset()
        return frozenset(os.fsdecode(path[2:]) for path in said.split(b"\0") if path)

    def _refuse_changes(self, token: CancelToken) -> None:
        said = self._ask(("status", "--porcelain=v1", "-z", "--untracked-files=no", "--", "."), token)
        changed = [line[3:] for line in said.split("\0") if line[2:3] == " "]
        if changed:
            named = ", ".join(clean_line(path) for path in changed[:_SHOWN])
            more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
            raise _refused(
                f"a checkout of the last commit would not have the changes in {named}{more}:"
                ' commit or stash them, or isolate = "copy"'
            )

    def _ask(self, words: tuple[str, ...], token: CancelToken | None) -> str:
        code, said, complaint = self._run(words, token, b"")
        if code != 0:
            lines = [line for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
            raise _refused(short_line(lines[-1] if lines else f"exit code {code}", _SAID))
        return os.fsdecode(said)

    def _run(
        self, words: tuple[str, ...], token: CancelToken | None, given: bytes
    ) -> tuple[int, bytes, bytes]:
        settings = [word for setting in _HARMLESS for word in ("-c", setting)]
        try:
            process = subprocess.Popen(
                ["git", *settings, *words],
                cwd=self._workspace,
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise _refused("git is not installed") from error
        except OSError as error:
            raise _refused((error.strerror or str(error)).lower()) from error
        group = ProcessGroup(process)
        try:
            with armed(token, lambda: _end(process)) if token is not None else nullcontext():
                said, complaint = process.communicate(given, timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            raise _refused(f"git {words[0]} did not end within {_PATIENCE_S:.0f} s") from error
        finally:
            code = group.end(0.0)
        if token is not None:
            token.raise_if_cancelled()
        return code, said, complaint


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, 9)


def _refused(why: str) -> AttemptError:
    return AttemptError(ErrorKind.WORKSPACE, f"no checkout of its own: {why}")
