"""Names of tools that a plan may grant."""

from __future__ import annotations

import re

FILE_READERS = ("read_file", "list_files", "search_files")
FILE_WRITERS = ("write_file", "edit_file")
RUN_COMMAND = "run_command"
WEB = ("web_search", "web_fetch")
"""Done by the service, on its side of the line."""
ASK_USER = "ask_user"
TOOLS = (*FILE_READERS, *FILE_WRITERS, RUN_COMMAND, *WEB, ASK_USER)
"""Every tool of our own, in the order in which they are listed."""
_MCP = re.compile(r"mcp\.([A-Za-z0-9_-]{1,32})(?:\.([A-Za-z0-9_.-]{1,64}))?")


def mcp_server(name: str) -> str | None:
    """The server that `mcp.SERVER` or `mcp.SERVER.TOOL` names; None for any other name."""
    found = _MCP.fullmatch(name)
    return None if found is None else found[1]


def mcp_tool(name: str) -> str | None:
    """The tool that `mcp.SERVER.TOOL` names; None = all of the server, or no tool of a server."""
    found = _MCP.fullmatch(name)
    return None if found is None else found[2]


def mcp_called(server: str, tool: str) -> str:
    """As a model calls a tool of a server, which the API lets have no points in its name."""
    return f"mcp__{server}__{tool}"


def mcp_name(server: str, called: str) -> str:
    """As plans and rules call the tool of a server that a model calls so."""
    return f"mcp.{server}.{called.removeprefix(mcp_called(server, ''))}"
