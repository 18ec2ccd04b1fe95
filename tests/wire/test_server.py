"""Viewers see the run as it is, whenever they come; none of them can hold it up or harm it."""

from __future__ import annotations

import json
import os
import random
import threading
from pathlib import Path

import pytest
from wire_support import IDS, ServedStage, follow, until

from luna_tui.core.events import Attached, Detached, Record, RunStarted, SubtaskFinished
from luna_tui.core.state import fold
from luna_tui.core.words import Manner, Scope, Status
from luna_tui.wire import peer as peers
from luna_tui.wire import reception
from luna_tui.wire.asking import ask, look
from luna_tui.wire.client import Answer, Ping, RefusedError, Snapshot
from luna_tui.wire.messages import Wish, line


def test_a_viewer_begins_with_the_state_and_goes_on_with_every_record(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        run.say("before ")
        run.state()
        run.say("waits in the inbox ")
        viewer = run.connect()
        until(lambda: run.told(Attached))
        run.say("after")
        state = follow(viewer, len(run.records))
        assert state == fold(run.records)
        assert state.subtasks[IDS[0]].tail == "before waits in the inbox after"
        viewer.close()


def test_late_viewers_of_a_storm_know_exactly_what_the_run_knows(tmp_path: Path) -> None:
    """Twenty of them, each at a moment of its own."""
    rng = random.Random(5)
    moments = sorted(rng.sample(range(200, 6_000), 20))
    found = []
    with ServedStage(tmp_path) as run:
        done = threading.Event()

        def pull() -> None:
            while not done.wait(0.01):
                run.state()

        def view() -> None:
            viewer = run.connect(Wish.VIEW)
            done.wait(20.0)
            found.append(follow(viewer, last))
            viewer.close()

        front_end = threading.Thread(target=pull)
        front_end.start()
        viewers = []
        for number in range(6_000):
            run.say(f"{number} ", IDS[number % 6])
            if moments and number == moments[0]:
                viewers.append(threading.Thread(target=view))
                viewers[-1].start()
                moments.pop(0)
        until(lambda: len(run.told(Attached)) == 20)
        last = len(run.records)
        done.set()
        for thread in (*viewers, front_end):
            thread.join()
        whole = fold(run.records[:last])
    assert len(found) == 20
    assert all(state == whole for state in found)


def test_a_viewer_that_stops_reading_costs_a_bounded_queue_and_catches_up(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        slow, quick = run.connect(Wish.VIEW), run.connect(Wish.VIEW)
        until(lambda: len(run.told(Attached)) == 2)
        most = 0
        for number in range(40):
            run.say(str(number) * 100_000, IDS[number % 6])
            follow(quick, len(run.records))
            most = max(most, *(p.queued for p in run.server.peers()))
        assert most <= peers.MOST_QUEUED
        snapshots = 0
        for told in slow.told(10.0):
            snapshots += isinstance(told, Snapshot)
            if isinstance(told, Record) and told.seq == len(run.records):
                break
            if isinstance(told, Snapshot) and told.state.seq == len(run.records):
                assert told.state == fold(run.records)
                break
            run.state()
        assert snapshots == 2, "it was to get the state anew, instead of what was dropped"
        assert not run.told(Detached)
        slow.close()
        quick.close()


def test_no_more_than_32_watch_and_who_comes_later_is_told(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        viewers = [run.connect(Wish.VIEW) for _ in range(reception.MOST_VIEWERS)]
        with pytest.raises(RefusedError, match="32 programs watch this run already"):
            run.connect(Wish.VIEW)
        viewers.pop().close()
        until(lambda: run.told(Detached))
        viewers.append(run.connect(Wish.VIEW))
        run.state()
        assert ask(run.path, {"do": "status"}, version="0")["run"] == "20260102-150405-7f3a"
        for viewer in viewers:
            viewer.close()


def test_who_comes_and_goes_is_written_down(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        ana = run.connect(by="ana")
        bob = run.connect(Wish.VIEW, by="b\x1b[2Job\n" + "b" * 90)
        until(lambda: len(run.told(Attached)) == 2)
        assert run.told(Attached) == [
            Attached(by="ana", read_only=False, viewers=1),
            Attached(by=("bob " + "b" * 90)[:32], read_only=True, viewers=2),
        ]
        ana.close()
        until(lambda: run.told(Detached))
        assert run.told(Detached) == [Detached(by="ana", viewers=1)]
        bob.close()
        until(lambda: run.state().viewers == 0)


def test_who_came_before_the_run_began_is_written_down_after_its_beginning(tmp_path: Path) -> None:
    with ServedStage(tmp_path, begun=False) as run:
        viewer = run.connect()
        first = next(viewer.told(5.0))
        assert isinstance(first, Snapshot)
        run.begin()
        until(lambda: run.told(Attached))
        assert follow(viewer, len(run.records), first.state) == fold(run.records)
        assert isinstance(run.records[0].event, RunStarted)
        viewer.close()


def test_commands_of_two_viewers_are_done_in_their_names(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        ana, bob = run.connect(by="ana"), run.connect(by="bob")
        ana.send({"id": 7, "do": "cancel", "scope": "wave", "manner": "finish", "wave": "scan"})
        assert next(t for t in ana.told(5.0) if isinstance(t, Answer)).id == 7
        bob.send({"id": 1, "do": "pause", "by": "bob's \x1b]0;x\x07script"})
        next(t for t in bob.told(5.0) if isinstance(t, Answer))
        assert run.control.calls == [
            ("cancel", "ana", Scope.WAVE, Manner.FINISH, "scan", None),
            ("pause", "bob's script", ),
        ]  # fmt: skip
        ana.close()
        bob.close()


def test_a_read_only_viewer_is_refused_and_stays(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        viewer = run.connect(Wish.VIEW)
        viewer.send({"id": 1, "do": "pause"})
        answer = next(t for t in viewer.told(5.0) if isinstance(t, Answer))
        assert answer.why == "a read-only viewer takes no commands"
        run.say("still here")
        assert follow(viewer, len(run.records)).seq == len(run.records)
        assert run.control.calls == []
        viewer.close()


def test_a_refused_command_changes_nothing_and_says_why(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        with pytest.raises(RefusedError, match="no subtask 'nope' in this run"):
            ask(run.path, {"do": "skip", "subtasks": ["nope"]}, version="0")
        assert run.control.calls == []


def test_a_look_is_no_viewer_and_sees_what_waits(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        run.state()
        run.say("not yet applied")
        state, now_s = look(run.path, version="0")
        assert state == fold(run.records)
        assert now_s >= state.at
        assert not run.told(Attached)


def test_status_tells_figures_and_no_text(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        run.say("secret text")
        run.state()
        status = dict(ask(run.path, {"do": "status"}, version="0"))
        assert (status["running"], status["subtasks"], status["counts"]) == (6, 7, {})
        assert "secret" not in json.dumps(status)


@pytest.mark.parametrize("proto", [(7, 9), (0, 0), (-5, -1)])
def test_another_version_is_refused_in_one_sentence(tmp_path: Path, proto: tuple[int, int]) -> None:
    with ServedStage(tmp_path) as run:
        with pytest.raises(RefusedError, match="speaks protocol 1 to 1, yours") as refused:
            run.connect(proto=proto)
        assert "\n" not in str(refused.value)
        viewer = run.connect()
        assert follow(viewer, 8).seq >= 8
        viewer.close()


def test_a_newer_program_that_speaks_the_old_protocol_too_is_welcome(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        viewer = run.connect(proto=(1, 9))
        assert viewer.welcome.pid == os.getpid()
        viewer.close()


def test_signs_of_life_come_to_who_has_nothing_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luna_tui.wire.server.PING_S", 0.05)
    with ServedStage(tmp_path) as run:
        viewer = run.connect(Wish.VIEW)
        assert any(isinstance(told, Ping) for told in viewer.told(5.0))
        viewer.close()


def test_who_says_nothing_is_sent_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luna_tui.wire.server.HELLO_S", 0.05)
    with ServedStage(tmp_path) as run, run.raw() as client:
        assert client.recv(100) == b""


def test_a_flood_of_commands_is_taken_at_a_bounded_pace_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PER_SECOND", 2_000)
    with ServedStage(tmp_path) as run:
        flood = run.connect(Wish.ASK)
        for number in range(1, 1_001):
            flood.send({"id": number, "do": "workers", "workers": number})
        answers = (told for told in flood.told(10.0) if isinstance(told, Answer))
        assert [next(answers).id for _ in range(1_000)] == list(range(1, 1_001))
        assert [call[2] for call in run.control.calls] == list(range(1, 1_001))
        flood.close()


def test_who_never_takes_answers_is_not_heard_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PER_SECOND", 1_000_000)
    monkeypatch.setattr(peers, "_BURST", 1_000_000)
    with ServedStage(tmp_path) as run, run.raw() as client:
        client.sendall(line({"wire": "hello", "proto": [1, 1], "mode": "ask", "version": "0"}))
        client.settimeout(0.5)
        question = line({"id": 1, "do": "status"}) * 1_000
        with pytest.raises(TimeoutError):
            client.sendall(question * 1_000)
        assert ask(run.path, {"do": "status"}, version="0")["viewers"] == 0


def test_the_end_of_the_run_reaches_all_who_watch(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        viewers = [run.connect(Wish.VIEW) for _ in range(3)]
        until(lambda: len(run.told(Attached)) == 3)
        run.publish(
            SubtaskFinished(
                wave="scan", subtask=IDS[0], attempt=1, status=Status.SUCCEEDED, duration_s=1.0, attempts=1
            )
        )
        last = len(run.records)
        run.server.close()
        for viewer in viewers:
            assert follow(viewer, last).ended == 1
            assert list(viewer.told(5.0)) == []
            viewer.close()


def test_records_after_the_end_go_nowhere(tmp_path: Path) -> None:
    run = ServedStage(tmp_path)
    run.server.close()
    run.say("late")
    assert not run.server.is_alive()


def test_500_connections_leave_no_descriptor_open(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    with ServedStage(tmp_path) as run:
        run.connect(Wish.VIEW).close()
        until(lambda: len(run.told(Detached)) == 1)
        before = descriptors()
        for number in range(500):
            if number % 3 == 0:
                run.raw().close()
            else:
                run.connect(Wish.VIEW if number % 3 == 1 else Wish.ASK).close()
        until(lambda: len(run.told(Detached)) == len(run.told(Attached)) == 168)
        until(lambda: not run.server.peers())
        assert descriptors() <= before


def test_a_socket_is_private_from_its_first_moment_and_replaces_a_stale_one(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run:
        assert run.path.stat().st_mode & 0o777 == 0o600
    assert run.path.exists(), "whoever holds the lock removes it"
    with ServedStage(tmp_path) as again:
        viewer = again.connect()
        assert viewer.welcome.run == "20260102-150405-7f3a"
        viewer.close()
