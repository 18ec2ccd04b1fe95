"""Where requests are marked for the service to keep their beginnings, and what that does to demands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from runners.agent_support import MadeUp, agent, answer, attempt, in_turn, text, tool
from support import RecordingContext, plan, subtask, wave, work_of

from luna_tui.core.plan import Subtask
from luna_tui.runners.caching import Shared
from luna_tui.runners.claude import ClaudeRunner
from luna_tui.session.tooling import shared_beginnings

LONG = "Be brief and exact. " * 250
"""About 1,430 tokens."""
MARK = {"type": "ephemeral"}
LOOK = MadeUp("read_file", lambda given, token: "line of a file\n" * 400)


def marks(request: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Where a request is marked: what, message, block."""
    found = [("tools", 0, n) for n, t in enumerate(request.get("tools", ())) if "cache_control" in t]
    system = request.get("system")
    if isinstance(system, list):
        found += [("system", 0, n) for n, block in enumerate(system) if "cache_control" in block]
    for place, message in enumerate(request["messages"]):
        found += [("messages", place, n) for n, b in enumerate(message["content"]) if "cache_control" in b]
    return found


def conversation(
    given: Subtask, turns: int, *, workspace: str = "/", **usage: int
) -> tuple[Any, RecordingContext]:
    uses = [
        answer(tool(f"t{n}", "read_file", path=str(n)), stop="tool_use", usage=usage) for n in range(turns)
    ]
    with attempt(in_turn(*uses, answer(text("fine"))), LOOK) as made:
        made.run(work_of(given, workspace=workspace))
        return made.requests, made.context


def test_a_short_conversation_is_not_marked_until_it_is_long_enough() -> None:
    requests, _ = conversation(agent("read_file"), 2)
    assert marks(requests[0]) == []
    assert marks(requests[1]) == [("messages", 2, 0)]
    assert marks(requests[2]) == [("messages", 2, 0), ("messages", 4, 0)]


def test_start_and_the_last_two_messages_of_ours_are_marked() -> None:
    requests, _ = conversation(agent("read_file", system=LONG), 3)
    assert requests[0]["system"] == [{"type": "text", "text": LONG, "cache_control": MARK}]
    assert [marks(r) for r in requests] == [
        [("system", 0, 0), ("messages", 0, 0)],
        [("system", 0, 0), ("messages", 0, 0), ("messages", 2, 0)],
        [("system", 0, 0), ("messages", 2, 0), ("messages", 4, 0)],
        [("system", 0, 0), ("messages", 4, 0), ("messages", 6, 0)],
    ]


def test_documents_are_marked_for_others_and_there_are_never_more_than_four_marks(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(LONG)
    (tmp_path / "b.txt").write_text(LONG)
    given = agent("read_file", system=LONG, files=("a.txt", "b.txt"))
    requests, _ = conversation(given, 3, workspace=str(tmp_path))
    assert marks(requests[0]) == [("system", 0, 0), ("messages", 0, 1), ("messages", 0, 2)]
    assert marks(requests[3]) == [
        ("system", 0, 0), ("messages", 0, 1), ("messages", 4, 0), ("messages", 6, 0),
    ]  # fmt: skip
    assert all(len(marks(request)) <= 4 for request in requests)


def test_without_a_system_text_the_last_tool_ends_the_start() -> None:
    wide = MadeUp("read_file")
    definition = {**wide.definition, "description": LONG}

    class Wide(MadeUp):
        @property
        def definition(self) -> Mapping[str, Any]:
            return definition

    with attempt(in_turn(answer(text("fine"))), Wide("read_file")) as made:
        made.run(work_of(agent("read_file", "ask_user")))
    assert marks(made.requests[0])[0] == ("tools", 0, 1)
    assert definition.keys() == {"name", "description", "input_schema"}, "what is shared stays as it is"


def test_a_small_model_keeps_only_longer_beginnings() -> None:
    requests, _ = conversation(
        agent("read_file", system=LONG, model="claude-haiku-5-5"), 1, input_tokens=1_500
    )
    assert marks(requests[0]) == []
    assert marks(requests[1]) == [("messages", 2, 0)]


def test_what_is_kept_is_not_demanded_again() -> None:
    _, context = conversation(
        agent("read_file", system=LONG, max_tokens=900),
        1,
        input_tokens=10,
        cache_read_input_tokens=3_000,
        cache_creation_input_tokens=500,
    )
    ((number, demand),) = context.turns
    assert number == 2
    assert 10 + 40 + 1_500 < demand.input_tokens < 10 + 40 + 2_000, "the rest, the answer and the result"
    assert demand.output_tokens <= 900
    assert demand.max_output_tokens == 900
    _, context = conversation(agent("read_file", system=LONG), 1, input_tokens=3_510)
    assert context.turns[0][1].input_tokens > 3_510 + 40 + 1_500


def test_in_the_last_turn_nothing_of_the_messages_is_kept_or_found() -> None:
    requests, context = conversation(
        agent("read_file", system=LONG, max_turns=2), 1, input_tokens=10, cache_read_input_tokens=5_000
    )
    assert marks(requests[1]) == [("system", 0, 0)]
    demand = context.turns[0][1].input_tokens
    assert 5_010 + 40 + 1_500 - 1_500 < demand < 5_010 + 40 + 2_000 - 1_400, "all but the start"


def plain(shared: Shared, given: Subtask, workspace: Path) -> Mapping[str, Any]:
    with attempt(in_turn(answer(text("fine")))) as made:
        runner = ClaudeRunner(
            made.runner._calls._make_client,
            made.runner._calls._clock,
            shared=lambda _: shared,
        )
        runner.run(work_of(given, workspace=str(workspace)), made.context)
        runner.close()
        request: Mapping[str, Any] = made.requests[0]
        return request


@pytest.mark.parametrize(
    ("shared", "expected"),
    [
        (Shared(), []),
        (Shared(system=True), [("system", 0, 0)]),
        (Shared(system=True, files=True), [("messages", 0, 0)]),
    ],
)
def test_plain_requests_are_marked_only_where_others_begin_alike(
    shared: Shared, expected: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("short")
    given = subtask("a", model="claude-x", system=LONG, files=("a.txt",), prompt="p")
    assert marks(plain(shared, given, tmp_path)) == expected


def test_plain_requests_that_are_short_are_never_marked(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("short")
    given = subtask("a", model="claude-x", system="brief", files=("a.txt",), prompt="p" * 9_000)
    request = plain(Shared(system=True, files=True), given, tmp_path)
    assert marks(request) == []
    assert request["system"] == "brief"


def test_a_plan_tells_which_of_its_requests_begin_alike() -> None:
    alike = [subtask(f"s{n}", model="m", system="S", files=("a",), prompt=f"p{n}") for n in range(2)]
    quoting = subtask("q", model="m", system="S", files=("a",), prompt="{{ files.0 }}")
    alone = subtask("x", model="m", system="other", files=("a",))
    with_tools = subtask("t", model="m", system="other", files=("a",), tools=("read_file",))
    shared = shared_beginnings(plan(wave("w", *alike, quoting, alone, with_tools)))
    assert [shared(s) for s in (*alike, quoting, alone)] == [
        Shared(system=True, files=True),
        Shared(system=True, files=True),
        Shared(system=True),
        Shared(),
    ]
