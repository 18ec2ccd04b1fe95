"""The tables of the configuration that name servers of tools: `[mcp.NAME]`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from luna_tui.core.mcp_servers import NAME, VARIABLE, McpServer
from luna_tui.storage.fields import Table
from luna_tui.storage.paths import config_dir

if TYPE_CHECKING:
    from luna_tui.storage.config import Config

MCP_KEYS = ("command", "url", "env", "headers", "timeout")
_LONGEST_S = 3_600.0


def apply_mcp(config: Config, mcp: Table, *, project: bool) -> Config:
    """`config` with the servers that `[mcp.*]` names; a later layer replaces a server as a whole.

    The file of a project comes with whatever one has fetched, and a server is a program that runs
    with all rights: with `project` each is a problem.
    """
    found = dict(config.mcp)
    for name in mcp.values:
        if project:
            mcp.wrong(
                name,
                f"[mcp.{name}] would start a program; the file of a project cannot define servers",
                f"put it in {config_dir() / 'config.toml'}, or in a --config file",
            )
        elif not NAME.fullmatch(name):
            mcp.wrong(name, f"{name!r} cannot name a server", "up to 32 letters, digits, '_' and '-'")
        else:
            found[name] = _server(name, mcp.table(name))
    return replace(config, mcp=found)


def is_reference(path: tuple[str, ...], value: object) -> bool:
    """Whether a value of `[mcp.NAME]` names a variable instead of holding what it has."""
    return (
        len(path) == 4
        and path[0] == "mcp"
        and path[2] in ("env", "headers")
        and isinstance(value, str)
        and VARIABLE.search(value) is not None
    )


def _server(name: str, table: Table) -> McpServer:
    table.refuse_unknown(MCP_KEYS, f"[mcp.{name}]")
    command, url = table.texts("command"), table.text("url")
    # A misspelt name is the mistake then.
    complete = bool(command or url or set(table.values) - set(MCP_KEYS))
    if (command and url) or not complete:
        what = "both a command and a url" if command else "neither a command nor a url"
        table.wrong("command", f"[mcp.{name}] has {what}", 'command = ["program", "argument"], or url = "…"')
    if command and (not command[0].strip() or any("\0" in word for word in command)):
        table.wrong("command", "command[0] must name a program")
    if url and not _is_address(url):
        table.wrong("url", f"url = {url[:100]!r} is no address", 'as in "https://example.org/mcp"')
    if url and "env" in table.values:
        table.wrong("env", "env is for a command; an address takes headers")
    if command and "headers" in table.values:
        table.wrong("headers", "headers are for a url; a command takes env")
    timeout = table.seconds("timeout", 30.0, high=_LONGEST_S)
    if timeout <= 0:
        table.wrong("timeout", "timeout must be more than 0 seconds")
    return McpServer(
        name=name,
        command=command,
        url=url,
        env=_texts(table, "env"),
        headers=_texts(table, "headers"),
        timeout=timeout,
    )


def _texts(table: Table, key: str) -> dict[str, str]:
    inner = table.table(key)
    found = {name: inner.text(name) for name in inner.values}
    for name, value in found.items():
        if not name or "=" in name or "\0" in name + value or "\n" in name + value:
            inner.wrong(name, f"{name!r} and its value must be one line of text")
    return found


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port is not False
    except ValueError:
        return False
