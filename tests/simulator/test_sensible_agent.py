"""Without any order the model uses tools as the prompt suggests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from simulator_support import Connect, Serve, ask
from tool_client import LIST, READ, converse, said

FILES = {
    "shelf.py": "class Shelf:\n    def lift(self): return 1\n\ndef sort(books): return sorted(books)\n",
    "notes.txt": "The shelf is full.\nNobody knows why.\n",
    "README.md": "# Books\n",
}


def tool(name: str, **fields: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    return {"name": name, "input_schema": schema}


TEXT = {"type": "string"}
WRITE = tool("write_file", path=TEXT, content=TEXT)
EDIT = tool("edit_file", path=TEXT, old=TEXT, new=TEXT)
FIND = tool("search_files", pattern=TEXT)
RUN = tool("run_command", command={"anyOf": [{"type": "array", "items": TEXT}, TEXT]})
ASK = tool("ask_user", question=TEXT)


def use(name: str, given: Mapping[str, Any]) -> str:
    match name:
        case "list_files":
            return "\n".join(FILES)
        case "read_file":
            return "".join(f"{n:6}\t{line}\n" for n, line in enumerate(FILES[given["path"]].splitlines(), 1))
        case _:
            return f"done: {name}"


def story(serve: Serve, connect: Connect, prompt: str, *tools: Any) -> tuple[list[list[Any]], str]:
    """What was used in each answer, and the last words."""
    server = serve()
    answers, _ = converse(connect(server), prompt, tools=tools, use=use)
    assert server.conversations().violations == {}
    used = [[(b.name, b.input) for b in a.content if b.type == "tool_use"] for a in answers]
    return used[:-1], answers[-1].content[-1].text


def test_it_lists_reads_what_is_named_and_describes_it(serve: Serve, connect: Connect) -> None:
    used, text = story(serve, connect, "token: T-8\nIs shelf.py right? See notes.txt too.", LIST, READ, WRITE)
    assert used == [
        [("list_files", {"glob": "**/*"})],
        [("read_file", {"path": "shelf.py"}), ("read_file", {"path": "notes.txt"})],
    ]
    assert text.startswith("token: T-8\n")
    assert "## Analysis of shelf.py" in text
    assert "4 lines, 1 classes, 2 functions" in text
    assert "- notes.txt has 2 lines and begins with: The shelf is full." in text


def test_it_chooses_from_the_listing_where_nothing_is_named(serve: Serve, connect: Connect) -> None:
    used, _ = story(serve, connect, "What is this project about?", LIST, READ)
    assert len(used) == 2
    read = [given["path"] for _, given in used[1]]
    assert 1 <= len(read) <= 3
    assert set(read) <= FILES.keys()


def test_it_searches_writes_edits_and_runs_when_asked(serve: Serve, connect: Connect) -> None:
    prompt = (
        "Look at shelf.py and search for `lift(`. Replace `sort` with `order` in shelf.py.\n"
        "Write a review to out/review.md, then run `pytest -q 'a b'` and run `make`."
    )
    used, text = story(serve, connect, prompt, RUN, WRITE, EDIT, FIND, READ)
    assert [name for calls in used for name, _ in calls] == [
        "read_file",
        "search_files",
        "edit_file",
        "write_file",
        "run_command",
        "run_command",
    ]
    assert used[0] == [("read_file", {"path": "shelf.py"})]
    assert used[1] == [("search_files", {"pattern": r"lift\("})]
    assert used[2] == [("edit_file", {"path": "shelf.py", "old": "sort", "new": "order"})]
    assert used[3][0][1]["path"] == "out/review.md"
    assert "## Analysis of shelf.py" in used[3][0][1]["content"]
    assert used[4] == [
        ("run_command", {"command": ["pytest", "-q", "a b"]}),
        ("run_command", {"command": ["make"]}),
    ]
    assert "run_command" in text


def test_it_asks_the_user_first_and_tells_the_answer(serve: Serve, connect: Connect) -> None:
    used, text = story(serve, connect, "Ask me which file is meant, then go on.", READ, LIST, ASK)
    assert used[0] == [("ask_user", {"question": "Which file is meant?"})]
    assert "The answer to my question was: done: ask_user" in text


def test_it_uses_a_tool_of_another_kind_when_the_prompt_names_it(serve: Serve, connect: Connect) -> None:
    other = tool("mcp__books__lookup", isbn=TEXT)
    assert story(serve, connect, "How are things?", other)[0] == []
    used, _ = story(serve, connect, "Use mcp__books__lookup for it.", other)
    assert [name for calls in used for name, _ in calls] == ["mcp__books__lookup"]


def test_what_failed_is_told_and_not_tried_again(serve: Serve, connect: Connect) -> None:
    client = connect(serve())
    first = ask(client, "Write a note to a.md.", tools=[WRITE])
    use_id = next(b.id for b in first.content if b.type == "tool_use")
    messages = [
        {"role": "user", "content": "Write a note to a.md."},
        {"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in first.content]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": use_id, "content": "Denied by rule.", "is_error": True}
            ],
        },
    ]
    last = ask(client, messages=messages, tools=[WRITE])
    assert last.stop_reason == "end_turn"
    assert "- write_file a.md did not work: Denied by rule." in last.content[0].text


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "write_file"}])
def test_a_tool_is_used_where_the_request_demands_it(serve: Serve, connect: Connect, choice: Any) -> None:
    message = ask(connect(serve()), "Hello.", tools=[WRITE, EDIT], tool_choice=choice)
    assert message.stop_reason == "tool_use"
    assert [b.name for b in message.content if b.type == "tool_use"] == ["write_file"]


def test_one_use_at_a_time_where_the_request_says_so(serve: Serve, connect: Connect) -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    message = ask(connect(serve()), "simulate: turns=1 tools=3", tools=[READ], tool_choice=choice)
    assert sum(b.type == "tool_use" for b in message.content) == 1


def test_thoughts_come_first_and_must_come_back_untouched(serve: Serve, connect: Connect) -> None:
    server = serve()
    thinking = {"type": "adaptive"}
    answers, _ = converse(connect(server), "simulate: turns=1", thinking=thinking, use=said)
    assert [[b.type for b in a.content] for a in answers] == [
        ["thinking", "text", "tool_use"],
        ["thinking", "text"],
    ]
    assert answers[0].content[0].signature != answers[1].content[0].signature
    assert server.conversations().violations == {}
