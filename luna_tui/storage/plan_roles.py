"""Read roles: descriptions of agents that lie in `.claude/agents` of the workspace or of the user."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import InvalidInput
from luna_tui.core.tools import mcp_server
from luna_tui.storage.fields import Table, nearest, shortened
from luna_tui.storage.globbing import matching
from luna_tui.storage.plan_inputs import InputError, Inputs
from luna_tui.storage.plan_problems import TITLE
from luna_tui.storage.text_source import read_text

FOLDER = ".claude/agents"
MAX_BYTES = 256 * 1024
MODELS = {
    "haiku": "claude-haiku-5-5",
    "sonnet": "claude-sonnet-5-5",
    "opus": "claude-opus-5-5",
    "inherit": "",
}
"""What roles call models -> their names; empty = the model that the subtask has anyway."""
_MOST_ROLES = 1_000
_TOOLS = {
    "Read": "read_file",
    "Glob": "list_files",
    "LS": "list_files",
    "Grep": "search_files",
    "Write": "write_file",
    "Edit": "edit_file",
    "MultiEdit": "edit_file",
    "Bash": "run_command",
    "WebSearch": "web_search",
    "WebFetch": "web_fetch",
    "AskUserQuestion": "ask_user",
}
_FIELD = re.compile(r"([A-Za-z][\w-]*)\s*:\s*(.*)")


@dataclass(frozen=True, slots=True)
class Role:
    """What a description says of an agent."""

    system: str
    model: str
    """Empty = that of the subtask."""
    tools: tuple[str, ...]
    """What it would use, by our names; a role grants nothing."""
    others: tuple[str, ...]
    """What else it would use, which is not to be had here."""


class RoleReader:
    """Reads the roles of one plan, each once."""

    def __init__(self, inputs: Inputs | None) -> None:
        self._inputs = inputs
        """None when the workspace itself cannot be used."""
        self._known: dict[str, Role | InputError] = {}

    def read(self, table: Table) -> Role | None:
        """The role that a subtask names; None when it names none, or after noting what is wrong with it."""
        if "role" not in table.values or self._inputs is None:
            return None
        name = table.text("role", empty=False)
        if name not in self._known:
            self._known[name] = self._role(name)
        role = self._known[name]
        if isinstance(role, InputError):
            table.wrong("role", role.what, role.fix)
            return None
        return role

    def tell_lacking(self, table: Table, role: Role, granted: tuple[str, ...]) -> None:
        """Note, as no mistake, which tools of a role the plan does not grant."""
        name = shortened(clean_line(table.text("role")))
        lacking = [t for t in role.tools if t not in granted and f"mcp.{mcp_server(t)}" not in granted]
        if lacking:
            what = f"role {name} would use {', '.join(lacking)}, which this plan does not grant"
            table.note("role", what, f"tools = {json.dumps([*granted, *lacking])}")
        if role.others:
            table.note("role", f"role {name} would use {', '.join(role.others)}, which is not to be had here")

    def _role(self, name: str) -> Role | InputError:
        assert self._inputs is not None
        try:
            return parsed_role(self._inputs.once(f"role:{name}", lambda: _text_of(self._roots(), name)))
        except InputError as error:
            return error

    def _roots(self) -> Iterator[Path]:
        assert self._inputs is not None
        yield self._inputs.root
        if home := os.environ.get("HOME"):
            yield Path(home)


def parsed_role(text: str) -> Role:
    """A role from the text of its file: some fields, then what the model is told."""
    fields, body = _parts(text)
    model = " ".join(fields.get("model", []))
    wanted = [_tool(t) for line in fields.get("tools", []) for t in _split(line)]
    return Role(
        system=body.strip(),
        model=MODELS.get(model.lower(), model),
        tools=tuple(dict.fromkeys(t for t, ours in wanted if ours)),
        others=tuple(dict.fromkeys(clean_line(t)[:64] for t, ours in wanted if not ours)),
    )


def _text_of(roots: Iterator[Path], name: str) -> str:
    """The text of the first file that has the name, in itself or as its own."""
    known: dict[str, None] = {}
    for root in roots:
        paths = [root / found for found in matching(root, f"{FOLDER}/**/*.md", _MOST_ROLES)]
        for path in paths:
            if path.stem == name:
                return _read(path)
        for path in paths:
            try:
                text = _read(path)
            except InputError:
                continue
            called = " ".join(_parts(text)[0].get("name", []))
            if called == name:
                return text
            known |= dict.fromkeys((path.stem, called))
    names = [clean_line(n) for n in known if n]
    raise InputError(f"there is no role {shortened(clean_line(name))} in {FOLDER}", nearest(name, names))


def _read(path: Path) -> str:
    try:
        return read_text(path, TITLE, max_bytes=MAX_BYTES)
    except InvalidInput as error:
        problem = error.problems[0]
        raise InputError(f"{problem.path} {problem.what}", problem.fix) from None


def _parts(text: str) -> tuple[dict[str, list[str]], str]:
    """Fields between two lines of dashes, each with its lines, and the rest."""
    lines = text.split("\n")
    if lines[0].strip() != "---" or "---" not in (line.strip() for line in lines[1:]):
        return {}, text
    end = next(n for n, line in enumerate(lines[1:], 1) if line.strip() == "---")
    fields: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines[1:end]:
        if match := _FIELD.fullmatch(line.rstrip()):
            current = fields.setdefault(match[1], [])
            current += [_unquoted(match[2])] if match[2] else []
        elif line.strip():
            current.append(_unquoted(line.strip().removeprefix("- ")))
    return fields, "\n".join(lines[end + 1 :])


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _split(line: str) -> list[str]:
    """Tools in a list: `Read, Bash(git log:*)`, `[Read, Grep]`."""
    names = re.sub(r"\([^)]*\)", "", line.strip().removeprefix("[").removesuffix("]")).split(",")
    return [_unquoted(name) for name in names if name.strip()]


def _tool(name: str) -> tuple[str, bool]:
    """Our name for a tool, and whether there is one."""
    if name.startswith("mcp__"):
        ours = name.replace("__", ".")
        return (ours, True) if mcp_server(ours) is not None else (name, False)
    return (_TOOLS[name], True) if name in _TOOLS else (name, False)
