"""The program as a script sees it: exit codes, streams, signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from luna_tui.core.events import RunFinished
from luna_tui.core.price_table import AS_OF, PRICES
from luna_tui.storage.config import RUN_KEYS
from luna_tui.storage.config_storage import STORAGE_KEYS
from luna_tui.storage.config_ui import NOTIFY_KEYS, UI_KEYS
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import find_run

PROGRAM = [sys.executable, "-m", "luna_tui"]
ASK = '[plan]\nname = "p"\n[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "a"\nprompt = "hello"\nretries = 0\n'


def run(*argv: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *argv],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        env=os.environ | env,
        timeout=50,
        check=False,
    )


def commands(folder: Path, *scripts: str, head: str = "") -> Path:
    lines = [f'[plan]\nname = "p"\n[[wave]]\nname = "w"\n{head}']
    for n, script in enumerate(scripts):
        lines.append(f'[[wave.subtask]]\nid = "c{n}"\nkind = "command"\nshell = true\nretries = 0')
        lines.append(f'command = """{script}"""')
    path = folder / "plan.toml"
    path.write_text("\n".join(lines))
    return path


def test_the_demo_recovers_from_every_fault_and_ends_with_0(tmp_path: Path) -> None:
    done = run("demo", "--headless", "--speed", "10", "--events", "-")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [r["seq"] for r in records] == list(range(1, len(records) + 1))
    failed = {r["subtask"]: r["error_kind"] for r in records if r["type"] == "attempt_failed"}
    assert failed == {"calendar": "rate_limited", "difflib": "overloaded", "gzip": "connection"}
    assert records[-1]["counts"] == {"succeeded": 40}
    read = read_journal(find_run("last").path)
    assert len(read.records) == len(records)
    assert read.damaged == ()
    shown = run("show", "last", "--json")
    assert json.loads(shown.stdout)["counts"] == {"succeeded": 40}


def test_a_bad_plan_starts_nothing_and_is_78(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(ASK + "tymeout = 3\n")
    done = run("run", str(path))
    assert done.returncode == 78
    assert f"{path}:9: unknown key tymeout in a subtask — did you mean timeout?" in done.stderr
    assert done.stdout == ""


def test_no_key_is_77_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(ASK)
    done = run("run", str(path), HOME=str(tmp_path / "home"))
    assert done.returncode == 77
    assert "ANTHROPIC_API_KEY" in done.stderr


def test_nobody_there_is_69(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(ASK)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = run("run", str(path), ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL=url)
    assert done.returncode == 69, done.stderr


def test_a_failed_subtask_is_100(tmp_path: Path) -> None:
    done = run("run", str(commands(tmp_path, "exit 3", "echo fine")))
    assert done.returncode == 100
    assert "failed 1.01 c0: exited with 3, 1 try." in done.stderr
    assert "succeeded 1.02 c1 after" in done.stderr


def test_a_wave_that_times_out_goes_on_as_the_plan_says(tmp_path: Path) -> None:
    done = run("run", str(commands(tmp_path, "sleep 60", "echo fine", head="timeout = 1")))
    assert done.returncode == 100
    assert "the wave timed out after 1 s" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_and_its_children(tmp_path: Path, number: signal.Signals, code: int) -> None:
    path = commands(tmp_path, f"echo $$ > {tmp_path}/pid; sleep 1000")
    again = number == signal.SIGTERM
    child = subprocess.Popen(
        [*PROGRAM, "run", str(path), "--events", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if json.loads(line)["type"] == "subtask_started":
            break
    for _ in range(200):
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip():
            break
        signal.sigtimedwait([], 0.02)
    child.send_signal(number)
    if again:
        # What is in flight may end by itself, unless it is asked for a second time.
        for line in child.stdout:
            if json.loads(line)["type"] == "cancel_requested":
                break
        signal.sigtimedwait([], 0.4)
        child.send_signal(number)
    out, err = child.communicate(timeout=10)
    assert child.returncode == code, err
    assert json.loads(out.splitlines()[-1])["status"] == "cancelled"
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_reader_that_goes_away_does_not_end_the_run(tmp_path: Path) -> None:
    path = commands(tmp_path, *(["echo hello"] * 5))
    line = f"{sys.executable} -m luna_tui run {path} --events - | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=False)
    first, code = done.stdout.splitlines()
    assert json.loads(first)["type"] == "run_started"
    assert code == "0", done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "<&- >&- 2>&-", "2>&-"])
def test_closed_streams_change_nothing_but_what_can_be_seen(tmp_path: Path, closed: str) -> None:
    path = commands(tmp_path, "echo hello")
    line = f"{sys.executable} -m luna_tui run {path} {closed}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    last = read_journal(find_run("last").path).records[-1]
    assert isinstance(last.event, RunFinished)


def test_events_that_cannot_be_written_are_told_in_one_line(tmp_path: Path) -> None:
    path = commands(tmp_path, "echo hello")
    done = run("run", str(path), "--events", "/dev/full")
    assert done.returncode == 0
    assert "events are missing in /dev/full from number 1 on: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    nowhere = run("run", str(path), "--events", str(tmp_path / "no" / "events"))
    assert nowhere.returncode == 74
    assert nowhere.stderr.startswith("luna-tui: cannot write events")


def test_hostile_output_reaches_no_stream_raw(tmp_path: Path) -> None:
    path = commands(tmp_path, r"printf '\\033]52;c;aGk=\\007\\033[2J[/red] bad'; exit 1")
    done = run("run", str(path), "--events", "-")
    assert "\x1b" not in done.stdout + done.stderr
    assert done.returncode == 100
    assert "[/red] bad" in done.stderr


def test_a_folder_is_no_plan(tmp_path: Path) -> None:
    done = run("check", str(tmp_path))
    assert done.returncode == 78
    assert "is a folder" in done.stderr


def test_a_misplaced_secret_is_not_repeated() -> None:
    done = run("demo", "--set", "api_key=sk-canary")
    assert done.returncode == 2
    assert "canary" not in done.stdout + done.stderr


def test_usage_errors_are_2() -> None:
    assert run("demo", "--workers", "many").returncode == 2
    assert run("show", "nothing").returncode == 2
    assert run().returncode == 2


def test_a_state_folder_that_cannot_be_written_is_74(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("demo", "--headless", XDG_STATE_HOME=str(tmp_path / "file"))
    assert done.returncode == 74
    assert "a file stands where a folder is needed" in done.stderr


def test_more_workers_than_the_table_gives_are_told(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(ASK)
    done = run("check", str(path), "--set", "run.workers=40")
    assert done.returncode == 0
    assert "40 workers, above the table's 15 for tier2 balanced" in done.stderr
    assert "   40 workers   " in done.stdout
    auto = run("check", str(path), "--set", "run.workers=auto")
    assert "as many workers as the limits can use" in auto.stdout
    assert run("run", str(path), "--workers", "many").returncode == 2


def test_a_budget_holds_the_rest_and_the_run_can_go_on_later(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(ASK + '[[wave.subtask]]\nid = "b"\nprompt = "hello"\n')
    prices = ("--set", "prices.claude-haiku-5-5.input=1000", "--set", "prices.claude-haiku-5-5.output=1000")
    argv = ("run", str(path), "--headless", "--provider", "simulator")
    done = run(*argv, "--budget", "0.01", *prices)
    assert done.returncode == 75
    assert "run held after" in done.stderr
    assert "what is left would exceed the budget of 0.0100 USD" in done.stderr
    assert json.loads(run("show", "last", "--json").stdout)["status"] == "held"
    without = run(*argv, "--budget", "5", "--model", "claude-next-9")
    assert "the budget of 5.00 USD does not hold claude-next-9: no price is known" in without.stderr
    assert run(*argv, "--budget", "much").returncode == 2
    assert "'much' is no amount of USD" in run(*argv, "--budget", "much").stderr


def test_config_show_names_every_setting_and_where_it_came_from(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        '[keys]\n"run.pause" = "h"\n[prices."m-1"]\ninput = 1.0\noutput = 5\n[limits.tier2]\nrpm = 7\n'
    )
    shown = run("config", "show", "--origin", "--config", str(file)).stdout
    for section, keys in (
        ("run", RUN_KEYS),
        ("ui", UI_KEYS),
        ("notify", NOTIFY_KEYS),
        ("storage", STORAGE_KEYS),
    ):
        for key in keys:
            assert f"{section}.{key} = " in shown
    assert f'keys."run.pause" = "h"   # {file}:2' in shown
    assert f'prices."m-1".output = 5.0   # {file}:5' in shown
    assert 'prices."m-1".cache_read = 0.1   # default' in shown
    assert f"limits.tier2.rpm = 7   # {file}:7" in shown
    assert "limits.tier1" not in shown
    assert f"# prices of {AS_OF}, where [prices] has no other" in shown
    listed = [line.split('"')[1] for line in shown.splitlines() if line.startswith("# prices.")]
    assert listed == list(PRICES)


@pytest.mark.parametrize("command", [["config", "show"], ["config", "path"]])
def test_standard_output_on_a_full_disk_is_told_in_a_line(command: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*PROGRAM, *command], stdout=full, stderr=subprocess.PIPE, text=True, timeout=50, check=False
        )
    assert done.returncode == 74
    assert done.stderr == "luna-tui: cannot write to standard output: No space left on device\n"
