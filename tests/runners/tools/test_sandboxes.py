"""Sandboxes: what a command inside can do, and the ways out that are none."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from needs import lacking
from runners.tools.tool_support import SECRET, place_at, token, use

from luna_tui.core.sandbox import REFUSED, SandboxKind, SandboxSettings
from luna_tui.engine.cancel import Cancelled
from luna_tui.runners.sandbox import choice, launcher
from luna_tui.runners.sandbox.choice import Sandbox, find_sandbox
from luna_tui.runners.tools.base import Place, Result, ToolError
from luna_tui.runners.tools.running import KEPT_CHARS, RunCommand

CANARY = "canary-7f3a9b2c51"
PROBES = Path(__file__).parent / "probes.py"
HELD = [SandboxKind.BUBBLEWRAP, SandboxKind.LANDLOCK]


def sandbox_of(kind: SandboxKind, **more: Any) -> Sandbox:
    """A sandbox that is really there, or the test is not silent about it."""
    environ = dict(os.environ) | {
        "ANTHROPIC_API_KEY": CANARY,
        "LC_SPOILT": f"x{CANARY}",
        "PYTHONSTARTUP": "/x",
    }
    made = Sandbox(SandboxSettings(kind=kind, **more), environ, {CANARY: "ANTHROPIC_API_KEY"})
    if made.found.kind == REFUSED:
        word = "bwrap" if kind is SandboxKind.BUBBLEWRAP else "landlock"
        lacking(word, made.found.why)
    return made


@pytest.fixture(params=HELD, ids=str)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return sandbox_of(request.param)


def run(sandbox: Sandbox, place: Place, *command: str, **given: Any) -> Result:
    return use(RunCommand(sandbox), place, command=list(command), **given)


def shell(sandbox: Sandbox, place: Place, text: str, **given: Any) -> Result:
    return use(RunCommand(sandbox), place, command=text, **given)


@pytest.fixture
def outside(workspace: Path) -> Iterator[dict[str, Any]]:
    """Everything that a command may be after, and what a probe has to know of it."""
    (workspace / "sub" / ".git").mkdir(parents=True)
    (workspace / "sub" / ".git" / "config").write_text("")
    (workspace / "run").mkdir()
    (workspace / "run" / "journal").write_text("kept")
    (workspace / "probes.py").write_text(PROBES.read_text())
    folder = workspace.parent
    victim = subprocess.Popen(
        ["sleep", "300"], cwd=folder, env={"ANTHROPIC_API_KEY": CANARY, "PATH": os.defpath}
    )
    tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.setblocking(False)
    unix, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    unix.bind(str(folder / "s"))
    unix.listen()
    name = f"luna-probe-{os.getpid()}"
    abstract.bind("\0" + name)
    abstract.listen()
    world = {
        "secret_file": str(folder / "secret"),
        "secret": SECRET,
        "made_outside": str(folder / "made_outside"),
        "pid": victim.pid,
        "ours": os.getpid(),
        "canary": CANARY,
        "tcp": tcp.getsockname()[1],
        "udp": udp.getsockname()[1],
        "only_loopback": False,
        "unix": str(folder / "s"),
        "abstract": name,
        "sleep": f"31{os.getpid()}",
    }
    (workspace / "world.json").write_text(json.dumps(world))
    with tcp, udp, unix, abstract:
        yield world | {"victim": victim, "udp_socket": udp}
    victim.kill()
    victim.wait()


def running(argument: str) -> list[int]:
    """Processes with this argument."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
        except OSError:
            continue
        if argument.encode() in words:
            found.append(int(entry.name))
    return found


