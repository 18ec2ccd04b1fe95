"""`replay`: a journal in the very same screens, or in plain sentences."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from luna_tui.commands.console import HEADLESS, PLAIN, SCREEN, chosen_console
from luna_tui.commands.screen import draws_boxes
from luna_tui.commands.settings import checked_keys, config_of
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.places import NoPlace, understood_place
from luna_tui.core.tongue import _n, choose
from luna_tui.engine.clock import SystemClock
from luna_tui.headless.printer import LinePrinter
from luna_tui.headless.replayed import PlainReplay
from luna_tui.session.replay import ReplaySession, open_replay
from luna_tui.session.replay_texts import ReplayTexts
from luna_tui.storage.config import Config, current_environ
from luna_tui.storage.paths import find_run
from luna_tui.storage.run_files import RunFiles
from luna_tui.storage.translations import language, translations

if TYPE_CHECKING:
    from luna_tui.tui.replaying import ReplayApp


def replay(args: argparse.Namespace) -> int:
    """Play the journal of a run; nothing of the run is changed."""
    config = config_of(args)
    plain = config.ascii or not draws_boxes(current_environ())
    choose(translations(language(config.lang, current_environ()), ascii=plain))
    path = _journal(args.run)
    console = chosen_console(args, config)
    return replay_run(path, config, console=console, speed=args.speed, at=args.at)


def replay_run(
    path: Path, config: Config, *, console: str = SCREEN, speed: float | None = None, at: str = ""
) -> int:
    """Play a run directory or a journal file from `at` on, `speed` times as fast as it was.

    Without a speed it is told at once where there is neither a screen nor a keyboard. LunaError(2) when
    there is nothing to play or `at` is no place of it.
    """
    keys = checked_keys(config) if console == SCREEN else {}
    session = open_replay(path)
    _begin_at(session, at)
    session.player.speed = speed or 1.0
    if console == SCREEN:
        from luna_tui.tui.app import run_app

        app = make_replay_app(session, config, keys, path)
        code = run_app(app)
        if app.error_text:
            print(app.error_text, file=sys.stderr, flush=True)
            return ExitCode.INTERNAL
        return code or ExitCode.OK
    if said := damage_in_words(session):
        print(said, file=sys.stderr, flush=True)
    told = PlainReplay(
        session, LinePrinter(sys.stdout), keys=sys.stdin.fileno() if console == PLAIN else None
    )
    if console == HEADLESS and speed is None:
        told.tell_all()
    else:
        told.follow(SystemClock().now)
    return ExitCode.OK


def make_replay_app(session: ReplaySession, config: Config, keys: dict[str, str], path: Path) -> ReplayApp:
    """The dashboard of a replay, which begins to play at once; `keys` were checked."""
    from luna_tui.commands.screen import settings_of
    from luna_tui.tui.notices import Channels
    from luna_tui.tui.replaying import ReplayApp
    from luna_tui.tui.views.replay import replay_keymap

    settings, themes = settings_of(config, keys)
    folder = _folder(path)
    said = damage_in_words(session)
    settings = replace(
        settings,
        keymap=replay_keymap(keys),
        # It happened long ago: no bell, no title. What is copied still has to know of tmux.
        channels=Channels(bell=False, osc="off", title=False, tmux="TMUX" in os.environ),
        notices=(*settings.notices, *((said,) if said else ())),
        folder=str(folder) if folder is not None else "",
        kept=ReplayTexts(session, RunFiles(folder)),
    )
    session.player.play()
    return ReplayApp(session, settings, themes=themes, now=SystemClock().now)


def damage_in_words(session: ReplaySession) -> str:
    """What of the journal could not be read; empty when all could be."""
    if not session.damaged:
        return ""
    count, first = len(session.damaged), session.damaged[0]
    said = _n(
        "{n} line of the journal is damaged and left out; {path}:{line}: {why}",
        "{n} lines of the journal are damaged and left out; the first: {path}:{line}: {why}",
        count,
    )
    return said.format(n=count, path=first.path, line=first.line, why=first.reason)


def _begin_at(session: ReplaySession, at: str) -> None:
    if not at:
        return
    player = session.player
    place = understood_place(at, player.total_s, player.last_number)
    if isinstance(place, NoPlace):
        raise LunaError("bad --at", place.why, "--at 1:23, --at 83, --at 50% or --at '#812'", ExitCode.USAGE)
    player.go_to(place)


def _journal(word: str) -> Path:
    """A path that was named as one, else the run of this name."""
    path = Path(word)
    named = os.sep in word or word.endswith(".ndjson") or word in (".", "..")
    if not named:
        return find_run(word).path
    if not path.exists():
        raise LunaError(
            "nothing to replay",
            f"{word} is not there",
            "name a run, or the path of a run directory or of a journal",
            ExitCode.USAGE,
        )
    return path.resolve()


def _folder(path: Path) -> Path | None:
    """The run directory that a path belongs to; None for a journal that lies elsewhere."""
    folder = path if path.is_dir() else path.parent
    return folder if (folder / "outputs").is_dir() else None
