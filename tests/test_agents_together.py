"""Many agents on the simulated service at once: no conversation crosses another, and each can be ended."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
)
from luna_tui.core.limits import TIERS
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.rules import Rules
from luna_tui.core.words import Manner, Scope, Status
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.runners.agent.toolbox import Toolbox
from luna_tui.runners.anthropic_client import make_client
from luna_tui.runners.claude import ClaudeRunner
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
def stage(given: Plan, toolbox: Toolbox | None = None, **settings: Any) -> Iterator[Stage]:
    told: dict[str, Any] = {"speed": 50.0, "limits": TIERS["scale"].limits} | settings
    with SimulatorServer(SimulatorSettings(**told), CLOCK) as server:
        runner = ClaudeRunner(
            lambda: make_client(server.base_url, "k"),
            CLOCK,
            toolbox=toolbox or make_toolbox(given, Rules()),
        )
        try:
            yield Stage(make_run(runner, given, tier="scale", workers=AGENTS), server)
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
        timeout=60,
    )


def workspace(folder: Path) -> Plan:
    for number in range(AGENTS):
        (folder / f"{number}.txt").write_text(f"token: mine-{number}\n" * (TURNS + 1))
    given = plan(wave("w", *map(reader, range(AGENTS))))
    return type(given)(name="t", waves=given.waves, workspace=str(folder))


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
    with stage(workspace(tmp_path), chaos=chaos) as made:
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
