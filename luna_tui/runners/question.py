"""What one conversation starts with: the finished prompt, its documents, its system text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from luna_tui.core.expectations import REQUEST_OVERHEAD_TOKENS
from luna_tui.core.templates import TemplateError, names, render
from luna_tui.core.words import ErrorKind
from luna_tui.engine.runner import AttemptError, Missed, Work
from luna_tui.runners.blocks import Block
from luna_tui.runners.workspace_files import read_beneath

_ANSWER_AGAIN = (
    "That answer is not what was asked for: {why}. Answer the whole of it once more, so that this is right."
)


@dataclass(frozen=True, slots=True)
class Question:
    """A conversation before its first request."""

    text: str
    documents: tuple[tuple[str, str], ...]
    """(title, text) of attached files that the prompt does not quote."""
    system: str
    missed: Missed | None = None
    """What the attempt before answered, and why that would not do."""
    earlier: tuple[tuple[str, str], ...] = ()
    """(role, text) of what was said before."""

    @property
    def texts(self) -> tuple[str, ...]:
        """All of it."""
        before = () if self.missed is None else (self.missed.output, self.missed.why)
        others = (text for _, text in (*self.documents, *self.earlier))
        return (self.text, self.system, *others, *before)

    def tokens(self, per_char: float) -> int:
        """A guess, by what a character costs."""
        return round(sum(map(len, self.texts)) * per_char) + REQUEST_OVERHEAD_TOKENS

    def messages(self) -> list[dict[str, Any]]:
        """What is said first; documents before the prompt, so that others may share them."""
        asked: list[dict[str, Any]] = [
            *({"role": role, "content": [_text(text)]} for role, text in self.earlier),
            {"role": "user", "content": [*self._documents(), _text(self.text)]},
        ]
        if self.missed is None or not self.missed.output.strip():
            return asked
        again = _ANSWER_AGAIN.format(why=self.missed.why.strip().rstrip("."))
        return [
            *asked,
            {"role": "assistant", "content": [_text(self.missed.output)]},
            {"role": "user", "content": [_text(again)]},
        ]

    def _documents(self) -> list[Block]:
        return [
            {
                "type": "document",
                "title": title,
                "source": {"type": "text", "media_type": "text/plain", "data": text},
            }
            for title, text in self.documents
        ]


def question_of(work: Work) -> Question:
    """Fill in the prompt; AttemptError when a file or a name in it cannot be had."""
    subtask = work.subtask
    quoted = set(names(subtask.prompt))
    files = [(f"files.{n}", path, read_beneath(work.workspace, path)) for n, path in enumerate(subtask.files)]
    values = {name: text for name, _, text in files}
    values |= work.values
    try:
        prompt = render(subtask.prompt, values)
    except TemplateError as error:
        raise AttemptError(ErrorKind.INVALID_REQUEST, str(error)) from error
    documents = tuple((path, text) for name, path, text in files if name not in quoted)
    return Question(prompt, documents, subtask.system, work.missed, subtask.messages)


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
