"""`resume` and `retry` as commands: what they say, what they run, what they refuse, and their exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from luna_tui.cli import main
from luna_tui.commands.plan_diff import diff_lines
from luna_tui.core.events import (
    Record,
    RetryRequested,
    RunStarted,
    SubtaskFinished,
    SubtaskStarted,
    WaveFinished,
)
from luna_tui.core.outcome import exit_code
from luna_tui.core.records import encode
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import ErrorKind, Manner, Mode, Scope, Status
from luna_tui.session import LiveSession, SimulatorChoice
from luna_tui.simulator.faults import Fault, FaultKind
from luna_tui.storage.config import Config
from luna_tui.storage.disk import Disk
from luna_tui.storage.journal import read_journal, seal
from luna_tui.storage.paths import RunDir, runs_dir
from luna_tui.storage.plans import load_plan
from luna_tui.storage.run_meta import read_meta

HEAD = """
[plan]
name = "trial"
[defaults]
kind = "command"
shell = true
retries = 0
[[wave]]
name = "one"
"""
Said = Callable[[], str]
NOTE = {"pid": 4711, "host": "far", "boot_id": "", "started_at": "", "socket": ""}


def command(id: str, line: str, **more: object) -> str:
    extra = "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items())
    text = json.dumps(f"echo {id} >> log; {line}")
    return f"[[wave.subtask]]\nid = '{id}'\ntitle = '{id}'\ncommand = {text}\n{extra}"


FIRST = command("a", "printf A") + command("b", "printf B") + command("bad", "test -e fixed")
SECOND = (
    "[[wave]]\nname = 'two'\n"
    + command("c", 'test "{{ results.a }}" = A', depends_on=["a"])
    + command("d", "true", depends_on=["bad"])
)
PLAN = HEAD + FIRST + SECOND


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    path = home / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().err


def run_dir(run: str = "r1") -> RunDir:
    return RunDir(runs_dir() / run)


def state(run: str = "r1") -> RunState:
    read = read_journal(run_dir(run).path)
    assert read.damaged == ()
    return fold(read.records)


def ends(run: str = "r1") -> dict[str, Status | None]:
    return {s.id: s.status for s in state(run).subtasks.values()}


def ran() -> list[str]:
    """Commands in the order in which they began, since the last time this was asked."""
    log = Path("log")
    found = log.read_text(encoding="utf-8").split() if log.exists() else []
    log.unlink(missing_ok=True)
    return sorted(found)


def run(plan: Path, *flags: str) -> int:
    return main(["run", str(plan), "--headless", "--run-id", "r1", "--workers", "1", *flags])


def resume(*flags: str, run: str = "r1") -> int:
    return main(["resume", run, "--headless", *flags])


def retry(*flags: str) -> int:
    return main(["retry", "r1", "--headless", *flags])


def crash_after(kind: type, name: str, run: str = "r1", *, count: int = 1) -> None:
    """Make the run look as if its process was killed right after an event of a subtask or wave."""
    records = read_journal(run_dir(run).path).records
    found = [n for n, r in enumerate(records) if isinstance(r.event, kind) and name == named(r.event)]
    cut_to(records[: found[count - 1] + 1], run)


def named(event: Any) -> str:
    return str(getattr(event, "subtask", None) or event.wave)


def cut_to(records: Sequence[Record], run: str = "r1") -> None:
    folder = run_dir(run)
    for path in folder.path.glob("journal.*.ndjson"):
        path.unlink()
    lines = "".join(seal(json.dumps(encode(r))) + "\n" for r in records)
    folder.journal(1).write_text(lines, encoding="utf-8")
    for s in fold(records).subtasks.values():
        if s.status is None:
            (folder.results / f"{s.id}.json").unlink(missing_ok=True)


def test_what_a_killed_run_had_not_ended_is_run_and_nothing_else(plan: Path, said: Said) -> None:
    assert run(plan) == 100
    ran(), said()
    crash_after(SubtaskStarted, "bad")
    assert resume() == 100
    again = ran()
    assert {"bad", "c"} <= set(again)
    assert "a" not in again
    assert f"{4 - len(again)} kept, 1 interrupted, {len(again) + 1} to run" in said()
    assert ends() == {"a": Status.SUCCEEDED, "b": Status.SUCCEEDED, "bad": Status.FAILED,
                      "c": Status.SUCCEEDED, "d": Status.SKIPPED}  # fmt: skip


def test_the_plain_lines_begin_where_the_run_goes_on(plan: Path, said: Said) -> None:
    run(plan)
    crash_after(WaveFinished, "one")
    said()
    resume()
    text = said()
    assert "run r1 begins" not in text
    assert "run r1 goes on" in text


def test_a_finished_run_has_nothing_to_resume_and_keeps_its_files(plan: Path, said: Said) -> None:
    Path("fixed").touch()
    assert run(plan) == 0
    before = {p.name: p.read_bytes() for p in run_dir().path.iterdir() if p.is_file()}
    said()
    assert resume() == 0
    assert "r1 has ended: 5 succeeded; nothing to resume" in said()
    assert {p.name: p.read_bytes() for p in run_dir().path.iterdir() if p.is_file()} == before


def test_failures_alone_are_the_business_of_retry(plan: Path, said: Said) -> None:
    run(plan)
    said()
    assert resume() == 100
    assert "luna-tui retry r1" in said()


def test_retry_runs_what_failed_and_what_was_skipped_for_it(plan: Path, said: Said) -> None:
    run(plan)
    meta = (run_dir().path / "run.json").read_bytes()
    Path("fixed").touch()
    ran(), said()
    assert retry() == 0
    assert ran() == ["bad", "d"]
    text = said()
    assert "1 subtask to try again:" in text
    assert "1 exit code 1: 1.03" in text
    assert "and 1 that was skipped for want of them" in text
    assert set(ends().values()) == {Status.SUCCEEDED}
    assert (run_dir().path / "run.json").read_bytes() == meta
    assert "5 succeeded" in (run_dir().path / "report.md").read_text(encoding="utf-8")
    asked = [r.event for r in read_journal(run_dir().path).records if isinstance(r.event, RetryRequested)]
    assert [(e.by, e.subtasks, e.requeued) for e in asked] == [("user", ("bad",), ("bad", "d"))]


def test_retry_of_a_run_without_failures_says_so(plan: Path, said: Said) -> None:
    Path("fixed").touch()
    run(plan)
    said()
    assert retry() == 0
    assert "nothing to retry" in said()


def test_retry_wants_the_run_to_have_ended(plan: Path, said: Said) -> None:
    run(plan)
    crash_after(WaveFinished, "one")
    said()
    assert retry() == 2
    assert "luna-tui resume r1" in said()


def test_on_a_terminal_retry_asks_and_no_is_no(
    plan: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(plan)
    ran(), said()
    monkeypatch.setattr("luna_tui.commands.resume.agreed", lambda args: False)
    assert retry() == 0
    assert ran() == []
    assert "nothing was started" in said()
    assert state().away == []


def test_a_run_under_way_is_named_with_its_process_and_can_be_watched(plan: Path, said: Said) -> None:
    run(plan)
    folder = run_dir()
    held = Disk().lock(folder.lock)
    try:
        folder.lock.write_text(json.dumps(NOTE), encoding="utf-8")
        said()
        assert resume() == 2
        text = said()
        assert "process 4711 on far" in text
        assert "luna-tui attach r1" in text
    finally:
        os.close(held)


def test_retry_of_a_run_under_way_asks_its_process(plan: Path, said: Said) -> None:
    """`bad` has failed while `b` is still at work; it is tried again before that ends."""
    plan.write_text(PLAN.replace("printf B", "while ! test -e go; do sleep 0.02; done"), encoding="utf-8")
    session = LiveSession(load_plan(plan), Config(), run="r1")
    failed, over = Event(), Event()

    def listen(record: Record) -> None:
        if isinstance(record.event, SubtaskFinished) and record.event.subtask == "d":
            failed.set()

    def whole() -> None:
        session.run()
        over.set()

    session.subscribe(listen)
    Thread(target=whole, daemon=True).start()
    assert failed.wait(20)
    Path("fixed").touch()
    assert main(["retry", "r1"]) == 0
    assert "1 exit code 1: 1.03" in said()
    Path("go").touch()
    assert over.wait(20)
    assert set(ends().values()) == {Status.SUCCEEDED}
    assert main(["retry", "r1"]) == 0
    assert "nothing to retry" in said()


def test_a_changed_plan_is_refused_with_what_differs_and_both_ways_on(plan: Path, said: Said) -> None:
    run(plan)
    crash_after(WaveFinished, "one")
    ran(), said()
    plan.write_text(PLAN.replace("printf B", "printf C") + command("e", "true"), encoding="utf-8")
    assert resume() == 78
    text = said()
    assert "-command" in text
    assert "+command" in text
    assert "new: 1 (e)" in text
    assert "changed: 1 (b)" in text
    assert f"--plan {run_dir().path / 'plan.toml'}" in text
    assert f"--plan {plan}" in text
    assert ran() == []


def test_a_diff_has_an_end_and_nothing_that_moves_a_cursor() -> None:
    lines = diff_lines(b"", b"\x1b[2J\x1b]0;title\x07" + b"line\n" * 1_000)
    assert len(lines) < 70
    assert "more than" in lines[-1]
    assert not any("\x1b" in line or "\x07" in line for line in lines)


def test_the_plan_as_it_ran_goes_on_in_place(plan: Path, said: Said) -> None:
    run(plan)
    crash_after(WaveFinished, "one")
    ran()
    plan.write_text(PLAN + command("e", "true"), encoding="utf-8")
    assert resume("--plan", str(run_dir().path / "plan.toml")) == 100
    assert "e" not in ran()
    assert state().away != []


def test_a_plan_that_is_gone_goes_on_as_it_was_kept(plan: Path, said: Said) -> None:
    run(plan)
    crash_after(WaveFinished, "one")
    plan.unlink()
    said()
    assert resume() == 100
    assert "is gone; the plan goes on as it was kept" in said()


def test_another_plan_is_a_new_run_that_keeps_what_is_unchanged(plan: Path, said: Said) -> None:
    run(plan)
    ran(), said()
    plan.write_text(PLAN.replace("printf B", "printf C").replace("test -e fixed", "true"), encoding="utf-8")
    assert resume("--plan", str(plan), "--run-id", "r2") == 0
    assert ran() == ["b", "bad", "d"]
    assert "a new run: 2 unchanged since r1, 3 to run" in said()
    assert ends("r2") == {"a": Status.CACHED, "b": Status.SUCCEEDED, "bad": Status.SUCCEEDED,
                          "c": Status.CACHED, "d": Status.SUCCEEDED}  # fmt: skip
    assert state("r2").resumed_from == "r1"
    result = json.loads((run_dir("r2").results / "a.json").read_bytes())
    assert (result["status"], result["output"]) == ("cached", "A")
    assert ends("r1")["bad"] is Status.FAILED
    assert read_meta(run_dir("r2")).resumed_from == "r1"


def test_what_needs_something_that_changed_is_run_too(plan: Path) -> None:
    run(plan)
    ran()
    plan.write_text(PLAN.replace("printf A", "printf A; true"), encoding="utf-8")
    assert resume("--plan", str(plan), "--run-id", "r2") == 100
    assert ran() == ["a", "bad", "c"]


def test_another_id_with_the_same_plan_takes_over_all_that_went_well(plan: Path) -> None:
    run(plan)
    ran()
    Path("fixed").touch()
    assert resume("--run-id", "r2") == 0
    assert ran() == ["bad", "d"]
    assert (run_dir("r2").path / "plan.toml").read_bytes() == plan.read_bytes()
    assert resume(run="r2") == 0


def test_a_new_run_can_be_gone_on_with_itself(plan: Path) -> None:
    Path("fixed").touch()
    run(plan)
    resume("--run-id", "r2")
    ran()
    crash_after(SubtaskFinished, "a", run="r2")
    assert resume(run="r2") == 0
    assert "a" not in ran()
    assert ends("r2")["a"] is Status.CACHED


def test_provider_mode_and_workers_are_those_of_the_run_unless_flags_say_otherwise(plan: Path) -> None:
    Path("fixed").touch()
    run(plan, "--provider", "simulator", "--mode", "aggressive", "--workers", "3", "--tier", "tier3")
    crash_after(SubtaskFinished, "a")
    assert resume() == 0
    now = state()
    assert (now.provider, now.mode, now.max_workers, now.tier) == ("simulator", Mode.AGGRESSIVE, 3, "tier3")
    crash_after(SubtaskFinished, "a")
    assert resume("--workers", "2", "--mode", "conservative") == 0
    now = state()
    assert (now.mode, now.max_workers) == (Mode.CONSERVATIVE, 2)


def test_defaults_of_the_configuration_are_those_the_run_began_with(plan: Path) -> None:
    plan.write_text(PLAN.replace("retries = 0", ""), encoding="utf-8")
    Path("fixed").touch()
    assert run(plan, "--set", "run.retries=5") == 0
    crash_after(SubtaskFinished, "a")
    config = Path(os.environ["XDG_CONFIG_HOME"]) / "luna-tui" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("[run]\nretries = 1\n", encoding="utf-8")
    assert resume() == 0
    assert {s.planned.retries for s in state().subtasks.values()} == {5}


def test_a_result_that_is_lost_and_needed_is_made_again_and_said(plan: Path, said: Said) -> None:
    Path("fixed").touch()
    run(plan)
    crash_after(WaveFinished, "one")
    (run_dir().results / "a.json").unlink()
    for path in run_dir().outputs.glob("a.*"):
        path.unlink()
    ran(), said()
    assert resume() == 0
    assert ran() == ["a", "c", "d"]
    assert "the result of a cannot be read, and is needed: it runs again" in said()


def test_without_its_result_the_text_of_the_attempt_serves(plan: Path) -> None:
    Path("fixed").touch()
    run(plan)
    crash_after(WaveFinished, "one")
    (run_dir().results / "a.json").write_text("{", encoding="utf-8")
    ran()
    assert resume() == 0
    assert ran() == ["c", "d"]


def test_a_result_that_nobody_told_counts(plan: Path, said: Said) -> None:
    Path("fixed").touch()
    run(plan)
    kept = (run_dir().results / "bad.json").read_bytes()
    crash_after(SubtaskStarted, "bad")
    (run_dir().results / "bad.json").write_bytes(kept)
    ran()
    assert resume() == 0
    assert "bad" not in ran()


def test_a_result_older_than_the_try_that_was_in_flight_does_not(plan: Path) -> None:
    """It failed, was tried again, and the process was killed in the second attempt."""
    run(plan)
    kept = (run_dir().results / "bad.json").read_bytes()
    Path("fixed").touch()
    retry()
    crash_after(SubtaskStarted, "bad", count=2)
    (run_dir().results / "bad.json").write_bytes(kept)
    ran()
    assert resume() == 0
    assert ran() == ["bad", "d"]
    assert [t.error_kind for t in state().subtasks["bad"].tries] == ["exit_code", ErrorKind.INTERRUPTED, None]


MAPPED = (
    "[plan]\nname = 'p'\n[[wave]]\nname = 'one'\n[[wave.map]]\nid = '{{ item }}'\nkind = 'command'\n"
    "items = { glob = 'items/*' }\ncommand = ['cat', '{{ item }}']\n"
)


def test_a_map_goes_on_with_the_items_that_it_began_with(plan: Path, said: Said) -> None:
    Path("items").mkdir()
    for name in ("a", "b"):
        Path("items", name).write_text(name, encoding="utf-8")
    plan.write_text(MAPPED, encoding="utf-8")
    assert run(plan) == 0
    crash_after(SubtaskFinished, "items-a")
    Path("items/c").write_text("c", encoding="utf-8")
    assert resume() == 0
    assert ends() == {"items-a": Status.SUCCEEDED, "items-b": Status.SUCCEEDED}
    said()
    assert resume("--plan", str(plan), "--run-id", "r2") == 0
    assert "2 unchanged since r1, 1 to run" in said()
    both = {"items-a": Status.CACHED, "items-b": Status.CACHED}
    assert ends("r2") == both | {"items-c": Status.SUCCEEDED}


def test_words_about_the_folder_of_the_plan_mean_where_it_was_started(plan: Path) -> None:
    plan.write_text(HEAD + command("a", "test -e {{ plan.dir }}/plan.toml"), encoding="utf-8")
    run(plan)
    crash_after(SubtaskStarted, "a")
    assert resume() == 0


def test_a_run_without_what_it_was_begun_with_cannot_go_on(plan: Path, said: Said) -> None:
    run(plan)
    (run_dir().path / "run.json").unlink()
    said()
    assert resume() == 78
    assert "luna-tui run" in said()


def test_a_journal_that_is_gone_makes_everything_run_that_kept_no_result(plan: Path) -> None:
    Path("fixed").touch()
    run(plan)
    run_dir().journal(1).unlink()
    (run_dir().results / "b.json").unlink()
    ran()
    assert resume() == 0
    assert ran() == ["b"]
    assert set(ends().values()) == {Status.SUCCEEDED}


def test_the_demo_goes_on_with_its_own_speed_and_faults() -> None:
    given = SimulatorChoice(speed=0.5, faults=(Fault(kind=FaultKind.CUT, match="x", after=3),))
    assert SimulatorChoice.from_kept(json.loads(json.dumps(given.kept()))) == given
    assert SimulatorChoice.from_kept({"speed": "no"}) == SimulatorChoice()


def test_it_speaks_portuguese(plan: Path, said: Said) -> None:
    run(plan)
    crash_after(WaveFinished, "one")
    said()
    resume("--lang", "pt_BR")
    text = said()
    assert "prontas" in text
    assert "execução r1 continua" in text


def test_the_first_word_of_the_new_process_is_that_it_goes_on(plan: Path) -> None:
    run(plan)
    crash_after(WaveFinished, "one")
    resume()
    records = read_journal(run_dir().path).records
    begun = [r.event for r in records if isinstance(r.event, RunStarted)]
    assert [(e.resumed_from, e.away_s is None) for e in begun] == [(None, True), ("r1", False)]


def stop_in_b(plan: Path) -> None:
    """`a` has ended, `b` is in flight and nothing else has begun when a person stops the run."""
    plan.write_text(PLAN.replace("printf B", "test -e go || sleep 20; printf B"), encoding="utf-8")
    session = LiveSession(load_plan(plan), replace(Config(), workers=1), run="r1")

    def listen(record: Record) -> None:
        if isinstance(record.event, SubtaskStarted) and record.event.subtask == "b":
            at_work.set()

    at_work = Event()
    session.subscribe(listen)
    runs = Thread(target=session.run, daemon=True)
    runs.start()
    assert at_work.wait(20)
    session.control.cancel(Scope.RUN, Manner.NOW, by="user")
    runs.join(20)
    assert session.state().finished is not None
    assert exit_code(session.state()) == 75
    Path("fixed").touch()
    Path("go").touch()


def test_what_a_person_stopped_is_run_to_its_end(plan: Path, said: Said) -> None:
    stop_in_b(plan)
    done = {i for i, status in ends().items() if status is Status.SUCCEEDED}
    ran()
    assert resume() == 0
    assert set(ran()) == {"a", "b", "bad", "c", "d"} - done
    assert set(ends().values()) == {Status.SUCCEEDED}
    asked = [r.event for r in read_journal(run_dir().path).records if isinstance(r.event, RetryRequested)]
    assert [e.by for e in asked] == ["resume"]
    assert resume() == 0


def test_retry_leaves_what_a_person_stopped(plan: Path, said: Said) -> None:
    stop_in_b(plan)
    ran()
    assert retry() == 75
    text = said()
    assert "nothing to retry" in text
    assert "luna-tui resume r1" in text
    assert ran() == []


def test_what_asked_a_model_and_has_ended_needs_no_key_any_more(plan: Path, said: Said) -> None:
    asked = '[[wave.subtask]]\nid = "ask"\ntitle = "ask"\nkind = "claude"\n'
    asked += 'prompt = "simulate: output=5 seconds=0.1 first=0.05"\n'
    later = "[[wave]]\nname = 'two'\n" + command("later", "true")
    plan.write_text(HEAD + asked + later, encoding="utf-8")
    assert run(plan, "--provider", "simulator") == 0
    crash_after(WaveFinished, "one")
    assert resume("--provider", "anthropic") == 0
    crash_after(SubtaskStarted, "ask")
    said()
    assert resume("--provider", "anthropic") == 77
    assert "no credentials" in said()
