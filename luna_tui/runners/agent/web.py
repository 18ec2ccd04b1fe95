"""Tools that the service uses on its own side: what is offered of them, and how their use is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luna_tui.core.clean import short_line
from luna_tui.core.rules import Rules, Verdict, host_of
from luna_tui.core.tools import WEB
from luna_tui.engine.runner import AttemptContext
from luna_tui.runners.blocks import Block

_TYPES = {"web_search": "web_search_20260318", "web_fetch": "web_fetch_20260318"}
_MOST_USES = {"web_search": 5, "web_fetch": 10}
"""In one request."""
_SUMMARY_CHARS = 200


def web_definition(name: str, rules: Rules) -> Block | None:
    """How the request offers `web_search` or `web_fetch`; None where rules forbid it.

    The service asks nobody before a use, and knows no rules but hosts of pages. So what rules want
    asked about is refused, where they allow some hosts only it keeps to them, and what it cannot
    keep to is not offered at all.
    """
    denied, asked, allowed = (rules.patterns(v, name) for v in (Verdict.DENY, Verdict.ASK, Verdict.ALLOW))
    if "" in denied or (name == WEB[0] and denied):
        return None
    definition: Block = {
        "type": _TYPES[name],
        "name": name,
        "max_uses": _MOST_USES[name],
        "allowed_callers": ["direct"],
    }
    if name == WEB[0]:
        return definition
    refused = {_host(p) for p in (*denied, *asked) if p}
    if not allowed or "" in allowed:
        return definition | ({"blocked_domains": sorted(refused)} if refused else {})
    kept = [h for h in dict.fromkeys(map(_host, allowed)) if not _within(h, refused)]
    if not kept or any(_within(host, set(kept)) for host in refused):
        return None
    return definition | {"allowed_domains": kept}


def needs_asking(name: str, rules: Rules) -> bool:
    """Whether rules say that a person has to be asked before it is offered."""
    asked = rules.patterns(Verdict.ASK, name)
    return "" in asked or (name == WEB[0] and bool(asked))


class WebUses:
    """Tells of the uses of one attempt, from the blocks of its answers; used by its thread only."""

    def __init__(self, context: AttemptContext) -> None:
        self._context = context
        self._open: dict[str, str] = {}
        """Name of a use -> tool; a use may end in the answer after the one in which it began."""

    def take(self, block: Mapping[str, Any]) -> None:
        """A block of an answer is whole."""
        kind = str(block.get("type"))
        if kind == "server_tool_use":
            call, tool = str(block["id"]), str(block["name"])
            self._open[call] = tool
            given = block.get("input") or {}
            self._context.tool_called(call, tool, _line(given.get("query") or given.get("url") or tool))
        elif kind.endswith("_tool_result") and (call := str(block.get("tool_use_id"))) in self._open:
            del self._open[call]
            error = _error(block.get("content"))
            self._context.tool_finished(call, ok=not error, result=error or _came_to(block.get("content")))

    def broke_off(self) -> None:
        """The answer did not come to its end; nothing that was in use will tell how it went."""
        for call in self._open:
            self._context.tool_finished(call, ok=False, result="the answer broke off")
        self._open.clear()


def _error(content: Any) -> str:
    if isinstance(content, Mapping) and "error_code" in content:
        return _line(str(content["error_code"]).replace("_", " "))
    return ""


def _came_to(content: Any) -> str:
    if isinstance(content, list):
        return "1 result" if len(content) == 1 else f"{len(content)} results"
    if isinstance(content, Mapping):
        document = content.get("content")
        source = document.get("source") if isinstance(document, Mapping) else None
        data = source.get("data") if isinstance(source, Mapping) else None
        if isinstance(data, str) and source and source.get("type") == "text":
            return f"{len(data):,} characters"
    return ""


def _host(pattern: str) -> str:
    return host_of("//" + pattern.removeprefix("*."))


def _within(host: str, hosts: set[str]) -> bool:
    return any(host == other or host.endswith("." + other) for other in hosts)


def _line(text: Any) -> str:
    return short_line(str(text), _SUMMARY_CHARS)
