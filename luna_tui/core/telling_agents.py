"""Sentences about agents at work: turns, tools, requests for a person, changes to look at."""

from __future__ import annotations

from luna_tui.core.clean import clean_line
from luna_tui.core.events import (
    ApprovalDecided,
    ApprovalRequested,
    ChangesAccepted,
    ChangesDropped,
    ChangesRefused,
    Event,
    ToolCalled,
    ToolFinished,
    TurnFailed,
    TurnStarted,
    WorkspaceChanged,
)
from luna_tui.core.figures import spoken
from luna_tui.core.reasons import who_asked
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import Decision, GrantScope


def about_agent(event: Event, name: str = "") -> str | None:
    """What happened to an agent; None for any other event. `name` begins with a space, if given."""
    match event:
        case TurnStarted() as e:
            return _("turn {n}.").format(n=e.turn)
        case TurnFailed() as e:
            return _("turn {n} failed{name}: {why}; it is sent again.").format(
                n=e.turn, name=name, why=clean_line(e.message).rstrip(".")
            )
        case ToolCalled() as e:
            return _("calls a tool: {tool} {summary}").format(tool=e.tool, summary=clean_line(e.summary))
        case ToolFinished() as e:
            how = _("returned") if e.ok else _("failed")
            return _("tool {tool} {how} after {time}.").format(
                tool=e.tool, how=how, time=spoken(e.duration_s)
            )
        case ApprovalRequested() as e:
            said = (
                _("attention{name} asks: {what}") if e.question else _("attention{name} asks to use {what}")
            )
            what = clean_line(e.summary) if e.question else clean_line(f"{e.tool}: {e.summary}")
            return said.format(name=name, what=what)
        case ApprovalDecided() as e:
            return _decided(e, name)
        case WorkspaceChanged() as e:
            return _n(
                "changed{name}: {n} file to look at, nothing of it is in the workspace yet.",
                "changed{name}: {n} files to look at, nothing of it is in the workspace yet.",
                len(e.files),
            ).format(n=len(e.files), name=name)
        case ChangesAccepted() as e:
            return _n(
                "accepted{name}: {n} file was taken over, by {by}.",
                "accepted{name}: {n} files were taken over, by {by}.",
                e.files,
            ).format(n=e.files, name=name, by=who_asked(e.by))
        case ChangesDropped() as e:
            return _("dropped{name}: what it changed is thrown away, by {by}.").format(
                name=name, by=who_asked(e.by)
            )
        case ChangesRefused() as e:
            why = clean_line(", ".join(e.conflicts))
            return _("not accepted{name}: {why}.").format(name=name, why=why)
        case _:
            return None


def _decided(e: ApprovalDecided, name: str) -> str:
    why = f": {clean_line(e.reason)}" if e.reason else ""
    if e.decision is Decision.WITHDRAWN:
        return _("no longer asked{name}: {tool}.").format(name=name, tool=e.tool)
    if e.decision is Decision.DENY:
        return _("denied{name}: {tool}, by {by}{why}.").format(
            name=name, tool=e.tool, by=who_asked(e.by), why=why
        )
    if e.scope is GrantScope.ONCE:
        return _("allowed{name}: {tool}, by {by}{why}.").format(
            name=name, tool=e.tool, by=who_asked(e.by), why=why
        )
    far = _("for the run") if e.scope is GrantScope.RUN else _("for the subtask")
    return _("allowed{name} {far}: {pattern}, by {by}.").format(
        name=name, far=far, pattern=clean_line(e.pattern or e.tool), by=who_asked(e.by)
    )
