"""Copy and write: bounded, clean, beside the run, and never claiming more than was done."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from tui.scenes import busy
from tui.stage import RecordingControl, drive, shown
from tui.subtask_scenes import HERE, HOSTILE, story

from luna_tui.core.clean import clean
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.storage.run_files import RunFiles
from luna_tui.tui.app import LunaApp
from luna_tui.tui.clipboard import MOST_BYTES, MOST_ENCODED, clipboard_sequence
from luna_tui.tui.screens.asking import Asking
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.screens.subtask_screen import SubtaskScreen


def written(app: LunaApp) -> list[str]:
    """What is written to the terminal from now on, instead of it."""
    sent: list[str] = []
    driver = app._driver
    assert driver is not None
    monkey = cast(Any, driver)
    monkey.write = sent.append
    return sent


def clipboard(sent: list[str]) -> str:
    found = re.findall("\x1b\\]52;c;([^\x07]*)\x07", "".join(sent))
    assert len(found) == 1
    return base64.b64decode(found[0]).decode()


async def until(pilot: Pilot[None], so: Callable[[], bool]) -> None:
    for _ in range(500):
        if so():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never became so")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=str)
def test_y_sends_the_entry_under_the_cursor_and_keeps_it_in_a_file(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        sent = written(app)
        await pilot.press("right", "y")
        await until(pilot, lambda: "001.txt" in app.notice)
        text = clipboard(sent)
        screen = app.screen
        assert isinstance(screen, RunScreen)
        label = app.state_now()[0].subtasks[screen.selected or ""].label
        assert re.findall(r"\d\.\d\d", text) == [label]
        assert not set(text) & set("\n║│╗")
        assert (tmp_path / "copies" / "001.txt").read_text() == text
        assert f"sent {len(text.encode())} bytes" in app.notice
        assert "refuse" in app.notice
        assert "copied" not in app.notice
        assert len(app.notice) <= size[0]
        assert control.calls == []

    drive(steps, kept=RunFiles(tmp_path), size=size)


def test_the_notice_has_the_whole_sentence_where_there_is_room(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        sent = written(app)
        await pilot.press("Y")
        await until(pilot, lambda: "001.txt" in app.notice)
        size = len(clipboard(sent).encode())
        said = f"sent {size:,} bytes to the terminal's clipboard (it may refuse); also in "
        assert app.notice == said + str(tmp_path / "copies" / "001.txt")

    drive(steps, kept=RunFiles(tmp_path), size=(200, 60))


def test_capital_y_sends_everything_of_the_screen_also_what_is_out_of_sight() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        sent = written(app)
        await pilot.press("question_mark", "Y")
        text = clipboard(sent)
        assert text.startswith("MOVE")
        assert "never failed" in text
        assert app.notice == f"sent {len(text.encode()):,} bytes to the terminal's clipboard (it may refuse)."

    drive(steps)


def test_hostile_text_is_clean_before_the_clipboard(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        app.push_screen(SubtaskScreen(HERE))
        await pilot.pause()
        app.state_now()[0].subtasks[HERE].tail = HOSTILE
        app.state_now()[0].subtasks[HERE].chars = len(HOSTILE)
        app.screen.draw()  # type: ignore[attr-defined]
        sent = written(app)
        await pilot.press("Y")
        await until(pilot, lambda: "001.txt" in app.notice)
        text = clipboard(sent)
        assert text == clean(text)
        assert "evil" in text
        assert (tmp_path / "copies" / "001.txt").read_text() == text
        outside = re.sub("\x1b\\]52;c;[A-Za-z0-9+/=]*\x07", "", "".join(sent))
        assert "\x1b]52" not in outside

    drive(steps, records=story(said=""), kept=RunFiles(tmp_path))


def test_y_on_a_subtask_takes_the_row_of_the_place_found_else_the_last_one() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        app.push_screen(SubtaskScreen(HERE))
        await pilot.pause()
        sent = written(app)
        await pilot.press("y")
        assert clipboard(sent) == "tools/gen_pages.py and"
        sent.clear()
        await pilot.press("backslash", *"anchors", "enter", "y")
        assert clipboard(sent) == "2. Two anchors are doubled: #install and #faq."

    drive(steps, records=story())


def test_a_sequence_is_bounded_and_handed_through_tmux() -> None:
    sequence, sent = clipboard_sequence("é" * MOST_BYTES, tmux=False)
    assert sent <= MOST_BYTES
    assert len(sequence) <= MOST_ENCODED + 10
    plain, _ = clipboard_sequence("hi", tmux=False)
    assert plain == "\x1b]52;c;aGk=\x07"
    wrapped, _ = clipboard_sequence("hi", tmux=True)
    assert wrapped == "\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\"


def test_what_is_too_long_is_said(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        app.push_screen(SubtaskScreen(HERE))
        await pilot.pause()
        sent = written(app)
        await pilot.press("Y")
        await until(pilot, lambda: "001.txt" in app.notice)
        assert clipboard(sent) == "x" * MOST_BYTES
        assert f"sent the first {MOST_BYTES:,} of 80,000 bytes" in app.notice
        assert len((tmp_path / "copies" / "001.txt").read_text()) == 80_000

    records = story(said="")
    long = "x" * 80_000

    async def long_steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        s = app.state_now()[0].subtasks[HERE]
        s.tail, s.chars = long, len(long)
        await steps(pilot, app, control)

    drive(long_steps, records=records, kept=RunFiles(tmp_path), size=(200, 60))


def test_o_asks_where_writes_and_shows_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        app.push_screen(SubtaskScreen(HERE))
        await pilot.pause()
        await pilot.press("o")
        assert isinstance(app.screen, Asking)
        assert "luna-7f3a-2.01-stream.txt" in shown(app)
        await pilot.press("enter")
        path = tmp_path / "luna-7f3a-2.01-stream.txt"
        await until(pilot, lambda: app.notice.startswith("wrote "))
        text = path.read_text()
        assert text.startswith("## Findings\n")
        assert app.notice.startswith(f"wrote {len(text.encode())} bytes to ")
        assert app.notice.endswith("2.01-stream.txt")
        await pilot.press("o", "ctrl+u", *path.name, "enter")
        await until(pilot, lambda: "is there already; nothing was overwritten" in app.notice)
        assert path.read_text() == text
        await pilot.press("o", "escape")
        assert isinstance(app.screen, SubtaskScreen)

    drive(steps, records=story(), kept=RunFiles(tmp_path / "run"))


class FullDisk(RunFiles):
    """Takes nothing."""

    def keep_copy(self, text: str) -> str:
        raise LunaError("cannot save", "copies: the disk is full", "free some", ExitCode.NOT_SAVED)

    def write_new(self, path: str, text: str) -> str:
        raise LunaError("cannot save", f"{path}: permission denied", "choose another", ExitCode.NOT_SAVED)


def test_a_disk_that_refuses_is_said_in_words(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        written(app)
        await pilot.press("y")
        await until(pilot, lambda: "not in a file: copies: the disk is full" in app.notice)
        await pilot.press("o", "enter")
        await until(pilot, lambda: app.notice.startswith("Not written. "))
        assert app.notice.endswith(": permission denied; choose another.")

    drive(steps, kept=FullDisk(tmp_path))


def test_where_nothing_can_be_written_it_is_said() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("o")
        assert app.notice == "No file can be written from here."
        await pilot.press("P")
        assert app.notice == "There are no plain lines of this run."
        assert app.is_running

    drive(steps)


def test_capital_p_leaves_for_plain_lines_and_asks_nothing_of_the_run() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("P")
        assert app.viewing.plain
        assert app._exit
        assert app.return_code == 0
        assert control.calls == []

    drive(steps, records=busy(20), plain=True)
