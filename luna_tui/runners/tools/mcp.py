"""Tools of MCP servers, as an agent may use them."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from luna_tui.core.clean import clean_line, short_line, visible
from luna_tui.core.mcp_servers import McpServer
from luna_tui.core.nearest import nearest
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.tools import mcp_name
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.environment import marks
from luna_tui.runners.tools.base import Place, Result, Tool, ToolError, Use
from luna_tui.runners.tools.mcp_connection import Connection, ServerError
from luna_tui.runners.tools.mcp_loop import LoopThread
from luna_tui.runners.tools.mcp_stdio import ServerProcess
from luna_tui.runners.tools.mcp_words import Offer, name_of, result_of

CLOSING_S = 4.0
"""The longest the end of a run waits for its servers."""
_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR")
_SUMMARY_CHARS = 200


def can_speak_mcp() -> bool:
    """Whether the optional part of the installation is there that speaks to servers."""
    return importlib.util.find_spec("mcp") is not None


class McpServers:
    """`runners.agent.toolbox.ToolServers` of one run; safe from any thread."""

    def __init__(
        self,
        servers: Mapping[str, McpServer],
        *,
        workspace: str,
        run_dir: str,
        environ: Mapping[str, str],
        redaction: Redaction = NO_REDACTION,
    ) -> None:
        """Nothing is started yet. Commands run in `workspace` and keep their complaints in `run_dir`."""
        self._servers = servers
        self._workspace = workspace
        self._run_dir = run_dir
        self._environ = environ
        self._redaction = redaction
        self._loop = LoopThread()
        self._connections: dict[str, Connection] = {}
        """Used on the loop only."""

    def tools(self, server: str, tool: str | None, token: CancelToken) -> Sequence[Tool]:
        """All that a server has, or one of them; starts it where it does not run yet.

        AttemptError(TOOLS) says in words why they cannot be had; Cancelled.
        """
        if server not in self._servers:
            raise _unknown(server, self._servers)
        if not can_speak_mcp():
            raise AttemptError(ErrorKind.TOOLS, f"mcp.{server}: {MISSING}")
        try:
            offers = self._loop.ask(lambda: self._connection(server).offers(), token)
        except ServerError as error:
            text = self._redaction.text(f"mcp.{server}: {error}")
            raise AttemptError(ErrorKind.TOOLS, text) from error
        wanted = [o for o in offers if tool in (None, o.tool) or o.name == name_of(server, tool or "")]
        if not wanted:
            raise _no_such_tool(server, tool, offers)
        return [McpTool(offer, self) for offer in wanted]

    def use(self, offer: Offer, given: Mapping[str, Any], token: CancelToken) -> Result:
        """Use a tool; ToolError says in words what went wrong."""
        try:
            said = self._loop.ask(lambda: self._connection(offer.server).call(offer.tool, given), token)
        except ServerError as error:
            raise ToolError(self._redaction.text(f"the server {offer.server} failed: {error}")) from error
        return result_of(said)

    def close(self) -> None:
        """End every server, with everything it started."""
        self._loop.close(self._close_all, CLOSING_S)

    async def _close_all(self) -> None:
        await asyncio.gather(*(c.close() for c in self._connections.values()), return_exceptions=True)

    def _connection(self, server: str) -> Connection:
        if server not in self._connections:
            settings = self._servers[server]
            process_of = partial(self._process, settings)
            self._connections[server] = Connection(settings, process_of, self._environ)
        return self._connections[server]

    def _process(self, server: McpServer, own: Mapping[str, str]) -> ServerProcess:
        passed = {k: v for k, v in self._environ.items() if k in _PASSED_ON or k.startswith("LC_")}
        complaints = os.path.join(self._run_dir, f"mcp-{server.name}.stderr") if self._run_dir else ""
        return ServerProcess(
            server.command,
            passed | dict(own) | marks(self._run_dir),
            self._workspace,
            complaints,
            self._redaction,
        )


class McpTool:
    """One tool of a server."""

    def __init__(self, offer: Offer, servers: McpServers) -> None:
        self._offer = offer
        self._servers = servers

    @property
    def name(self) -> str:
        """`mcp__SERVER__TOOL`."""
        return self._offer.name

    @property
    def definition(self) -> Mapping[str, Any]:
        """As the server describes it."""
        return self._offer.definition

    def describe(self, given: Mapping[str, Any], place: Place) -> Use:
        """Never harmless: what it does only its server knows, whatever that says of it."""
        rule = mcp_name(self._offer.server, self.name)
        line = json.dumps(given, ensure_ascii=False, sort_keys=True)
        short = short_line(visible(f"{self._offer.server}.{self._offer.tool} {line}"), _SUMMARY_CHARS)
        detail = visible(json.dumps(given, ensure_ascii=False, indent=1, sort_keys=True))
        return Use(given=given, subject=line, summary=short, detail=detail, pattern=rule)

    def use(self, use: Use, place: Place, token: CancelToken) -> Result:
        """Have the server do it."""
        return self._servers.use(self._offer, use.given, token)


MISSING = "it needs the optional part of the installation: pip install 'luna-tui[mcp]'"


def _unknown(server: str, known: Mapping[str, McpServer]) -> AttemptError:
    near = nearest(server, known)
    hint = f"did you mean mcp.{near}?" if near else f"your configuration needs a table [mcp.{server}]"
    return AttemptError(ErrorKind.TOOLS, f"there is no server mcp.{server}: {hint}")


def _no_such_tool(server: str, tool: str | None, offers: Sequence[Offer]) -> AttemptError:
    if tool is None:
        return AttemptError(ErrorKind.TOOLS, f"mcp.{server} has no tools")
    names = [clean_line(o.tool) for o in offers]
    near = nearest(tool, names)
    hint = f"did you mean {near}?" if near else f"it has {', '.join(names[:10])}"
    return AttemptError(ErrorKind.TOOLS, f"mcp.{server} has no tool {tool}: {hint}")
