"""Read what a subtask is granted: tools, how many requests it may make, a workspace of its own."""

from __future__ import annotations

from luna_tui.core.plan import Subtask
from luna_tui.core.tools import TOOLS, mcp_server
from luna_tui.core.words import Isolation
from luna_tui.storage.fields import Table, shortened

MAX_TOOLS = 200
MAX_TURNS = 200
_USUAL_TURNS = Subtask(id="-", title="-").max_turns


def granted(table: Table) -> tuple[str, ...]:
    """The tools that a plan names, each once; the unknown are noted and left out."""
    if "tools" not in table.values:
        return ()
    found = dict.fromkeys(table.texts("tools"))
    if len(found) > MAX_TOOLS:
        table.wrong("tools", f"{len(found):,} tools are granted", f"at most {MAX_TOOLS} a subtask")
        return ()
    for name in [n for n in found if n not in TOOLS and mcp_server(n) is None]:
        if name.startswith("mcp"):
            what, fix = f"{shortened(name)} names no server", "mcp.SERVER or mcp.SERVER.TOOL"
        else:
            what, fix = f"there is no tool {shortened(name)}", table.problems.nearest(name, TOOLS)
        table.wrong("tools", what, fix)
        del found[name]
    return tuple(found)


def turns(table: Table) -> int:
    """The most requests that one attempt may make."""
    most: int = table.whole("max_turns", _USUAL_TURNS, 1, MAX_TURNS)
    return most


def isolation(table: Table) -> Isolation | None:
    """How the subtask gets a workspace of its own; None = it works in that of the plan."""
    if "isolate" not in table.values:
        return None
    return table.choice("isolate", Isolation, Isolation.COPY)
