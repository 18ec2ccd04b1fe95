"""The subtask screen as it looks, tab by tab; re-record with `make snapshots` and look at each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tui.stage import StillSession, dashboard
from tui.subtask_scenes import HERE, story

from luna_tui.core.events import Record
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.subtask_screen import SubtaskScreen

SIZES = [(80, 24), (120, 40), (200, 60)]
TABS = ["stream", "prompt", "result", "tries", "events"]
Compare = Callable[..., bool]


def opened(records: tuple[Record, ...], **settings: Any) -> LunaApp:
    app = dashboard(StillSession(records), **settings)
    app.call_later(lambda: app.push_screen(SubtaskScreen(HERE)))
    return app


def size_name(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


@pytest.mark.parametrize("size", SIZES, ids=size_name)
@pytest.mark.parametrize("tab", TABS)
def test_tab(snap_compare: Compare, size: tuple[int, int], tab: str) -> None:
    records = story(ended=tab == "result")
    assert snap_compare(opened(records), terminal_size=size, press=[str(TABS.index(tab) + 1)])


@pytest.mark.parametrize("tab", TABS)
def test_ascii(snap_compare: Compare, tab: str) -> None:
    records = story(ended=tab == "result")
    app = opened(records, ascii=True, theme="mono")
    assert snap_compare(app, terminal_size=(80, 24), press=[str(TABS.index(tab) + 1)])


def test_what_was_found(snap_compare: Compare) -> None:
    keys = ["backslash", "a", "n", "d", "enter", "n"]
    assert snap_compare(opened(story()), terminal_size=(80, 24), press=keys)


@pytest.mark.parametrize("size", [(120, 40), (200, 60)], ids=size_name)
def test_peek(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(dashboard(StillSession(story())), terminal_size=size, press=["j"])
