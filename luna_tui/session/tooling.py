"""What a run's agents may work with, and what the requests of a plan have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.rules import Rules
from luna_tui.core.sandbox import REFUSED
from luna_tui.core.templates import names
from luna_tui.core.tools import FILE_READERS, FILE_WRITERS, RUN_COMMAND
from luna_tui.core.words import ErrorKind, Kind
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.agent.toolbox import Make, Toolbox, ToolServers
from luna_tui.runners.caching import Shared
from luna_tui.runners.tools.base import Tool

if TYPE_CHECKING:
    from luna_tui.runners.sandbox.choice import Sandbox

_FILE_TOOLS = (*FILE_READERS, *FILE_WRITERS)


def make_toolbox(
    plan: Plan, rules: Rules, sandbox: Sandbox | None = None, servers: ToolServers | None = None
) -> Toolbox:
    """The tools that a plan may grant; nothing is loaded or started before an agent needs it.

    Without a sandbox no commands can be had, and without servers no tools of theirs.
    """
    makes: dict[str, Make] = {
        name: cache(partial(_file_tool, name, plan.files, rules)) for name in _FILE_TOOLS
    }
    if sandbox is not None:
        makes[RUN_COMMAND] = cache(partial(_run_command, sandbox, plan.files))
    return Toolbox(makes, rules, servers)


def _run_command(sandbox: Sandbox, protected: tuple[str, ...]) -> Tool:
    from luna_tui.runners.tools.running import RunCommand

    if sandbox.found.kind == REFUSED:
        text = f"nothing can hold commands here, so agents run none: {sandbox.found.why}"
        raise AttemptError(ErrorKind.TOOLS, text)
    return RunCommand(sandbox, protected)


def _file_tool(name: str, protected: tuple[str, ...], rules: Rules) -> Tool:
    from luna_tui.runners.beneath import can_open_beneath
    from luna_tui.runners.tools.reading import ListFiles, ReadFile
    from luna_tui.runners.tools.searching import SearchFiles
    from luna_tui.runners.tools.writing import EditFile, WriteFile

    if not can_open_beneath():
        text = f"tool {name} needs openat2 (Linux 5.6 or newer), which this machine does not have"
        raise AttemptError(ErrorKind.TOOLS, text)
    tools: tuple[Tool, ...] = (
        ReadFile(),
        ListFiles(),
        SearchFiles(partial(rules.keeps_from, ("read_file", "search_files"))),
        WriteFile(protected),
        EditFile(protected),
    )
    return next(tool for tool in tools if tool.name == name)


def shared_beginnings(plan: Plan) -> Callable[[Subtask], Shared]:
    """Tells with how many others of the plan a subtask's request has its beginning in common.

    Keeping the beginning of a request costs more than sending it once, so it pays only for what
    comes again. Agents keep theirs in any case: each of them sends it at every turn.
    """
    asking = [s for s in plan.subtasks() if s.kind is Kind.CLAUDE and not s.tools]
    systems = Counter((s.model, s.system) for s in asking)
    files = Counter(map(_beginning, asking))

    def shared(subtask: Subtask) -> Shared:
        return Shared(system=systems[subtask.model, subtask.system] > 1, files=files[_beginning(subtask)] > 1)

    return shared


def _beginning(subtask: Subtask) -> tuple[object, ...]:
    quoted = frozenset(name for name in names(subtask.prompt) if name.startswith("files."))
    return subtask.model, subtask.system, subtask.messages, subtask.files, quoted
