"""Whole runs whose journal is looked at, broken or removed while they are on."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from luna_tui.core.errors import ExitCode
from luna_tui.core.events import JournalFailed, JournalSaved, Record, SubtaskFinished, SubtaskStarted
from luna_tui.core.outcome import exit_code
from luna_tui.core.state import fold
from luna_tui.core.words import RunStatus, Status
from luna_tui.engine import keeping
from luna_tui.session import LiveSession
from luna_tui.storage import journal as journal_module
from luna_tui.storage.config import load_config
from luna_tui.storage.journal import read_journal
from luna_tui.storage.plans import load_plan


class Heard:
    """A follower that can be waited for, and that says what had been saved when it heard of a record."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.saved: list[int] = []
        self.session: LiveSession | None = None
        self._changed = threading.Condition()

    def __call__(self, record: Record) -> None:
        assert self.session is not None
        with self._changed:
            self.records.append(record)
            self.saved.append(self.session._saving.saved_seq)
            self._changed.notify_all()

    def wait_for(self, kind: type, count: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(
                lambda: sum(isinstance(r.event, kind) for r in self.records) >= count, 20
            )


def session_of(tmp_path: Path, heard: Heard, scripts: Iterable[str]) -> LiveSession:
    """Commands one after the other."""
    lines = ['[plan]\nname = "p"\n[defaults]\nkind = "command"\n[[wave]]\nname = "w"']
    for n, script in enumerate(scripts):
        lines.append(f'[[wave.subtask]]\nid = "c{n}"\nshell = true\nretries = 0\ncommand = """{script}"""')
    path = tmp_path / "plan.toml"
    path.write_text("\n".join(lines))
    config = load_config(explicit=None, cwd=tmp_path, environ={}, flags={"run.workers": 1})
    heard.session = LiveSession(load_plan(path), config, listeners=(heard,))
    return heard.session


def on_a_thread(session: LiveSession) -> threading.Thread:
    thread = threading.Thread(target=session.run, daemon=True)
    thread.start()
    return thread


def test_whoever_follows_hears_only_of_what_is_saved_and_of_all_of_it(tmp_path: Path) -> None:
    heard = Heard()
    session = session_of(tmp_path, heard, ["echo x"] * 10)
    assert session.run() is RunStatus.SUCCEEDED
    assert all(r.seq <= saved for r, saved in zip(heard.records, heard.saved, strict=True))
    assert heard.records == list(read_journal(session.run_dir.path).records)
    assert session.state() == fold(heard.records)


def test_a_command_begins_when_its_start_is_in_the_journal(tmp_path: Path) -> None:
    heard = Heard()
    session = session_of(tmp_path, heard, [f"cat {{{{ run.dir }}}}/journal.*.ndjson > {tmp_path}/seen"])
    assert session.run() is RunStatus.SUCCEEDED
    types = [json.loads(line)["type"] for line in (tmp_path / "seen").read_text().splitlines()]
    assert types[-1] == "subtask_started"


def waits_for(path: Path) -> str:
    return f"until test -e {path}; do sleep 0.02; done"


def test_a_run_directory_removed_in_mid_run_is_there_again_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "LOOK_S", 0.05)
    heard = Heard()
    session = session_of(
        tmp_path, heard, ["echo before", f"echo in; {waits_for(tmp_path / 'go')}", "echo after"]
    )
    thread = on_a_thread(session)
    heard.wait_for(SubtaskStarted, 2)
    # At once, as far as the program can see: what it makes anew is not removed with it.
    shutil.rmtree(session.run_dir.path.rename(tmp_path / "removed"))
    heard.wait_for(JournalSaved)
    (tmp_path / "go").touch()
    thread.join(20)
    state = session.state()
    assert state.counts == {Status.SUCCEEDED: 3}
    assert exit_code(state) is ExitCode.OK
    read = read_journal(session.run_dir.path)
    assert (list(read.records), read.damaged) == (heard.records, ())
    assert json.loads((session.run_dir.path / "run.json").read_text())["run"] == session.run_dir.run
    assert (session.run_dir.path / "plan.toml").read_bytes() == (tmp_path / "plan.toml").read_bytes()
    assert (session.run_dir.outputs / "c1.1.txt").read_text() == "in\n"
    assert (session.run_dir.results / "c2.json").exists()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_journal_thread_that_breaks_ends_the_run_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "GIVE_UP_S", 0.1)
    heard = Heard()
    scripts = ["echo before", f"echo in; {waits_for(tmp_path / 'go')}", "echo never"]
    session = session_of(tmp_path, heard, scripts)
    thread = on_a_thread(session)
    heard.wait_for(SubtaskStarted, 2)

    def broken(_: Record) -> str:
        raise MemoryError("a bug")

    monkeypatch.setattr(journal_module, "to_line", broken)
    (tmp_path / "go").touch()
    thread.join(20)
    assert not thread.is_alive()
    state = session.state()
    assert "the thread that writes the journal broke" in [
        r.event.message for r in heard.records if isinstance(r.event, JournalFailed)
    ]
    ends = {r.event.subtask: r.event.status for r in heard.records if isinstance(r.event, SubtaskFinished)}
    assert ends == {"c0": Status.SUCCEEDED, "c1": Status.SUCCEEDED, "c2": Status.CANCELLED}
    assert exit_code(state) is ExitCode.NOT_SAVED
    assert state.finished is not None
    assert state.finished.reason == "not saved: the thread that writes the journal broke"
