"""Build the dashboard for a session, from the configuration and what the terminal can do."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from luna_tui.commands.hooks import Hook
from luna_tui.core.home import PlanningPrice
from luna_tui.core.kept import KeptFiles
from luna_tui.core.tongue import _
from luna_tui.session.parting import Parting
from luna_tui.session.protocol import Session
from luna_tui.storage.config import Config
from luna_tui.storage.paths import config_dir
from luna_tui.storage.resources import resource
from luna_tui.storage.themes import ThemeFiles

if TYPE_CHECKING:
    from luna_tui.tui.app import LunaApp
    from luna_tui.tui.settings import Settings
    from luna_tui.tui.theme import ThemeLike

_LOCALE = ("LC_ALL", "LC_CTYPE", "LANG")
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python itself sets LC_CTYPE to when LANG is C, or names a locale that is not installed here."""
_AMBIGUOUS = ("zh", "ja", "ko")
"""Languages in whose terminals box characters may be two cells wide."""


def make_app(
    session: Session,
    config: Config,
    keys: Mapping[str, str],
    *,
    drive: Callable[[], object] | None = None,
    folder: str = "",
    close_after_s: float | None = None,
    kept: KeptFiles | None = None,
    plain: bool = False,
    parting: Parting | None = None,
    replays: bool = False,
    replanning: Callable[[], PlanningPrice] | None = None,
    prompt_of: Callable[[str], str | None] = lambda subtask: None,
    heard: Callable[[], Sequence[str]] = tuple,
) -> LunaApp:
    """The dashboard of `session`; `drive` runs it to its end on a thread of the app's.

    `keys` maps binding ids to keys and was checked. `folder` is where the run is kept, and `kept` its
    files. `plain`: whoever made it shows plain lines when it is left for them, and with `replays` the
    replay, with `replanning`, which tells the price, a new plan of the rest.
    `parting` is called when it has to go. `prompt_of` tells the whole prompt of a subtask where
    that is known, and `heard` what the run said to this viewer alone.
    """
    from luna_tui.tui.attached_app import app_for

    settings, themes = settings_of(config, keys)
    settings = replace(
        settings,
        close_after_s=close_after_s,
        folder=folder,
        kept=kept,
        plain=plain,
        parting=parting or Parting(),
        replays=replays,
        replanning=replanning,
        prompt_of=prompt_of,
        heard=heard,
    )
    return app_for(session.watching)(session, settings, themes=themes, drive=drive)


def settings_of(config: Config, keys: Mapping[str, str]) -> tuple[Settings, Mapping[str, ThemeLike]]:
    """What every screen is told when it starts, and the themes it may use."""
    from luna_tui.tui.notices import Channels
    from luna_tui.tui.settings import Settings
    from luna_tui.tui.views.spans import Role

    files = ThemeFiles((resource("themes"), config_dir() / "themes"), [r.value for r in Role])
    themes = files.read()
    settings = Settings(
        theme="mono" if os.environ.get("NO_COLOR") else config.theme,
        notices=tuple(_("theme not used: {why}").format(why=p) for p in themes.problems),
        fps=config.fps,
        ascii=config.ascii or not draws_boxes(os.environ),
        mouse=config.mouse,
        keymap=keys,
        tiers=config.tiers,
        themes_changed=files.changed,
        channels=Channels(
            bell=config.bell,
            osc=config.osc,
            title=config.title,
            tmux="TMUX" in os.environ,
            hook=Hook(config.notify_command) if config.notify_command else None,
        ),
    )
    return settings, themes.found


def draws_boxes(environ: Mapping[str, str]) -> bool:
    """Whether the locale says that box characters come out right, one cell wide."""
    coerced = environ.get("LC_CTYPE") in _COERCED and environ.get("LANG")
    names = [name for name in _LOCALE if not (coerced and name == "LC_CTYPE")]
    said = next((environ[name] for name in names if environ.get(name)), "").lower()
    return ("utf-8" in said or "utf8" in said) and not said.startswith(_AMBIGUOUS)
