"""A callable runs in a process of its own, and says what came of it."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from runners.test_command_runner import alive
from support import RecordingContext, make_run, plan, subtask, wave, work_of

from luna_tui.core.plan import Subtask
from luna_tui.core.words import ErrorKind, Kind, Status
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.python import PythonRunner

CLOCK = SystemClock()
RUNNER = PythonRunner({"PATH": os.environ["PATH"], "ANTHROPIC_API_KEY": "canary"})
MODULE = '''
import os, sys, time
class Tools:
    class Deep:
        @staticmethod
        def call(*args, **kwargs): return [list(args), kwargs]
def text(): print("said"); return "é{{ x }}"
def nothing(): print("printed"); print("too", file=sys.stderr)
def value(n): return {"n": n, "argv": sys.argv, "path": sys.path[0] == os.getcwd()}
def odd(): return {1, 2}
def fails(x):
    """One line more."""
    return 1 // x
def crashes(): os.kill(os.getpid(), 9)
def leaves(code): sys.exit(code)
def quits(): os._exit(0)
def seen(): return [sorted(k for k in os.environ if "API" in k or k in ("A", "LUNA_RUN_DIR")), os.getcwd()]
def huge(): return "x" * (17 * 1024 * 1024)
def waits():
    print(os.getpid(), flush=True)
    time.sleep(60)
async def later(): return "later"
'''


@pytest.fixture(autouse=True)
def module(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "broken.py").write_text("import no_such_module\n", encoding="utf-8")
    (tmp_path / "json.py").write_text("raise RuntimeError('shadowed')\n", encoding="utf-8")


def python(callable: str, *args: Any, id: str = "p", **more: Any) -> Subtask:
    given = {"kind": Kind.PYTHON, "callable": callable, "args": json.dumps(args), "prompt": "", "retries": 0}
    return subtask(id, **(given | more))


def run(given: Subtask, workspace: Path, **more: Any) -> tuple[str, str]:
    """The output, and what was streamed."""
    context = RecordingContext(CancelToken(CLOCK))
    output = RUNNER.run(work_of(given, workspace=str(workspace), **more), context)
    return output, "".join(context.texts)


def failure(given: Subtask, workspace: Path) -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        run(given, workspace)
    return caught.value


def test_text_is_the_output_as_it_is_and_prints_are_streamed(tmp_path: Path) -> None:
    assert run(python("mine:text"), tmp_path) == ("é{{ x }}", "said\né{{ x }}")


def test_nothing_means_what_was_printed(tmp_path: Path) -> None:
    assert run(python("mine:nothing"), tmp_path) == ("printed\ntoo\n", "printed\ntoo\n")


def test_any_other_value_is_json_and_modules_come_from_the_workspace(tmp_path: Path) -> None:
    output, _ = run(python("mine:value", 3), tmp_path)
    assert json.loads(output) == {"n": 3, "argv": ["mine:value"], "path": True}


def test_arguments_keep_their_types_and_their_texts_are_filled_in(tmp_path: Path) -> None:
    given = python(
        "mine:Tools.Deep.call",
        1,
        None,
        ["{{ results.a }}"],
        kwargs=json.dumps({"k": {"d": "in {{ run.dir }}"}}),
    )
    output, _ = run(given, tmp_path, results={"a": 'a "quote"\n{{ b }}'}, run_dir="/r")
    assert json.loads(output) == [[1, None, ['a "quote"\n{{ b }}']], {"k": {"d": "in /r"}}]


def test_a_coroutine_is_awaited(tmp_path: Path) -> None:
    assert run(python("mine:later"), tmp_path)[0] == "later"


def test_an_exception_is_told_with_the_line_of_the_users_code(tmp_path: Path) -> None:
    context = RecordingContext(CancelToken(CLOCK))
    with pytest.raises(AttemptError) as caught:
        RUNNER.run(work_of(python("mine:fails", 0), workspace=str(tmp_path)), context)
    line = MODULE.split("\n").index("    return 1 // x") + 1
    assert caught.value.message == f"ZeroDivisionError: integer division or modulo by zero (mine.py:{line})"
    assert (caught.value.kind, caught.value.retryable) == (ErrorKind.CRASHED, True)
    shown = "".join(context.texts)
    assert "Traceback" in shown
    assert "return 1 // x" in shown
    assert "python_child" not in shown


@pytest.mark.parametrize(
    ("callable", "said"),
    [
        ("none_such:f", "ModuleNotFoundError: No module named 'none_such'"),
        ("mine:none", "AttributeError: module 'mine' has no attribute 'none'"),
        ("broken:f", "ModuleNotFoundError: No module named 'no_such_module' (broken.py:1)"),
    ],
)
def test_what_cannot_be_found_is_not_tried_again(tmp_path: Path, callable: str, said: str) -> None:
    error = failure(python(callable), tmp_path)
    assert (error.kind, error.retryable, error.message) == (ErrorKind.SPAWN, False, said)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("mine:odd",), "it returned set, which is no JSON; return text, None or what JSON can hold"),
        (("mine:crashes",), "killed by SIGKILL"),
        (("mine:leaves", 3), "exited with 3"),
        (("mine:quits",), "it ended its process before it returned"),
        (("mine:huge",), "it returned more than 16,777,216 bytes; write it to a file"),
    ],
)
def test_other_ways_to_fail_are_one_failure_each(tmp_path: Path, call: tuple[Any, ...], said: str) -> None:
    assert failure(python(*call), tmp_path).message == said


def test_it_sees_its_own_variables_and_folder_and_no_credential(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    given = python("mine:seen", env=(("A", "{{ results.a }}"),), cwd="deep")
    output, _ = run(given, tmp_path, results={"a": "1"}, run_dir="/r")
    assert json.loads(output) == [["A", "LUNA_RUN_DIR"], str(tmp_path.resolve() / "deep")]


def test_the_python_of_the_users_environment_is_taken(tmp_path: Path) -> None:
    python_of_theirs = tmp_path / "venv/bin/python"
    python_of_theirs.parent.mkdir(parents=True)
    python_of_theirs.write_text(f'#!/bin/sh\necho theirs\nexec {sys.executable} "$@"\n', encoding="utf-8")
    python_of_theirs.chmod(0o755)
    runner = PythonRunner({"PATH": os.environ["PATH"], "VIRTUAL_ENV": str(tmp_path / "venv")})
    context = RecordingContext(CancelToken(CLOCK))
    runner.run(work_of(python("mine:text"), workspace=str(tmp_path)), context)
    assert "".join(context.texts).startswith("theirs\n")


def test_a_cancellation_ends_it_with_its_process(tmp_path: Path) -> None:
    token = CancelToken(CLOCK)
    context = RecordingContext(token)
    work = work_of(python("mine:waits"), workspace=str(tmp_path))
    ended: list[BaseException] = []

    def body() -> None:
        try:
            RUNNER.run(work, context)
        except Cancelled as error:
            ended.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    assert context.heard.wait(20)
    token.cancel("enough")
    thread.join(20)
    assert len(ended) == 1
    assert not alive(int(context.texts[0]))


def test_one_that_dies_harms_no_other(tmp_path: Path) -> None:
    calls = [python("mine:crashes", id="a"), *(python("mine:text", id=f"b{n}") for n in range(4))]
    run = make_run(RUNNER, replace(plan(wave("w", *calls)), workspace=str(tmp_path))).finish()
    assert run.ends() == {"a": Status.FAILED} | {f"b{n}": Status.SUCCEEDED for n in range(4)}
