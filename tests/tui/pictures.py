"""The pictures of the README, from recorded journals; `make pictures` writes them, a test compares them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tui.agent_scenes import agents
from tui.scenes import nightly
from tui.stage import StillSession, dashboard

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SHOTS: tuple[tuple[str, float, tuple[int, int], str, tuple[str, ...]], ...] = (
    ("run-80x24", 44.0, (80, 24), "dark", ()),
    ("run-120x40", 44.0, (120, 40), "dark", ()),
    ("run-200x60", 44.0, (200, 60), "dark", ()),
    ("run-light", 44.0, (120, 40), "light", ()),
    ("problems", 75.0, (100, 30), "dark", ("exclamation_mark",)),
    ("timeline", 100.0, (120, 40), "dark", ("t",)),
    ("limits", 44.0, (100, 30), "dark", ("l",)),
    ("subtask", 44.0, (100, 30), "dark", ("enter",)),
    ("stop", 44.0, (80, 24), "dark", ("x",)),
    ("report", 10_000.0, (100, 30), "dark", ("R",)),
    ("asks", 0.0, (100, 30), "dark", ("a", "j")),
)
"""Name, instant of the run, size, theme, keys."""


def drawn(name: str) -> str:
    """One picture as SVG."""
    _name, at_s, size, theme, keys = next(shot for shot in SHOTS if shot[0] == name)
    records = agents() if name == "asks" else nightly(at_s)
    app = dashboard(StillSession(records), theme=theme)

    async def body() -> str:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await pilot.press(*keys)
            await pilot.pause()
            return app.export_screenshot(title="luna-tui")

    return asyncio.run(body())


def main() -> int:
    """Write them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, *_rest in SHOTS:
        (FOLDER / f"{name}.svg").write_text(drawn(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
