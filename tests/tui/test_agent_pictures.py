"""Agents as they look: the run, the queue of requests, the changes, a stream with its tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from tui.agent_scenes import DIFF, DIFF_FILE, agents
from tui.stage import StillSession, dashboard, shown

from luna_tui.core.tongue import speaking
from luna_tui.storage.run_files import RunFiles
from luna_tui.storage.translations import translations
from luna_tui.tui.app import LunaApp

Compare = Callable[..., bool]
SIZES = [(44, 16), (80, 24), (120, 40), (200, 60)]
SCREENS = {
    "run": [],
    "command": ["a"],
    "edit": ["a", "j"],
    "question": ["a", "j", "j"],
    "changes": ["A"],
    "stream": ["enter"],
    "tools": ["j", "j", "j", "j", "enter"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "diffs").mkdir()
    (tmp_path / DIFF_FILE).write_text(DIFF)
    return tmp_path


@pytest.fixture
def in_portuguese() -> Iterator[None]:
    with speaking(translations("pt_BR")):
        yield


def scene(folder: Path, **more: Any) -> LunaApp:
    return dashboard(StillSession(agents()), kept=RunFiles(folder), **more)


async def read(pilot: Pilot[None]) -> None:
    """The difference is read aside."""
    app = pilot.app
    assert isinstance(app, LunaApp)
    for _ in range(500):
        await pilot.pause(0.01)
        if "+++ b/" in shown(app):
            return


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("screen", ["run", "edit", "changes", "stream"])
def test_agents(snap_compare: Compare, folder: Path, screen: str, size: tuple[int, int]) -> None:
    assert compared(snap_compare, scene(folder), screen, size)


@pytest.mark.parametrize("screen", ["command", "question", "tools"])
def test_agents_on_a_small_screen(snap_compare: Compare, folder: Path, screen: str) -> None:
    assert compared(snap_compare, scene(folder), screen, (80, 24))


@pytest.mark.parametrize("screen", ["run", "edit", "changes", "stream"])
def test_agents_in_ascii(snap_compare: Compare, folder: Path, screen: str) -> None:
    assert compared(snap_compare, scene(folder, ascii=True, theme="mono"), screen, (80, 24))


@pytest.mark.parametrize("screen", ["run", "command", "edit", "question", "changes", "stream"])
def test_agents_in_portuguese(snap_compare: Compare, folder: Path, in_portuguese: None, screen: str) -> None:
    assert compared(snap_compare, scene(folder), screen, (80, 24))


def compared(snap_compare: Compare, app: LunaApp, screen: str, size: tuple[int, int]) -> bool:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press(*SCREENS[screen])
        if screen == "changes":
            await read(pilot)

    return snap_compare(app, terminal_size=size, run_before=steps)
