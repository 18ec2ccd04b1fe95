"""A workspace with something outside of it, and a short way to use a tool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.runners.tools.base import Place, Result, Tool

SECRET = "the-secret-outside"


def place_at(workspace: Path, *, own: bool = False, writable: bool = True, run_dir: str = "") -> Place:
    return Place(subtask="a", workspace=str(workspace), own=own, writable=writable, run_dir=run_dir)


def token() -> CancelToken:
    return CancelToken(SystemClock())


def use(tool: Tool, place: Place, **given: Any) -> Result:
    return tool.use(tool.describe(given, place), place, token())
