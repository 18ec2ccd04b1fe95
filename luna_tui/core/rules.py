"""What an agent may do without being asked, what it is asked about, and what it may never do."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from luna_tui.core.command_lines import CommandLine, guises, read_command_line, written
from luna_tui.core.nearest import nearest
from luna_tui.core.tools import FILE_READERS, FILE_WRITERS, RUN_COMMAND, TOOLS, WEB, mcp_server, mcp_tool

_TEXT = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*(?:\((.*)\)\s*)?", re.DOTALL)
_FILES = (*FILE_READERS, *FILE_WRITERS)
_HOST = re.compile(r"(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+(?::\d+)?")
_ADDRESS = re.compile(r"\s*(?:(?:[A-Za-z][\w+.-]*:)?//+|https?:/*)?(?:[^/?#\\]*@)?([^/?#\\]*)", re.ASCII)
_LONGEST = 1_000


class Verdict(StrEnum):
    """What becomes of a use of a tool."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the rule that gave it."""

    verdict: Verdict
    rule: str = ""
    """As it was written; empty = no rule speaks of this use."""
    unclear: bool = False
    """The rule may speak of it: the command is too involved to tell what it runs."""


class RuleError(ValueError):
    """A text that is no rule: what is wrong, and what would be right."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, checked; made by `parse_rule`."""

    text: str
    tool: str
    pattern: str | None = None
    """None = every use of the tool."""

    def speaks_of(self, tool: str) -> bool:
        """Whether it is about the tool at all; a rule of a server is about each of its tools."""
        server = mcp_server(self.tool) if mcp_tool(self.tool) is None else None
        return _called(tool) == _called(self.tool) or (server is not None and server == mcp_server(tool))


@dataclass(frozen=True)
class Rules:
    """Rules in the order in which they were given; deny comes before ask, and ask before allow."""

    deny: tuple[Rule, ...] = ()
    ask: tuple[Rule, ...] = ()
    allow: tuple[Rule, ...] = ()

    def judge(self, tool: str, subject: str, harmless: bool) -> Judgement:
        """The first rule that matches decides; where none does, only what is harmless is allowed.

        `tool` is the name a plan uses. `subject` is a path relative to the workspace, a command line, or
        an address. A command that holds more than one command, or words that a shell fills in, is
        allowed only by a rule that is exactly it, or that names no pattern.
        """
        use = _Use(tool, subject)
        for verdict, rules in ((Verdict.DENY, self.deny), (Verdict.ASK, self.ask)):
            for rule in rules:
                if use.touches(rule):
                    return Judgement(verdict, rule.text)
            for rule in rules:
                if use.may_touch(rule):
                    return Judgement(verdict, rule.text, unclear=True)
        for rule in self.allow:
            if use.is_covered_by(rule):
                return Judgement(Verdict.ALLOW, rule.text)
        return Judgement(Verdict.ALLOW if harmless else Verdict.ASK)

    def keeps_from(self, tools: Iterable[str], path: str) -> bool:
        """Whether a deny or ask rule of any of these file tools matches a path."""
        uses = [_Use(tool, path) for tool in tools]
        return any(use.touches(rule) for rule in (*self.deny, *self.ask) for use in uses)

    def patterns(self, verdict: Verdict, tool: str) -> tuple[str, ...]:
        """What rules of one kind say of a tool; an empty one stands for every use."""
        rules = {Verdict.DENY: self.deny, Verdict.ASK: self.ask, Verdict.ALLOW: self.allow}[verdict]
        return tuple(rule.pattern or "" for rule in rules if rule.speaks_of(tool))

    def more(self, other: Rules) -> Rules:
        """These and then the other's."""
        return Rules(self.deny + other.deny, self.ask + other.ask, self.allow + other.allow)


def parse_rule(text: str) -> Rule:
    """`tool` or `tool(pattern)`; RuleError says what is wrong with any other text."""
    found = _TEXT.fullmatch(text[: _LONGEST + 1])
    if len(text) > _LONGEST or found is None:
        raise RuleError(f"{text[:100]!r} is no rule", "tool or tool(pattern), as in run_command(pytest *)")
    tool, pattern = found[1], found[2]
    if tool not in TOOLS and mcp_server(tool) is None:
        near = nearest(tool, TOOLS)
        fix = f"did you mean {near}?" if near else f"one of: {', '.join(TOOLS)}, mcp.SERVER.TOOL"
        raise RuleError(f"tool {tool!r} is not known", fix)
    if pattern is not None:
        pattern = _checked(tool, pattern.strip())
    return Rule(text.strip(), tool, pattern)


