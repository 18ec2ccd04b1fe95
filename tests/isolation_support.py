"""Workspaces with files, and attempts that change copies of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from support import subtask

from luna_tui.core.events import WorkspaceChanged
from luna_tui.core.plan import Plan, Wave
from luna_tui.core.words import Isolation
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.runners.isolation.kept import Kept, read_kept
from luna_tui.runners.isolation.taking import take_over
from luna_tui.runners.isolation.workspaces import OwnWorkspaces


class Ground:
    """A workspace beside a run directory, and a run's workspaces of their own."""

    def __init__(self, tmp_path: Path) -> None:
        self.workspace = tmp_path / "project"
        self.run_dir = tmp_path / "state" / "run-1"
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.write("src/a.py", "one\ntwo\nthree\n")
        self.write("notes.txt", "hello\n")
        wave = Wave(name="w", subtasks=(subtask("s"),))
        self.plan = Plan(name="p", waves=(wave,), workspace=str(self.workspace))
        self.own = OwnWorkspaces(self.plan, str(self.run_dir), dict(os.environ))

    def write(self, path: str, text: str | bytes) -> Path:
        """A file of the real workspace."""
        file = self.workspace / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def attempt(
        self,
        change: Callable[[Path], object],
        *,
        how: Isolation = Isolation.COPY,
        number: int = 1,
        ok: bool = True,
    ) -> WorkspaceChanged | None:
        """One attempt that changes its own workspace so."""
        token = CancelToken(SystemClock())
        entered = self.own.enter(subtask("s", isolate=how), number, token)
        assert entered.own
        change(Path(entered.path))
        return self.own.leave(entered, ok)

    def kept(self, number: int = 1) -> Kept:
        """What is kept of it."""
        kept = read_kept(str(self.run_dir), "s", number)
        assert kept is not None
        return kept

    def take(self, number: int = 1) -> tuple[str, ...]:
        """Take it over; what stands in the way."""
        return take_over(self.kept(number))

    def diff(self, number: int = 1) -> str:
        """The file that shows it."""
        return (self.run_dir / "diffs" / f"s.{number}.diff").read_text(encoding="utf-8")

    def tree(self) -> dict[str, bytes | str]:
        """Everything in the real workspace but git's own."""
        found: dict[str, bytes | str] = {}
        for folder, folders, files in os.walk(self.workspace):
            # A checkout that is over is taken out of it in the background.
            folders[:] = [name for name in folders if name != ".git"]
            for path in (Path(folder, name) for name in (*folders, *files)):
                relative = str(path.relative_to(self.workspace))
                if path.is_symlink():
                    found[relative] = f"-> {os.readlink(path)}"
                elif path.is_file():
                    found[relative] = path.read_bytes()
        return found

    def git(self, *words: str) -> str:
        """Git in the real workspace."""
        names = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
        environ = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        done = subprocess.run(
            ["git", *names, *words],
            cwd=self.workspace,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def commit(self) -> None:
        """A repository with everything committed."""
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-qm", "first")
