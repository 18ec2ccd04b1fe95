"""One run seen from everywhere: live, replayed, folded, attached, reported, told; all totals agree."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from test_program import run as program

from luna_tui.core.limits import Limits
from luna_tui.core.metrics import measured
from luna_tui.core.prices import Price
from luna_tui.core.state import RunState, fold
from luna_tui.core.telling import status_sentences
from luna_tui.core.words import Manner, RunStatus, Scope, Status, WaitReason
from luna_tui.engine.clock import ScaledClock
from luna_tui.headless.plain import PlainConsole
from luna_tui.headless.printer import LinePrinter
from luna_tui.session import LiveSession, SimulatorChoice
from luna_tui.session.protocol import Session
from luna_tui.session.remote import RemoteSession
from luna_tui.session.replay import ReplaySession, open_replay
from luna_tui.simulator.faults import Fault, FaultKind
from luna_tui.simulator.settings import SimulatorSettings
from luna_tui.storage.config import Config
from luna_tui.storage.journal import read_journal
from luna_tui.storage.plans import load_plan

MODEL = "claude-haiku-5-5"
PLAN = f"""
[plan]
name = "everything"
[defaults]
model = "{MODEL}"
timeout = 600
retries = 1
max_tokens = 2000
[[wave]]
name = "work"
[[wave.subtask]]
id = "good"
prompt = "simulate: output=200 seconds=20 first=2\\nThis one is good."
[[wave.subtask]]
id = "refused"
prompt = "simulate: output=100 seconds=10 first=2\\nThis one is refused once."
[[wave.subtask]]
id = "broken"
prompt = "simulate: output=100 seconds=10 first=2\\nThis one breaks."
[[wave.subtask]]
id = "mended"
prompt = "simulate: output=100 seconds=10 first=2\\nThis one breaks until it is tried again."
[[wave.subtask]]
id = "endless"
prompt = "simulate: output=900 seconds=500 first=2\\nThis one is stopped."
[[wave.subtask]]
id = "after"
depends_on = ["broken"]
prompt = "simulate: output=10 seconds=2 first=1\\nThis one needs the broken one."
[[wave]]
name = "dear"
[[wave.subtask]]
id = "dear"
prompt = "simulate: output=1900 seconds=20 first=2\\nThis one costs too much."
estimate = {{ input_tokens = 900000, output_tokens = 1900 }}
"""
FAULTS = (
    Fault(kind=FaultKind.RATE_LIMIT, match="refused once", retry_after=3.0),
    Fault(kind=FaultKind.SERVER_ERROR, match="This one breaks.", times=0),
    Fault(kind=FaultKind.SERVER_ERROR, match="until it is tried again", times=2),
)


def figures(state: RunState) -> dict[str, Any]:
    """Every total that a front end shows."""
    assert state.finished is not None
    end, found = state.finished, measured(state)
    return {
        "status": end.status,
        "counts": state.counts,
        "told counts": dict(end.counts),
        "ends": {s.id: s.status for s in state.subtasks.values()},
        "tries": {s.id: [(t.number, t.error_kind) for t in s.tries] for s in state.subtasks.values()},
        "tokens": (state.tokens, end.tokens),
        "cost": (state.cost_usd, end.cost_usd, {s.id: s.cost_usd for s in state.subtasks.values()}),
        "wall": (end.wall_s, found.wall_s),
        "sum": (end.sum_s, found.sum_s),
        "speed-up": (end.speedup, found.speedup),
        "bound": (end.bound_s, dict(end.bounds), found.bound_s),
        "lost": (dict(end.lost), dict(found.lost)),
        "throttled": (end.throttled, len(state.throttled_at)),
        "budget": state.budget_usd,
        "seq": state.seq,
    }


class Everywhere:
    """The run once it is over, and who watched it."""

    def __init__(self, session: LiveSession, attached: RemoteSession) -> None:
        self.session = session
        self.attached = attached
        self.live = session.state()
        self.figures = figures(self.live)


def until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + 60.0
    while not found():
        assert time.monotonic() < end, "it did not happen"
        threading.Event().wait(0.01)


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everywhere]:
    assert anthropic, "loaded before the clock runs"
    folder = tmp_path_factory.mktemp("everywhere")
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_STATE_HOME", str(folder / "state"))
    path = folder / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    config = Config(
        provider="simulator", workers=8, budget_usd=0.5, prices={MODEL: Price(input=1.0, output=5.0)}
    )
    service = SimulatorSettings(limits=Limits(1_000, 2_000_000, 200_000), faults=FAULTS)
    session = LiveSession(
        load_plan(path), config, simulator=SimulatorChoice(settings=service), clock=ScaledClock(20.0)
    )
    session.warm()
    run = threading.Thread(target=session.run, daemon=True)
    run.start()
    until(lambda: "mended" in session.state().subtasks)
    attached = RemoteSession(session.run_dir)
    until(lambda: session.state().subtasks["mended"].status is Status.FAILED)
    session.control.retry(("mended",), by="user")
    until(lambda: session.state().subtasks["endless"].running)
    session.control.cancel(Scope.SUBTASK, Manner.NOW, by="user", subtask="endless")
    run.join(120)
    assert session.ended.is_set()
    until(lambda: attached.state().finished is not None)
    session.save_report()
    yield Everywhere(session, attached)
    attached.close()
    patch.undo()


def test_the_run_has_everything_in_it(everywhere: Everywhere) -> None:
    ends = everywhere.figures["ends"]
    assert ends == {
        "good": Status.SUCCEEDED,
        "refused": Status.SUCCEEDED,
        "broken": Status.FAILED,
        "mended": Status.SUCCEEDED,
        "endless": Status.CANCELLED,
        "after": Status.SKIPPED,
        "dear": Status.CANCELLED,
    }
    assert everywhere.figures["throttled"] == (1, 1)
    spans = everywhere.live.subtasks["dear"].spans
    assert f"wait:{WaitReason.BUDGET}" in {span.phase for span in spans}
    assert everywhere.live.finished is not None
    assert everywhere.live.finished.status is RunStatus.HELD


def test_the_fold_of_the_journal_is_the_state_that_was_watched(everywhere: Everywhere) -> None:
    folded = fold(read_journal(everywhere.session.run_dir.path).records)
    assert figures(folded) == everywhere.figures
    assert folded == everywhere.live


def test_a_replay_ends_with_the_same_figures_however_it_comes_there(everywhere: Everywhere) -> None:
    session = open_replay(everywhere.session.run_dir.path)
    session.player.to_end()
    assert figures(session.state()) == everywhere.figures
    session = ReplaySession(session.records, checkpoint_every=20)
    session.player.speed = 64.0
    session.player.play()
    while session.player.playing:
        session.player.advance(0.1)
        session.state()
    assert session.state() == everywhere.live
    session.player.to_begin()
    session.state()
    session.player.to_end()
    assert figures(session.state()) == everywhere.figures


def test_who_was_attached_saw_the_same(everywhere: Everywhere) -> None:
    assert figures(everywhere.attached.state()) == everywhere.figures


def test_the_report_says_the_same(everywhere: Everywhere) -> None:
    data = json.loads((everywhere.session.run_dir.path / "report.json").read_text())
    found, end = everywhere.figures, everywhere.live.finished
    assert end is not None
    assert data["status"] == end.status.value
    assert data["counts"] == {str(k): v for k, v in found["counts"].items()}
    assert data["cost_usd"] == pytest.approx(found["cost"][0])
    assert data["tokens"]["input"] == found["tokens"][0].input
    assert data["tokens"]["output"] == found["tokens"][0].output
    assert (data["wall_s"], data["sum_s"], data["speedup"]) == (end.wall_s, end.sum_s, end.speedup)
    assert data["bound_s"] == end.bound_s
    assert data["lost"] == pytest.approx(found["lost"][0])
    assert data["throttled"] == found["throttled"][0]
    told = {s["id"]: (s["status"], s["attempts"]) for s in data["subtasks"]}
    assert told == {i: (str(status), len(found["tries"][i])) for i, status in found["ends"].items()}


def test_the_last_sentences_are_the_same_without_a_screen(everywhere: Everywhere) -> None:
    state = everywhere.live
    expected = list(status_sentences(state, state.at))

    def said(session: Session, ended: threading.Event) -> list[str]:
        stream = io.StringIO()
        PlainConsole(session, ended, LinePrinter(stream)).say_state()
        return [text.partition(" ")[2] for text in stream.getvalue().splitlines()]

    replayed = open_replay(everywhere.session.run_dir.path)
    replayed.player.to_end()
    assert said(everywhere.session, everywhere.session.ended) == expected
    assert said(everywhere.attached, everywhere.attached.ended) == expected
    assert said(replayed, threading.Event()) == expected


def test_the_program_tells_a_replay_with_the_same_last_sentences(everywhere: Everywhere) -> None:
    state = everywhere.live
    root: Path = everywhere.session.run_dir.path
    done = program("replay", str(root), "--headless")
    assert done.returncode == 0, done.stderr
    expected = list(status_sentences(state, state.at))
    told = [text.partition(" ")[2] for text in done.stdout.splitlines()]
    assert told[-len(expected) :] == expected
