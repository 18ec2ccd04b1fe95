"""The agent: ask, use the tools that the model wants, answer with what they brought, until it is done."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.clean import clean_line
from luna_tui.core.tools import FILE_WRITERS
from luna_tui.core.words import ErrorKind
from luna_tui.engine.runner import AttemptContext, AttemptError, Work
from luna_tui.runners.agent.conversation import GO_ON, LAST_TURN, Conversation
from luna_tui.runners.agent.toolbox import Kit, Toolbox
from luna_tui.runners.agent.using import ToolUser
from luna_tui.runners.agent.web import WebUses
from luna_tui.runners.answer import AnswerReader, Said, result
from luna_tui.runners.blocks import Blocks
from luna_tui.runners.calls import Calls
from luna_tui.runners.question import Question
from luna_tui.runners.tools.base import Place

_WANTS = ("tool_use", "max_tokens")
"""Ends of an answer after which the tools that it named are used; one that is cut loses its last at most."""
_LAST_WORDS = 200
"""Characters of what an agent said last, in the message that it was not done."""


class Agent:
    """One attempt; used by its thread only."""

    def __init__(
        self, calls: Calls, toolbox: Toolbox, work: Work, question: Question, context: AttemptContext
    ) -> None:
        self._calls = calls
        self._toolbox = toolbox
        self._work = work
        self._question = question
        self._context = context
        self._web = WebUses(context)
        self._most = max(1, work.subtask.max_turns)

    def run(self) -> str:
        """Go on until the model has answered; raises AttemptError or Cancelled."""
        kit = self._toolbox.kit(self._work.subtask, self._context)
        talk, user = self._conversation(kit), ToolUser(kit, self._place(), self._context)
        said_last: list[str] = []
        """Since it was last our turn to speak: an answer that pauses comes in several pieces."""
        reminded = False
        for turn in range(1, self._most + 1):
            said = self._ask(talk, turn, admitted=turn == 1 and not kit.asked)
            talk.hear(said)
            said_last.append(said.text)
            wants = said.stop in _WANTS and bool(said.calls)
            if wants and turn < self._most:
                talk.tell(user.use(said.calls))
                said_last.clear()
            elif wants or said.stop == "pause_turn":
                continue
            elif not reminded and turn < self._most and said.stop == "end_turn" and _nothing(said_last):
                # After tools, models sometimes end without a word; a fresh attempt would lose their work.
                talk.remind(GO_ON)
                reminded = True
            else:
                return result(said, "".join(said_last))
        raise self._not_done(said_last)

    def _ask(self, talk: Conversation, turn: int, *, admitted: bool) -> Said:
        """Send one request; the first one of an attempt was admitted as that began."""
        last = turn == self._most
        if last and talk.ours:
            talk.remind(LAST_TURN)
        request = talk.request(last=last)

        def send() -> Said:
            blocks = Blocks(self._web.take)
            reader = AnswerReader(
                self._work.subtask.model, self._context, expected_input=talk.tokens, blocks=blocks
            )
            try:
                return self._calls.send(request, self._context, reader, talk.texts)
            except AttemptError:
                self._web.broke_off()
                raise

        return send() if admitted else self._context.turn(turn, talk.demand(last=last), send)

    def _conversation(self, kit: Kit) -> Conversation:
        work = self._work
        return Conversation(
            work.subtask, self._question, kit.definitions, expect=lambda: work.expect(work.subtask)
        )

    def _place(self) -> Place:
        work = self._work
        return Place(
            subtask=work.subtask.id,
            workspace=work.workspace,
            own=work.own_workspace,
            writable=any(name in FILE_WRITERS for name in work.subtask.tools),
            run_dir=work.run_dir,
        )

    def _not_done(self, said_last: Sequence[str]) -> AttemptError:
        text = f"not done after all of its {self._most} turns; raise max_turns, or ask for less"
        words = clean_line("".join(said_last))[-_LAST_WORDS:]
        return AttemptError(ErrorKind.MAX_TURNS, f"{text}. It said last: {words}" if words else text)


def _nothing(texts: Sequence[str]) -> bool:
    return not "".join(texts).strip()
