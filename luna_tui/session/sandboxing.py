"""What holds the commands of a plan's agents on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luna_tui.core.plan import Plan
from luna_tui.core.sandbox import REFUSED, SandboxKind, SandboxSettings
from luna_tui.core.secrets import known_secrets
from luna_tui.core.tongue import _
from luna_tui.core.tools import RUN_COMMAND
from luna_tui.storage.config import current_environ

if TYPE_CHECKING:
    from luna_tui.runners.sandbox.choice import Sandbox


def make_sandbox(plan: Plan, settings: SandboxSettings) -> Sandbox | None:
    """The sandbox of a run, tried once; None when the plan grants no commands."""
    if not any(RUN_COMMAND in subtask.tools for subtask in plan.subtasks()):
        return None
    from luna_tui.runners.sandbox.choice import Sandbox

    environ = current_environ()
    return Sandbox(settings, environ, known_secrets(environ))


def sandbox_kind(plan: Plan, settings: SandboxSettings) -> str:
    """As `run_started` tells it: a kind, `refused`, or nothing when the plan grants no commands."""
    sandbox = make_sandbox(plan, settings)
    return "" if sandbox is None else str(sandbox.found.kind)


def sandbox_words(plan: Plan, settings: SandboxSettings) -> str:
    """What will hold the commands of the plan's agents, in a sentence; empty when it grants none."""
    sandbox = make_sandbox(plan, settings)
    if sandbox is None:
        return ""
    found = sandbox.found
    if found.kind == REFUSED:
        return _("commands of agents: none can be run: {why}").format(why=found.why)
    if found.kind == SandboxKind.NONE:
        return _(
            'commands of agents: held by nothing ([sandbox] kind = "none"); they reach all that you reach'
        )
    if settings.network:
        return _("commands of agents: held by {kind}, with network").format(kind=found.kind)
    return _("commands of agents: held by {kind}, no network").format(kind=found.kind)
