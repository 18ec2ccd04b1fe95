"""What becomes of each tool that a model wants used: judged, asked about, done, and told."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import pytest
from rules import parse_rules
from runners.agent_support import (
    CLOCK,
    MadeUp,
    agent,
    answer,
    answered,
    attempt,
    in_turn,
    results_of,
    text,
    tool,
)
from support import work_of

from luna_tui.core.rules import Rules
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.runner import AttemptError, Reply, Request
from luna_tui.runners.agent.toolbox import Toolbox
from luna_tui.runners.agent.using import MOST_AT_ONCE, MOST_CHARS
from luna_tui.runners.tools.base import Place, Result, Tool, ToolError, Use

AT_ONCE_S = 0.5


def wants(*blocks: Mapping[str, Any]) -> Any:
    """A model that wants these used, and then is done."""
    return in_turn(answer(*blocks, stop="tool_use"), answer(text("fine")))


def test_a_tool_that_is_not_granted_is_unknown_and_the_model_reads_what_there_is() -> None:
    write = MadeUp("write_file")
    with attempt(wants(tool("t1", "write_file", path="a")), MadeUp("read_file"), write) as made:
        assert made.run(work_of(agent("read_file", "ask_user"))) == "fine"
    (result,) = results_of(made.requests[1])
    assert result["is_error"]
    assert "there is no tool 'write_file' here; there is: read_file, ask_user" in result["content"]
    assert write.used == []
    assert made.context.called == [("t1", "write_file", "write_file a")]
    assert made.context.finished[0][:2] == ("t1", False)


@pytest.mark.parametrize(
    ("raised", "read"),
    [
        (ToolError("there is no such file; there is b"), "there is no such file; there is b"),
        (ZeroDivisionError("by zero"), "the tool failed: ZeroDivisionError: by zero"),
        (RecursionError(), "the tool failed: RecursionError:"),
    ],
)
def test_whatever_a_tool_raises_is_a_result_and_the_attempt_goes_on(raised: Exception, read: str) -> None:
    def body(given: Mapping[str, Any], token: CancelToken) -> str:
        raise raised

    output, made = answered(
        wants(tool("t1", "read_file", path="a")), agent("read_file"), MadeUp("read_file", body)
    )
    assert output == "fine"
    (result,) = results_of(made.requests[1])
    assert result["is_error"]
    assert read in result["content"]


def test_what_cannot_be_described_is_not_done() -> None:
    class Picky(MadeUp):
        def describe(self, given: Mapping[str, Any], place: Place) -> Use:
            raise ToolError("path is missing")

    picky = Picky("read_file")
    _, made = answered(wants(tool("t1", "read_file")), agent("read_file"), picky)
    assert picky.used == []
    assert results_of(made.requests[1])[0]["content"] == "path is missing"


def test_of_two_at_once_one_is_denied_by_a_rule_and_the_other_is_done() -> None:
    look = MadeUp("read_file")
    rules = parse_rules(deny=["read_file(secret/**)"])
    _, made = answered(
        wants(tool("t1", "read_file", path="secret/key"), tool("t2", "read_file", path="open")),
        agent("read_file"),
        look,
        rules=rules,
    )
    denied, done = results_of(made.requests[1])
    assert (denied["tool_use_id"], denied["is_error"]) == ("t1", True)
    assert "denied by rule 'read_file(secret/**)'" in denied["content"]
    assert done == {"type": "tool_result", "tool_use_id": "t2", "content": "done"}
    assert look.used == [{"path": "open"}]
    assert made.context.asked == []


def test_all_that_needs_a_person_is_asked_at_once_and_the_agent_reads_why_not() -> None:
    run = MadeUp("run_command", harmless=False)
    with attempt(
        wants(
            tool("t1", "run_command", path="rm"),
            tool("t2", "run_command", path="ls"),
            tool("t3", "read_file", path="a"),
        ),
        run,
        MadeUp("read_file"),
    ) as made:
        rounds: list[list[Request]] = []
        ask = made.context.ask

        def one_round(requests: Any) -> tuple[Reply, ...]:
            rounds.append(list(requests))
            return ask(requests)

        made.context.ask = one_round  # type: ignore[method-assign]
        made.context.replies = {
            "run_command rm": Reply(allowed=False, text="not that one"),
            "run_command ls": Reply(allowed=True),
        }
        made.run(work_of(agent("run_command", "read_file")))
    assert rounds == [
        [
            Request(
                tool="run_command",
                summary="run_command rm",
                detail='{"path": "rm"}',
                pattern="run_command(rm)",
            ),
            Request(
                tool="run_command",
                summary="run_command ls",
                detail='{"path": "ls"}',
                pattern="run_command(ls)",
            ),
        ]
    ]
    first, second, third = results_of(made.requests[1])
    assert first["content"] == "not allowed: not that one"
    assert first["is_error"]
    assert second["content"] == third["content"] == "done"
    assert run.used == [{"path": "ls"}]
    assert ("t1", False, "denied: not that one") in made.context.finished


@pytest.mark.parametrize(
    ("rules", "harmless", "asked"),
    [
        (Rules(), True, 0),
        (Rules(), False, 1),
        (parse_rules(ask=["read_file"]), True, 1),
        (parse_rules(allow=["read_file(a)"]), False, 0),
    ],
)
def test_who_is_asked_is_decided_by_rules_and_else_by_harm(rules: Rules, harmless: bool, asked: int) -> None:
    look = MadeUp("read_file", harmless=harmless)
    _, made = answered(wants(tool("t1", "read_file", path="a")), agent("read_file"), look, rules=rules)
    assert len(made.context.asked) == asked


def test_tools_of_one_turn_are_in_use_together_and_no_more_than_eight() -> None:
    count = MOST_AT_ONCE + 3
    together = threading.Barrier(MOST_AT_ONCE, timeout=5)
    lock, now, peak = threading.Lock(), [0], [0]

    def body(given: Mapping[str, Any], token: CancelToken) -> str:
        with lock:
            now[0] += 1
            peak[0] = max(peak[0], now[0])
        if int(given["path"]) < MOST_AT_ONCE:
            together.wait()
        with lock:
            now[0] -= 1
        return f"result {given['path']}"

    calls = [tool(f"t{n}", "read_file", path=str(n)) for n in range(count)]
    _, made = answered(wants(*calls), agent("read_file"), MadeUp("read_file", body))
    assert peak[0] == MOST_AT_ONCE
    results = results_of(made.requests[1])
    assert [(r["tool_use_id"], r["content"]) for r in results] == [
        (f"t{n}", f"result {n}") for n in range(count)
    ]


def test_two_changes_of_one_file_happen_one_after_the_other() -> None:
    order: list[str] = []
    inside = threading.Lock()

    def body(given: Mapping[str, Any], token: CancelToken) -> str:
        assert inside.acquire(blocking=False), "two at once"
        order.append(given["what"])
        inside.release()
        return "done"

    calls = [tool(f"t{n}", "edit_file", path="a", what=str(n)) for n in range(6)]
    answered(wants(*calls), agent("edit_file"), MadeUp("edit_file", body))
    assert order == list("012345")


MARK: ContextVar[str] = ContextVar("mark", default="none")


def test_tools_see_the_context_of_their_attempt() -> None:
    seen: list[str] = []

    def body(given: Mapping[str, Any], token: CancelToken) -> str:
        seen.append(MARK.get())
        return "done"

    earlier = MARK.set("mine")
    try:
        calls = [tool(f"t{n}", "read_file", path=str(n)) for n in range(3)]
        answered(wants(*calls), agent("read_file"), MadeUp("read_file", body))
    finally:
        MARK.reset(earlier)
    assert seen == ["mine"] * 3


def test_a_long_result_is_cut_and_says_how_much_is_left_out() -> None:
    body = MadeUp("read_file", lambda given, token: "x" * (MOST_CHARS + 1_234))
    _, made = answered(wants(tool("t1", "read_file", path="a")), agent("read_file"), body)
    content = results_of(made.requests[1])[0]["content"]
    assert content.startswith("x" * MOST_CHARS + "\n[1,234 more characters are left out")
    assert len(content) < MOST_CHARS + 100


def test_an_empty_result_and_half_characters_can_be_sent() -> None:
    def body(given: Mapping[str, Any], token: CancelToken) -> str:
        return "" if given["path"] == "a" else "x\udcffy"

    _, made = answered(
        wants(tool("t1", "read_file", path="a"), tool("t2", "read_file", path="b")),
        agent("read_file"),
        MadeUp("read_file", body),
    )
    assert [r["content"] for r in results_of(made.requests[1])] == ["(nothing)", "x\ufffdy"]


def test_a_failure_that_is_no_error_is_told_with_its_line() -> None:
    body = MadeUp(
        "run_command", lambda given, token: Result(text="1 failed", ok=False, summary="exit code 1")
    )
    _, made = answered(wants(tool("t1", "run_command", path="x")), agent("run_command"), body)
    assert made.context.finished == [("t1", False, "exit code 1")]
    assert results_of(made.requests[1])[0] == {
        "type": "tool_result", "tool_use_id": "t1", "content": "1 failed", "is_error": True,
    }  # fmt: skip


def test_a_tool_learns_where_it_works() -> None:
    places: list[Place] = []

    class Looking(MadeUp):
        def describe(self, given: Mapping[str, Any], place: Place) -> Use:
            places.append(place)
            return super().describe(given, place)

    look = Looking("read_file")
    with attempt(wants(tool("t1", "read_file", path="a")), look, MadeUp("write_file")) as made:
        made.run(work_of(agent("read_file", "write_file"), workspace="/w", run_dir="/r"))
    assert places == [Place(subtask="a", workspace="/w", own=False, writable=True, run_dir="/r")]


def ask(**given: Any) -> Any:
    return wants(tool("t1", "ask_user", **given))


def test_a_question_is_put_to_a_person_and_the_number_of_a_choice_is_that_choice() -> None:
    with attempt(ask(question="Which one?", choices=["left", "right"])) as made:
        made.context.replies = {"Which one?": Reply(allowed=True, text="2")}
        made.run(work_of(agent("ask_user")))
    assert made.context.asked == [
        Request(
            tool="ask_user",
            summary="Which one?",
            detail="Which one?\n\n1. left\n2. right",
            question=True,
        )
    ]
    assert results_of(made.requests[1])[0]["content"] == "right"
    assert made.context.called == [("t1", "ask_user", "Which one?")]
    assert made.context.finished == [("t1", True, "right")]


def test_where_nobody_answers_the_model_reads_that_it_has_to_decide() -> None:
    _, made = answered(ask(question="Which one?"), agent("ask_user"))
    (result,) = results_of(made.requests[1])
    assert result["is_error"]
    assert result["content"].startswith("there is no answer: nobody is there. Decide yourself")


@pytest.mark.parametrize("given", [{}, {"question": " "}, {"question": "x", "choices": [1]}])
def test_a_question_that_is_none_is_not_put_to_anybody(given: Mapping[str, Any]) -> None:
    _, made = answered(ask(**given), agent("ask_user"))
    assert made.context.asked == []
    assert results_of(made.requests[1])[0]["is_error"]


def test_a_tool_that_cannot_be_had_fails_before_the_first_request() -> None:
    with attempt(in_turn()) as made, pytest.raises(AttemptError) as failure:
        made.run(work_of(agent("read_file")))
    assert failure.value.kind is ErrorKind.TOOLS
    assert not failure.value.retryable
    assert "read_file" in failure.value.message
    assert made.requests == []


class Server:
    """Tools of one server."""

    def __init__(self) -> None:
        self.closed = False

    def tools(self, server: str, name: str | None, token: CancelToken) -> list[Tool]:
        """Two, or one of them."""
        return [
            MadeUp(f"mcp__{server}__{each}", harmless=False)
            for each in ("now", "zones")
            if name in (None, each)
        ]

    def close(self) -> None:
        """Remember."""
        self.closed = True


@pytest.mark.parametrize(
    ("granted", "names"),
    [
        ("mcp.time", ["mcp__time__now", "mcp__time__zones"]),
        ("mcp.time.zones", ["mcp__time__zones"]),
    ],
)
def test_tools_of_servers_are_granted_by_server_or_by_name(granted: str, names: list[str]) -> None:
    context = attempt_context()
    kit = Toolbox(servers=Server()).kit(agent(granted), context)
    assert list(kit.own) == names
    assert kit.own["mcp__time__zones"].name == "mcp.time.zones"


def test_rules_name_tools_of_servers_as_plans_do_and_the_servers_end_with_the_runner() -> None:
    server = Server()
    toolbox = Toolbox(rules=parse_rules(deny=["mcp.time.now"]), servers=server)
    kit = toolbox.kit(agent("mcp.time"), attempt_context())
    assert kit.judge(kit.own["mcp__time__now"], "", False).verdict == "deny"
    assert kit.judge(kit.own["mcp__time__zones"], "", False).verdict == "ask"
    toolbox.close()
    assert server.closed


def attempt_context() -> Any:
    with attempt(in_turn()) as made:
        return made.context


def wait_for_token(started: threading.Semaphore) -> Any:
    def body(given: Mapping[str, Any], token: CancelToken) -> str:
        started.release()
        token.wait(threading.Event())
        return "never"

    return body


@pytest.mark.parametrize("count", [1, 3])
def test_a_cancellation_ends_tools_in_use_at_once_and_no_thread_is_left(count: int) -> None:
    started = threading.Semaphore(0)
    look = MadeUp("read_file", wait_for_token(started))
    calls = [tool(f"t{n}", "read_file", path=str(n)) for n in range(count)]
    with attempt(wants(*calls), look) as made:
        made.start(work_of(agent("read_file")))
        for _ in range(count):
            assert started.acquire(timeout=5)
        began_at = CLOCK.now()
        made.context.token.cancel("enough")
        assert made.ended()
        assert CLOCK.now() - began_at < AT_ONCE_S
        assert isinstance(made.raised, Cancelled)
        assert [t for t in threading.enumerate() if t.name == "luna-tool"] == []
    assert len(made.requests) == 1


def test_a_tool_that_ignores_its_token_does_not_hold_the_attempt_for_ever() -> None:
    started, release = threading.Semaphore(0), threading.Event()

    def deaf(given: Mapping[str, Any], token: CancelToken) -> str:
        started.release()
        release.wait(10)
        return "late"

    calls = [tool(f"t{n}", "read_file", path=str(n)) for n in range(2)]
    with attempt(wants(*calls), MadeUp("read_file", deaf)) as made:
        made.start(work_of(agent("read_file")))
        for _ in range(2):
            assert started.acquire(timeout=5)
        made.context.token.cancel("enough")
        assert made.ended()
        assert isinstance(made.raised, Cancelled)
        release.set()


def test_a_cancellation_while_a_person_is_asked_uses_nothing() -> None:
    look = MadeUp("read_file", harmless=False)
    with attempt(wants(tool("t1", "read_file", path="a")), look) as made:

        def ask_for_ever(requests: Any) -> tuple[Reply, ...]:
            made.context.token.cancel("enough")
            raise Cancelled("enough")

        made.context.ask = ask_for_ever  # type: ignore[method-assign]
        with pytest.raises(Cancelled):
            made.run(work_of(agent("read_file")))
    assert look.used == []
