"""The problems and events screens and the line to type on, as they look."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tui.scenes import busy, demo
from tui.stage import StillSession, dashboard
from tui.trouble_scenes import limits, overloaded, quiet, story

SIZES = [(80, 24), (120, 40), (200, 60)]
Compare = Callable[..., bool]


def troubled() -> StillSession:
    told = limits(quiet(overloaded(story(timeout=90.0))), foreign=600_000)
    session = StillSession(told.records())
    session.state().budget_usd = 9.9
    return session


@pytest.mark.parametrize("size", [(44, 16), *SIZES], ids=lambda s: f"{s[0]}x{s[1]}")
def test_problems(snap_compare: Compare, size: tuple[int, int]) -> None:
    keys = ["exclamation_mark", "j", "enter", "j", "space"]
    assert snap_compare(dashboard(troubled()), terminal_size=size, press=keys)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_events(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(dashboard(StillSession(demo(10.0))), terminal_size=size, press=["v"])


def test_events_found(snap_compare: Compare) -> None:
    keys = ["v", "backslash", *"gzip", "enter"]
    assert snap_compare(dashboard(StillSession(demo(10.0))), terminal_size=(80, 24), press=keys)


@pytest.mark.parametrize("screen", ["exclamation_mark", "v"], ids=["problems", "events"])
def test_ascii(snap_compare: Compare, screen: str) -> None:
    app = dashboard(StillSession(busy(40)), ascii=True)
    assert snap_compare(app, terminal_size=(80, 24), press=[screen])


def test_light(snap_compare: Compare) -> None:
    app = dashboard(troubled(), theme="light")
    assert snap_compare(app, terminal_size=(80, 24), press=["exclamation_mark", "j"])


@pytest.mark.parametrize("typed", ["s:fa", "s:faled"], ids=["counts", "mistaken"])
def test_filter(snap_compare: Compare, typed: str) -> None:
    keys = ["exclamation_mark", "slash", *(c if c != ":" else "colon" for c in typed)]
    assert snap_compare(dashboard(troubled()), terminal_size=(80, 24), press=keys)
