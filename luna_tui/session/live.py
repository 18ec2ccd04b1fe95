"""A run in this process: the parts connected, and what a front end reads of them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from luna_tui import __version__
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Attached, Detached, Record, TerminalLost
from luna_tui.core.limits import worker_rule
from luna_tui.core.past import Past
from luna_tui.core.plan import Plan
from luna_tui.core.redaction import Redaction
from luna_tui.core.secrets import known_secrets
from luna_tui.core.state import RunState
from luna_tui.core.words import Asking, Kind, RunStatus, Watching
from luna_tui.engine.bus import EventBus
from luna_tui.engine.clock import Clock, SystemClock
from luna_tui.engine.control import RunControl
from luna_tui.session.beginning import GoingOn, NewRun, Opened, SimulatorChoice
from luna_tui.session.changes import RunChanges, own_workspaces
from luna_tui.session.sandboxing import make_sandbox
from luna_tui.session.saving import Saving
from luna_tui.session.service import limiters_of, simulator_of
from luna_tui.session.serving import ControlSocket, ServedRun
from luna_tui.session.shared_fold import SharedFold
from luna_tui.storage.config import Config, current_environ
from luna_tui.storage.paths import RunDir

if TYPE_CHECKING:
    from luna_tui.engine.executor import RunSettings, WaveExecutor
    from luna_tui.runners.registry import Runners
    from luna_tui.simulator.server import SimulatorServer


class LiveSession:
    """A run in this process: journal, runners, engine, and the simulator when it is the provider."""

    def __init__(
        self,
        plan: Plan,
        config: Config,
        *,
        run: str | None = None,
        simulator: SimulatorChoice | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        listeners: tuple[Callable[[Record], None], ...] = (),
        hold_for_person: bool = False,
        asking: Asking = Asking.DENY,
        beginning: NewRun | GoingOn | None = None,
    ) -> None:
        """Prepare everything; nothing runs yet. LunaError when credentials or the disk are missing.

        `clock` is that of engine, limits and simulator alike: with a ScaledClock the whole run is
        compressed, and all seconds it reports are the clock's. `hold_for_person` = somebody can raise
        the budget, so a run in which everything is held waits instead of ending. `asking` = who answers
        what agents ask for. `beginning` instead of `run` = where another process left it, or with
        another run's results.
        """
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()
        self._config = config
        self._simulator_choice = simulator or SimulatorChoice()
        self._server: SimulatorServer | None = None
        check_credentials(config, asks_claude=_asks_claude(plan, beginning))
        opened = (beginning or NewRun(run=run)).open(
            plan, config, self._simulator_choice, self._clock.wall(), self._rng
        )
        self.run_dir: RunDir = opened.run_dir
        """Where the run is kept."""
        self.leftovers = self._end_leftovers() if isinstance(beginning, GoingOn) else 0
        """Processes of commands that a killed process of the run had left running, and that were ended."""
        self._saving = Saving(self.run_dir)
        self._sandbox = make_sandbox(plan, config.sandbox)
        self._runners = self._make_runners(plan)
        self._workspaces = own_workspaces(plan, self.run_dir, self.redaction)
        self._bus = _bus(opened, self._clock)
        self._fold = SharedFold(opened.state)
        self.ended = threading.Event()
        """Set when `run` is over and everything is on disk."""
        changes = self._make_changes(opened.state)
        self._limiters = limiters_of(config, self._clock)
        settings = _settings(config, self.run_dir, self.redaction, hold_for_person, asking)
        settings = replace(settings, sandbox=str(self._sandbox.found.kind) if self._sandbox else "")
        self._executor = self._make_executor(plan, settings, opened.past, changes)
        self._saving.begin(self._executor, self._bus, lock=opened.lock)
        self._socket = self._open_socket(plan)
        for listener in (self._fold.put, self._socket.put, *listeners):
            self.subscribe(listener)

    @property
    def clock(self) -> Clock:
        """The clock of the run."""
        return self._clock

    @property
    def watching(self) -> Watching:
        """The run is this process's own."""
        return Watching.OWN

    @property
    def control(self) -> RunControl:
        """The engine's door for commands."""
        return self._executor.control

    @cached_property
    def redaction(self) -> Redaction:
        """What is taken out of every text of the run before it is kept or shown."""
        return Redaction(known_secrets(current_environ()))

    def subscribe(self, listener: Callable[[Record], None]) -> None:
        """Hand every later record to `listener`, in order, once it is saved, or at once when it cannot be.

        The listener must return at once and never wait.
        """
        self._saving.follow(listener)

    def state(self) -> RunState:
        """The fold so far; call from the front end's thread only."""
        return self._fold.state(wait=self.ended.is_set())

    def since(self, seq: int) -> tuple[Record, ...]:
        """Records of the log after `seq`."""
        return tuple(r for r in self.state().log if r.seq > seq)

    def now_s(self) -> float:
        """Seconds since the run began; the wall time of the run once it has ended."""
        known = self._fold.known
        return known.at if known.finished is not None else self._bus.now_s()

    def warm(self) -> None:
        """Load what the first Claude subtask would load (about a second), before a measurement begins."""
        from luna_tui.runners.claude import ClaudeRunner

        runner = self._runners[Kind.CLAUDE]
        if isinstance(runner, ClaudeRunner):
            runner.warm()

    def run(self) -> RunStatus:
        """Run to the end, in the calling thread; then everything is saved and closed."""
        if self._server is not None:
            self._server.start()
        self._socket.start()
        try:
            return self._executor.run()
        finally:
            with ExitStack() as closing:
                closing.callback(self.ended.set)
                closing.callback(self._socket.close)
                closing.callback(self._saving.close, self._executor)
                closing.callback(self._socket.hide)
                closing.callback(self._limiters.close)
                if self._server is not None:
                    closing.callback(self._server.stop)
                if self._workspaces is not None:
                    closing.callback(self._workspaces.close)
                closing.callback(self._runners.close)

    @property
    def socket(self) -> Path | None:
        """Where others can attach to the run; None when that is impossible."""
        return self._socket.path

    def tell(self, event: Attached | Detached | TerminalLost) -> bool:
        """Make it an event of the run; False before the run has begun, and once it is over."""
        return self._executor.tell(event)

    def _end_leftovers(self) -> int:
        from luna_tui.runners.leftovers import end_leftovers

        return end_leftovers(str(self.run_dir.path), SystemClock())

    def _open_socket(self, plan: Plan) -> ControlSocket:
        served = ServedRun(
            self.run_dir.run,
            plan,
            self._fold,
            self._executor.control,
            now_s=self._bus.now_s,
            tell=self._executor.tell,
        )
        return ControlSocket(
            self.run_dir, served, started_at=self._clock.wall().isoformat(timespec="seconds")
        )

    def left_alone(self) -> None:
        """Nobody watches any more, so nothing waits for a person."""
        self._executor.left_alone()

    def save_report(self) -> None:
        """Write the report files; call after the end, from the front end's thread."""
        from luna_tui.storage.reports import write_report

        write_report(self.run_dir, self.state())

    def _make_changes(self, state: RunState) -> RunChanges:
        changes = RunChanges(self.run_dir, state, ended=self.ended, show=self._fold.put)
        self._bus.subscribe(changes.follow)
        return changes

    def _make_executor(
        self, plan: Plan, settings: RunSettings, past: Past | None, changes: RunChanges
    ) -> WaveExecutor:
        from luna_tui.engine.executor import WaveExecutor

        return WaveExecutor(
            plan,
            settings,
            bus=self._bus,
            clock=self._clock,
            runners=self._runners.examined(),
            limiter=self._limiters,
            store=self._saving.outputs,
            rng=self._rng,
            settle=self._saving.settle,
            past=past,
            workspaces=self._workspaces,
            changes=changes,
        )

    def _make_runners(self, plan: Plan) -> Runners:
        from luna_tui.runners.anthropic_client import make_client
        from luna_tui.runners.claude import ClaudeRunner
        from luna_tui.runners.command import CommandRunner
        from luna_tui.runners.examining import Examiner
        from luna_tui.runners.python import PythonRunner
        from luna_tui.runners.registry import Runners
        from luna_tui.session.tool_servers import make_servers
        from luna_tui.session.tooling import make_toolbox, shared_beginnings

        base_url: str | None = None
        key: str | None = None
        if self._config.provider == "simulator":
            base_url, key = self._start_simulator(), "simulated"
        config = self._config
        servers = make_servers(plan, config.mcp, self.run_dir, self.redaction)
        most = worker_rule(config.workers, config.tier, config.mode, config.tiers).most
        return Runners(
            {
                Kind.CLAUDE: ClaudeRunner(
                    lambda: make_client(base_url, key, most),
                    self._clock,
                    toolbox=make_toolbox(plan, config.sandbox.rules, self._sandbox, servers),
                    shared=shared_beginnings(plan),
                ),
                Kind.COMMAND: CommandRunner(self._clock, current_environ()),
                Kind.PYTHON: PythonRunner(current_environ()),
            },
            Examiner(current_environ()),
        )

    def _start_simulator(self) -> str:
        self._server = simulator_of(self._config, self._simulator_choice, self._clock)
        return self._server.base_url


