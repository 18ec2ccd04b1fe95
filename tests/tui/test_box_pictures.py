"""The boxes as they look, over a run; re-record with `make snapshots` and look at each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from tui.box_scenes import scene
from tui.stage import StillSession, dashboard

Compare = Callable[..., bool]
KEYS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "mode": ((), ["m"]),
    "workers": ((), ["w", "2", "5"]),
    "budget": ((), ["b", "1"]),
    "retry": (("bad", "worse", "good"), ["r"]),
    "skip": (("slow",), ["i"]),
    "edit": (("bad",), ["e"]),
    "send": (("bad",), ["e", "full_stop", "escape"]),
    "stop": (("slow", "late"), ["x"]),
    "leave": ((), ["q"]),
    "commands": ((), ["colon", "s"]),
    "help": ((), ["question_mark"]),
}


def picture(compare: Compare, name: str, size: tuple[int, int], *, ascii_only: bool = False) -> bool:
    marked, keys = KEYS[name]
    app = dashboard(StillSession(scene()), ascii=ascii_only)

    async def before(pilot: Pilot[None]) -> None:
        app.viewing.marked = set(marked)
        await pilot.press(*keys)

    return compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("name", KEYS)
def test_box(snap_compare: Compare, name: str) -> None:
    assert picture(snap_compare, name, (80, 24))


@pytest.mark.parametrize("name", ["retry", "commands", "help"])
def test_box_on_a_wide_screen(snap_compare: Compare, name: str) -> None:
    assert picture(snap_compare, name, (120, 40))


@pytest.mark.parametrize("name", ["mode", "edit", "help"])
def test_box_in_ascii(snap_compare: Compare, name: str) -> None:
    assert picture(snap_compare, name, (80, 24), ascii_only=True)


def test_box_on_a_tiny_screen(snap_compare: Compare) -> None:
    assert picture(snap_compare, "stop", (24, 6))
