"""A run killed with SIGKILL at any event goes on: nothing is lost, nothing that ended is done again."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from luna_tui.core.events import AttemptFailed, JournalRepaired, RunStarted, SubtaskFinished, SubtaskStarted
from luna_tui.core.freezing import thaw
from luna_tui.core.past import traces_of
from luna_tui.core.state import fold
from luna_tui.core.words import ErrorKind, Status
from luna_tui.storage.journal import JournalRead, read_journal
from luna_tui.storage.paths import RunDir
from luna_tui.storage.results import read_result

pytestmark = pytest.mark.timeout(180)
HERE = Path(__file__).parent
RUN = "20260102-150405-7f3a"
AT_ONCE = 2
PLAN = """
[plan]
name = "killed"
[defaults]
kind = "command"
shell = true
timeout = 0
retries = 1
"""
ENDS = {
    **{f"a{n}": Status.SUCCEEDED for n in range(10)},
    "flaky": Status.SUCCEEDED,
    "bad": Status.FAILED,
    **{f"b{n}": Status.SUCCEEDED for n in range(8)},
    "for-want": Status.SKIPPED,
}
"""What every way through it comes to."""


def subtask(wave: str, id: str, command: str, **more: object) -> str:
    extra = "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items())
    line = json.dumps(f"echo {id} >> log; {command}")
    return f"[[{wave}.subtask]]\nid = '{id}'\ntitle = '{id}'\ncommand = {line}\n{extra}"


def plan_text() -> str:
    first = [subtask("wave", f"a{n}", f"printf result-{n}") for n in range(10)]
    first.append(subtask("wave", "flaky", "test -e flag || { touch flag; exit 1; }"))
    first.append(subtask("wave", "bad", "exit 3", retries=0))
    second = [
        subtask("wave", f"b{n}", f'test "{{{{ results.a{n} }}}}" = result-{n}', depends_on=[f"a{n}"])
        for n in range(8)
    ]
    second.append(subtask("wave", "for-want", "true", depends_on=["bad"]))
    parts = [
        "[[wave]]\nname = 'one'\ntimeout = 0\n",
        *first,
        "[[wave]]\nname = 'two'\ntimeout = 0\n",
        *second,
    ]
    return PLAN + "".join(parts)


@dataclass(frozen=True)
class World:
    """One state directory, and what the commands of its run left."""

    folder: Path

    @property
    def run_dir(self) -> RunDir:
        return RunDir(self.folder / "state" / "luna-tui" / "runs" / RUN)

    def read(self) -> JournalRead:
        return read_journal(self.run_dir.path)

    def began(self) -> Counter[str]:
        """How often each command began."""
        log = self.folder / "log"
        return Counter(log.read_text(encoding="utf-8").split() if log.exists() else ())

    def said(self) -> str:
        return (self.folder / "said").read_text(encoding="utf-8")


class Killers:
    """Processes that do one case after another; several at once."""

    def __init__(self) -> None:
        environ = os.environ | {"PYTHONPATH": str(HERE)}
        self._children = [
            subprocess.Popen(
                [sys.executable, str(HERE / "killing.py")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ,
            )
            for _ in range(AT_ONCE)
        ]  # fmt: skip

    def codes(self, cases: list[dict[str, Any]]) -> list[list[int]]:
        """Exit codes of the steps of each case."""
        found: list[list[int]] = []
        for group in itertools.zip_longest(*[iter(cases)] * AT_ONCE):
            busy = [(child, case) for child, case in zip(self._children, group, strict=True) if case]
            for child, case in busy:
                assert child.stdin is not None
                child.stdin.write(json.dumps(case) + "\n")
                child.stdin.flush()
            for child, _case in busy:
                assert child.stdout is not None
                found.append(json.loads(child.stdout.readline()))
        return found

    def close(self) -> None:
        for child in self._children:
            assert child.stdin is not None
            child.stdin.close()
            child.wait(10)
            assert child.stdout is not None
            child.stdout.close()


@pytest.fixture(scope="module")
def killers() -> Iterator[Killers]:
    found = Killers()
    yield found
    found.close()


@pytest.fixture
def plan_path(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(plan_text(), encoding="utf-8")
    return path


def world(folder: Path, name: str) -> World:
    found = World(folder / name)
    found.folder.mkdir()
    return found


def start(at: World, plan: Path) -> list[str]:
    return ["run", str(plan), "--headless", "--workers", "4", "--run-id", RUN, "--workspace", str(at.folder)]


def go_on() -> list[str]:
    return ["resume", RUN, "--headless"]


def ended(at: World) -> dict[str, Status]:
    """What had ended when the process was killed: by its journal, or by a result that it kept."""
    found = {s.id: s.status for s in fold(at.read().records).subtasks.values() if s.status is not None}
    for i in ENDS.keys() - found.keys():
        kept = read_result(at.run_dir, i)
        if kept is not None:
            found[i] = kept.event.status
    return found


def whole_and_well(at: World, began: Counter[str], before: Mapping[str, Status]) -> None:
    """The run came to its end, with nothing lost and nothing done twice that had ended."""
    read = at.read()
    assert read.damaged == (), at.said()
    state = fold(read.records)
    assert {s.id: s.status for s in state.subtasks.values()} == ENDS, at.said()
    assert state.finished is not None
    after = at.began()
    again = {i for i in before if after[i] != began[i]}
    assert not again, f"{again} had ended and ran again\n{at.said()}"
    assert not before.items() - ENDS.items()
    seen = thaw(json.loads((at.folder / "state.json").read_text(encoding="utf-8")))
    assert seen == state, "what the screen saw is not what the journal tells"
    for i in ENDS:
        ends = [r for r in read.records if isinstance(r.event, SubtaskFinished) and r.event.subtask == i]
        assert len(ends) == 1, f"{i} ended {len(ends)} times"
    interrupted_are_marked(read)


def interrupted_are_marked(read: JournalRead) -> None:
    """Whatever was in flight when a process ended has that said of it, or its end was found."""
    for place, record in enumerate(read.records):
        if place and isinstance(record.event, RunStarted):
            flying = traces_of(read.records[:place]).in_flight
            told = {
                r.event.subtask
                for r in read.records[place:]
                if (isinstance(r.event, AttemptFailed) and r.event.error_kind is ErrorKind.INTERRUPTED)
                or isinstance(r.event, SubtaskFinished)
            }
            assert flying.keys() <= told
    attempts = Counter(r.event.subtask for r in read.records if isinstance(r.event, SubtaskStarted))
    numbers: dict[str, list[int]] = {}
    for r in read.records:
        if isinstance(r.event, SubtaskStarted):
            numbers.setdefault(r.event.subtask, []).append(r.event.attempt)
    assert all(numbers[i] == list(range(1, n + 1)) for i, n in attempts.items())


def test_killed_at_any_event_it_goes_on_to_the_same_ends(
    killers: Killers, plan_path: Path, tmp_path: Path
) -> None:
    whole = world(tmp_path, "whole")
    assert killers.codes([{"folder": str(whole.folder), "steps": [{"argv": start(whole, plan_path)}]}]) == [
        [100]
    ]
    count = whole.read().last_seq
    assert count >= 60
    worlds = [world(tmp_path, f"event-{n}") for n in range(1, count + 1)]
    kills = [
        {"folder": str(w.folder), "steps": [{"argv": start(w, plan_path), "event": n}]}
        for n, w in enumerate(worlds, 1)
    ]
    killed = killers.codes(kills)
    # How many events there are depends on who waited for whom, so the last kills may come too late.
    late = [n for n, (code,) in enumerate(killed, 1) if code != -9]
    assert all(n > count - 8 for n in late)
    left = [(w.began(), ended(w)) for w, (code,) in zip(worlds, killed, strict=True) if code == -9]
    went = [w for w, (code,) in zip(worlds, killed, strict=True) if code == -9]
    codes = killers.codes([{"folder": str(w.folder), "steps": [{"argv": go_on()}]} for w in went])
    assert {code for (code,) in codes} == {100}, [
        w.said() for w, c in zip(went, codes, strict=True) if c != [100]
    ]
    for at, (began, before) in zip(went, left, strict=True):
        whole_and_well(at, began, before)


def test_killed_again_while_it_goes_on_it_still_goes_on(
    killers: Killers, plan_path: Path, tmp_path: Path
) -> None:
    """The second kill comes in the repair of a torn journal, or at one of the first events after it."""
    first = 31
    seconds: list[dict[str, Any]] = [
        {"disk": name, "number": number, "after": after}
        for name, number in (("replace", 1), ("truncate", 1), ("sync", 1), ("sync", 2), ("open_append", 1))
        for after in (False, True)
    ]
    seconds += [{"event": n} for n in range(1, 9)]
    worlds = [world(tmp_path, f"twice-{n}") for n in range(len(seconds))]
    killers.codes(
        [{"folder": str(w.folder), "steps": [{"argv": start(w, plan_path), "event": first}]} for w in worlds]
    )
    left = []
    for at in worlds:
        left.append((at.began(), ended(at)))
        tear(at)
    codes = killers.codes(
        [
            {"folder": str(w.folder), "steps": [{"argv": go_on(), **second}, {"argv": go_on()}]}
            for w, second in zip(worlds, seconds, strict=True)
        ]
    )
    assert {tuple(c) for c in codes} == {(-9, 100)}
    for at, (began, before) in zip(worlds, left, strict=True):
        whole_and_well(at, began, before)
        assert sum(isinstance(r.event, JournalRepaired) for r in at.read().records) <= 1
        assert (at.run_dir.path / "journal.0001.torn").exists()


def tear(at: World) -> None:
    """Half a line at the end, as a process leaves it that is killed while it writes."""
    segment = at.run_dir.journal(1)
    with segment.open("ab") as file:
        file.write(b'{"v":1,"seq":9999,"at":1.0,"type":"subtask_fin')


def test_killed_with_its_journal_unwritten_the_results_that_were_saved_count(
    killers: Killers, plan_path: Path, tmp_path: Path
) -> None:
    """The journal's last lines never reached the disk; the results are older than they, and did."""
    worlds = [world(tmp_path, f"lost-{n}") for n in range(20, 60, 4)]
    killers.codes(
        [
            {"folder": str(w.folder), "steps": [{"argv": start(w, plan_path), "event": n}]}
            for w, n in zip(worlds, range(20, 60, 4), strict=True)
        ]
    )
    left = []
    for at in worlds:
        left.append((at.began(), ended(at)))
        segment = at.run_dir.journal(1)
        lines = segment.read_bytes().splitlines(keepends=True)
        segment.write_bytes(b"".join(lines[: max(3, len(lines) - 12)]))
    codes = killers.codes([{"folder": str(w.folder), "steps": [{"argv": go_on()}]} for w in worlds])
    assert {tuple(c) for c in codes} == {(100,)}
    for at, (began, before) in zip(worlds, left, strict=True):
        told = {i: s for i, s in before.items() if s is not Status.SKIPPED}
        whole_and_well(at, began, told)
