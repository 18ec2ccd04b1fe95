"""What an agent's turn costs: a bare loop on the SDK, and a whole run with tools, journal and limits.

Forty conversations at once, each of four turns with two uses of tools and an answer. The server is
`luna-tui simulate` in a process of its own; it checks that no conversation crosses another.
"""

from __future__ import annotations

import json
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Cost, compare, cost_of, options, report
from benchmarks.streams import MODEL, run_of, server
from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.rules import Rules
from luna_tui.engine.clock import SystemClock
from luna_tui.runners.anthropic_client import make_client
from luna_tui.runners.claude import ClaudeRunner
from luna_tui.session.tooling import make_toolbox

if TYPE_CHECKING:
    import anthropic

TURNS = 4
MAX_TOKENS = 2_000
TEXT = "one line of a file that is read\n" * 20
TOOLS = ("read_file", "list_files")


def prompt(number: int) -> str:
    """What makes the simulated model use two tools in each of four turns."""
    return f"token: agent-{number}\nsimulate: turns={TURNS} tools=2 first=0.5\nLook into {number}.txt"


def bare_loop(client: anthropic.Anthropic, tools: Sequence[Mapping[str, Any]], count: int) -> Cost:
    """The shortest loop there is: stream, answer every tool with the same text, until nothing is wanted."""

    def talk(number: int) -> None:
        messages: list[Any] = [{"role": "user", "content": prompt(number)}]
        while True:
            request: dict[str, Any] = {"model": MODEL, "max_tokens": MAX_TOKENS, "tools": tools}
            with client.messages.stream(messages=messages, **request) as stream:
                message = stream.get_final_message()
            if message.stop_reason != "tool_use":
                return
            messages.append({"role": "assistant", "content": [b.to_dict() for b in message.content]})
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": TEXT}
                for block in message.content
                if block.type == "tool_use"
            ]
            messages.append({"role": "user", "content": results})

    def body() -> None:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(talk, range(count)))

    return cost_of(body)


def whole_run(client: anthropic.Anthropic, folder: Path, count: int) -> Cost:
    """The same conversations as subtasks with file tools, with journal and output files."""
    plan = _plan(folder, count)
    runner = ClaudeRunner(lambda: client, SystemClock(), toolbox=make_toolbox(plan, Rules()))
    return run_of(plan, runner, count)


def _plan(folder: Path, count: int) -> Plan:
    subtasks = tuple(
        Subtask(
            id=f"s{n}",
            title=f"s{n}",
            model=MODEL,
            max_tokens=MAX_TOKENS,
            prompt=prompt(n),
            tools=TOOLS,
            timeout=300.0,
        )
        for n in range(count)
    )
    wave = Wave(name="wave", subtasks=subtasks, timeout=0.0)
    return Plan(name="agents", waves=(wave,), workspace=str(folder))


def _violations(url: str) -> Mapping[str, int]:
    with urllib.request.urlopen(f"{url}/simulator/conversations") as answer:
        found: Mapping[str, int] = json.load(answer)["violations"]
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=40, quick_items=2, repeats=3)
    with tempfile.TemporaryDirectory() as name, server(speed=100.0) as url:
        folder = Path(name)
        for number in range(args.items):
            (folder / f"{number}.txt").write_text(TEXT, encoding="utf-8")
        tools = [make_toolbox(_plan(folder, 1), Rules()).makes[tool]().definition for tool in TOOLS]
        client = make_client(url, "simulated")
        bare_loop(client, tools, 1)
        cases = {
            "bare loop": lambda: bare_loop(client, tools, args.items),
            "run": lambda: whole_run(client, folder, args.items),
        }
        results = compare(cases, items=args.items * (TURNS + 1), repeats=args.repeats)
        violations = _violations(url)
        client.close()
    if violations:
        raise RuntimeError(f"conversations crossed: {violations}")
    title = f"{args.items} agents at once, {TURNS} turns with two tools and an answer each; per request"
    report(title, results, as_json=args.json)


if __name__ == "__main__":
    main()
