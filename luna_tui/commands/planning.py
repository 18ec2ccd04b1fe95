"""Conduct a planning for a command: who is told, what ends it early, and where its plan goes."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from types import FrameType

from luna_tui.commands.check import terms_of
from luna_tui.commands.console import HEADLESS, PLAIN, SCREEN, chosen_console
from luna_tui.commands.launch import Launcher
from luna_tui.commands.preflight import beginning_of, look_first
from luna_tui.commands.retrying import YES, say
from luna_tui.commands.runs import carry_out
from luna_tui.commands.settings import checked_keys
from luna_tui.core.clean import clean, clean_line, visible
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.plan import Plan
from luna_tui.core.plan_editing import Anew
from luna_tui.core.planning import PlanningRecord
from luna_tui.core.preflight import Preflight, preflight
from luna_tui.core.preflight_data import preflight_data
from luna_tui.core.survey import Survey
from luna_tui.core.tongue import _
from luna_tui.core.tools import FILE_READERS, TOOLS, mcp_server
from luna_tui.core.words import Kind
from luna_tui.headless.planning_told import PlanningLines
from luna_tui.headless.printer import LinePrinter, RecordPrinter
from luna_tui.session import NewRun, SimulatorChoice
from luna_tui.session.planning import Planning, Proposal
from luna_tui.storage.config import Config
from luna_tui.storage.fields import nearest
from luna_tui.storage.paths import why_not
from luna_tui.storage.plans import load_plan
from luna_tui.tui.views.glyphs import glyphs_for
from luna_tui.tui.views.preflight import table
from luna_tui.tui.views.preflight_words import sentences

_POLL_S = 0.1
_WIDTH = 110
_ENDED_BY = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGHUP: ExitCode.HANGUP,
}


def granted_tools(text: str | None, default: tuple[str, ...] = FILE_READERS) -> tuple[str, ...]:
    """The tools that `--tools` names; LunaError(2) for one that does not exist."""
    if text is None:
        return default
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if names == ("none",):
        return ()
    for name in names:
        if name not in TOOLS and mcp_server(name) is None:
            raise LunaError(
                "bad --tools", f"{clean_line(name)!r} is no tool", nearest(name, TOOLS), ExitCode.USAGE
            )
    return names


def check_flags(args: argparse.Namespace, config: Config) -> str:
    """Where a run would be followed; LunaError(2) for flags that cannot be, before anything is spent."""
    to_stdout = args.json or not (args.output or args.start)
    if args.events == "-" and to_stdout:
        raise _usage(
            "--events - and the plan would both go to standard output", "write the plan with -o FILE"
        )
    if args.output is not None and not args.force and os.path.lexists(args.output):
        raise _usage(f"{clean_line(str(args.output))} is there already", "name another file, or add --force")
    if args.output is not None and os.path.exists(args.output) and not os.path.isfile(args.output):
        raise _usage(f"{clean_line(str(args.output))} is no file that could be replaced", "name another one")
    if args.detach and not args.start:
        raise _usage("--detach starts a run, and none was asked for", "add --run --yes")
    if not args.start:
        return HEADLESS
    console = chosen_console(args, config)
    if console == HEADLESS and not args.yes:
        raise _usage("nobody can be asked here whether the plan may start", "add --yes, or leave out --run")
    return console


def conduct(planning: Planning, args: argparse.Namespace, *, append: bool = False) -> Proposal:
    """Have it done, tell it on stderr and `--events`, let signals end it; LunaError when there is no plan."""
    lines = LinePrinter(sys.stderr)
    printer = RecordPrinter(args.events, append=append) if args.events else None
    told = PlanningLines(lines)
    # Other threads tell, one at a time, and know nothing of the language that was chosen here.
    here = copy_context()

    def tell(record: PlanningRecord) -> None:
        here.run(told, record)
        if printer is not None:
            printer(record)

    try:
        return _until_done(planning, tell)
    finally:
        if printer is not None:
            printer.close()
            args.events_begun = True
            if printer.lost:
                lines.say(printer.lost)


def _until_done(planning: Planning, tell: Callable[[PlanningRecord], None]) -> Proposal:
    found: list[Proposal] = []
    error: list[BaseException] = []
    done = threading.Event()

    def body() -> None:
        try:
            found.append(planning.run(tell))
        except BaseException as caught:  # noqa: BLE001  raised again where somebody waits for it
            error.append(caught)
        finally:
            done.set()

    with _signals() as caught:
        threading.Thread(target=body, name="luna-planning", daemon=True).start()
        while not done.wait(_POLL_S):
            if caught:
                planning.cancel(by="signal")
                done.wait()
    if not error:
        return found[0]
    if caught and isinstance(error[0], LunaError) and error[0].code is ExitCode.INTERRUPTED:
        raise LunaError(error[0].title, error[0].message, error[0].hint, _ENDED_BY[caught[0]]) from error[0]
    raise error[0]


@contextmanager
def _signals() -> Iterator[list[signal.Signals]]:
    """Signals that came meanwhile, instead of what they would do."""
    caught: list[signal.Signals] = []

    def take(number: int, _frame: FrameType | None) -> None:
        caught.append(signal.Signals(number))

    before = {number: signal.signal(number, take) for number in _ENDED_BY}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def deliver(
    args: argparse.Namespace,
    config: Config,
    proposal: Proposal,
    console: str,
    launcher: Launcher,
    *,
    choice: SimulatorChoice,
    beginning: Callable[[Plan], NewRun] = lambda plan: NewRun(),
    start: str = "luna-tui run",
    anew: Anew | None = None,
) -> int:
    """Say what the plan will take, write it where it is asked for, and start it where that is agreed to.

    `beginning` makes how a run of it begins; `start` is the command that would begin one with the file.
    `anew` = it is the rest of a run.
    """
    plan = proposal.plan
    found = preflight(Survey(plan, config.prices), terms_of(config))
    for line in (*_table(found), *_commands(proposal)):
        say(line)
    if args.output is not None:
        plan = _written(args, proposal, start)
    if args.json:
        _print(json.dumps(_data(args, proposal, found), indent=1) + "\n", proposal)
    elif args.output is None and not args.start:
        _print(proposal.toml(), proposal)
    try:
        if not args.start:
            return ExitCode.OK
        return _start(args, config, plan, console, launcher, choice, beginning, anew)
    finally:
        proposal.discard()


def _print(text: str, proposal: Proposal) -> None:
    """To standard output; where that takes it no more, what was paid for is kept."""
    try:
        print(text, end="", flush=True)
    except OSError:
        say(_("the plan is kept in {path}").format(path=proposal.plan.source))
        raise


def _start(
    args: argparse.Namespace,
    config: Config,
    plan: Plan,
    console: str,
    launcher: Launcher,
    choice: SimulatorChoice,
    beginning: Callable[[Plan], NewRun],
    anew: Anew | None,
) -> int:
    begins = beginning(plan)
    if not args.yes and console == SCREEN:
        decided = look_first(plan, config, checked_keys(config), only_here=args.output is None, anew=anew)
        if decided.config is None:
            return decided.code
        if decided.plan is not None:
            plan, begins = decided.plan, beginning_of(decided, beginning(decided.plan))
        config = decided.config
    elif not args.yes and console == PLAIN and not _agreed():
        say(_("nothing was started"))
        return ExitCode.OK
    return carry_out(args, config, plan, console, begins, choice, launcher)


def _agreed() -> bool:
    print(_("start it? [y/N] "), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in YES


def _written(args: argparse.Namespace, proposal: Proposal, start: str) -> Plan:
    """Write the plan to its file; the plan as it loads from there."""
    path: Path = args.output
    text = proposal.toml(path.parent)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if args.force else os.O_EXCL)
    try:
        with open(os.open(path, flags, 0o600), "w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        where = clean_line(str(path))
        raise LunaError(
            "cannot save",
            f"{where}: {why_not(error)}",
            f"the plan is kept in {proposal.plan.source}",
            ExitCode.NOT_SAVED,
        ) from error
    shown = shlex.quote(clean_line(str(path)))
    say(_("written to {path}; start it: {command}").format(path=shown, command=f"{start} {shown}"))
    return load_plan(path, workspace=Path(proposal.plan.workspace), defaults=proposal.defaults)


def _table(found: Preflight) -> Iterator[str]:
    width = shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stderr.isatty() else _WIDTH
    glyphs = glyphs_for("utf" not in (sys.stderr.encoding or "").lower())
    for row in table(found, width, glyphs):
        yield "".join(span.text for span in row).rstrip()
    for text, _role in sentences(found):
        yield text


def _commands(proposal: Proposal) -> Iterator[str]:
    """Every command in full that the model wrote, since it will run on this machine."""
    new = (s for s in proposal.plan.subtasks() if s.id not in proposal.kept)
    commands = [s for s in new if s.kind is Kind.COMMAND]
    if commands:
        yield _("commands that the plan would run on this machine:")
    for subtask in commands:
        yield f"  {subtask.id}: {clean(visible(shlex.join(subtask.command)))}"


def _data(args: argparse.Namespace, proposal: Proposal, found: Preflight) -> dict[str, object]:
    planning = {
        "id": proposal.planning,
        "repairs": proposal.repairs,
        "input_tokens": proposal.input_tokens,
        "output_tokens": proposal.output_tokens,
        "cost_usd": proposal.cost_usd,
    }
    head = {
        "plan": proposal.plan.name,
        "workspace": proposal.plan.workspace,
        "file": str(args.output.absolute()) if args.output is not None else None,
        "toml": proposal.toml(args.output.parent if args.output is not None else None),
        "planning": planning,
    }
    return head | preflight_data(found)


def _usage(what: str, fix: str) -> LunaError:
    return LunaError("cannot plan like that", what, fix, ExitCode.USAGE)
