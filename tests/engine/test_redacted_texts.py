"""What a runner brings back is without secrets before anything is published, kept or passed on."""

from __future__ import annotations

from typing import Any

import pytest
from engine.test_output_instants import NotedDeadlines
from support import make_run, plan, subtask, wave

from luna_tui.core.events import (
    AttemptFailed,
    RetryRequested,
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
)
from luna_tui.core.outline import PROMPT_CHARS
from luna_tui.core.records import to_line
from luna_tui.core.redaction import Redaction
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.context import FlightContext
from luna_tui.engine.flight import Flight
from luna_tui.engine.runner import AttemptContext, AttemptError, Work

KEY = "canary-0123456789abcdefghij"
REDACTION = Redaction({KEY: "A_KEY"})
SHOWN = "[redacted A_KEY]"
UNUSED: Any = None


def told(pieces: list[str]) -> tuple[str, str]:
    """What is kept and what is published of an attempt that says this."""
    kept: list[str] = []
    said: list[str] = []
    clock = ManualClock(1.0)
    context = FlightContext(
        Flight(subtask("s"), "w", 0, CancelToken(clock), attempt=1),
        clock,
        NotedDeadlines(clock),
        publish_output=lambda _, text: said.append(text),
        keep_raw=kept.append,
        on_usage=lambda *_: None,
        requests=UNUSED,
        tools=UNUSED,
        ask=UNUSED,
        redaction=REDACTION,
    )
    for piece in pieces:
        context.output(piece)
    context.close()
    return "".join(kept), "".join(said)


@pytest.mark.parametrize("size", [1, 2, 5, 26, 100])
def test_a_secret_that_comes_in_pieces_is_neither_kept_nor_published(size: int) -> None:
    text = f"it is {KEY}, {KEY}\nand {KEY[:9]}"
    kept, said = told([text[n : n + size] for n in range(0, len(text), size)])
    assert kept == said == f"it is {SHOWN}, {SHOWN}\nand {SHOWN}"


def test_a_tail_that_only_looked_like_one_comes_with_the_end() -> None:
    assert told(["that was can", ""]) == ("that was can", "that was can")


def test_colours_inside_a_secret_do_not_bring_it_together_on_the_screen() -> None:
    _, said = told([f"x {KEY[:6]}\x1b[31m", f"{KEY[6:]}\x1b[0m y"])
    assert said == f"x {SHOWN} y"


def test_results_that_others_use_hold_no_secret() -> None:
    got: list[str] = []

    def body(work: Work, context: AttemptContext) -> str:
        got.extend(work.results.values())
        return f"the key is {KEY}"

    given = plan(wave("w", subtask("a")), wave("x", subtask("b", depends_on=("a",))))
    make_run(body, given, redaction=REDACTION).finish()
    assert got == [f"the key is {SHOWN}"]


def test_nothing_that_is_published_holds_a_secret() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        context.output(KEY[:10])
        context.output(KEY[10:])
        if work.subtask.id == "crash":
            raise RuntimeError(f"with {KEY}")
        raise AttemptError(ErrorKind.SERVER, f"the server said {KEY} and {KEY[:20]}")

    long = "x" * (PROMPT_CHARS - 10) + KEY
    given = plan(
        wave("w", subtask("a", title=f"use {KEY}", prompt=f"say {KEY}"), subtask("crash", prompt=long))
    )
    run = make_run(body, given, redaction=REDACTION).finish()
    lines = "\n".join(to_line(record) for record in run.records)
    assert "canary" not in lines
    assert run.all(RunStarted)[0].plan.waves[0].subtasks[0].prompt == f"say {SHOWN}"
    assert {e.title for e in run.all(SubtaskStarted)} == {f"use {SHOWN}", "crash"}
    assert {e.text for e in run.all(SubtaskOutput)} == {SHOWN}
    said = {f"the server said {SHOWN} and {SHOWN}", f"RuntimeError: with {SHOWN}"}
    assert {e.message for e in run.all(AttemptFailed)} == said
    assert {e.reason for e in run.all(SubtaskFinished)} == said


def test_another_prompt_is_asked_as_it_was_given_and_told_without_the_secret() -> None:
    asked: list[str] = []

    def body(work: Work, context: AttemptContext) -> str:
        asked.append(work.subtask.prompt)
        if work.attempt == 1:
            context.token.sleep(30)
        return "done"

    run = make_run(body, plan(wave("w", subtask("a"))), redaction=REDACTION).start()
    run.wait_for(SubtaskStarted)
    run.executor.control.retry(["a"], by="user", prompt=f"now {KEY}")
    run.finish()
    assert asked == ["a", f"now {KEY}"]
    assert run.all(RetryRequested)[0].prompt == f"now {SHOWN}"
