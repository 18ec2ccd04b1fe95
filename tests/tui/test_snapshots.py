"""The screens as they look, from recorded journals; re-record with `make snapshots` and look at each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tui.scenes import busy, demo, paused
from tui.stage import StillSession, dashboard

SIZES = [(80, 24), (120, 40), (200, 60)]
Compare = Callable[..., bool]


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize(
    ("name", "keys"),
    [("run", []), ("subtask", ["enter"]), ("stop", ["x"]), ("help", ["question_mark"])],
    ids=["run", "subtask", "stop", "help"],
)
def test_screen(snap_compare: Compare, size: tuple[int, int], name: str, keys: list[str]) -> None:
    app = dashboard(StillSession(demo(10.0)))
    assert snap_compare(app, terminal_size=size, press=keys)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_report(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(dashboard(StillSession(demo())), terminal_size=size, press=["R"])


@pytest.mark.parametrize("size", [(44, 16), *SIZES], ids=lambda s: f"{s[0]}x{s[1]}")
def test_forty_workers(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(dashboard(StillSession(busy(40))), terminal_size=size)


@pytest.mark.parametrize("theme", ["light", "high-contrast", "mono"])
def test_theme(snap_compare: Compare, theme: str) -> None:
    assert snap_compare(dashboard(StillSession(busy(20)), theme=theme), terminal_size=(120, 40))


def test_ascii(snap_compare: Compare) -> None:
    assert snap_compare(dashboard(StillSession(busy(40)), ascii=True), terminal_size=(80, 24))


def test_paused(snap_compare: Compare) -> None:
    assert snap_compare(dashboard(StillSession(paused())), terminal_size=(80, 24))