@pytest.mark.parametrize("kind", HELD, ids=str)
def test_no_way_out_that_we_know_is_one(workspace: Path, outside: dict[str, Any], kind: SandboxKind) -> None:
    git = (workspace / ".git" / "config").read_text()
    place = place_at(workspace, run_dir=str(workspace / "run"))
    result = run(sandbox_of(kind), place, sys.executable, "probes.py", "world.json")
    assert [line for line in result.text.split("\n") if "WORKED" in line] == []
    assert "tried: " in result.text
    assert result.ok
    assert (workspace.parent / "secret").read_text() == SECRET
    assert (workspace.parent / "secret").stat().st_mode & 0o777 != 0o777
    assert not (workspace.parent / "made_outside").exists()
    assert (workspace / ".git" / "config").read_text() == git
    assert (workspace / "luna-tui.toml").read_text() == ""
    assert (workspace / "sub" / ".git" / "config").read_text() == ""
    assert (workspace / "run" / "journal").read_text() == "kept"
    assert outside["victim"].poll() is None
    with pytest.raises(BlockingIOError):
        outside["udp_socket"].recv(10)
    assert running(outside["sleep"]) == []


def test_without_a_sandbox_the_same_ways_lead_out(workspace: Path, outside: dict[str, Any]) -> None:
    ways = ["reads_by_its_path", "reads_through_a_link_that_is_there", "connects", "changes_git_settings"]
    ways += ["kills_another", "connects_to_a_socket_without_a_file", "reads_the_journal_of_the_run"]
    world = json.loads((workspace / "world.json").read_text()) | {"only": ways}
    (workspace / "world.json").write_text(json.dumps(world))
    command = RunCommand(sandbox_of(SandboxKind.NONE))
    text = use(command, place_at(workspace), command=[sys.executable, "probes.py", "world.json"]).text
    assert {line.removeprefix("WORKED: ") for line in text.split("\n") if "WORKED" in line} == set(ways)


def test_a_command_works_with_its_workspace(workspace: Path, sandbox: Sandbox) -> None:
    place = place_at(workspace)
    assert shell(sandbox, place, "cat src/a.py; pwd").text == f"one\ntwo\nthree\n{workspace}\n(exit code 0)"
    made = shell(
        sandbox, place, "echo new > src/new.txt && mkdir -p src/x/y && mv src/new.txt src/x/y/ && ls src/x/y"
    )
    assert made.text == "new.txt\n(exit code 0)"
    assert (workspace / "src/x/y/new.txt").read_text() == "new\n"
    assert shell(sandbox, place, "cd $HOME && echo x > a && cat a && cat < $TMPDIR/a").text.startswith(
        "x\nx\n"
    )
    assert shell(sandbox, place, "cat .git/config").text.startswith("two")
    assert run(sandbox, place, "python3", "-c", "import json, ssl, socket; print('fine')").text.startswith(
        "fine"
    )
    assert run(sandbox, place, "git", "--version").ok


def test_a_workspace_that_is_not_granted_stays_as_it_is(workspace: Path, sandbox: Sandbox) -> None:
    place = place_at(workspace, writable=False)
    assert not shell(sandbox, place, "echo x > src/a.py").ok
    assert not shell(sandbox, place, "touch new").ok
    assert (workspace / "src/a.py").read_text() == "one\ntwo\nthree\n"
    assert shell(sandbox, place, "cat src/a.py").ok


def test_a_failure_is_told_with_its_code(workspace: Path, sandbox: Sandbox) -> None:
    place = place_at(workspace)
    result = shell(sandbox, place, "echo out; echo err >&2; exit 3")
    assert (result.text, result.ok, result.summary) == ("out\nerr\n(exit code 3)", False, "exit code 3")
    assert "no-such-program-here: " in run(sandbox, place, "no-such-program-here").text


def test_settings_that_a_command_makes_are_set_aside(tmp_path: Path, sandbox: Sandbox) -> None:
    workspace = tmp_path / "bare"
    workspace.mkdir()
    result = shell(
        sandbox, place_at(workspace), "echo evil > luna-tui.toml; mkdir -p .git/hooks; echo fine > a"
    )
    assert sorted(p.name.partition(".set-aside-")[0] for p in workspace.iterdir()) == [
        ".git",
        "a",
        "luna-tui.toml",
    ]
    assert not (workspace / "luna-tui.toml").exists()
    assert not (workspace / ".git").exists()
    assert "renamed: .git.set-aside-" in result.text


