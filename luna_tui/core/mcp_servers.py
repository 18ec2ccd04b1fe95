"""What is known of a server of tools before it is started."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from luna_tui.core.plan import Plan
from luna_tui.core.tools import mcp_server

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""Stands in a value for what the environment has."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """One table `[mcp.NAME]`: a command or an address, never both."""

    name: str
    command: tuple[str, ...] = ()
    """Program and arguments; it speaks on its standard input and output."""
    url: str = ""
    """Of a server that speaks HTTP."""
    env: Mapping[str, str]
    """What the command sees besides a few harmless variables; `${NAME}` is filled in at its start."""
    headers: Mapping[str, str]
    """What is sent to the address with every request; filled in the same way."""
    timeout: float = 30.0
    """Seconds its start, or one use of a tool, may take."""


class UnsetVariable(Exception):
    """A value names a variable that the environment does not have; the text is the name."""


def filled(values: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Values with what the environment has in place of each `${NAME}`; UnsetVariable."""

    def value_of(found: re.Match[str]) -> str:
        if found[1] not in environ:
            raise UnsetVariable(found[1])
        return environ[found[1]]

    return {name: VARIABLE.sub(value_of, value) for name, value in values.items()}


def servers_wanted(plan: Plan) -> Iterator[tuple[str, str]]:
    """(server, subtask) for each server that the plan grants to a subtask, each server once."""
    seen = set()
    for subtask in plan.subtasks():
        for tool in subtask.tools:
            server = mcp_server(tool)
            if server is not None and server not in seen:
                seen.add(server)
                yield server, subtask.id
