"""`resume` and `retry`: go on with a run whose process is gone, or try again what failed in it."""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from luna_tui.commands.console import chosen_console
from luna_tui.commands.launch import Launcher
from luna_tui.commands.plan_diff import changed_plan, current_content, kept_content
from luna_tui.commands.retrying import agreed, price_lines, retry_there, say
from luna_tui.commands.runs import carry_out, speak
from luna_tui.commands.settings import config_of, plan_defaults, tell_sandbox, warn_of_budget, warn_of_workers
from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.limits import worker_rule
from luna_tui.core.outcome import exit_code
from luna_tui.core.past import unfinished
from luna_tui.core.plan import Plan
from luna_tui.core.telling import counted
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import BAD, GOOD, Staffing
from luna_tui.engine.clock import SystemClock
from luna_tui.session import GoingOn, NewRun, SimulatorChoice
from luna_tui.storage.config import Config
from luna_tui.storage.holder import hold
from luna_tui.storage.past import Left, Prepared, look_back, prepare, with_prompts, with_results
from luna_tui.storage.paths import RunDir, find_run
from luna_tui.storage.plan_inputs import kept_inputs
from luna_tui.storage.plans import load_plan
from luna_tui.storage.run_lock import is_held
from luna_tui.storage.run_meta import RunMeta, read_meta
from luna_tui.storage.taking_over import taken_over

