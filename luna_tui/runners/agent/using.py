"""Use the tools that one answer of the model wants: looked at, judged, asked about, then done at once."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from luna_tui.core.clean import clean_line, short_line
from luna_tui.core.rules import Judgement, Verdict
from luna_tui.core.tools import ASK_USER, FILE_WRITERS
from luna_tui.engine.cancel import Cancelled
from luna_tui.engine.runner import AttemptContext, Reply, Request
from luna_tui.runners.agent.ask_user import answered
from luna_tui.runners.agent.toolbox import Granted, Kit
from luna_tui.runners.blocks import Block, ToolCall
from luna_tui.runners.characters import whole_characters
from luna_tui.runners.tools.base import Place, Result, ToolError, Use

MOST_AT_ONCE = 8
"""Tools of one attempt that are in use at the same time."""
MOST_CHARS = 100_000
"""Of one result, for the model."""
_ENDING_S = 1.0
"""A cancelled attempt waits this long for its tools to end, so that nothing is written after it."""
_SUMMARY_CHARS = 200
_NAME_CHARS = 64


@dataclass(slots=True, eq=False)
class _Step:
    """One use on its way from the model's wish to a result."""

    call: ToolCall
    granted: Granted | None = None
    use: Use | None = None
    asks: bool = False
    """A person has to be asked first."""
    result: Result | None = None
    raised: BaseException | None = None
    """What ends the attempt."""

    @property
    def tool(self) -> str:
        """As plans call it, for the screen."""
        return clean_line(self.call.name)[:_NAME_CHARS] if self.granted is None else self.granted.name

    @property
    def summary(self) -> str:
        """One line, for the screen."""
        if self.use is not None:
            return self.use.summary
        first = next((v for v in (self.call.given or {}).values() if isinstance(v, str)), "")
        return f"{self.tool} {short_line(first, _SUMMARY_CHARS)}".strip()


class ToolUser:
    """Belongs to one attempt; `use` is called by its thread only."""

    def __init__(self, kit: Kit, place: Place, context: AttemptContext) -> None:
        self._kit = kit
        self._place = place
        self._context = context

    def use(self, calls: Sequence[ToolCall]) -> list[Block]:
        """A result for each call, in order; whatever goes wrong in a tool is one. Raises Cancelled."""
        steps = [self._look(call) for call in calls]
        self._ask([(s, s.use) for s in steps if s.asks and s.use is not None])
        self._do([step for step in steps if step.result is None])
        return [_block(step) for step in steps]

    def _look(self, call: ToolCall) -> _Step:
        """Settled already where it cannot or must not be done."""
        self._context.token.raise_if_cancelled()
        step = _Step(call, self._kit.own.get(call.name))
        if step.granted is None:
            known = ", ".join(self._kit.names) or "none"
            self._settle(step, _wrong(f"there is no tool {call.name[:100]!r} here; there is: {known}"))
        elif call.given is None:
            self._settle(step, _wrong(_CUT, "cut off"))
        else:
            self._describe(step, step.granted, call.given)
        return step

    def _describe(self, step: _Step, granted: Granted, given: Mapping[str, Any]) -> None:
        try:
            step.use = granted.tool.describe(given, self._place)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - the model reads what a tool says, and the attempt goes on
            self._settle(step, _failed(error))
            return
        judged = self._kit.judge(granted, step.use.subject, step.use.harmless)
        step.asks = granted.name == ASK_USER or judged.verdict is Verdict.ASK
        if judged.verdict is Verdict.DENY:
            self._settle(step, _denied(judged))

    def _ask(self, asked: Sequence[tuple[_Step, Use]]) -> None:
        """Put everything that needs a person to one at once; a question is a use of its own."""
        if not asked:
            return
        questions = [step for step, _ in asked if step.tool == ASK_USER]
        for step in questions:
            self._context.tool_called(step.call.id, step.tool, step.summary)
        replies = self._context.ask([_request(step, use) for step, use in asked])
        for (step, use), reply in zip(asked, replies, strict=True):
            if step in questions:
                step.result = answered(use, reply)
                self._finished(step, step.result)
            elif not reply.allowed:
                self._settle(step, _refused(reply))

    def _do(self, steps: Sequence[_Step]) -> None:
        lanes: dict[object, list[_Step]] = {}
        for step in steps:
            lanes.setdefault(_lane(step), []).append(step)
        if len(lanes) == 1:
            self._lane(next(iter(lanes.values())))
        elif lanes:
            self._at_once(list(lanes.values()))
        for step in steps:
            if step.raised is not None:
                raise step.raised
        self._context.token.raise_if_cancelled()

    def _at_once(self, lanes: Sequence[Sequence[_Step]]) -> None:
        left: SimpleQueue[Sequence[_Step]] = SimpleQueue()
        for lane in lanes:
            left.put(lane)

        def body(over: threading.Event) -> None:
            try:
                while not self._context.token.cancelled:
                    self._lane(left.get_nowait())
            except Empty:
                return
            finally:
                over.set()

        overs = [threading.Event() for _ in range(min(MOST_AT_ONCE, len(lanes)))]
        threads = [
            threading.Thread(
                target=contextvars.copy_context().run, args=(body, over), name="luna-tool", daemon=True
            )
            for over in overs
        ]
        for thread in threads:
            thread.start()
        try:
            for over in overs:
                self._context.token.wait(over)
        except Cancelled:
            for thread in threads:
                thread.join(_ENDING_S / len(threads))
            raise

    def _lane(self, steps: Sequence[_Step]) -> None:
        """One after the other, and none after one that ends the attempt."""
        for step in steps:
            try:
                self._step(step)
            except BaseException as error:  # noqa: BLE001 - raised again in the attempt's own thread
                step.raised = error
                return

    def _step(self, step: _Step) -> None:
        assert step.granted is not None
        assert step.use is not None
        self._context.token.raise_if_cancelled()
        self._context.tool_called(step.call.id, step.tool, step.summary)
        try:
            step.result = step.granted.tool.use(step.use, self._place, self._context.token)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - the model reads what a tool says, and the attempt goes on
            self._context.token.raise_if_cancelled()
            step.result = _failed(error)
        self._finished(step, step.result)

    def _settle(self, step: _Step, result: Result) -> None:
        """Nothing is done, and it is told as a use that failed."""
        step.result = result
        self._context.tool_called(step.call.id, step.tool, step.summary)
        self._finished(step, result)

    def _finished(self, step: _Step, result: Result) -> None:
        line = short_line(result.summary or result.text, _SUMMARY_CHARS)
        self._context.tool_finished(step.call.id, ok=result.ok, result=line)


