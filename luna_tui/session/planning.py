"""Ask a model for a plan: one request, checks of our own, and repairs where they find something."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luna_tui import __version__
from luna_tui.core.clean import clean, clean_line
from luna_tui.core.errors import ExitCode, InvalidInput, LunaError
from luna_tui.core.limits import caps, worker_rule
from luna_tui.core.plan import Plan
from luna_tui.core.planning import (
    MOST_REPAIRS,
    Phase,
    PlanningCancelled,
    PlanningEvent,
    PlanningFailed,
    PlanningRecord,
    PlanningStarted,
    PlanProposed,
    PlanRepaired,
)
from luna_tui.core.planning_answer import Allowed, Draft, read_answer, trespasses
from luna_tui.core.planning_prompt import Surroundings, goal_text, repair_text, system_text
from luna_tui.core.planning_schema import plan_schema
from luna_tui.core.redaction import Redaction
from luna_tui.core.secrets import known_secrets
from luna_tui.core.words import ErrorKind, RunStatus
from luna_tui.engine.clock import Clock, SystemClock
from luna_tui.session.beginning import SimulatorChoice
from luna_tui.session.live import check_credentials
from luna_tui.session.planning_request import MAX_TOKENS, Came, Requests
from luna_tui.session.planning_told import PhaseTeller
from luna_tui.session.service import limiters_of, simulator_of
from luna_tui.storage.config import Config, current_environ
from luna_tui.storage.paths import new_run_id
from luna_tui.storage.plan_subtasks import PlanDefaults
from luna_tui.storage.plan_workspace import resolved_workspace
from luna_tui.storage.planned_toml import planned_toml
from luna_tui.storage.planning_files import PlanningFiles
from luna_tui.storage.plans import load_plan
from luna_tui.storage.replanning import Replanned
from luna_tui.storage.workspace_listing import list_workspace

if TYPE_CHECKING:
    from luna_tui.simulator.server import SimulatorServer

_UNUSABLE = {
    ErrorKind.MAX_TOKENS: f"the answer was cut off at {MAX_TOKENS:,} tokens; write less",
    ErrorKind.EMPTY: "the answer was empty",
}
"""Failures that another try with other words may mend."""
_CODES = {
    ErrorKind.AUTHENTICATION: ExitCode.CREDENTIALS,
    ErrorKind.CREDENTIALS_MISSING: ExitCode.CREDENTIALS,
    ErrorKind.SPEND_LIMIT: ExitCode.STOPPED_EARLY,
    ErrorKind.REFUSED: ExitCode.INVALID,
    ErrorKind.INVALID_REQUEST: ExitCode.INVALID,
    ErrorKind.NOT_FOUND: ExitCode.INVALID,
    ErrorKind.TOO_LARGE: ExitCode.INVALID,
    ErrorKind.CRASHED: ExitCode.INTERNAL,
}
"""All other failures mean that the service cannot be used now."""
_TITLE = "no plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What a plan is asked for, and what it may use."""

    goal: str
    workspace: Path
    tools: tuple[str, ...] = ()
    """Names that subtasks may be granted."""
    commands: bool = False
    """The model may write commands that run on this machine."""
    budget_usd: float | None = None
    """The most that the planning may spend; None = no cap."""
    defaults: PlanDefaults = field(default_factory=PlanDefaults)
    replanned: Replanned | None = None
    """The run whose rest is planned; None = a plan from nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan that a model wrote and that passes every check; nothing of it has started."""

    planning: str
    """Id of the planning."""
    plan: Plan
    """Its source is a draft, which stays until `discard`."""
    repairs: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """Of the planning; None = the price of the model is not known."""
    head: Mapping[str, Any]
    waves: tuple[Mapping[str, Any], ...]
    by: str
    defaults: PlanDefaults
    """What it was loaded with."""
    kept: frozenset[str] = frozenset()
    """Ids of subtasks that were there before: the model did not write them."""

    def toml(self, folder: Path | None = None) -> str:
        """The plan file; `folder` = where it will be, so that it need not name its workspace there."""
        workspace = Path(self.plan.workspace)
        same = folder is not None and folder.resolve() == workspace
        return planned_toml(self.head, self.waves, by=self.by, workspace=None if same else workspace)

    def discard(self) -> None:
        """Remove the draft."""
        PlanningFiles(self.planning).discard()


