"""A key that everything of a run talks about is found nowhere afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from runners.scripted_server import Call, ScriptedServer, begin, delta, end, refuse, stream

from luna_tui.storage.paths import find_run

CANARY = "sk-ant-api03-CANARY-" + "k3y_" * 20
PIECE = "k3y_k3y_"
PLAN = """
[plan]
name = "p"
goal = "use {key}"
[defaults]
retries = 0
[[wave]]
name = "w"
[[wave.subtask]]
id = "answer"
title = "with {key}"
prompt = "say {key}"
[[wave.subtask]]
id = "refused"
prompt = "say it"
[[wave.subtask]]
id = "command"
kind = "command"
shell = true
command = "head -c 25 key; sleep 0.2; tail -c +26 key; echo; cat key >&2; echo; env; cat key; exit 3"
[[wave]]
name = "x"
[[wave.subtask]]
id = "after"
prompt = "{{{{ results.answer }}}}"
"""


def serve(call: Call) -> None:
    if b'"say it"' in call.body:
        refuse(400, "invalid_request_error", message=f"what is {CANARY} and {CANARY[:40]}")(call)
        return
    text = f"your key is {CANARY}, I think"
    stream(begin(), *(delta(text[n : n + 3]) for n in range(0, len(text), 3)), end())(call)


def files_with(folder: Path, word: str) -> list[str]:
    return [p.name for p in folder.rglob("*") if p.is_file() and word.encode() in p.read_bytes()]


def test_a_key_in_answers_outputs_errors_and_prompts_is_found_nowhere(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(CANARY)
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.format(key=CANARY))
    events = tmp_path / "events"
    with ScriptedServer(serve) as server:
        environ = os.environ | {"ANTHROPIC_API_KEY": CANARY, "ANTHROPIC_BASE_URL": server.url}
        program = [sys.executable, "-m", "luna_tui"]
        done = subprocess.run(
            [*program, "run", str(path), "--events", str(events)],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=tmp_path, env=environ,
            timeout=50, check=False,
        )  # fmt: skip
        asked = [call.body.decode() for call in server.calls]
    assert done.returncode == 100, done.stderr
    assert "the plan holds the value of ANTHROPIC_API_KEY" in done.stderr
    assert PIECE not in done.stderr + done.stdout
    run = find_run("last").path
    assert files_with(run, PIECE) == ["plan.toml"], "the plan is kept as it is"
    assert files_with(run, "[redacted ANTHROPIC_API_KEY]")
    assert PIECE not in events.read_text()
    shown = subprocess.run(
        [*program, "show", "last"], capture_output=True, text=True, env=environ, timeout=50, check=False
    )
    assert PIECE not in shown.stdout + shown.stderr
    assert any(f"say {CANARY}" in body for body in asked), "prompts are sent as they are"
    assert any("your key is [redacted ANTHROPIC_API_KEY], I think" in body for body in asked)
    output = (run / "outputs" / "command.1.txt").read_text()
    assert output.count("[redacted ANTHROPIC_API_KEY]") == 3
    assert "ANTHROPIC" not in output.replace("[redacted ANTHROPIC_API_KEY]", ""), "no child sees it"


def test_an_error_that_quotes_a_plan_does_not_repeat_a_key(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.format(key=CANARY).replace('kind = "command"', f'kind = "{CANARY}"'))
    done = subprocess.run(
        [sys.executable, "-m", "luna_tui", "check", str(path)],
        capture_output=True, text=True, env=os.environ | {"MY_TOKEN": CANARY}, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 78
    assert "[redacted MY_TOKEN]" in done.stderr
    assert PIECE not in done.stderr
