"""Many agents on the simulated service at once: no conversation crosses another, and each can be ended."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from needs import lacking
from rules import parse_rules
from runners.agent_support import MadeUp
from support import Run, make_run, plan, subtask, wave

from luna_tui.core.events import (
    AttemptFailed,
    SubtaskOutput,
    SubtaskStarted,
    ToolCalled,
    ToolFinished,
    TurnFailed,
    TurnStarted,
    UsageRecorded,
)
from luna_tui.core.limits import TIERS
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.rules import Rules
from luna_tui.core.sandbox import REFUSED, SandboxSettings
from luna_tui.core.words import Manner, Scope, Status
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock, ScaledClock, SystemClock
from luna_tui.runners.agent.toolbox import Toolbox
from luna_tui.runners.anthropic_client import make_client
from luna_tui.runners.claude import ClaudeRunner
from luna_tui.runners.sandbox.choice import Sandbox
from luna_tui.session.tooling import make_toolbox
from luna_tui.simulator.faults import FaultKind
from luna_tui.simulator.server import SimulatorServer, SimulatorSettings

AGENTS = 40
TURNS = 4
CLOCK = SystemClock()
AT_ONCE_S = 1.0


@dataclass
class Stage:
    """A run of agents and the service it talks to."""

    run: Run
    server: SimulatorServer

    def end_at_once(self) -> None:
        """Cancel everything, and expect the end."""
        asked_at = CLOCK.now()
        self.run.executor.control.cancel(Scope.RUN, Manner.NOW, by="test")
        self.run.finish()
        assert CLOCK.now() - asked_at < AT_ONCE_S


@contextmanager
def stage(
    given: Plan,
    toolbox: Toolbox | None = None,
    run: Mapping[str, Any] | None = None,
    clock: Clock = CLOCK,
    **settings: Any,
) -> Iterator[Stage]:
    """`run` has settings of the run, `settings` are those of the service."""
    told: dict[str, Any] = {"speed": 50.0, "limits": TIERS["scale"].limits} | settings
    with SimulatorServer(SimulatorSettings(**told), clock) as server:
        runner = ClaudeRunner(
            lambda: make_client(server.base_url, "k"),
            clock,
            toolbox=toolbox or make_toolbox(given, Rules()),
        )
        try:
            yield Stage(
                make_run(runner, given, tier="scale", workers=AGENTS, clock=clock, **(run or {})), server
            )
        finally:
            runner.close()


def reader(number: int) -> Subtask:
    """An agent that looks at two files of its own in each turn."""
    orders = "\n".join(
        f'simulate-call: read_file {{"path": "{number}.txt", "offset": {turn + 1}}}\n'
        f'simulate-also: search_files {{"pattern": "token", "path": "{number}.txt"}}'
        for turn in range(TURNS)
    )
    return subtask(
        f"a{number:02d}",
        model="claude-haiku-5-5",
        prompt=f"token: mine-{number}\n{orders}\nLook into {number}.txt",
        tools=("read_file", "search_files"),
        max_tokens=2_000,
        retries=12,
        timeout=600,
    )


def workspace(folder: Path) -> Plan:
    for number in range(AGENTS):
        (folder / f"{number}.txt").write_text(f"token: mine-{number}\n" * (TURNS + 1))
    given = plan(wave("w", *map(reader, range(AGENTS))))
    return replace(given, workspace=str(folder))


def test_forty_agents_with_four_turns_of_tools_each_get_their_own_results(tmp_path: Path) -> None:
    with stage(workspace(tmp_path)) as made:
        run = made.run.finish(60)
        counts = made.server.conversations()
    assert set(run.ends().values()) == {Status.SUCCEEDED}
    assert counts.conversations == AGENTS
    assert counts.turns == AGENTS * (TURNS + 1)
    assert counts.violations == {}
    assert len(run.all(TurnStarted)) == AGENTS * TURNS
    assert len(run.all(ToolCalled)) == len(run.all(ToolFinished)) == AGENTS * TURNS * 2
    assert all(event.ok for event in run.all(ToolFinished))
    outputs = {s: "" for s in run.ends()}
    for event in run.all(SubtaskOutput):
        outputs[event.subtask] += event.text
    for number in range(AGENTS):
        assert set(re.findall(r"mine-\d+", outputs[f"a{number:02d}"])) == {f"mine-{number}"}


def test_what_breaks_in_the_midst_is_sent_again_and_no_conversation_is_lost(tmp_path: Path) -> None:
    chaos = ((FaultKind.CUT, 0.08), (FaultKind.OVERLOADED, 0.08), (FaultKind.ERROR_EVENT, 0.08))
    with stage(workspace(tmp_path), clock=ScaledClock(6.0), speed=8.0, chaos=chaos) as made:
        run = made.run.finish(90)
        counts = made.server.conversations()
    assert set(run.ends().values()) == {Status.SUCCEEDED}
    assert counts.violations == {}
    assert run.all(TurnFailed), "some turn was hit"
    first = {e.attempt for e in run.all(AttemptFailed)}
    assert first, "and some first request"
    again = [e for e in run.all(ToolCalled) if e.tool == "read_file"]
    attempts = {(e.subtask, e.attempt) for e in again}
    assert len(again) == len(attempts) * TURNS, "no tool is used twice because its turn was sent again"


def ordered(name: str, orders: str, *tools: str, **more: Any) -> Subtask:
    return subtask(name, model="claude-haiku-5-5", prompt=f"token: {name}\n{orders}", tools=tools, **more)


def test_agents_are_ended_in_the_midst_of_tools_streams_and_waits_and_leave_nothing(tmp_path: Path) -> None:
    using = threading.Semaphore(0)

    def wait(given: Mapping[str, Any], token: CancelToken) -> str:
        using.release()
        token.wait(threading.Event())
        return "never"

    toolbox = Toolbox({"read_file": lambda: MadeUp("read_file", wait)})
    in_tools = [ordered(f"t{n}", "simulate: turns=1 tools=3", "read_file", max_tokens=500) for n in range(4)]
    in_stream = [ordered(f"s{n}", "simulate: output=400 seconds=4000", "read_file") for n in range(4)]
    before = set(threading.enumerate())
    with stage(plan(wave("w", *in_tools, *in_stream)), toolbox) as made:
        run = made.run.start()
        for _ in range(4 * 3):
            assert using.acquire(timeout=10)
        streaming = {s.id for s in in_stream}
        run.wait_until(lambda: streaming <= {e.subtask for e in run.all(SubtaskOutput)})
        made.end_at_once()
    assert set(run.ends().values()) == {Status.CANCELLED}
    left = [t for t in set(threading.enumerate()) - before if t.name == "luna-tool" and t.is_alive()]
    assert left == []


def test_an_agent_that_waits_for_the_limits_between_turns_is_ended_at_once() -> None:
    toolbox = Toolbox({"read_file": lambda: MadeUp("read_file")})
    given = ordered("a", "simulate: turns=3", "read_file", timeout=60, retries=5)
    refused = TIERS["tier1"].limits
    small = type(refused)(rpm=1, itpm=refused.itpm, otpm=refused.otpm)
    with stage(plan(wave("w", given)), toolbox, limits=small) as made:
        run = made.run.start()
        run.wait_until(lambda: run.state().subtasks["a"].waiting is not None and bool(run.all(ToolFinished)))
        made.end_at_once()
    assert run.ends() == {"a": Status.CANCELLED}
    assert len(run.all(SubtaskStarted)) == 1


def test_texts_that_a_terminal_might_obey_reach_no_event() -> None:
    seen = MadeUp("read_file", lambda given, token: "\x1b[31mred\x1b]0;title\x07")
    toolbox = Toolbox({"read_file": lambda: seen})
    given = ordered("a", "simulate: turns=2 hostile=1", "read_file", max_tokens=500)
    with stage(plan(wave("w", given)), toolbox) as made:
        run = made.run.finish()
        assert made.server.conversations().violations == {}
    texts = [f"{e.summary}" for e in run.all(ToolCalled)] + [e.result for e in run.all(ToolFinished)]
    texts += [e.text for e in run.all(SubtaskOutput)]
    assert run.ends() == {"a": Status.SUCCEEDED}
    assert not any(set("\x1b\x07\x9b\u202e") & set(text) for text in texts)


def test_what_is_cut_refused_or_paused_by_the_service_ends_as_it_should() -> None:
    toolbox = Toolbox({"read_file": lambda: MadeUp("read_file")})
    given = plan(
        wave(
            "w",
            ordered("cut", "simulate: turns=1 cut_tool=2", "read_file"),
            ordered("refused", "simulate: turns=1 stop=refusal", "read_file", retries=0),
            ordered("paused", "simulate: turns=1 stop=pause_turn", "read_file"),
            ordered("long", "simulate: turns=9", "read_file", max_turns=3),
        )
    )
    with stage(given, toolbox) as made:
        run = made.run.finish()
        assert made.server.conversations().violations == {}
    assert run.ends() == {
        "cut": Status.SUCCEEDED,
        "refused": Status.FAILED,
        "paused": Status.SUCCEEDED,
        "long": Status.SUCCEEDED,
    }
    turns = {s: 1 + sum(e.subtask == s for e in run.all(TurnStarted)) for s in run.ends()}
    assert turns == {"cut": 4, "refused": 2, "paused": 3, "long": 3}
    assert [e.error_kind for e in run.all(AttemptFailed)] == ["refused"]


def test_what_agents_send_again_at_every_turn_is_read_from_the_cache() -> None:
    toolbox = Toolbox({"read_file": lambda: MadeUp("read_file", lambda given, token: "a line\n" * 600)})
    system = "Be brief and exact. " * 600
    agents = [ordered(f"a{n}", "simulate: turns=4", "read_file", system=system) for n in range(3)]
    with stage(plan(wave("w", *agents, max_workers=1)), toolbox) as made:
        run = made.run.finish()
        counted = made.server.stats().charges
    used = {s.id: [e for e in run.all(UsageRecorded) if e.subtask == s.id] for s in agents}
    for events in used.values():
        assert len(events) == 5
        for before, after in pairwise(events):
            assert after.cache_read_tokens >= before.cache_read_tokens + before.cache_write_tokens > 0
            assert after.cache_write_tokens > 0
    assert all(used[s.id][0].cache_read_tokens > 0 for s in agents[1:]), "the start is shared"
    every = [e for events in used.values() for e in events]
    read = sum(e.cache_read_tokens for e in every)
    whole = sum(e.input_tokens + e.cache_read_tokens + e.cache_write_tokens for e in every)
    assert read / whole > 0.6
    assert counted.input_tokens == whole - read, "what is read is not counted against the limits"


def test_uses_of_the_web_are_told_and_searches_are_booked() -> None:
    given = ordered(
        "a",
        'simulate-call: web_search {"query": "grace"}\nsimulate-call: web_fetch {"url": "https://example.org/"}',
        "web_search",
        "web_fetch",
        max_tokens=2_000,
    )
    with stage(plan(wave("w", given)), Toolbox()) as made:
        run = made.run.finish()
        assert made.server.conversations().violations == {}
    assert run.ends() == {"a": Status.SUCCEEDED}
    assert [(e.tool, e.summary) for e in run.all(ToolCalled)] == [
        ("web_search", "grace"),
        ("web_fetch", "https://example.org/"),
    ]
    assert [e.ok for e in run.all(ToolFinished)] == [True, True]
    assert sum(e.searches for e in run.all(UsageRecorded)) == 1


def sleeping(seconds: str) -> int:
    """Processes, in sandboxes or not, that sleep for that long."""
    count = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            count += path.read_bytes().split(b"\0")[:2] == [b"sleep", seconds.encode()]
        except OSError:
            continue
    return count


def test_commands_of_agents_that_are_ended_leave_no_process(tmp_path: Path) -> None:
    rules = parse_rules(allow=["run_command"])
    sandbox = Sandbox(SandboxSettings(rules=rules), os.environ)
    if sandbox.found.kind == REFUSED:
        lacking("bwrap", sandbox.found.why)
    seconds = f"4{os.getpid()}.5"
    orders = (
        f'simulate-call: run_command {{"command": ["sleep", "{seconds}"]}}\n'
        f'simulate-also: run_command {{"command": "sleep {seconds} & sleep {seconds}; true"}}'
    )
    agents = [ordered(f"a{n}", orders, "run_command", timeout=60) for n in range(3)]
    given = replace(plan(wave("w", *agents)), workspace=str(tmp_path))
    with stage(given, make_toolbox(given, rules, sandbox)) as made:
        run = made.run.start()
        run.wait_for(ToolCalled, 6)
        until = CLOCK.now() + 10
        while sleeping(seconds) < 9 and CLOCK.now() < until:
            threading.Event().wait(0.02)
        assert sleeping(seconds) == 9
        made.end_at_once()
    assert set(run.ends().values()) == {Status.CANCELLED}
    assert sleeping(seconds) == 0
