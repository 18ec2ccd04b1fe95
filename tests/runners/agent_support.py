"""Answers of a scripted model, made-up tools, and one attempt of an agent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from runners.scripted_server import Call, Script, ScriptedServer, event, stream
from support import RecordingContext, subtask, work_of

from luna_tui.core.plan import Subtask
from luna_tui.core.rules import Rules
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.runner import AttemptError, Work
from luna_tui.runners.agent.toolbox import Toolbox
from luna_tui.runners.anthropic_client import make_client
from luna_tui.runners.claude import ClaudeRunner
from luna_tui.runners.tools.base import Place, Result, Tool, Use

CLOCK = SystemClock()


def answer(*blocks: Mapping[str, Any], stop: str = "end_turn", usage: Mapping[str, Any] | None = None) -> str:
    """All events of one answer; a text comes in two pieces, the input of a tool in pieces of 7."""
    counts = {"input_tokens": 100, "output_tokens": 1, **(usage or {})}
    message: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": counts,
    }  # fmt: skip
    told = [event("message_start", {"type": "message_start", "message": message})]
    for index, block in enumerate(blocks):
        told += _block(index, block)
    end = {"stop_reason": stop, "stop_sequence": None}
    used = {"output_tokens": 40, **{k: v for k, v in counts.items() if k == "server_tool_use"}}
    told.append(event("message_delta", {"type": "message_delta", "delta": end, "usage": used}))
    told.append(event("message_stop", {"type": "message_stop"}))
    return "".join(told)


def text(words: str) -> dict[str, Any]:
    """A block of text."""
    return {"type": "text", "text": words}


def tool(call: str, name: str, **given: Any) -> dict[str, Any]:
    """A block that wants a tool used."""
    return {"type": "tool_use", "id": call, "name": name, "input": given}


def cut_tool(call: str, name: str, json_text: str) -> dict[str, Any]:
    """One whose input is what came of it."""
    return {"type": "tool_use", "id": call, "name": name, "input": {}, "written": json_text}


def _block(index: int, block: Mapping[str, Any]) -> list[str]:
    whole = {k: v for k, v in block.items() if k != "written"}
    pieces: list[dict[str, Any]] = []
    match block["type"]:
        case "text":
            half = len(block["text"]) // 2
            whole = {"type": "text", "text": ""}
            halves = (block["text"][:half], block["text"][half:])
            pieces = [{"type": "text_delta", "text": part} for part in halves if part]
        case "thinking":
            whole = {"type": "thinking", "thinking": "", "signature": ""}
            pieces = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        case "tool_use" | "server_tool_use":
            whole["input"] = {}
            written = block.get("written", json.dumps(block["input"]))
            parts = [written[n : n + 7] for n in range(0, len(written), 7)]
            pieces = [{"type": "input_json_delta", "partial_json": part} for part in parts]
    start = {"type": "content_block_start", "index": index, "content_block": whole}
    deltas = [{"type": "content_block_delta", "index": index, "delta": piece} for piece in pieces]
    stop = {"type": "content_block_stop", "index": index}
    return [event(str(e["type"]), e) for e in (start, *deltas, stop)]


def in_turn(*answers: str | Script) -> Script:
    """One answer after the other, whoever asks."""
    left = list(answers)

    def script(call: Call) -> None:
        given = left.pop(0)
        (stream(given) if isinstance(given, str) else given)(call)

    return script


@dataclass
class MadeUp:
    """A tool that does what a function says, and remembers what it was given."""

    name: str
    body: Callable[[Mapping[str, Any], CancelToken], str | Result] = lambda given, token: "done"
    harmless: bool = True
    used: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def definition(self) -> Mapping[str, Any]:
        """Any object."""
        return {"name": self.name, "description": self.name, "input_schema": {"type": "object"}}

    def describe(self, given: Mapping[str, Any], place: Place) -> Use:
        """Its `path` is what rules are matched with."""
        path = str(given.get("path", ""))
        return Use(
            given=given,
            subject=path,
            summary=f"{self.name} {path}",
            detail=json.dumps(given),
            pattern=f"{self.name}({path})",
            harmless=self.harmless,
        )

    def use(self, use: Use, place: Place, token: CancelToken) -> Result:
        """Call the function."""
        self.used.append(use.given)
        done = self.body(use.given, token)
        return done if isinstance(done, Result) else Result(text=done, summary=f"{len(done)} characters")


def agent(*tools: str, **more: Any) -> Subtask:
    """A subtask that may use these."""
    given: dict[str, Any] = {"model": "claude-x", "prompt": "look into it", "tools": tools, **more}
    return subtask("a", **given)


@dataclass
class Attempt:
    """One attempt of an agent against a script."""

    runner: ClaudeRunner
    server: ScriptedServer
    context: RecordingContext
    output: str = ""
    raised: BaseException | None = None
    thread: threading.Thread | None = None

    @property
    def requests(self) -> list[Any]:
        """Bodies, in order."""
        return [call.json for call in self.server.calls]

    def run(self, work: Work) -> str:
        """To its end, in this thread."""
        return self.runner.run(work, self.context)

    def start(self, work: Work) -> Attempt:
        """On a thread of its own."""

        def body() -> None:
            try:
                self.output = self.run(work)
            except (Cancelled, AttemptError) as error:
                self.raised = error

        self.thread = threading.Thread(target=body, daemon=True)
        self.thread.start()
        return self

    def ended(self, within_s: float = 5.0) -> bool:
        """Whether it is over, or is in time."""
        assert self.thread is not None
        self.thread.join(within_s)
        return not self.thread.is_alive()


@contextmanager
def attempt(script: Script, *tools: Tool, rules: Rules | None = None) -> Iterator[Attempt]:
    """Everything that an attempt needs."""
    makes = {tool.name: (lambda tool=tool: tool) for tool in tools}
    toolbox = Toolbox(makes, rules or Rules())
    with ScriptedServer(script) as server:
        runner = ClaudeRunner(lambda: make_client(server.url, "k"), CLOCK, toolbox=toolbox)
        try:
            yield Attempt(runner, server, RecordingContext(CancelToken(CLOCK)))
        finally:
            runner.close()


def answered(
    script: Script, given: Subtask, *tools: Tool, rules: Rules | None = None, **more: Any
) -> tuple[str, Attempt]:
    """What an agent comes to."""
    with attempt(script, *tools, rules=rules) as made:
        return made.run(work_of(given, **more)), made


def results_of(request: Mapping[str, Any]) -> Sequence[Any]:
    """The results in the last message of a request."""
    return [b for b in request["messages"][-1]["content"] if b["type"] == "tool_result"]