_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that is not under way, and what was asked to become of it."""

    args: argparse.Namespace
    meta: RunMeta
    left: Left
    config: Config
    lock: int

    @property
    def dir(self) -> RunDir:
        return self.left.run_dir

    @property
    def retry(self) -> bool:
        return bool(self.args.command == "retry")

    def plan(self, path: Path, origin: Path | None = None) -> Plan:
        """A plan file, with the folder and the defaults that the run had, and a kept one with its inputs."""
        workspace = self.args.workspace
        if workspace is None and path.parent == self.dir.path:
            workspace = Path(self.meta.workspace)
        return load_plan(
            path,
            workspace=workspace,
            defaults=plan_defaults(self.config),
            origin=origin,
            inputs=kept_inputs(self.dir.path) if path.parent == self.dir.path else None,
        )

    def kept_plan(self) -> Plan:
        """The plan as it ran, with the prompts that a person changed."""
        kept = self.dir.path / self.meta.kept_plan
        origin = Path(self.meta.plan) if self.meta.plan else None
        plan = replace(self.plan(kept, origin), changed_from=self.meta.changed_from)
        return with_prompts(plan, self.left.traces)


def resume(args: argparse.Namespace, launcher: Launcher) -> int:
    """Go on with a run, or try again what failed in it; the exit code says how it went.

    `launcher` is what waits for us.
    """
    run_dir = find_run(args.run)
    if args.command == "retry" and is_held(run_dir.lock):
        speak(config_of(args))
        return retry_there(run_dir, args)
    with ExitStack() as held:
        lock = hold(run_dir)
        held.callback(os.close, lock)
        meta, left = read_meta(run_dir), look_back(run_dir)
        config = as_it_ran(args, meta, left)
        speak(config)
        _tell_damage(left)
        run = _Run(args, meta, left, config, lock)
        changed = _is_changed(run)
        another = changed or args.run_id not in (None, run_dir.run)
        begins = _another_run(run, changed=changed) if another else _same_run(run)
        if isinstance(begins, int):
            return begins
        plan, beginning = begins
        console = chosen_console(args, config)
        warn_of_workers(config)
        warn_of_budget(config, plan)
        tell_sandbox(config, plan)
        if isinstance(beginning, GoingOn):
            held.pop_all()  # the journal's writer closes it
    choice = SimulatorChoice.from_kept(meta.simulator)
    return carry_out(args, config, plan, console, beginning, choice, launcher)


def as_it_ran(args: argparse.Namespace, meta: RunMeta, left: Left) -> Config:
    """The configuration the run was begun with, as it was changed while it was on, under the flags."""
    settings, state = dict(meta.settings), left.state
    if not state.subtasks:
        return config_of(args, **settings)
    settings |= {"run.tier": state.tier, "run.provider": state.provider, "run.mode": state.mode.value}
    settings["run.budget_usd"] = state.budget_usd or 0.0
    config = config_of(args, **settings)
    if args.workers or args.mode or args.tier:
        return config
    rule = worker_rule(config.workers, config.tier, config.mode, config.tiers)
    if (rule.most, rule.automatic) == (state.max_workers, state.automatic):
        return config
    workers = Staffing.AUTO.value if state.automatic else state.max_workers
    return config_of(args, **settings, **{"run.workers": workers})


def _tell_damage(left: Left) -> None:
    for damage in left.damaged[:_NAMED]:
        say(f"{damage.path}:{damage.line}: {damage.reason}")
    more = len(left.damaged) - _NAMED
    if more > 0:
        say(_n("and {n} more line", "and {n} more lines", more).format(n=more))


def _is_changed(run: _Run) -> bool:
    """Whether another plan is to be run now; LunaError where the plan changed and nobody said which."""
    args, meta = run.args, run.meta
    kept = kept_content(run.dir, meta)
    named = args.plan is not None
    only_kept = meta.demo or not meta.plan
    now = kept if only_kept and not named else current_content(args.plan, meta)
    if now is None:
        text = _("{path} is gone; the plan goes on as it was kept")
        say(text.format(path=clean_line(meta.plan)))
    same = now is None or now == kept
    if now is not None and not same and (not named or run.retry):
        raise changed_plan(run.dir, meta, kept, now, run.plan, retry=run.retry)
    return not same or (named and not run.retry and _has_other_inputs(run))


def _has_other_inputs(run: _Run) -> bool:
    """Whether the plan that is named reads something else now: other items, another schema or role."""
    kept = kept_inputs(run.dir.path)
    if not kept or run.args.plan.resolve().parent == run.dir.path:
        return False
    return dict(run.plan(run.args.plan).inputs) != kept


def _same_run(run: _Run) -> int | tuple[Plan, GoingOn]:
    """Go on where it was left; an exit code when there is nothing to do."""
    plan = run.kept_plan()
    left = with_results(run.left, plan)
    if run.retry and left.state.finished is None:
        raise LunaError(
            "not ended",
            f"{run.dir.run} has not ended, though nobody works on it",
            f"let it end first: luna-tui resume {run.dir.run}",
            ExitCode.USAGE,
        )
    prepared = prepare(left, plan, SystemClock().wall(), retry=run.retry)
    if left.state.finished is not None and not prepared.to_run and not left.found:
        return _nothing_to_do(run)
    if run.retry:
        for line in price_lines(left.state, prepared.past.undo, prepared.to_run):
            say(line)
        if not agreed(run.args):
            say(_("nothing was started"))
            return ExitCode.OK
    _tell_what_follows(run, left, prepared)
    return plan, GoingOn(
        run_dir=run.dir, lock=run.lock, past=prepared.past, state=left.state, to_run=prepared.to_run
    )


def _tell_what_follows(run: _Run, left: Left, prepared: Prepared) -> None:
    kept = sum(status in GOOD for status in left.ends.values()) - len(prepared.lost)
    text = _("{run}: {kept} kept, {interrupted} interrupted, {n} to run")
    interrupted, n = len(prepared.past.interrupted), len(prepared.to_run)
    say(text.format(run=run.dir.run, kept=kept, interrupted=interrupted, n=n))
    if prepared.lost:
        text = _n(
            "the result of {ids} cannot be read, and is needed: it runs again",
            "the results of {ids} cannot be read, and are needed: they run again",
            len(prepared.lost),
        )
        say(text.format(ids=_named(prepared.lost)))


def _nothing_to_do(run: _Run) -> int:
    state, name = run.left.state, run.dir.run
    ends = ", ".join(counted(s, n) for s, n in sorted(state.counts.items()))
    text = _("{run} has ended: {ends}; nothing to resume")
    if run.retry:
        text = _("{run} has ended: {ends}; nothing to retry")
    say(text.format(run=name, ends=ends))
    failed = sum(state.counts.get(status, 0) for status in BAD)
    if failed and not run.retry:
        text = _n("try {n} again: luna-tui retry {run}", "try the {n} again: luna-tui retry {run}", failed)
        say(text.format(n=failed, run=name))
    elif run.retry and unfinished(state):
        say(_("what was stopped goes on with: luna-tui resume {run}").format(run=name))
    else:
        say(_("its report: luna-tui report {run}").format(run=name))
    return exit_code(state)


def _another_run(run: _Run, *, changed: bool) -> tuple[Plan, NewRun]:
    """A run of its own, that takes over what is the same."""
    if run.retry:
        raise LunaError(
            "bad --run-id",
            "a retry goes on with the same run",
            f"leave it out, or: luna-tui resume {run.dir.run} --run-id ID",
            ExitCode.USAGE,
        )
    before = run.kept_plan()
    plan = run.plan(run.args.plan) if changed else before
    content = None if changed else kept_content(run.dir, run.meta)
    past = taken_over(with_results(run.left, before), before, run.meta.files, plan)
    text = _("a new run: {kept} unchanged since {run}, {n} to run")
    kept_count, every = len(past.found), sum(1 for _s in plan.subtasks())
    say(text.format(kept=kept_count, run=run.dir.run, n=every - kept_count))
    return plan, NewRun(run=run.args.run_id, demo=run.meta.demo, content=content, takes_over=past)


def _named(ids: tuple[str, ...]) -> str:
    text = ", ".join(ids[:_NAMED])
    more = len(ids) - _NAMED
    return text if more <= 0 else _("{names} and {n} more").format(names=text, n=more)
