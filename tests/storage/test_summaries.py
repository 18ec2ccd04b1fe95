"""Kept runs at a glance: right whatever state their folder is in, and without reading what need not be."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from kept import DEMO, NOW, keep, lines, records, written

from luna_tui.core.events import Record, RunStarted, SubtaskOutput
from luna_tui.core.run_summary import KeptStatus, RunSummary, short_names
from luna_tui.core.state import fold
from luna_tui.core.words import RunStatus, Status
from luna_tui.storage import summaries
from luna_tui.storage.paths import find_run, runs_dir
from luna_tui.storage.summaries import RunShelf, disk_bytes, is_held

HALF = 400
"""Records of the demo after which some subtasks have ended."""


def look(now: datetime = NOW) -> tuple[RunSummary, ...]:
    return RunShelf(runs_dir()).look(now)


def only(now: datetime = NOW) -> RunSummary:
    (found,) = look(now)
    return found


def decoded_lines(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Lines of journals that are decoded from now on."""
    seen: list[bytes] = []
    before = summaries._record

    def record(line: bytes) -> Record | None:
        seen.append(line)
        return before(line)

    monkeypatch.setattr(summaries, "_record", record)
    return seen


def test_a_run_that_ended_is_told_as_its_fold_tells_it() -> None:
    keep("r")
    state, found = fold(records("r")), only()
    assert state.finished is not None
    assert found.status is KeptStatus.SUCCEEDED
    assert found.counts == state.counts == {Status.SUCCEEDED: 40}
    assert (found.plan, found.subtasks, found.good) == (state.plan.name, 40, 40)
    assert (found.wall_s, found.tokens, found.cost_usd, found.throttled) == (
        state.finished.wall_s, state.tokens, state.finished.cost_usd, len(state.throttled_at),
    )  # fmt: skip
    assert (found.began, found.workspace, found.host, found.plan_sha256) == (
        NOW, "/home/ada/site", "ship", "d1",
    )  # fmt: skip
    assert found.wrong == ()


@pytest.mark.parametrize("status", list(RunStatus))
def test_how_it_ended_is_how_it_stands(status: RunStatus) -> None:
    keep("r", records("r", status=status))
    found = only()
    assert found.status.value == status.value
    assert found.resumable is (status in (RunStatus.CANCELLED, RunStatus.HELD))


def test_the_end_is_read_without_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    keep("r")
    monkeypatch.setattr(summaries._Reading, "take", None)
    assert only().status is KeptStatus.SUCCEEDED


def test_a_run_without_an_end_is_interrupted_unless_its_lock_is_held() -> None:
    folder = keep("r", records("r", until=HALF))
    state = fold(DEMO[:HALF])
    found = only()
    assert (found.status, found.resumable) == (KeptStatus.INTERRUPTED, True)
    assert (found.counts, found.tokens, found.subtasks) == (state.counts, state.tokens, 40)
    assert found.wall_s == pytest.approx(state.at)
    with written(folder):
        assert (only().status, only().resumable) == (KeptStatus.RUNNING, False)
    assert only().status is KeptStatus.INTERRUPTED


def test_asking_never_keeps_the_lock() -> None:
    folder = keep("r", records("r", until=HALF))
    look()
    with written(folder):
        assert is_held(folder / "lock")
    assert not is_held(folder / "lock")
    assert not is_held(folder / "no lock")


def test_what_is_said_and_sampled_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    keep("r", records("r", until=HALF))
    seen = decoded_lines(monkeypatch)
    only()
    outputs = sum(isinstance(r.event, SubtaskOutput) for r in DEMO[:HALF])
    assert outputs > 100
    assert len(seen) < HALF - outputs
    assert not any(b'"type":"subtask_output"' in line for line in seen)


def test_a_running_run_is_read_on_from_where_it_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    given = records("r")
    folder = keep("r", given[:HALF])
    shelf = RunShelf(runs_dir())
    with written(folder):
        first = shelf.look(NOW)[0]
        seen = decoded_lines(monkeypatch)
        with (folder / "journal.0001.ndjson").open("ab") as file:
            file.write(lines(given[HALF:-1]) + lines(given[-1:])[:50])
        second = shelf.look(NOW)[0]
        assert len(seen) <= len(given) - HALF
        assert second.good == 40 > first.good
        assert (second.status, second.wrong) == (KeptStatus.RUNNING, ())
        with (folder / "journal.0001.ndjson").open("ab") as file:
            file.write(lines(given[-1:])[50:])
    assert shelf.look(NOW)[0].status is KeptStatus.SUCCEEDED


def test_nothing_is_read_again_that_did_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    keep("a")
    keep("b", records("b", until=HALF))
    shelf = RunShelf(runs_dir())
    first = shelf.look(NOW)
    monkeypatch.setattr(shelf, "_made", None)
    assert shelf.look(NOW + timedelta(hours=1)) == first


