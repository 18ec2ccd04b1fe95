"""Commands end when they must and leave nothing behind."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest
from support import RecordingContext, make_run, plan, subtask, wave, work_of

from luna_tui.core.plan import Subtask
from luna_tui.core.words import ErrorKind, Kind, Status
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.command import CommandRunner
from luna_tui.runners.kept_output import KEPT_BYTES

CLOCK = SystemClock()
RUNNER = CommandRunner(CLOCK, {"PATH": os.environ["PATH"], "ANTHROPIC_API_KEY": "canary"})


def command(*words: str, id: str = "c", **more: object) -> Subtask:
    return subtask(id, **({"kind": Kind.COMMAND, "command": words, "prompt": "", "retries": 0} | more))


def run(given: Subtask, workspace: Path | str = "/tmp") -> str:
    return RUNNER.run(work_of(given, workspace=str(workspace)), RecordingContext(CancelToken(CLOCK)))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


def test_output_is_stdout_and_stderr_in_one(tmp_path: Path) -> None:
    assert run(command("echo a; echo b >&2", shell=True), tmp_path) == "a\nb\n"


def test_a_bad_exit_code_is_told_with_the_last_line() -> None:
    with pytest.raises(AttemptError) as caught:
        run(command("echo fine; echo '\033[31mwrong\033[0m'; exit 3", shell=True))
    assert caught.value.message == "exited with 3: wrong"
    assert caught.value.status == 3
    assert run(command("exit 3", shell=True, ok_codes=(0, 3))) == ""


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    with pytest.raises(AttemptError) as caught:
        run(command("no-such-program-here"), tmp_path)
    assert caught.value.kind is ErrorKind.SPAWN
    assert "not found" in caught.value.message


def test_a_folder_outside_the_workspace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AttemptError) as caught:
        run(command("pwd", cwd=".."), tmp_path)
    assert caught.value.kind is ErrorKind.WORKSPACE


def test_a_command_that_closes_its_output_early_is_waited_for(tmp_path: Path) -> None:
    run(command(f"exec >&- 2>&-; sleep 0.3; echo done > {tmp_path}/late", shell=True), tmp_path)
    assert (tmp_path / "late").read_text() == "done\n"


def test_credentials_never_reach_a_command() -> None:
    assert "canary" not in run(command("env"))


def test_it_has_no_terminal_and_no_input() -> None:
    code = "import os,sys; print(sys.stdin.read() == '', os.getsid(0) == os.getpid())"
    assert run(command(sys.executable, "-c", code)) == "True True\n"


@pytest.mark.parametrize(
    "script",
    ["sleep 1000", "trap '' TERM; echo $$; sleep 1000", "sleep 1000 & echo $!; wait", "yes > /dev/null"],
)
def test_a_command_past_its_timeout_ends_and_so_does_everything_it_started(script: str) -> None:
    given = plan(
        wave("w", command(script, shell=True, timeout=0.4)), wave("next", command("true", id="after"))
    )
    ended = make_run(RUNNER, given).finish(6)
    assert ended.ends()["c"] in (Status.TIMED_OUT, Status.SUCCEEDED)
    first = next(e for e in ended.records if getattr(e.event, "status", None) is Status.TIMED_OUT)
    assert first.at < 0.4 + 1.0
    said = ended.state().subtasks["c"].tail.strip()
    if said.isdigit():
        assert not alive(int(said))


def test_a_grandchild_that_holds_the_pipe_does_not_hold_the_attempt() -> None:
    assert run(command("sleep 1000 & echo done", shell=True)) == "done\n"


def test_a_flood_is_kept_at_both_ends(tmp_path: Path) -> None:
    text = run(command("seq 1 400000", shell=True), tmp_path)
    assert text.startswith("1\n2\n")
    assert text.endswith("400000\n")
    assert "characters left out" in text
    assert len(text) < 4 * KEPT_BYTES


def test_cancel_ends_a_running_command() -> None:
    context = RecordingContext(CancelToken(CLOCK))
    caught: list[BaseException] = []

    def body() -> None:
        try:
            RUNNER.run(work_of(command("echo up; sleep 1000", shell=True), workspace="/tmp"), context)
        except Cancelled as error:
            caught.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    assert context.heard.wait(5)
    context.token.cancel("enough")
    thread.join(2)
    assert not thread.is_alive()
    assert len(caught) == 1
