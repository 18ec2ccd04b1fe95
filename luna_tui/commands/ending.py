"""The end of `run` and its kin: files are written, the last words said, the exit code chosen."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from luna_tui.commands.console import SCREEN
from luna_tui.commands.runs_prune import prune_after
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.outcome import exit_code
from luna_tui.core.retention import KeepLimits
from luna_tui.core.state import RunState
from luna_tui.core.telling import counted
from luna_tui.core.tongue import _
from luna_tui.headless.closing import Paper, say_closing, say_commands
from luna_tui.headless.printer import LinePrinter
from luna_tui.session import LiveSession
from luna_tui.storage.config import Config

_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run takes its leave."""

    screenful: bool = False
    """There was a dashboard, so nothing of the run is in the scrollback yet."""
    junit: Path | None = None
    """Where the ends are written as JUnit XML."""
    coloured: bool = True
    """Where the terminal allows it."""
    keep: KeepLimits
    """Which older runs stay."""


def ending_of(args: argparse.Namespace, config: Config, console: str) -> Ending:
    """What flags and configuration say about the end."""
    return Ending(
        screenful=console == SCREEN,
        junit=getattr(args, "junit", None),
        coloured=config.theme != "mono",
        keep=config.keep,
    )


def end_run(session: LiveSession, lines: LinePrinter, forced: int | None, ending: Ending) -> int:
    """Write the report, say how it went and what goes on from here; the exit code, `forced` if given."""
    state = session.state()
    code = forced if forced is not None else int(exit_code(state))
    if state.finished is None:
        code = forced or ExitCode.STOPPED_EARLY
    try:
        if state.finished is not None:
            session.save_report()
        if ending.junit is not None:
            _write_junit(ending.junit, state)
    except LunaError as error:
        lines.say(f"{error.title}: {error.message}")
        code = error.code
    if state.finished is not None:
        prune_after(session.run_dir.run, ending.keep, lines.say)
    _say(session, state, lines, ending, code)
    return code


def _say(session: LiveSession, state: RunState, lines: LinePrinter, ending: Ending, code: int) -> None:
    folder = str(session.run_dir.path)
    if ending.screenful:
        say_closing(state, lines, _paper(coloured=ending.coloured), folder=folder, code=code)
        return
    if state.finished is None:
        lines.say(_("left before the end; what ended is kept in {path}").format(path=folder))
    else:
        counts = ", ".join(counted(s, n) for s, n in sorted(state.counts.items()))
        lines.say(f"{state.plan.name}: {counts}. {folder}")
    say_commands(state, lines)


def _write_junit(path: Path, state: RunState) -> None:
    from luna_tui.core.junit import junit_xml
    from luna_tui.storage.reports import write_text

    write_text(path, junit_xml(state))


def _paper(*, coloured: bool) -> Paper:
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns or _WIDTH
    except (OSError, ValueError):
        return Paper(width=_WIDTH, paints=False)
    able = os.environ.get("TERM", "") not in ("", "dumb", "unknown") and not os.environ.get("NO_COLOR")
    return Paper(width=width, paints=coloured and able)