def test_a_run_that_goes_on_in_a_new_segment_is_over_only_when_that_is() -> None:
    given = records("r", status=RunStatus.CANCELLED)
    folder = keep("r", given)
    start = given[0].event
    assert isinstance(start, RunStarted)
    again = replace(given[-1], seq=given[-1].seq + 1, event=replace(start, resumed_from="r", away_s=9.0))
    (folder / "journal.0002.ndjson").write_bytes(lines([again]))
    found = only()
    assert (found.status, found.resumable) == (KeptStatus.INTERRUPTED, True)
    assert found.began == NOW
    end = replace(records("r")[-1], seq=again.seq + 1)
    with (folder / "journal.0002.ndjson").open("ab") as file:
        file.write(lines([end]))
    assert only().status is KeptStatus.SUCCEEDED


def test_an_end_with_a_wrong_checksum_is_no_end() -> None:
    folder = keep("r")
    path = folder / "journal.0001.ndjson"
    *whole, end, _nothing = path.read_bytes().split(b"\n")
    end = end.replace(b'"status":"succeeded"', b'"status":"cancelled"')
    path.write_bytes(b"\n".join([*whole, end, b""]))
    found = only()
    assert found.status is KeptStatus.INTERRUPTED
    assert found.wrong == ("1 line of the journal cannot be used",)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "run.json").unlink(), "run.json is missing"),
        (lambda folder: (folder / "run.json").write_text("{"), "run.json is damaged"),
        (lambda folder: (folder / "run.json").write_text("[]"), "run.json holds no table"),
        (lambda folder: (folder / "run.json").write_text("[" * 200_000), "run.json is damaged"),
        (lambda folder: _link(folder / "run.json"), "run.json cannot be read: a symbolic link stands"),
        (lambda folder: _pipe(folder / "run.json"), "run.json is damaged"),
    ],
    ids=["missing", "torn", "list", "deep", "link", "pipe"],
)
def test_a_bad_start_is_said_and_the_rest_is_told(spoil: object, said: str) -> None:
    folder = keep("r")
    assert callable(spoil)
    spoil(folder)
    found = only()
    assert found.status is KeptStatus.SUCCEEDED
    assert found.good == 40
    assert len(found.wrong) == 1
    assert found.wrong[0].startswith(said)
    assert found.began.year == 2026, "the journal says when it began"


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def test_half_made_and_foreign_folders_are_listed_with_what_is_wrong() -> None:
    keep("half", [])
    (runs_dir() / "empty").mkdir()
    (runs_dir() / "zeros").mkdir()
    (runs_dir() / "zeros" / "journal.0001.ndjson").write_bytes(b"\0" * 4096 + b"\n\xff\xfe\n{}")
    (runs_dir() / "a file").write_text("")
    (runs_dir() / ".gone-x").mkdir()
    found = {r.run: r for r in look()}
    assert set(found) == {"half", "empty", "zeros"}
    assert all(r.status is KeptStatus.UNREADABLE and not r.resumable for r in found.values())
    assert found["half"].wrong == ("there is no journal",)
    assert found["empty"].wrong == ("run.json is missing", "there is no journal")
    assert "the last line of the journal is torn" in found["zeros"].wrong


def test_a_journal_cut_at_any_byte_is_told() -> None:
    folder = keep("r", records("r", until=30))
    path = folder / "journal.0001.ndjson"
    whole = path.read_bytes()
    for cut in range(0, len(whole), 97):
        path.write_bytes(whole[:cut])
        assert only().status in (KeptStatus.UNREADABLE, KeptStatus.INTERRUPTED)


def test_a_run_that_goes_away_meanwhile_is_not_listed_any_more() -> None:
    folder = keep("r")
    shelf = RunShelf(runs_dir())
    assert len(shelf.look(NOW)) == 1
    shutil.rmtree(folder)
    assert shelf.look(NOW) == ()
    shutil.rmtree(runs_dir())
    assert shelf.look(NOW) == ()


def test_the_newest_comes_first() -> None:
    for hours, run in ((3, "b"), (1, "c"), (2, "a")):
        keep(run, began=NOW - timedelta(hours=hours))
    assert [r.run for r in look()] == ["c", "a", "b"]


def test_size_counts_what_is_there_and_never_what_a_link_points_to(tmp_path: Path) -> None:
    folder = keep("r")
    before = disk_bytes(str(folder))
    (tmp_path / "big").write_bytes(b"x" * 1_000_000)
    (folder / "outputs" / "link").symlink_to(tmp_path / "big")
    (folder / "outputs" / "up").symlink_to(tmp_path)
    assert disk_bytes(str(folder)) - before < 100_000
    shutil.copy(tmp_path / "big", folder / "outputs" / "a.txt")
    assert disk_bytes(str(folder)) - before >= 1_000_000
    assert only().size_bytes == disk_bytes(str(folder))


def test_a_short_name_means_one_run_only() -> None:
    ids = ["20260102-150405-7f3a", "20260102-150406-9b2c", "20260103-000000-9b2c", "nightly"]
    names = short_names(ids)
    assert names == {ids[0]: "7f3a", ids[1]: ids[1], ids[2]: ids[2], "nightly": "nightly"}
    for run in ids:
        keep(run)
    assert [find_run(name).run for name in names.values()] == ids


def test_summaries_are_data_for_scripts() -> None:
    from luna_tui.core.run_summary import summary_data

    keep("r")
    data = json.loads(json.dumps(summary_data(only())))
    assert (data["status"], data["counts"], data["started_at"]) == (
        "succeeded", {"succeeded": 40}, "2026-03-01T12:00:00+00:00",
    )  # fmt: skip