def _asks_claude(plan: Plan, beginning: NewRun | GoingOn | None) -> bool:
    only = beginning.to_run if isinstance(beginning, GoingOn) else None
    return any(s.kind is Kind.CLAUDE and (only is None or s.id in only) for s in plan.subtasks())


def _bus(opened: Opened, clock: Clock) -> EventBus:
    """Numbers and instants count on where the journal of the run ends."""
    past = opened.past
    if past is None:
        return EventBus(opened.run_dir.run, clock)
    return EventBus(opened.run_dir.run, clock, seq=past.seq, at_s=past.at)


def _settings(
    config: Config, run_dir: RunDir, redaction: Redaction, hold_for_person: bool, asking: Asking
) -> RunSettings:
    from luna_tui.engine.executor import RunSettings

    return RunSettings(
        mode=config.mode,
        tier=config.tier,
        provider=config.provider,
        version=__version__,
        workers=config.workers,
        tiers=config.tiers,
        prices=config.prices,
        run_dir=str(run_dir.path),
        budget_usd=config.budget_usd or None,
        hold_for_person=hold_for_person,
        asking=asking,
        redaction=redaction,
    )


def check_credentials(config: Config, *, asks_claude: bool) -> None:
    """LunaError when the run would have to ask Claude without a key."""
    from luna_tui.runners.anthropic_client import credentials_present

    if config.provider == "anthropic" and asks_claude and not credentials_present(current_environ()):
        raise LunaError(
            "no credentials",
            "the plan asks Claude, and no API key was found",
            "set ANTHROPIC_API_KEY, or try it without: --provider simulator",
            ExitCode.CREDENTIALS,
        )