_CUT = (
    "this call was not made: its input is not a whole JSON object (or one of more than 100 levels), probably "
    "because your answer reached its longest length. Call it again with less in it, in several steps where "
    "needed."
)


def capped(text: str) -> str:
    """A result of a size that a conversation can bear; it says how much is left out."""
    text = whole_characters(text)
    if len(text) <= MOST_CHARS:
        return text
    left = len(text) - MOST_CHARS
    return f"{text[:MOST_CHARS]}\n[{left:,} more characters are left out: ask for less at once]"


def _request(step: _Step, use: Use) -> Request:
    return Request(
        tool=step.tool,
        summary=use.summary,
        detail=use.detail,
        pattern=use.pattern,
        question=step.tool == ASK_USER,
    )


def _lane(step: _Step) -> object:
    """Uses with the same one run one after the other: two edits of a file would undo each other."""
    if step.tool in FILE_WRITERS and step.use is not None:
        return FILE_WRITERS, step.use.subject
    return step.call.id, id(step)


def _block(step: _Step) -> Block:
    result = step.result or _wrong("nothing came of it")
    block = {
        "type": "tool_result",
        "tool_use_id": step.call.id,
        "content": capped(result.text) or "(nothing)",
    }
    return block if result.ok else {**block, "is_error": True}


def _wrong(text: str, summary: str = "") -> Result:
    return Result(text=text, ok=False, summary=summary)


def _failed(error: Exception) -> Result:
    if isinstance(error, ToolError):
        return _wrong(str(error) or "this cannot be done")
    return _wrong(f"the tool failed: {clean_line(f'{type(error).__name__}: {error}')[:500]}")


def _denied(judged: Judgement) -> Result:
    if judged.unclear:
        text = f"denied: too involved to tell whether rule {judged.rule!r} forbids it. Give a list of words."
        return _wrong(text, f"denied: too involved for rule {judged.rule}")
    text = f"denied by rule {judged.rule!r} of the person who runs this. Do without it."
    return _wrong(text, f"denied by rule {judged.rule}")


def _refused(reply: Reply) -> Result:
    why = reply.text.strip()
    text = f"not allowed: {why}" if why else "not allowed by the person who runs this. Do without it."
    return _wrong(text, f"denied: {clean_line(why)}" if why else "denied")
