"""A subtask with a workspace of its own changes nothing outside it until somebody takes that over."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from isolation_support import Ground
from support import subtask

from luna_tui.core.events import ChangedFile
from luna_tui.core.redaction import Redaction
from luna_tui.core.words import ErrorKind, Isolation
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.isolation import copying, taking
from luna_tui.runners.isolation.workspaces import OwnWorkspaces

BOTH = pytest.mark.parametrize("how", list(Isolation))


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def edit(tree: Path) -> None:
    (tree / "src/a.py").write_text("one\n2\nthree\n")
    (tree / "src/new.py").write_text("fresh\n")
    (tree / "notes.txt").unlink()


@BOTH
def test_what_an_attempt_changes_is_told_and_nothing_of_it_is_in_the_workspace(
    ground: Ground, how: Isolation
) -> None:
    ground.commit()
    before = ground.tree()
    changed = ground.attempt(edit, how=how)
    assert changed is not None
    assert changed.files == (
        ChangedFile(path="notes.txt", kind="removed", removed=1),
        ChangedFile(path="src/a.py", kind="changed", added=1, removed=1),
        ChangedFile(path="src/new.py", kind="added", added=1),
    )
    assert (changed.wave, changed.diff_file) == ("w", "diffs/s.1.diff")
    assert ground.tree() == before
    ground.own.close()
    assert not (ground.run_dir / "workspaces").exists()
    assert ground.git("worktree", "list").count("\n") == 1


def test_the_diff_is_one_that_patch_reads(ground: Ground, tmp_path: Path) -> None:
    ground.attempt(edit)
    other = tmp_path / "elsewhere"
    shutil.copytree(ground.workspace, other)
    subprocess.run(["git", "apply", "-p1", "-"], cwd=other, input=ground.diff().encode(), check=True)
    assert (other / "src/a.py").read_text() == "one\n2\nthree\n"
    assert (other / "src/new.py").read_text() == "fresh\n"
    assert not (other / "notes.txt").exists()


@BOTH
def test_taking_over_writes_exactly_what_was_changed(ground: Ground, how: Isolation) -> None:
    ground.commit()
    ground.attempt(edit, how=how)
    assert ground.take() == ()
    assert ground.tree() == {"src/a.py": b"one\n2\nthree\n", "src/new.py": b"fresh\n"}
    assert ground.take() == ()  # a second time changes nothing


def test_nothing_is_written_when_one_file_has_changed_meanwhile(ground: Ground) -> None:
    ground.attempt(edit)
    ground.write("notes.txt", "somebody else's\n")
    ground.write("src/new.py", "theirs\n")
    before = ground.tree()
    assert ground.take() == ("notes.txt: was changed meanwhile", "src/new.py: is there already")
    assert ground.tree() == before


def test_a_failure_in_the_midst_of_it_leaves_everything_as_it_was(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.attempt(edit)
    before, real, calls = ground.tree(), taking._Taking._place, []

    def failing(self: taking._Taking, one: taking._Staged) -> None:
        calls.append(one)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(self, one)

    monkeypatch.setattr(taking._Taking, "_place", failing)
    assert ground.take() == ("src/new.py: no space left on device",)
    assert ground.tree() == before
    assert not [p for p in ground.workspace.rglob(".luna-*")]
    monkeypatch.undo()
    assert ground.take() == ()


def test_taking_over_goes_on_where_a_killed_call_left_it(ground: Ground) -> None:
    ground.attempt(edit)
    child = os.fork()
    if child == 0:
        real = taking._Taking._place

        def dying(self: taking._Taking, one: taking._Staged) -> None:
            real(self, one)
            os.kill(os.getpid(), 9)

        taking._Taking._place = dying  # type: ignore[method-assign]
        ground.take()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 9
    assert "notes.txt" not in ground.tree()
    assert ground.take() == ()
    assert ground.tree() == {"src/a.py": b"one\n2\nthree\n", "src/new.py": b"fresh\n"}


def test_links_are_copied_as_links_and_those_that_lead_outside_are_never_taken_over(
    ground: Ground, tmp_path: Path
) -> None:
    (ground.workspace / "inner").symlink_to("src")
    (ground.workspace / "outer").symlink_to(tmp_path)

    def link(tree: Path) -> None:
        assert os.readlink(tree / "inner") == "src"
        assert os.readlink(tree / "outer") == str(tmp_path)
        (tree / "ok").symlink_to("src/a.py")
        (tree / "bad").symlink_to("../../secrets")
        (tree / "worse").symlink_to("/etc/passwd")
        (tree / "hooks").symlink_to(".git/hooks")
        (tree / "sly").symlink_to("outer/state")

    changed = ground.attempt(link)
    assert changed is not None
    assert [f.path for f in changed.files] == ["ok"]
    assert ground.diff().count("a link that leads outside or to a protected name") == 4
    assert ground.take() == ()
    assert os.readlink(ground.workspace / "ok") == "src/a.py"


def test_protected_names_are_named_and_never_taken_over(ground: Ground) -> None:
    def plant(tree: Path) -> None:
        for path in (".git/config", "sub/.git/hooks/post-checkout", ".claude/settings.json", ".luna/x"):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text("[core]\nfsmonitor = evil\n")
        (tree / "luna-tui.toml").write_text("[sandbox]\nkind = 'none'\n")
        (tree / "good.txt").write_text("good\n")

    changed = ground.attempt(plant)
    assert changed is not None
    assert [f.path for f in changed.files] == ["good.txt"]
    for name in ("luna-tui.toml", ".claude/settings.json", ".luna/x"):
        assert f"# not taken over: {name} (a protected name)" in ground.diff()
    assert ground.take() == ()
    assert not (ground.workspace / ".git").exists()
    assert not (ground.workspace / "luna-tui.toml").exists()


def test_a_folder_swapped_for_a_link_meanwhile_is_not_followed(ground: Ground, tmp_path: Path) -> None:
    ground.attempt(lambda tree: (tree / "src/new.py").write_text("fresh\n"))
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(ground.workspace / "src")
    (ground.workspace / "src").symlink_to(outside)
    assert ground.take() == ("src/new.py: a link or a file stands where a folder was",)
    assert list(outside.iterdir()) == []


def test_what_decides_is_the_content_that_was_shown(ground: Ground) -> None:
    ground.attempt(edit)
    for blob in (ground.run_dir / "diffs/s.1").glob("0*"):
        blob.write_text("something else\n")
    before = ground.tree()
    assert "damaged" in ground.take()[0]
    assert ground.tree() == before


def test_nothing_that_a_terminal_obeys_or_hides_is_left_out_of_a_diff(ground: Ground) -> None:
    hidden = "safe\x1b]0;rm -rf\x07\x1b[8mhidden\x1b[0m\u202eevil\r\n"
    ground.attempt(lambda tree: (tree / "x.sh").write_bytes(hidden.encode()))
    shown = ground.diff()
    assert "+safe␛]0;rm -rf␇␛[8mhidden␛[0m\ufffdevil␍\n" in shown
    assert not set(shown) & set("\x1b\x07\r\u202e")


def test_odd_names_and_contents_are_told_without_harm(ground: Ground) -> None:
    def odd(tree: Path) -> None:
        (tree / "a\nb\x1b[2J").write_text("x\n")
        (Path(os.fsdecode(os.fsencode(tree) + b"/\xff\xfe"))).write_text("y\n")
        (tree / "data.bin").write_bytes(b"\0\1\2")
        (tree / "empty").touch()
        (tree / "noend").write_text("no end")
        os.mkfifo(tree / "pipe")

    changed = ground.attempt(odd)
    assert changed is not None
    assert len(changed.files) == 5
    assert all("\x1b" not in f.path and "\n" not in f.path for f in changed.files)
    assert "Binary files a/data.bin and b/data.bin differ (3 B)" in ground.diff()
    assert "\\ No newline at end of file" in ground.diff()
    assert ground.take() == ()
    assert (ground.workspace / "a\nb\x1b[2J").read_text() == "x\n"
    assert not (ground.workspace / "pipe").exists()


def test_a_file_that_can_be_run_stays_one_and_the_rest_has_the_permissions_of_the_workspace(
    ground: Ground,
) -> None:
    os.chmod(ground.workspace, 0o755)
    os.chmod(ground.workspace / "notes.txt", 0o640)

    def change(tree: Path) -> None:
        (tree / "run.sh").write_text("#!/bin/sh\n")
        os.chmod(tree / "run.sh", 0o4777)
        os.chmod(tree / "src/a.py", 0o700)
        (tree / "notes.txt").write_text("other\n")
        os.chmod(tree / "notes.txt", 0o666)

    ground.attempt(change)
    assert "# run.sh: can be run" in ground.diff()
    assert "# src/a.py: can be run" in ground.diff()
    assert ground.take() == ()
    modes = {p: oct((ground.workspace / p).stat().st_mode)[-4:] for p in ("run.sh", "notes.txt")}
    assert modes == {"run.sh": "0755", "notes.txt": "0640"}
    assert os.access(ground.workspace / "src/a.py", os.X_OK)


@pytest.mark.skipif(os.geteuid() == 0, reason="root is let in anywhere")
def test_folders_that_nobody_may_enter_are_entered(ground: Ground) -> None:
    def shut(tree: Path) -> None:
        os.chmod(tree / "src/a.py", 0)
        os.chmod(tree / "src", 0)

    assert ground.attempt(shut) is None
    ground.own.close()
    assert not (ground.run_dir / "workspaces").exists()


def test_an_attempt_that_changed_nothing_says_nothing(ground: Ground) -> None:
    assert ground.attempt(lambda tree: os.utime(tree / "notes.txt", (0, 0))) is None
    assert not list((ground.run_dir / "diffs").glob("*"))


def test_an_attempt_that_failed_leaves_only_a_diff_and_the_next_one_starts_afresh(ground: Ground) -> None:
    assert ground.attempt(edit, ok=False) is None
    seen = []
    ground.attempt(lambda tree: seen.append((tree / "notes.txt").read_text()), number=2)
    ground.own.close()
    assert seen == ["hello\n"]
    assert "+fresh" in ground.diff(1)
    assert not (ground.run_dir / "diffs/s.1").exists()


def test_caches_and_what_the_repository_ignores_are_not_taken_over(ground: Ground) -> None:
    ground.write(".gitignore", "build/\n*.log\n")
    ground.commit()

    def work(tree: Path) -> None:
        for path in ("src/__pycache__/a.pyc", "build/out.txt", "debug.log", "kept.txt"):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text("x\n")

    changed = ground.attempt(work)
    assert changed is not None
    assert [f.path for f in changed.files] == ["kept.txt"]
    assert "# not taken over: build/out.txt (ignored by the repository)" in ground.diff()


def test_a_workspace_that_is_too_large_is_refused_before_anything_is_copied(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "MOST_FILES", 1)
    with pytest.raises(AttemptError, match="too large to be copied") as refused:
        ground.attempt(edit)
    assert refused.value.kind is ErrorKind.WORKSPACE
    ground.own.close()
    assert not (ground.run_dir / "workspaces").exists()


def test_runs_kept_inside_the_workspace_are_not_copied(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    run_dir = ground.workspace / "state" / "runs" / "r1"
    run_dir.mkdir(parents=True)
    ground.write("state/runs/r0/journal", "old run\n")
    own = OwnWorkspaces(ground.plan, str(run_dir), dict(os.environ))
    entered = own.enter(subtask("s", isolate=Isolation.COPY), 1, CancelToken(SystemClock()))
    assert sorted(os.listdir(entered.path)) == ["notes.txt", "src", "state"]
    assert os.listdir(Path(entered.path) / "state") == []
    own.leave(entered, True)
    own.close()


def test_a_cancelled_attempt_gets_no_workspace(ground: Ground) -> None:
    token = CancelToken(SystemClock())
    token.cancel("enough")
    with pytest.raises(Cancelled):
        ground.own.enter(subtask("s", isolate=Isolation.COPY), 1, token)
    ground.own.close()
    assert not (ground.run_dir / "workspaces").exists()


def test_a_checkout_is_refused_where_there_is_no_repository(ground: Ground) -> None:
    with pytest.raises(AttemptError, match="not a git repository"):
        ground.attempt(edit, how=Isolation.GIT_WORKTREE)


def test_a_checkout_is_refused_while_tracked_files_have_changes(ground: Ground) -> None:
    ground.commit()
    ground.write("untracked.txt", "does not matter\n")
    ground.write("notes.txt", "not committed\n")
    with pytest.raises(AttemptError, match=r"would not have the changes in notes\.txt: commit or stash"):
        ground.attempt(edit, how=Isolation.GIT_WORKTREE)


def test_a_checkout_of_a_folder_of_a_repository_is_that_folder(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    ground.commit()
    inner = Ground(tmp_path)
    inner.workspace = ground.workspace / "src"
    inner.plan = type(ground.plan)(name="p", waves=ground.plan.waves, workspace=str(inner.workspace))
    inner.own = OwnWorkspaces(inner.plan, str(inner.run_dir), dict(os.environ))
    changed = inner.attempt(lambda tree: (tree / "a.py").write_text("1\n"), how=Isolation.GIT_WORKTREE)
    assert changed is not None
    assert [f.path for f in changed.files] == ["a.py"]
    assert inner.take() == ()
    assert (ground.workspace / "src/a.py").read_text() == "1\n"


def test_no_hook_and_no_program_of_the_repository_is_started(ground: Ground, tmp_path: Path) -> None:
    ground.commit()
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    shutil.copy(trap, ground.workspace / ".git/hooks/post-checkout")
    ground.git("config", "core.fsmonitor", str(trap))
    (tmp_path / "sprung").unlink(missing_ok=True)
    assert ground.attempt(edit, how=Isolation.GIT_WORKTREE) is not None
    assert not (tmp_path / "sprung").exists()


def test_what_a_killed_process_left_is_removed_by_the_next_one(ground: Ground) -> None:
    ground.commit()
    token = CancelToken(SystemClock())
    ground.attempt(edit, number=1)
    for number, how in enumerate(Isolation, 2):
        ground.own.enter(subtask("s", isolate=how), number, token)
    assert ground.git("worktree", "list").count("\n") == 2
    OwnWorkspaces(ground.plan, str(ground.run_dir), dict(os.environ))
    assert not (ground.run_dir / "workspaces").exists()
    assert ground.git("worktree", "list").count("\n") == 1
    assert ground.take(1) == ()


def test_a_checkout_that_was_killed_in_its_making_is_forgotten(ground: Ground) -> None:
    """git locks an entry until its checkout is whole."""
    ground.commit()
    ground.own.enter(subtask("s", isolate=Isolation.GIT_WORKTREE), 1, CancelToken(SystemClock()))
    (entry,) = (ground.workspace / ".git/worktrees").iterdir()
    (entry / "locked").write_text("initializing\n")
    OwnWorkspaces(ground.plan, str(ground.run_dir), dict(os.environ))
    assert ground.git("worktree", "list").count("\n") == 1


def test_a_subtask_without_isolation_works_in_the_plans_workspace(ground: Ground) -> None:
    entered = ground.own.enter(subtask("s"), 1, CancelToken(SystemClock()))
    assert (entered.path, entered.own) == (str(ground.workspace), False)
    assert ground.own.leave(entered, True) is None


def test_secrets_do_not_stand_in_a_diff(ground: Ground) -> None:
    redaction = Redaction({"sk-canary-123456789": "ANTHROPIC_API_KEY"})
    ground.own = OwnWorkspaces(ground.plan, str(ground.run_dir), dict(os.environ), redaction)
    ground.attempt(lambda tree: (tree / "leak").write_text("key sk-canary-123456789\n"))
    assert "canary" not in ground.diff()
