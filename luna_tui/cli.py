"""Parse the command line, run the command, choose the exit code."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from luna_tui import __version__
from luna_tui.commands.attach_flags import add_attach_flags, add_cancel_flags
from luna_tui.commands.bench_flags import add_bench_flags
from luna_tui.commands.diff_flags import add_diff_flags
from luna_tui.commands.plan_flags import add_plan_flags, add_replan_flags
from luna_tui.commands.replay_flags import add_replay_flags
from luna_tui.commands.runs_flags import add_runs_flags
from luna_tui.commands.simulate_flags import add_simulate_flags
from luna_tui.core.errors import ExitCode, LunaError

_MODES = ("conservative", "balanced", "aggressive", "conservador", "balanceado", "agressivo")


def entry() -> None:
    """Entry point of the program."""
    _open_closed_streams()
    code = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _unsaid(error) or code
    sys.exit(code)


def _open_closed_streams() -> None:
    """A standard stream that was closed is the null device: no file of ours may take its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", closefd=False))


def main(argv: Sequence[str]) -> int:
    """Run one command; errors become lines on stderr and an exit code."""
    args = _parser().parse_args(argv)
    os.umask(0o077)
    try:
        return _command(args)
    except LunaError as error:
        print(_without_secrets(f"luna-tui: {error.title}\n{error.message}"), file=sys.stderr)
        if error.hint:
            print(_without_secrets(error.hint), file=sys.stderr)
        return int(error.code)
    except OSError as error:
        if not (isinstance(error, BrokenPipeError) or _takes_nothing()):
            raise
        return _unsaid(error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _takes_nothing() -> bool:
    """Whether standard output refuses even the end of a line."""
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def _unsaid(error: OSError) -> int:
    """Standard output takes nothing more: no fault where its reader has enough, else told (74)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        return ExitCode.OK
    print(f"luna-tui: cannot write to standard output: {error.strerror}", file=sys.stderr)
    return ExitCode.NOT_SAVED


def _without_secrets(text: str) -> str:
    """An error may quote a plan or a setting."""
    from luna_tui.core.redaction import Redaction
    from luna_tui.core.secrets import known_secrets

    return Redaction(known_secrets(os.environ)).text(text)


def _command(args: argparse.Namespace) -> int:
    match args.command:
        case "demo" | "run" | "resume" | "retry" | "plan" | "replan":
            return _launched(args)
        case "check":
            from luna_tui.commands.check import check

            return check(args)
        case "runs":
            return _runs(args)
        case "show":
            from luna_tui.commands.reading import show

            return show(args)
        case "attach":
            from luna_tui.commands.attach import attach

            return attach(args)
        case "cancel":
            from luna_tui.commands.cancel import cancel

            return cancel(args)
        case "diff":
            from luna_tui.commands.diff import diff

            return diff(args)
        case "report":
            from luna_tui.commands.report import report

            return report(args)
        case "replay":
            from luna_tui.commands.replay import replay

            return replay(args)
        case "simulate":
            from luna_tui.commands.simulate import simulate

            return simulate(args)
        case "bench":
            from luna_tui.commands.bench import bench

            return bench(args)
        case "reset":
            from luna_tui.commands.reset import reset

            return reset(args.terminal)
        case "config":
            from luna_tui.commands.reading import config

            return config(args)
    return _home()


def _home() -> int:
    """Without a command: the home screen where there is a terminal for it."""
    from luna_tui.commands.console import screen_possible

    if not screen_possible():
        raise LunaError(
            "nothing to do",
            "no command was given, and there is no terminal for the home screen",
            "luna-tui demo shows what it does, luna-tui --help lists the commands",
            ExitCode.USAGE,
        )
    from luna_tui.commands.home import home

    commands = next(a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    return home(frozenset(commands.choices))


def _launched(args: argparse.Namespace) -> int:
    """Commands that run a plan; what is heavy is loaded behind the fork."""
    from luna_tui.commands.launch import Launcher, launch

    def body(launcher: Launcher) -> int:
        if args.command in ("resume", "retry"):
            from luna_tui.commands.resume import resume

            return resume(args, launcher)
        if args.command == "plan":
            from luna_tui.commands.plan import plan_goal

            return plan_goal(args, launcher)
        if args.command == "replan":
            from luna_tui.commands.replan import replan

            return replan(args, launcher)
        from luna_tui.commands.runs import run_plan

        return run_plan(args, launcher)

    if args.command in ("plan", "replan") and not args.start:
        return body(Launcher())
    return launch(args, body)


def _runs(args: argparse.Namespace) -> int:
    match args.what:
        case "prune":
            from luna_tui.commands.runs_prune import prune

            return prune(args)
        case "compare":
            from luna_tui.commands.compare import compare

            return compare(args)
    from luna_tui.commands.runs_list import list_runs

    return list_runs(args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="luna-tui", description="Mission control for parallel runs of Claude agents and commands."
    )
    parser.add_argument("--version", action="version", version=f"luna-tui {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    demo = commands.add_parser("demo", help="the bundled plan on the embedded simulator: no key, no network")
    demo.add_argument("--speed", type=_positive, default=None, help="divide every latency by this")
    _run_flags(demo)
    run = commands.add_parser("run", help="run a plan in the dashboard")
    run.add_argument("plan", type=Path)
    _run_flags(run)
    planned = commands.add_parser("plan", help="ask a model for a plan; --run starts it after confirmation")
    add_plan_flags(planned, _usd)
    _run_flags(planned)
    again = commands.add_parser("replan", help="plan anew what a run did not get done")
    add_replan_flags(again, _usd)
    _run_flags(again)
    _resume_flags(commands.add_parser("resume", help="go on with a run that was stopped or killed"))
    _resume_flags(commands.add_parser("retry", help="try again what failed in a run that has ended"))
    check = commands.add_parser("check", help="validate a plan and say what it will take; starts nothing")
    check.add_argument("plan", type=Path)
    check.add_argument("--workspace", type=Path)
    check.add_argument("--json", action="store_true", help="what it will take, as data")
    _terms_flags(check)
    _config_flags(check)
    runs = commands.add_parser("runs", help="list the runs that are kept; prune or compare them")
    add_runs_flags(runs, _config_flags)
    attached = commands.add_parser("attach", help="watch and command a run that goes on in another process")
    add_attach_flags(attached, _config_flags)
    add_cancel_flags(commands.add_parser("cancel", help="end a run that goes on, or a part of it"))
    add_diff_flags(commands.add_parser("diff", help="what subtasks changed in workspaces of their own"))
    show = commands.add_parser("show", help="the report of a run")
    show.add_argument("run", help="id, unique part of one, or last")
    show.add_argument("--json", action="store_true", help="as data")
    report = commands.add_parser("report", help="the same, also into a file")
    report.add_argument("run", help="id, unique part of one, or last")
    kind = report.add_mutually_exclusive_group()
    kind.add_argument("--json", action="store_true", help="as data; the default for -o FILE.json")
    kind.add_argument("--md", action="store_true", help="as Markdown, the default")
    report.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it to a file instead")
    add_replay_flags(commands.add_parser("replay", help="play the journal of a run in the dashboard"))
    simulated = commands.add_parser("simulate", help="serve the simulated Messages API on loopback")
    add_simulate_flags(simulated, _positive)
    measured = commands.add_parser("bench", help="the claimed workloads, measured, with what is possible")
    add_bench_flags(measured, _positive, _MODES)
    _config_flags(measured)
    restored = commands.add_parser(
        "reset", help="put a terminal in order that a killed dashboard left behind"
    )
    restored.add_argument(
        "terminal", nargs="?", type=Path, help="another one, by its device; default: this one"
    )
    config = commands.add_parser("config", help="show, check or start a configuration")
    config.add_argument("what", choices=("show", "path", "check", "init"))
    config.add_argument("--origin", action="store_true", help="say where each value came from")
    _config_flags(config)
    return parser


def _terms_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mode", choices=_MODES)
    parser.add_argument("--tier")
    parser.add_argument(
        "--workers", metavar="N|auto|table", help="auto = as many as the limits can use, table = the tier's"
    )
    parser.add_argument(
        "--budget", type=_usd, metavar="USD", help="hold what would exceed this; needs prices; 0 = no cap"
    )
    parser.add_argument("--model")


def _config_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="one more config file, over all others")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")


def _run_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--headless", action="store_true", help="sentences instead of the dashboard, no keys")
    parser.add_argument(
        "--console",
        choices=("auto", "screen", "plain"),
        help="plain = sentences for screen readers, with keys; also ACCESSIBLE=1",
    )
    parser.add_argument(
        "--detach",
        action="store_true",
        help="run without a terminal: prints where, as JSON, and returns; asks nothing before it starts",
    )
    parser.add_argument("--events", metavar="FILE|-", help="write every event as a line of JSON")
    parser.add_argument(
        "--yes",
        action="store_true",
        help="start at once, without a look at the plan, and allow what agents ask for",
    )
    _terms_flags(parser)
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--provider", choices=("anthropic", "simulator"))
    parser.add_argument("--run-id")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the ends as JUnit XML")
    parser.add_argument("--lang", choices=("auto", "en", "pt_BR"), help="language of the interface")
    _config_flags(parser)


def _resume_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="id, unique part of one, or last")
    parser.add_argument(
        "--plan",
        type=Path,
        help="where the plan changed: as it ran, to go on; as it is now, for a new run that keeps the rest",
    )
    _run_flags(parser)


def _usd(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (value := float(text)) <= 100_000:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is no amount of USD from 0 to 100,000")


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 10_000:
        raise argparse.ArgumentTypeError("a number above 0")
    return value
