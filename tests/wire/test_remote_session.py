"""A front end sees a run in another process as it sees its own, and is told when that process is gone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from wire_support import IDS, ServedStage, until

from luna_tui.core.errors import LunaError
from luna_tui.core.events import Attached, Record, RunFinished, Tokens
from luna_tui.core.records import to_line
from luna_tui.core.state import fold
from luna_tui.core.words import Manner, RunStatus, Scope, Watching
from luna_tui.session.asking import control_of, state_of, status_of
from luna_tui.session.kept_run import KeptSession
from luna_tui.session.remote import RemoteSession
from luna_tui.storage.journal import seal
from luna_tui.storage.paths import RunDir
from luna_tui.storage.run_lock import read_note, running_runs, socket_of, socket_place, write_note

END = RunFinished(
    status=RunStatus.CANCELLED, counts={}, wall_s=2.0, sum_s=1.0, speedup=None, bound_s=None,
    efficiency=None, tokens=Tokens(), cost_usd=None, throttled=0,
)  # fmt: skip


class Held:
    """A run directory whose lock is held, with a made-up run behind its socket."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.run_dir = RunDir(folder)
        self.lock = os.open(self.run_dir.lock, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.stage = ServedStage(folder)
        write_note(self.run_dir, started_at="2026-01-02T15:04:05Z", socket=str(self.stage.path))

    def die(self, *, saved: list[Record] | None = None) -> None:
        """The process goes, having saved these records."""
        if saved is not None:
            lines = "".join(seal(to_line(record)) + "\n" for record in saved)
            self.run_dir.journal(1).write_text(lines, encoding="utf-8")
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1
        self.stage.server.close()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    found = Held(tmp_path / "runs" / "20260102-150405-7f3a")
    yield found
    found.die()


def test_a_session_has_the_state_at_once_and_keeps_up(held: Held) -> None:
    held.stage.say("hello ")
    held.stage.state()
    session = RemoteSession(held.run_dir)
    state = session.state()
    assert state.subtasks[IDS[0]].tail == "hello "
    assert session.watching is Watching.ATTACHED
    assert abs(session.now_s() - held.stage.bus.now_s()) < 1.0
    held.stage.say("world")
    until(lambda: session.state().subtasks[IDS[0]].tail == "hello world")
    assert session.state() is state, "a front end may hold on to the state"
    until(lambda: session.state().seq == len(held.stage.records))
    assert session.state() == fold(held.stage.records)
    assert [r.seq for r in session.since(5)] == [r.seq for r in fold(held.stage.records).log if r.seq > 5]
    session.close()


def test_commands_reach_the_run_and_refusals_come_back_in_words(held: Held) -> None:
    session = RemoteSession(held.run_dir)
    assert session.control is not None
    session.control.cancel(Scope.RUN, Manner.FINISH, by="ana")
    session.control.skip(["nope"], by="ana")
    until(lambda: held.stage.control.calls)
    assert held.stage.control.calls == [("cancel", "ana", Scope.RUN, Manner.FINISH, None, None)]
    heard: list[str] = []

    def hear() -> list[str]:
        heard.extend(session.heard())
        return heard

    until(hear)
    assert heard == ["Refused: no subtask 'nope' in this run"]
    session.close()


def test_who_only_watches_has_no_door_for_commands(held: Held) -> None:
    session = RemoteSession(held.run_dir, read_only=True)
    assert session.control is None
    assert session.watching is Watching.READ_ONLY
    assert held.stage.told(Attached) == [Attached(by="user", read_only=True, viewers=1)]
    session.close()


def test_the_end_of_the_run_ends_the_session_with_all_of_it(held: Held) -> None:
    session = RemoteSession(held.run_dir)
    until(lambda: held.stage.told(Attached))
    held.stage.publish(END)
    held.stage.server.close()
    assert session.ended.wait(5.0)
    assert session.state() == fold(held.stage.records)
    assert session.watching is Watching.ATTACHED
    assert session.now_s() == session.state().at
    assert session.heard() == ()
    session.close()


def test_a_process_that_dies_is_seen_and_what_it_saved_is_shown(held: Held) -> None:
    session = RemoteSession(held.run_dir)
    until(lambda: held.stage.told(Attached))
    held.stage.say("saved")
    saved = list(held.stage.records)
    held.die(saved=saved)
    assert session.ended.wait(5.0)
    assert session.watching is Watching.LOST
    assert session.control is None
    assert session.state() == fold(saved)
    assert session.now_s() == saved[-1].at, "the clock of a dead run stands still"
    assert session.heard() == (
        "The run's process is gone. Go on with it: luna-tui resume 20260102-150405-7f3a",
    )
    session.close()


def test_an_end_that_was_saved_and_not_told_is_an_end(held: Held) -> None:
    session = RemoteSession(held.run_dir)
    until(lambda: held.stage.told(Attached))
    last = held.stage.records[-1]
    saved = [*held.stage.records, Record(last.seq + 1, last.at, last.run, END)]
    held.die(saved=saved)
    assert session.ended.wait(5.0)
    assert session.state().finished == END
    assert session.watching is Watching.ATTACHED
    session.close()


def test_a_session_comes_back_by_itself_when_the_process_answers_again(held: Held) -> None:
    session = RemoteSession(held.run_dir)
    until(lambda: held.stage.told(Attached))
    held.stage.server.close()
    held.stage.path.unlink()
    until(lambda: session.watching is Watching.RECONNECTING)
    again = ServedStage(held.run_dir.path)
    again.say("after the break")
    until(lambda: session.watching is Watching.ATTACHED)
    until(lambda: session.state().seq == len(again.records))
    assert session.state() == fold(again.records)
    session.close()
    again.server.close()


def test_leaving_ends_both_threads_and_the_run_goes_on(held: Held) -> None:
    session = RemoteSession(held.run_dir)
    session.close()
    assert session.ended.wait(5.0)
    assert session.watching is Watching.ATTACHED
    until(lambda: held.stage.state().viewers == 0)
    assert held.stage.control.calls == []


def test_nobody_there_is_said_in_words(held: Held) -> None:
    held.stage.server.close()
    with pytest.raises(LunaError, match="cannot be reached"):
        RemoteSession(held.run_dir)
    with pytest.raises(LunaError, match="does not answer"):
        status_of(held.run_dir)


def test_a_run_that_nobody_holds_is_not_asked(held: Held) -> None:
    held.die()
    with pytest.raises(LunaError, match="no process works on"):
        state_of(held.run_dir)


def test_one_thing_can_be_asked_without_watching(held: Held) -> None:
    held.stage.say("x")
    assert state_of(held.run_dir)[0] == fold(held.stage.records)
    control_of(held.run_dir).pause(by="user")
    assert held.stage.control.calls == [("pause", "user")]
    with pytest.raises(LunaError, match="no subtask 'nope'"):
        control_of(held.run_dir).skip(["nope"], by="user")
    assert not held.stage.told(Attached)


def test_a_run_that_was_left_is_shown_as_its_journal_tells(held: Held) -> None:
    held.die(saved=held.stage.records)
    session = KeptSession(held.run_dir)
    assert session.state() == fold(held.stage.records)
    assert session.watching is Watching.LOST
    assert "luna-tui resume" in session.heard()[0]
    assert session.heard() == ()
    assert session.control is None


def test_the_lock_file_says_who_holds_the_run(held: Held) -> None:
    note = read_note(held.run_dir)
    assert note is not None
    assert (note.pid, note.socket) == (os.getpid(), str(held.stage.path))
    assert socket_of(held.run_dir) == held.stage.path


@pytest.mark.parametrize(
    "content", [b"", b"7", b"{}", b"[" * 4_000, b'{"pid":"x"}', b"\xff", b'{"pid":1,"host":"h"}']
)
def test_a_lock_file_that_says_nothing_is_no_error(tmp_path: Path, content: bytes) -> None:
    run_dir = RunDir(tmp_path)
    run_dir.lock.write_bytes(content)
    assert read_note(run_dir) is None
    assert socket_of(run_dir) is None


def test_only_runs_that_are_held_are_on(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    root = held.run_dir.path.parent
    (root / "20250101-000000-dead").mkdir()
    (root / "20250101-000000-dead" / "lock").touch()
    monkeypatch.setattr("luna_tui.storage.run_lock.runs_dir", lambda: root)
    assert running_runs() == [held.run_dir]


def test_a_path_that_is_too_long_for_a_socket_gets_a_short_private_one(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path / ("long-" * 30))
    place = socket_place(run_dir)
    assert len(str(place)) < 80
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert place.parent.stat().st_uid == os.geteuid()
    assert socket_place(RunDir(tmp_path)) == tmp_path / "control.sock"
    assert socket_place(RunDir(tmp_path / ("long-" * 31))) != place
