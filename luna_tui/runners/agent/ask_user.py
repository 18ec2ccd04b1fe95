"""The tool with which an agent asks a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luna_tui.core.clean import short_line
from luna_tui.core.tools import ASK_USER
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.runner import Reply
from luna_tui.runners.tools.base import Place, Result, ToolError, Use

_SUMMARY_CHARS = 200
_DEFINITION = {
    "name": ASK_USER,
    "description": (
        "Ask the person who runs this a question, and wait for the answer. Only for what you cannot find "
        "out or decide yourself. There may be nobody to answer: then decide yourself and say so."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "question": {
                "type": "string",
                "description": "One question, with all that is needed to answer it.",
            },
            "choices": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Answers to choose from, where there are only a few.",
            },
        },
        "required": ["question"],
    },
}


class AskUser:
    """Its use is the question itself: it is put with `AttemptContext.ask`, never done here."""

    @property
    def name(self) -> str:
        """As the model calls it."""
        return ASK_USER

    @property
    def definition(self) -> Mapping[str, Any]:
        """As the API takes it."""
        return _DEFINITION

    def describe(self, given: Mapping[str, Any], place: Place) -> Use:
        """The question; ToolError when there is none."""
        question, choices = given.get("question"), given.get("choices") or []
        if not isinstance(question, str) or not question.strip():
            raise ToolError("question is missing: ask one question in words")
        if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
            raise ToolError("choices must be a list of texts")
        numbered = [f"{n}. {choice}" for n, choice in enumerate(choices, 1)]
        return Use(
            given={"question": question, "choices": choices},
            subject=question,
            summary=short_line(question, _SUMMARY_CHARS),
            detail="\n".join([question.strip(), *([""] if numbered else []), *numbered]),
            harmless=True,
        )

    def use(self, use: Use, place: Place, token: CancelToken) -> Result:
        """Nobody can be asked this way."""
        raise ToolError("a question is put to a person, not done")


def answered(use: Use, reply: Reply) -> Result:
    """What the agent reads of the answer; the number of a choice stands for that choice."""
    choices = use.given["choices"]
    text = reply.text.strip()
    if not reply.allowed:
        why = f": {text}" if text else ""
        said = f"there is no answer{why}. Decide yourself, and say in your answer what you assumed."
        return Result(text=said, ok=False, summary="no answer")
    if text.isascii() and text.isdigit() and 1 <= int(text) <= len(choices):
        text = choices[int(text) - 1]
    return Result(text=text or "(the answer is empty)", summary=short_line(text, _SUMMARY_CHARS))