def exact_pattern(text: str) -> str:
    """A pattern that matches this subject and no other; empty when no pattern can say that."""
    return "" if set(text) & set("*?") or text != text.strip() or len(text) > _LONGEST // 2 else text


def host_of(address: str) -> str:
    """The host of an address, in small letters, without user, port and final dot."""
    found = _ADDRESS.match(address)
    host = found[1] if found else ""
    return re.sub(r":\d*$", "", host).rstrip(".").strip().lower()


def path_matches(pattern: str, path: str) -> bool:
    """As `glob_matches`, but a folder means all that is in it."""
    return bool(_reached(pattern, path))


def glob_matches(pattern: str, path: str) -> bool:
    """Whether a path matches: `*` and `?` stay within one part, `**` is any number of parts."""
    return len(_parts(path)) in _reached(pattern, path)


def _reached(pattern: str, path: str) -> set[int]:
    """How many parts of the path the pattern can match from its beginning."""
    reached = {0}
    parts, pieces = _parts(path), _parts(pattern)
    for piece, before in zip(pieces, ["", *pieces], strict=False):
        if not reached:
            break
        if piece == before == "**":
            continue  # A pattern of nothing else would take long, and means no more than one of them.
        if piece == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(parts) and _text_glob(piece, parts[n])}
    return reached


def _checked(tool: str, pattern: str) -> str:
    if not pattern:
        raise RuleError(f"{tool}() has an empty pattern", f"write {tool} for every use of it")
    if tool in _FILES and (pattern.startswith(("/", "~")) or ".." in pattern.split("/")):
        raise RuleError(f"{pattern!r} is no path in a workspace", f"{tool}(src/**)")
    if tool == WEB[1] and _HOST.fullmatch(pattern.removeprefix("*.")) is None:
        raise RuleError(f"{pattern!r} is no host", f"{tool}(example.org), which means its subdomains too")
    return pattern


class _Use:
    """One use of a tool, held against rules."""

    def __init__(self, tool: str, subject: str) -> None:
        self._tool = tool
        self._subject = subject

    @cached_property
    def _line(self) -> CommandLine:
        return read_command_line(self._subject)

    def touches(self, rule: Rule) -> bool:
        """Whether the rule matches the use or any part of it."""
        if not rule.speaks_of(self._tool):
            return False
        if rule.pattern is None:
            return True
        if self._tool != RUN_COMMAND:
            return self._matches(rule.pattern)
        forms = [self._subject, *(form for words in self._line.commands for form in guises(words))]
        return any(_text_matches(rule.pattern, form) for form in forms)

    def may_touch(self, rule: Rule) -> bool:
        """Whether that cannot be told."""
        return rule.speaks_of(self._tool) and self._tool == RUN_COMMAND and not self._line.clear

    def is_covered_by(self, rule: Rule) -> bool:
        """Whether the rule matches all that the use comes to."""
        if not rule.speaks_of(self._tool):
            return False
        if rule.pattern is None or rule.pattern == exact_pattern(self._subject):
            return True
        if self._tool != RUN_COMMAND:
            return self._matches(rule.pattern)
        return self._line.simple and _text_matches(rule.pattern, written(self._line.commands[0]))

    def _matches(self, pattern: str) -> bool:
        if self._tool in _FILES:
            return path_matches(pattern, self._subject)
        if self._tool == WEB[1]:
            host, wanted = host_of(self._subject), host_of("//" + pattern.removeprefix("*."))
            return bool(host) and (host == wanted or host.endswith("." + wanted))
        return _text_matches(pattern, self._subject)


def _text_matches(pattern: str, text: str) -> bool:
    """`*` is any text; ` *` at the end also means nothing at all."""
    return _text_glob(pattern, text) or (pattern.endswith(" *") and _text_glob(pattern[:-2], text))


def _text_glob(pattern: str, text: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def _called(tool: str) -> str:
    """A tool of a server as models call it: they know no points in its own name, so both ways name it."""
    own = mcp_tool(tool)
    return tool if own is None else f"mcp.{mcp_server(tool)}.{own.replace('.', '_')}"


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
