"""What every screen of the program is told when it starts: themes, and settings for this terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from luna_tui.storage.config import Config
from luna_tui.storage.paths import config_dir
from luna_tui.storage.resources import resource

if TYPE_CHECKING:
    from luna_tui.storage.themes import Themes
    from luna_tui.tui.settings import Settings


def themes_found() -> Themes:
    """Themes of the program and of the user."""
    from luna_tui.storage.themes import discover_themes
    from luna_tui.tui.views.spans import Role

    return discover_themes((resource("themes"), config_dir() / "themes"), [r.value for r in Role])


def screen_settings(config: Config, themes: Themes, **more: Any) -> Settings:
    """Settings from the configuration and the terminal; `more` are others of `Settings`."""
    from luna_tui.tui.settings import Settings

    return Settings(
        theme="mono" if os.environ.get("NO_COLOR") else config.theme,
        notices=tuple(f"theme not used: {p}" for p in themes.problems),
        fps=config.fps,
        ascii=config.ascii or not _unicode_terminal(),
        keymap=config.keys,
        **more,
    )


def _unicode_terminal() -> bool:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = os.environ.get(name)
        if value:
            return "utf-8" in value.lower() or "utf8" in value.lower()
    return False
