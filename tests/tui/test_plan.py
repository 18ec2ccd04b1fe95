"""The plan as a tree during the run: what it shows, its keys, and that its size does not matter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tui.plan_scene import nightly_run
from tui.stage import StillSession, dashboard

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_plan(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(dashboard(StillSession(nightly_run())), terminal_size=size, press=["L", "j", "j"])


def test_plan_in_ascii(snap_compare: Compare) -> None:
    app = dashboard(StillSession(nightly_run()), ascii=True)
    assert snap_compare(app, terminal_size=(80, 24), press=["L"])


def test_plan_by_need_with_marks(snap_compare: Compare) -> None:
    app = dashboard(StillSession(nightly_run()))
    assert snap_compare(app, terminal_size=(120, 40), press=["L", "s", "j", "space", "space", "j"])
