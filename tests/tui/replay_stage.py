"""A replay on a screen, with a clock that goes on only when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot
from tui.scenes import nightly

from luna_tui.core.events import Record
from luna_tui.core.places import Place
from luna_tui.engine.clock import ManualClock
from luna_tui.session.replay import ReplaySession
from luna_tui.session.replay_texts import ReplayTexts
from luna_tui.storage.resources import resource
from luna_tui.storage.run_files import RunFiles
from luna_tui.storage.themes import discover_themes
from luna_tui.tui.replaying import ReplayApp
from luna_tui.tui.settings import Settings
from luna_tui.tui.views.replay import replay_keymap
from luna_tui.tui.views.spans import Role

Steps = Callable[[Pilot[None], ReplayApp, ManualClock], Awaitable[None]]


def replayed(
    records: tuple[Record, ...] | None = None,
    *,
    at_s: float = 0.0,
    clock: ManualClock | None = None,
    theme: str = "dark",
    checkpoint_every: int = 300,
    **more: Any,
) -> ReplayApp:
    """The dashboard of a replay that stands at an instant; `more` are Settings."""
    session = ReplaySession(records or nightly(), checkpoint_every=checkpoint_every)
    session.player.go_to(Place(at_s))
    themes = discover_themes([resource("themes")], [r.value for r in Role])
    more["keymap"] = replay_keymap(more.get("keymap", {}))
    settings = Settings(theme=theme, folder="runs/7f3a", kept=ReplayTexts(session, RunFiles(None)), **more)
    return ReplayApp(session, settings, themes=themes.found, now=(clock or ManualClock()).now)


def drive_replay(
    steps: Steps,
    records: tuple[Record, ...] | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    **more: Any,
) -> None:
    """Press keys in a replay; `more` as for `replayed`."""
    clock = ManualClock()
    app = replayed(records, clock=clock, **more)

    async def body() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(pilot, app, clock)

    asyncio.run(body())
