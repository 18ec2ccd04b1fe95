"""`replan`: plan anew what a run did not get done; also after a failed wave, where its plan says so."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from luna_tui.commands.launch import Launcher
from luna_tui.commands.plan import check_price
from luna_tui.commands.plan_diff import diff_lines, summary
from luna_tui.commands.planning import check_flags, conduct, deliver, granted_tools
from luna_tui.commands.planning_screen import conducted
from luna_tui.commands.preflight import beginning_of, look_first
from luna_tui.commands.resume import as_it_ran
from luna_tui.commands.retrying import say
from luna_tui.commands.runs import MOST_REPLANS, carry_out, speak
from luna_tui.commands.settings import checked_keys, plan_defaults, warn_of_workers
from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.outcome import exit_code
from luna_tui.core.plan import Plan
from luna_tui.core.plan_editing import Anew
from luna_tui.core.tongue import _
from luna_tui.session import NewRun, SimulatorChoice
from luna_tui.session.planning import Planning, PlanRequest, Proposal
from luna_tui.session.replanning import Before, look_at
from luna_tui.storage.config import Config
from luna_tui.storage.holder import hold
from luna_tui.storage.paths import RunDir, find_run
from luna_tui.storage.plan_writing import plan_toml


def replan(args: argparse.Namespace, launcher: Launcher) -> int:
    """Plan the rest of a run; the exit code says whether there is a plan, and of a run of it how that went.

    `launcher` is what waits for us.
    """
    run_dir = find_run(args.run)
    with _held(run_dir):
        before = look_at(
            run_dir,
            lambda meta, left: as_it_ran(args, meta, left),
            plan_defaults,
            workspace=args.workspace,
        )
    config = before.config
    speak(config)
    console = check_flags(args, config)
    tools = granted_tools(args.tools, before.tools)
    request = before.request(tools, commands=args.allow_commands, budget_usd=args.max_usd)
    if request is None:
        say(_("{run}: everything is done; there is nothing to plan anew").format(run=run_dir.run))
        return int(exit_code(before.left.state))
    warn_of_workers(config)
    check_price(args, config)
    choice = SimulatorChoice.from_kept(before.meta.simulator)
    proposal = conducted(
        lambda: Planning(request, config, simulator=choice), args, config, console, request.goal
    )
    _show_difference(before, proposal)

    def beginning(plan: Plan) -> NewRun:
        return NewRun(run=args.run_id, takes_over=before.taken_over(plan))

    return deliver(
        args, config, proposal, console, launcher,
        choice=choice, beginning=beginning, start=f"luna-tui resume {run_dir.run} --plan",
        anew=_anew(before, proposal),
    )  # fmt: skip


def replan_by_itself(
    args: argparse.Namespace,
    config: Config,
    run_dir: RunDir,
    console: str,
    choice: SimulatorChoice,
    launcher: Launcher,
    *,
    replans: int,
) -> int | None:
    """Plan the rest of a run whose plan asks for that, and run it; None when there is no plan.

    `replans` = how often that was done before.
    """
    text = _("The plan says replan: what is left is planned anew, {n} of {most}.")
    say(text.format(n=replans + 1, most=MOST_REPLANS))
    found = _rest_of(
        args, config, run_dir,
        lambda request: conduct(Planning(request, config, simulator=choice), args, append=True),
    )  # fmt: skip
    if found is None:
        return None
    before, proposal = found.before, found.proposal
    _show_difference(before, proposal)
    try:
        beginning = NewRun(takes_over=before.taken_over(proposal.plan))
        return carry_out(
            args, found.config, proposal.plan, console, beginning, choice, launcher, replans=replans + 1
        )
    finally:
        proposal.discard()


def replan_on_screen(
    args: argparse.Namespace,
    config: Config,
    run_dir: RunDir,
    console: str,
    choice: SimulatorChoice,
    launcher: Launcher,
) -> int | None:
    """Plan the rest of a run that has just ended, as a person asked on its screen; None = no new run.

    The new plan may grant what the old one granted.
    """

    def propose(request: PlanRequest) -> Proposal:
        return conducted(
            lambda: Planning(request, config, simulator=choice), args, config, console, request.goal
        )

    found = _rest_of(args, config, run_dir, propose)
    if found is None:
        return None
    before, proposal, config = found.before, found.proposal, found.config
    try:
        _show_difference(before, proposal)
        decided = look_first(
            proposal.plan, config, checked_keys(config), only_here=True, anew=_anew(before, proposal)
        )
        if decided.config is None:
            return None
        plan = decided.plan or proposal.plan
        beginning = beginning_of(decided, NewRun(takes_over=before.taken_over(plan)))
        return carry_out(args, decided.config, plan, console, beginning, choice, launcher)
    finally:
        proposal.discard()


@dataclass(frozen=True, slots=True)
class _Rest:
    """The rest of a run, planned."""

    before: Before
    proposal: Proposal
    config: Config
    """With what is left of the budget."""


def _rest_of(
    args: argparse.Namespace,
    config: Config,
    run_dir: RunDir,
    propose: Callable[[PlanRequest], Proposal],
) -> _Rest | None:
    """Have it planned, with what the old plan granted; None, after saying why, when there is no plan."""
    try:
        with _held(run_dir):
            before = look_at(run_dir, lambda *_: config, plan_defaults, workspace=args.workspace)
        left_usd = _left_usd(before, config)
        request = before.request(before.tools, budget_usd=left_usd)
        if request is None:
            return None
        proposal = propose(request)
        try:
            return _Rest(before, proposal, _with_budget(config, left_usd, proposal.cost_usd or 0.0))
        except LunaError:
            proposal.discard()
            raise
    except LunaError as error:
        say("\n".join(filter(None, (f"{error.title}: {error.message}", error.hint))))
        return None


def _anew(before: Before, proposal: Proposal) -> Anew:
    found = before.taken_over(proposal.plan).found
    text = "\n".join(diff_lines(plan_toml(before.plan).encode(), plan_toml(proposal.plan).encode()))
    words = (clean_line(line) for line in summary(before.plan, proposal.plan))
    return Anew(
        run=before.left.run_dir.run,
        done=frozenset(event.subtask for event, _output in found),
        words=tuple(words),
        difference=text,
    )


@contextmanager
def _held(run_dir: RunDir) -> Iterator[None]:
    """Nobody else writes the run meanwhile; LunaError(2) when somebody does."""
    lock = hold(run_dir)
    try:
        yield
    finally:
        os.close(lock)


def _left_usd(before: Before, config: Config) -> float | None:
    """What the run left of its budget; None = it has none. LunaError(75) when nothing is left."""
    if not config.budget_usd:
        return None
    left_usd = config.budget_usd - (before.left.state.cost_usd or 0.0)
    return _some_usd(left_usd)


def _with_budget(config: Config, left_usd: float | None, spent_usd: float) -> Config:
    return config if left_usd is None else replace(config, budget_usd=_some_usd(left_usd - spent_usd))


def _some_usd(left_usd: float) -> float:
    if left_usd <= 0.0:
        text = _("nothing is left of the budget")
        raise LunaError(_("not planned anew"), text, code=ExitCode.STOPPED_EARLY)
    return left_usd


def _show_difference(before: Before, proposal: Proposal) -> None:
    for line in diff_lines(plan_toml(before.plan).encode(), plan_toml(proposal.plan).encode()):
        say(line)
    for line in summary(before.plan, proposal.plan):
        say(clean_line(line))
