"""A dashboard on a run that stands still, and ways to drive it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from textual.pilot import Pilot
from tui.scenes import busy

from luna_tui.core.events import Record
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import Decision, GrantScope, Manner, Mode, Scope, Staffing, Watching
from luna_tui.engine.clock import ManualClock
from luna_tui.storage.resources import resource
from luna_tui.storage.themes import discover_themes
from luna_tui.tui.app import LunaApp
from luna_tui.tui.attached_app import app_for
from luna_tui.tui.settings import Settings
from luna_tui.tui.views.spans import Role
from luna_tui.tui.widgets.lines_panel import LinesPanel


class RecordingControl:
    """Remembers commands; every method is RunControl's."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def cancel(
        self, scope: Scope, manner: Manner, *, by: str, wave: str | None = None, subtask: str | None = None
    ) -> None:
        self.calls.append(("cancel", scope, manner, wave, subtask, by))

    def set_mode(self, mode: Mode, *, by: str) -> None:
        self.calls.append(("mode", mode, by))

    def set_workers(self, workers: int | Staffing, *, by: str) -> None:
        self.calls.append(("workers", workers, by))

    def pause(self, *, by: str) -> None:
        self.calls.append(("pause", by))

    def resume(self, *, by: str) -> None:
        self.calls.append(("resume", by))

    def retry(self, subtasks: Sequence[str], *, by: str, prompt: str | None = None) -> None:
        self.calls.append(("retry", tuple(subtasks), prompt, by))

    def skip(self, subtasks: Sequence[str], *, by: str) -> None:
        self.calls.append(("skip", tuple(subtasks), by))

    def set_budget(self, usd: float | None, *, by: str) -> None:
        self.calls.append(("budget", usd, by))

    def decide(
        self,
        approval: str,
        decision: Decision,
        *,
        by: str,
        scope: GrantScope = GrantScope.ONCE,
        reason: str = "",
    ) -> None:
        self.calls.append(("decide", approval, decision, scope, reason, by))

    def settle_changes(self, subtask: str, *, accept: bool, by: str) -> None:
        self.calls.append(("changes", subtask, accept, by))


class StillSession:
    """A run that stands at one moment."""

    def __init__(
        self, records: tuple[Record, ...], *, live: bool = True, watching: Watching | None = None
    ) -> None:
        self._state = fold(records)
        self.clock = ManualClock(self._state.at)
        self.control = RecordingControl() if live else None
        self.watching = watching or (Watching.OWN if live else Watching.REPLAY)

    def state(self) -> RunState:
        return self._state

    def since(self, seq: int) -> tuple[Record, ...]:
        return tuple(r for r in self._state.log if r.seq > seq)

    def now_s(self) -> float:
        return self._state.at


def dashboard(session: StillSession, theme: str = "dark", **more: Any) -> LunaApp:
    themes = discover_themes([resource("themes")], [r.value for r in Role])
    return app_for(session.watching)(
        session, Settings(theme=theme, folder="runs/7f3a", **more), themes=themes.found
    )


Steps = Callable[[Pilot[None], LunaApp, RecordingControl], Awaitable[None]]


def drive(
    steps: Steps,
    *,
    records: tuple[Record, ...] | None = None,
    live: bool = True,
    watching: Watching | None = None,
    size: tuple[int, int] = (80, 24),
    **more: Any,
) -> None:
    """Press keys on a dashboard of a run that stands still; `more` are Settings."""
    session = StillSession(records or busy(20), live=live, watching=watching)
    app = dashboard(session, **more)

    async def body() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(pilot, app, session.control or RecordingControl())

    asyncio.run(body())


def shown(app: LunaApp) -> str:
    lines = [line for panel in app.screen.query(LinesPanel) for line in panel.panel.lines]
    return "\n".join("".join(s.text for s in line) for line in lines)