def test_the_environment_holds_no_secret_and_nothing_that_steers_python(
    workspace: Path, sandbox: Sandbox
) -> None:
    text = run(sandbox, place_at(workspace), "env").text
    assert CANARY not in text
    assert "PYTHONSTARTUP" not in text
    assert "PATH=" in text


def test_long_output_keeps_both_ends(workspace: Path, sandbox: Sandbox) -> None:
    text = shell(sandbox, place_at(workspace), "seq 1 200000").text
    assert text.startswith("1\n2\n")
    assert "characters left out" in text
    assert text.endswith("200000\n(exit code 0)")
    assert len(text) < 2 * KEPT_CHARS + 100


def test_a_command_is_bounded(workspace: Path, sandbox: Sandbox) -> None:
    code = "import resource as r; print([r.getrlimit(n)[0] for n in (r.RLIMIT_CORE, r.RLIMIT_NPROC)])"
    place = place_at(workspace)
    assert run(sandbox, place, "python3", "-c", code).text.startswith("[0, ")
    assert "2048" in run(sandbox, place, "python3", "-c", code).text
    assert "MemoryError" in run(sandbox, place, "python3", "-c", "bytearray(1 << 42)").text


def test_a_command_that_does_not_end_is_ended_with_all_it_started(workspace: Path, sandbox: Sandbox) -> None:
    mark = f"32{os.getpid()}"
    text = f"setsid sleep {mark} & trap '' TERM; sleep {mark}"
    result = shell(sandbox, place_at(workspace), text, timeout_s=1)
    assert not result.ok
    assert "ended after 1 s" in result.text
    assert running(mark) == []


def test_a_cancelled_command_ends_with_all_it_started(workspace: Path, sandbox: Sandbox) -> None:
    mark, stop = f"33{os.getpid()}", token()
    tool, place = RunCommand(sandbox), place_at(workspace)
    described = tool.describe({"command": f"setsid sleep {mark} & sleep {mark}"}, place)
    threading.Timer(0.7, stop.cancel, ["enough"]).start()
    with pytest.raises(Cancelled):
        tool.use(described, place, stop)
    assert running(mark) == []


def test_who_ends_a_command_is_not_told_the_end_of_what_it_left_before() -> None:
    orphan = "import os; child = os.fork(); child and print(child, flush=True)"
    reaped = "while kill -0 $left 2>/dev/null; do :; done"
    command = f"left=$({sys.executable} -c '{orphan}'); {reaped}; echo ready; exec sleep 60"
    asked = json.dumps({"limits": {}, "landlock": None})
    argv = [sys.executable, "-I", "-S", launcher.__file__, asked, "/bin/sh", "-c", command]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == b"ready\n"
        held.send_signal(signal.SIGTERM)
        assert held.wait(10) == 128 + signal.SIGTERM


def test_network_is_there_when_it_is_allowed(workspace: Path, outside: dict[str, Any]) -> None:
    for kind in HELD:
        command = (
            f"import socket; socket.create_connection(('127.0.0.1', {outside['tcp']})); print('connected')"
        )
        open_one = sandbox_of(kind, network=True)
        assert run(open_one, place_at(workspace), "python3", "-c", command).text.startswith("connected")


def test_more_folders_are_read_when_the_settings_say_so(workspace: Path) -> None:
    more = workspace.parent / "more"
    more.mkdir()
    (more / "a").write_text("readable")
    for kind in HELD:
        text = f"cat {more}/a; echo x > {more}/b"
        assert "readable" in shell(sandbox_of(kind, read=(str(more),)), place_at(workspace), text).text
        assert "readable" not in shell(sandbox_of(kind), place_at(workspace), text).text
    assert not (more / "b").exists()


