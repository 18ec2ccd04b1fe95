"""Events of agents in words: a state they resemble, what happened, and how loud."""

from __future__ import annotations

from typing import assert_never

from luna_tui.core.agents import AgentEvent, SettledEvent
from luna_tui.core.events import (
    ApprovalDecided,
    ApprovalRequested,
    ChangesAccepted,
    ChangesDropped,
    ChangesRefused,
    ToolCalled,
    ToolFinished,
    TurnFailed,
    TurnStarted,
    WorkspaceChanged,
)
from luna_tui.core.insight import Stand
from luna_tui.core.reasons import who_asked
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import Decision, GrantScope
from luna_tui.tui.views.spans import Role
from luna_tui.tui.views.text import clock

Happened = tuple[Stand, str, Role]


def of_agent(event: AgentEvent) -> Happened:
    """What an agent did, or what was done for it."""
    match event:
        case TurnStarted():
            return Stand.SENT, _("turn {n}").format(n=event.turn), Role.DIM
        case TurnFailed():
            what = _("turn {n} is sent again: {why}").format(n=event.turn, why=event.message)
            return Stand.BACKOFF, what, Role.WARN
        case ToolCalled():
            return Stand.TOOL, f"{event.tool} {event.summary}".strip(), Role.DIM
        case ToolFinished():
            ended = _("{tool} done in {time}") if event.ok else _("{tool} failed after {time}")
            what = ended.format(tool=event.tool, time=clock(event.duration_s))
            if event.result:
                what += f": {event.result}"
            return Stand.TOOL, what, Role.DIM if event.ok else Role.WARN
        case ApprovalRequested():
            asks = _("asks: {what}") if event.question else _("asks to use {what}")
            what = event.summary if event.question else f"{event.tool} {event.summary}".strip()
            return Stand.ASK, asks.format(what=what), Role.WARN
        case ApprovalDecided():
            return Stand.ASK, _decided(event), Role.ACCENT
        case WorkspaceChanged():
            what = _n("{n} changed file to look at", "{n} changed files to look at", len(event.files))
            return Stand.OK, what.format(n=len(event.files)), Role.STRONG
        case _:
            assert_never(event)


def of_changes(event: SettledEvent) -> Happened:
    """What became of changes."""
    by = who_asked(event.by)
    match event:
        case ChangesAccepted():
            what = _n("{n} file taken over by {by}", "{n} files taken over by {by}", event.files)
            return Stand.OK, what.format(n=event.files, by=by), Role.ACCENT
        case ChangesDropped():
            return Stand.CANCELLED, _("changes thrown away by {by}").format(by=by), Role.ACCENT
        case ChangesRefused():
            what = _("changes not taken over: {why}").format(why=", ".join(event.conflicts))
            return Stand.FAILED, what, Role.BAD
        case _:
            assert_never(event)


def _decided(event: ApprovalDecided) -> str:
    why = f": {event.reason}" if event.reason else ""
    by = who_asked(event.by)
    if event.decision is Decision.WITHDRAWN:
        return _("{tool} is no longer asked for").format(tool=event.tool)
    if event.decision is Decision.DENY:
        return _("{by} denies {tool}").format(by=by, tool=event.tool) + why
    if event.scope is GrantScope.ONCE:
        return _("{by} allows {tool}").format(by=by, tool=event.tool) + why
    far = _("for the run") if event.scope is GrantScope.RUN else _("for the subtask")
    return _("{by} allows {pattern} {far}").format(by=by, pattern=event.pattern or event.tool, far=far)
