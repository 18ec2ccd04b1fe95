"""run_command."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any

from luna_tui.core.clean import short_line, visible
from luna_tui.core.rules import exact_pattern
from luna_tui.core.sandbox import REFUSED, SandboxKind
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.beneath import holds
from luna_tui.runners.characters import whole_characters
from luna_tui.runners.kept_output import KeptOutput
from luna_tui.runners.sandbox.choice import Sandbox
from luna_tui.runners.sandbox.guarding import Guard
from luna_tui.runners.spawning import Launch, run_to_end
from luna_tui.runners.tools.base import Place, Result, ToolError, Use
from luna_tui.runners.tools.given import Given, definition

USUAL_S, LONGEST_S = 120, 600
KEPT_CHARS = 15_000
"""Of the beginning of an output, and of its end."""
_SUMMARY_CHARS = 200
_LONGEST = 32_000
_MOST_WORDS = 1_000
_GRACE_S = 1.0
"""For the launcher, which kills at once; only thousands of processes take it so long."""


class RunCommand:
    """A command in the sandbox; `protected` are absolute paths that it must not change."""

    name = "run_command"
    definition = definition(
        "run_command",
        "Run a command in the workspace, shut in a sandbox: it sees the workspace, the system and installed "
        "programs, nothing else. Give a list of words, the program first; a text is run by /bin/sh, and is "
        "asked about more often. The result is its output, a long one without its middle, and its exit code.",
        {
            "command": {
                "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}],
                "description": 'Words, as in ["pytest", "-q"], or a text for /bin/sh',
            },
            "timeout_s": {"type": "integer", "description": f"Seconds it may take; {USUAL_S} by default"},
        },
        "command",
    )

    def __init__(self, sandbox: Sandbox, protected: tuple[str, ...] = ()) -> None:
        self._sandbox = sandbox
        self._protected = protected

    def describe(self, given: Mapping[str, Any], place: Place) -> Use:
        """The command as a shell would have to be given it; ToolError when nothing can hold it."""
        if self._sandbox.found.kind == REFUSED:
            raise ToolError(f"no command can be run here: {self._sandbox.found.why}")
        others = {key: value for key, value in given.items() if key != "command"}
        limit_s = Given(self.name, others, ("command", "timeout_s")).whole("timeout_s", USUAL_S, 1, LONGEST_S)
        command = given.get("command")
        words = _words(command)
        subject = command.strip() if isinstance(command, str) else shlex.join(words)
        exact = exact_pattern(subject)
        writes = "the workspace may be written to" if place.writable else "the workspace is read-only"
        return Use(
            given={"command": command, "timeout_s": limit_s},
            subject=subject,
            summary=short_line(visible(subject), _SUMMARY_CHARS),
            detail=f"{subject}\n\n{self._sandbox.words}; {writes}; {limit_s} s",
            pattern=f"{self.name}({exact})" if exact else "",
        )

    def use(self, use: Use, place: Place, token: CancelToken) -> Result:
        """Run it to its end or to its limit; nothing that it started goes on."""
        token.raise_if_cancelled()
        guard = Guard(os.path.realpath(place.workspace)) if place.writable else None
        if guard is not None and (linked := guard.linked()) and self._sandbox.found.kind != SandboxKind.NONE:
            raise ToolError(f"{linked[0]} of the workspace is a link, and cannot be kept from commands")
        kept = [*(guard.present() if guard is not None else ()), *self._beneath(place)]
        try:
            with self._sandbox.launch(_words(use.given["command"]), place, kept) as launch:
                result = _run(launch, token, use.given["timeout_s"])
        except AttemptError as error:
            raise ToolError(error.message) from error
        moved = guard.set_aside() if guard is not None else []
        if not moved:
            return result
        note = f"\n(protected names that it made were renamed: {', '.join(moved)})"
        return Result(text=result.text + note, ok=result.ok, summary=result.summary)

    def _beneath(self, place: Place) -> list[str]:
        root = os.path.realpath(place.workspace)
        real = (os.path.realpath(path) for path in self._protected if path)
        return [path for path in real if path != root and holds(root, path) and os.path.exists(path)]


def _words(command: object) -> list[str]:
    """The argument list of a command that was given as a list or as a text."""
    listed = command if isinstance(command, list) else ["/bin/sh", "-c", command]
    if not listed or not all(isinstance(word, str) for word in listed):
        raise ToolError('command must be a list of words, as in ["pytest", "-q"], or a text')
    words = [str(word) for word in listed]
    text = " ".join(words)
    if not words[0].strip() or (not words[-1].strip() and isinstance(command, str)):
        raise ToolError("command is empty")
    if len(text) > _LONGEST or len(words) > _MOST_WORDS:
        raise ToolError(f"command is too long: at most {_LONGEST:,} characters and {_MOST_WORDS:,} words")
    if "\0" in text or whole_characters(text) != text:
        raise ToolError("command holds a NUL or half a character")
    return words


def _run(launch: Launch, token: CancelToken, limit_s: float) -> Result:
    kept = KeptOutput(lambda text: None, KEPT_CHARS)
    code = run_to_end(launch, kept, token, grace_s=_GRACE_S, limit_s=limit_s)
    token.raise_if_cancelled()
    output = kept.finish()
    if code is None:
        said = f"ended after {limit_s:g} s, since it had not ended"
    else:
        said = f"exit code {code}" if code >= 0 else f"killed by signal {-code}"
    gap = "\n" if output and not output.endswith("\n") else ""
    return Result(text=f"{output}{gap}({said})", ok=code == 0, summary=said)