def test_a_command_is_shown_as_a_shell_would_have_to_be_given_it(workspace: Path) -> None:
    made, place = sandbox_of(SandboxKind.NONE), place_at(workspace)
    use_ = RunCommand(made).describe({"command": ["echo", "a b; rm x"]}, place)
    assert use_.subject == "echo 'a b; rm x'"
    assert use_.pattern == "run_command(echo 'a b; rm x')"
    assert not use_.harmless
    assert "held by nothing" in use_.detail
    assert RunCommand(made).describe({"command": "ls *"}, place).pattern == ""


@pytest.mark.parametrize(
    "command", [None, [], "", "  ", ["a", 1], [""], {"a": 1}, "a\0b", ["\ud800"], "x" * 40_000]
)
def test_what_is_no_command_is_refused(workspace: Path, command: object) -> None:
    made = sandbox_of(SandboxKind.NONE)
    with pytest.raises(ToolError):
        RunCommand(made).describe({"command": command}, place_at(workspace))


def test_where_nothing_can_hold_commands_none_runs(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_why_no_bubblewrap", lambda path: "no bubblewrap")
    monkeypatch.setattr(choice, "_why_no_landlock", lambda: "no Landlock")
    made = Sandbox(SandboxSettings(), {})
    assert (made.found.kind, made.found.why) == (REFUSED, "no bubblewrap; no Landlock")
    with pytest.raises(ToolError, match="no bubblewrap; no Landlock"):
        RunCommand(made).describe({"command": ["true"]}, place_at(workspace))


def test_landlock_stands_in_for_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_why_no_landlock", lambda: "")
    monkeypatch.setattr(choice, "_why_no_bubblewrap", lambda path: "it is not installed")
    assert find_sandbox(SandboxSettings(), {}).kind == SandboxKind.LANDLOCK
    assert find_sandbox(SandboxSettings(kind=SandboxKind.BUBBLEWRAP), {}).kind == REFUSED
    monkeypatch.setattr(choice, "_why_no_bubblewrap", lambda path: "")
    assert find_sandbox(SandboxSettings(), {}).kind == SandboxKind.BUBBLEWRAP


def test_git_that_is_a_link_keeps_commands_from_running(workspace: Path, sandbox: Sandbox) -> None:
    (workspace / ".git").rename(workspace / "elsewhere")
    (workspace / ".git").symlink_to("elsewhere")
    with pytest.raises(ToolError, match="is a link"):
        run(sandbox, place_at(workspace), "true")


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True)


def test_git_works_in_a_worktree_and_changes_nothing_of_its_repository(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    origin, tree = tmp_path / "origin", tmp_path / "tree"
    origin.mkdir()
    git(origin, "init", "--quiet")
    git(origin, "commit", "--quiet", "--allow-empty", "-m", "the only one")
    git(origin, "worktree", "add", "--quiet", "--detach", str(tree))
    place = place_at(tree)
    assert "the only one" in run(sandbox, place, "git", "log", "--oneline").text
    assert not run(sandbox, place, "git", "config", "core.fsmonitor", "evil").ok
    assert "evil" not in (origin / ".git" / "config").read_text()


def test_a_workspace_that_only_says_so_is_no_worktree(workspace: Path, sandbox: Sandbox) -> None:
    (workspace / ".git" / "config").unlink()
    (workspace / ".git").rmdir()
    (workspace / "made").mkdir()
    (workspace / ".git").write_text(f"gitdir: {workspace}/made\n")
    (workspace / "made" / "gitdir").write_text(f"{workspace}/.git\n")
    (workspace / "made" / "commondir").write_text(f"{workspace.parent}\n")
    assert SECRET not in run(sandbox, place_at(workspace), "cat", str(workspace.parent / "secret")).text
