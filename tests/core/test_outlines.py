"""What a front end is told of a subtask's instruction."""

from __future__ import annotations

from support import plan, subtask, wave

from luna_tui.core.outline import outline
from luna_tui.core.words import Kind


def test_a_call_is_told_as_it_would_be_written() -> None:
    given = subtask(
        "a",
        kind=Kind.PYTHON,
        callable="m.n:f",
        args='["é\\u001b[2J", 1]',
        kwargs='{"k": {"d": null}}',
        prompt="",
    )
    [told] = outline(plan(wave("w", given))).waves[0].subtasks
    assert told.prompt == 'm.n:f("é\\u001b[2J", 1, k={"d": null})'
