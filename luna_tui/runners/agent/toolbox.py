"""From the names that a plan grants to what an agent can use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from luna_tui.core.plan import Subtask
from luna_tui.core.rules import Judgement, Rules
from luna_tui.core.tools import ASK_USER, WEB, mcp_name, mcp_server, mcp_tool
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.runner import AttemptContext, AttemptError, Request
from luna_tui.runners.agent.ask_user import AskUser
from luna_tui.runners.agent.conversation import size_chars
from luna_tui.runners.agent.web import needs_asking, web_definition
from luna_tui.runners.blocks import Block
from luna_tui.runners.tools.base import Tool

Make = Callable[[], Tool]
"""Makes a tool, or says with AttemptError(TOOLS) why it cannot be had."""


class ToolServers(Protocol):
    """Servers that have tools of their own."""

    def tools(self, server: str, tool: str | None, token: CancelToken) -> Sequence[Tool]:
        """All that a server has, or one of them, named `mcp__SERVER__TOOL`.

        Starts the server where it does not run yet. AttemptError(TOOLS) when they cannot be had, Cancelled.
        """
        ...

    def close(self) -> None:
        """End all of them; no attempt runs any more."""
        ...


@dataclass(frozen=True, slots=True)
class Granted:
    """A tool of ours that an agent may use."""

    tool: Tool
    name: str
    """As plans and rules call it."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What one attempt may use."""

    own: Mapping[str, Granted]
    """By the name that the model calls."""
    web: Sequence[Block]
    """Definitions of what the service does on its side."""
    rules: Rules
    asked: bool = False
    """A person was asked for it, so the first request has to be admitted anew."""

    @property
    def definitions(self) -> list[Mapping[str, Any]]:
        """As the request offers them, in the order of the plan."""
        return [*(granted.tool.definition for granted in self.own.values()), *self.web]

    @property
    def names(self) -> tuple[str, ...]:
        """All that the model may call."""
        return (*self.own, *(str(block["name"]) for block in self.web))

    def judge(self, granted: Granted, subject: str, harmless: bool) -> Judgement:
        """What the rules say of a use."""
        return self.rules.judge(granted.name, subject, harmless)


@dataclass(frozen=True)
class Toolbox:
    """The tools of a run; serves all threads."""

    makes: Mapping[str, Make] = field(default_factory=dict)
    """Tools of our own by their names in plans; `ask_user` is always there."""
    rules: Rules = field(default_factory=Rules)
    servers: ToolServers | None = None

    def kit(self, subtask: Subtask, context: AttemptContext) -> Kit:
        """What the plan grants to a subtask and rules leave of it; AttemptError(TOOLS), Cancelled.

        Where a rule says so, a person is asked before the service may use a tool on its side.
        """
        own: dict[str, Granted] = {}
        for name in dict.fromkeys(subtask.tools):
            if name not in WEB:
                own |= {g.tool.name: g for g in self._granted(name, context.token)}
        wanted = [name for name in WEB if name in subtask.tools]
        offered = {name: d for name in wanted if (d := web_definition(name, self.rules)) is not None}
        asked = [name for name in offered if needs_asking(name, self.rules)]
        replies = context.ask([_may_it(name) for name in asked]) if asked else ()
        refused = {name for name, reply in zip(asked, replies, strict=True) if not reply.allowed}
        web = [definition for name, definition in offered.items() if name not in refused]
        return Kit(own, web, self.rules, asked=bool(asked))

    def size_chars(self, subtask: Subtask) -> int:
        """About how long the definitions of a subtask's tools are; those of servers are not counted."""
        if not subtask.tools:
            return 0
        ours = (self.makes.get(name) for name in subtask.tools)
        try:
            return size_chars([make().definition for make in ours if make is not None])
        except AttemptError:
            return 0

    def close(self) -> None:
        """End the servers; no attempt runs any more."""
        if self.servers is not None:
            self.servers.close()

    def _granted(self, name: str, token: CancelToken) -> list[Granted]:
        if name == ASK_USER:
            return [Granted(AskUser(), name)]
        if name in self.makes:
            return [Granted(self.makes[name](), name)]
        server = mcp_server(name)
        if server is None or self.servers is None:
            raise AttemptError(ErrorKind.TOOLS, f"tool {name} cannot be had here")
        tools = self.servers.tools(server, mcp_tool(name), token)
        return [Granted(tool, mcp_name(server, tool.name)) for tool in tools]


def _may_it(name: str) -> Request:
    what = "search the web" if name == WEB[0] else "fetch pages of the web"
    return Request(tool=name, summary=f"may {what}, in the whole of this attempt", pattern=name)


NO_TOOLS = Toolbox()
"""For plans that grant none, but for questions to a person."""
