"""Servers of tools that a plan grants: whether they can be had, told before the start, and those of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.mcp_servers import McpServer, servers_wanted
from luna_tui.core.nearest import nearest
from luna_tui.core.plan import Plan
from luna_tui.core.redaction import Redaction
from luna_tui.core.tongue import _
from luna_tui.storage.config import current_environ
from luna_tui.storage.paths import RunDir, config_dir

if TYPE_CHECKING:
    from luna_tui.runners.tools.mcp import McpServers


def make_servers(
    plan: Plan, known: Mapping[str, McpServer], run_dir: RunDir, redaction: Redaction
) -> McpServers | None:
    """The servers of a run, none of them started; None where the plan grants none."""
    if not any(True for _server in servers_wanted(plan)):
        return None
    from luna_tui.runners.tools.mcp import McpServers

    return McpServers(
        known,
        workspace=plan.workspace,
        run_dir=str(run_dir.path),
        environ=current_environ(),
        redaction=redaction,
    )


def servers_words(plan: Plan, known: Mapping[str, McpServer]) -> str:
    """Which servers the plan's agents may use, in a sentence; empty when it grants none."""
    named = [known[server] for server, _subtask in servers_wanted(plan) if server in known]
    if not named:
        return ""
    return _("servers of tools, held by no sandbox: {names}").format(
        names=", ".join(f"{s.name} ({clean_line(s.url or s.command[0])})" for s in named)
    )


def check_servers(plan: Plan, known: Mapping[str, McpServer]) -> None:
    """LunaError(78) names every server that the plan grants and that cannot be had here."""
    wanted = list(servers_wanted(plan))
    if not wanted:
        return
    from luna_tui.runners.tools.mcp import MISSING, can_speak_mcp

    wrong = list(_not_configured(wanted, known))
    hint = f"name it in {config_dir() / 'config.toml'}, or in a --config file"
    if not wrong and not can_speak_mcp():
        wrong = [f"subtask {subtask}: mcp.{server}: {MISSING}" for server, subtask in wanted]
        hint = "pip install 'luna-tui[mcp]'"
    if wrong:
        raise LunaError("tools that cannot be had", "\n".join(wrong), hint, ExitCode.INVALID)


def _not_configured(wanted: Iterable[tuple[str, str]], known: Mapping[str, McpServer]) -> Iterable[str]:
    for server, subtask in wanted:
        if server not in known:
            near = nearest(server, known)
            hint = f"; did you mean mcp.{near}?" if near else ""
            yield f"subtask {subtask}: the configuration has no [mcp.{server}]{hint}"