class Planning:
    """One planning. `run` blocks; `cancel` ends it from any thread."""

    def __init__(
        self,
        request: PlanRequest,
        config: Config,
        *,
        simulator: SimulatorChoice | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Nothing is asked yet. LunaError without credentials (77), or when the workspace is none (78)."""
        check_credentials(config, asks_claude=True)
        try:
            self._workspace = resolved_workspace(Path.cwd(), str(request.workspace))
        except ValueError as error:
            raise LunaError(
                _TITLE, str(error), "name another folder with --workspace", ExitCode.INVALID
            ) from error
        self._request, self._config = request, config
        self._goal = clean(request.goal).strip()
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()
        self._closing = ExitStack()
        self._server: SimulatorServer | None = None
        self.id = new_run_id(self._clock.wall(), self._rng)
        """Names the planning in its records, and the folder of what it keeps."""
        self._files = PlanningFiles(self.id)
        self._redaction = Redaction(known_secrets(current_environ()))
        self._requests = self._make_requests(simulator or SimulatorChoice())
        self._began_at = self._clock.now()
        self._lock = threading.Lock()
        """Protects `_seq` and the order of records."""
        self._seq = 0
        self._on_event: Callable[[PlanningRecord], None] = lambda record: None
        self._on_text: Callable[[str], None] = lambda text: None

    def cancel(self, *, by: str = "user") -> None:
        """End it; `run` then raises within a second or two."""
        self._requests.cancel(by)

    def run(
        self,
        on_event: Callable[[PlanningRecord], None],
        on_text: Callable[[str], None] = lambda text: None,
    ) -> Proposal:
        """Ask, check, repair; returns the plan that is good.

        `on_event` is called in order, from more than one thread, and must return at once; so is `on_text`,
        with what the model writes. LunaError when there is no plan: 69 the service cannot be used, 75
        budget or spend limit, 77 credentials, 78 no valid plan came (then the answers are kept), 130
        cancelled.
        """
        self._on_event, self._on_text = on_event, on_text
        with self._closing:
            if self._server is not None:
                self._closing.callback(self._server.stop)
                self._server.start()
            self._tell(self._started())
            try:
                return self._until_valid()
            except LunaError as error:
                self._tell_end(error)
                raise

    def _until_valid(self) -> Proposal:
        system = system_text(surroundings(self._request, self._config, self._workspace))
        rest = self._request.replanned.rest if self._request.replanned is not None else None
        goal, repair, came = goal_text(self._goal, rest), "", Came(text="", status=RunStatus.FAILED)
        problems: tuple[str, ...] = ()
        for round_ in range(MOST_REPAIRS + 1):
            teller = PhaseTeller(self._tell, self._clock, round_, self._on_text)
            came = self._requests.send(system, goal + repair, teller.follow)
            self._raise_unless_answered(came)
            with teller.phase(Phase.VALIDATION):
                draft, written, found = self._checked(came)
            if not isinstance(found, tuple):
                return self._proposed(draft, found, round_)
            problems = found
            self._files.write(f"answer-{round_ + 1}.json", came.text)
            if round_ < MOST_REPAIRS:
                self._tell(PlanRepaired(round=round_ + 1, problems=problems))
                repair = repair_text(round_ + 1, written, problems)
        shown = "\n".join(problems)
        raise _NoPlan(
            f"the model wrote no valid plan, after {MOST_REPAIRS} repairs\n{shown}",
            f"what it answered is kept in {self._files.folder}; say the goal in other words, or smaller",
            ExitCode.INVALID,
            problems,
        )

    def _checked(self, came: Came) -> tuple[Draft, str, Plan | tuple[str, ...]]:
        """What was meant, as the file that it became, and the plan or what is wrong with it."""
        if came.kind is not None and came.kind in _UNUSABLE:
            return Draft(), "", (_UNUSABLE[came.kind],)
        allowed = Allowed(tools=self._request.tools, commands=self._request.commands)
        draft = read_answer(came.text, allowed)
        if not draft.waves:
            return draft, "", tuple(draft.problems)
        self._keep_what_is_done(draft)
        text = planned_toml(self._head(draft), draft.waves, by=self._by(), workspace=self._workspace)
        path = self._files.write("plan.toml", text)
        problems = list(draft.problems)
        try:
            plan = load_plan(path, workspace=self._workspace, defaults=self._request.defaults)
            problems += trespasses(plan, self._kept(), allowed)
        except InvalidInput as error:
            problems += [
                f"line {p.line}: {p.what}" + (f" ({p.fix})" if p.fix else "") for p in error.problems
            ]
        return draft, text, tuple(problems) if problems else plan

    def _keep_what_is_done(self, draft: Draft) -> None:
        """Put it before the new waves, whose names then give way."""
        kept = self._request.replanned.waves if self._request.replanned is not None else ()
        taken = [wave.get("name") for wave in kept]
        for wave in draft.waves:
            name, number = wave.get("name"), 2
            while wave.get("name") in taken:
                wave["name"], number = f"{name}-{number}", number + 1
        draft.waves[:0] = [dict(wave) for wave in kept]

    def _kept(self) -> frozenset[str]:
        """Ids of what is done, which no model wrote now."""
        kept = self._request.replanned.waves if self._request.replanned is not None else ()
        return frozenset(str(subtask["id"]) for wave in kept for subtask in wave["subtask"])

    def _head(self, draft: Draft) -> dict[str, Any]:
        if self._request.replanned is not None:
            return dict(self._request.replanned.head)
        return {"name": draft.name or "planned", "goal": self._goal}

    def _by(self) -> str:
        return f"Planned by {self._config.model} with luna-tui {__version__}, {self._clock.wall():%Y-%m-%d}."

    def _raise_unless_answered(self, came: Came) -> None:
        match came.status:
            case RunStatus.CANCELLED if self._requests.cancelled:
                self._files.discard()
                text = f"cancelled by {self._requests.cancelled}; nothing was started"
                raise LunaError(_TITLE, text, code=ExitCode.INTERRUPTED)
            case RunStatus.HELD:
                hint = "raise it, or leave it out"
                raise LunaError(_TITLE, f"{came.reason}", hint, ExitCode.STOPPED_EARLY)
            case RunStatus.SUCCEEDED:
                return
        if came.kind in _UNUSABLE:
            return
        code = _CODES.get(came.kind, ExitCode.UNREACHABLE) if came.kind else ExitCode.UNREACHABLE
        hint = ""
        if came.text:
            path = self._files.write("answer.txt", came.text)
            hint = f"what came of the answer is kept in {path}"
        raise LunaError(_TITLE, came.reason or "the request came to nothing", hint, code)

    def _proposed(self, draft: Draft, plan: Plan, repairs: int) -> Proposal:
        spent = self._requests.spent
        self._tell(
            PlanProposed(
                name=plan.name,
                waves=len(plan.waves),
                subtasks=sum(1 for _ in plan.subtasks()),
                repairs=repairs,
                input_tokens=spent.input_tokens,
                output_tokens=spent.output_tokens,
                cost_usd=spent.cost_usd,
            )
        )
        return Proposal(
            planning=self.id,
            plan=plan,
            repairs=repairs,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            cost_usd=spent.cost_usd,
            head=self._head(draft),
            waves=tuple(draft.waves),
            by=self._by(),
            defaults=self._request.defaults,
            kept=self._kept(),
        )

    def _started(self) -> PlanningStarted:
        request = self._request
        return PlanningStarted(
            started_at=self._clock.wall().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            goal=self._redaction.text(self._goal),
            model=self._config.model,
            provider=self._config.provider,
            workspace=str(self._workspace),
            tools=request.tools,
            commands=request.commands,
            replans=request.replanned.run if request.replanned is not None else "",
        )

    def _make_requests(self, choice: SimulatorChoice) -> Requests:
        from luna_tui.runners.anthropic_client import make_client
        from luna_tui.runners.planner import PlannerRunner

        config = self._config
        base_url: str | None = None
        key: str | None = None
        if config.provider == "simulator":
            self._server = simulator_of(config, choice, self._clock)
            base_url, key = self._server.base_url, "simulated"
        schema = plan_schema(self._request.tools, commands=self._request.commands)
        runner = PlannerRunner(lambda: make_client(base_url, key, 1), self._clock, schema)
        limiters = limiters_of(config, self._clock)
        self._closing.callback(limiters.close)
        self._closing.callback(runner.close)
        return Requests(
            config,
            limiters=limiters,
            runner=runner,
            clock=self._clock,
            rng=self._rng,
            redaction=self._redaction,
            budget_usd=self._request.budget_usd,
        )

    def _tell(self, event: PlanningEvent) -> None:
        with self._lock:
            self._seq += 1
            at = self._clock.now() - self._began_at
            self._on_event(PlanningRecord(self._seq, at, self.id, event))

    def _tell_end(self, error: LunaError) -> None:
        if error.code is ExitCode.INTERRUPTED:
            self._tell(PlanningCancelled(by=self._requests.cancelled))
            return
        problems: Sequence[str] = error.problems if isinstance(error, _NoPlan) else ()
        raw = self._files.last_answer()
        self._tell(
            PlanningFailed(
                reason=clean_line(error.message.splitlines()[0]),
                problems=tuple(problems),
                raw_file=str(raw) if raw is not None else "",
            )
        )


def surroundings(request: PlanRequest, config: Config, workspace: Path) -> Surroundings:
    """What a model is told of what its plan has to fit."""
    listing = list_workspace(workspace)
    limits = caps(config.tiers[config.tier].limits, config.mode)
    return Surroundings(
        tools=request.tools,
        commands=request.commands,
        workers=worker_rule(config.workers, config.tier, config.mode, config.tiers).most,
        tier=config.tier,
        mode=config.mode.value,
        rpm=limits.rpm,
        itpm=limits.itpm,
        otpm=limits.otpm,
        timeout_s=request.defaults.timeout,
        wave_timeout_s=request.defaults.wave_timeout,
        max_tokens=request.defaults.max_tokens,
        files=listing.files,
        files_more=listing.more,
    )


class _NoPlan(LunaError):
    """What the model wrote cannot be used."""

    def __init__(self, message: str, hint: str, code: ExitCode, problems: tuple[str, ...]) -> None:
        super().__init__(_TITLE, message, hint, code)
        self.problems = problems
