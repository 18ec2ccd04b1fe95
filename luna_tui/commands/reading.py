"""Commands that only read: runs, show, config."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from luna_tui.commands.settings import checked_keys, config_of
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.limits import TIERS
from luna_tui.core.price_table import AS_OF, PRICES
from luna_tui.core.report import report_data, report_markdown
from luna_tui.core.state import RunState
from luna_tui.session.asking import state_of
from luna_tui.storage.config import Config
from luna_tui.storage.config_mcp import MCP_KEYS
from luna_tui.storage.journal_reading import read_each
from luna_tui.storage.paths import RunDir, config_dir, find_run
from luna_tui.storage.resources import resource
from luna_tui.storage.run_lock import is_held


def show(args: argparse.Namespace) -> int:
    """The report of a run: from its process while it is on, else from its journal."""
    run_dir = find_run(args.run)
    found = _from_process(run_dir)
    state, running = found or _from_journal(run_dir), found is not None
    if args.json:
        print(json.dumps(report_data(state) | {"running": running}, indent=1), end="")
    else:
        print(report_markdown(state), end="")
    return ExitCode.OK


def _from_process(run_dir: RunDir) -> RunState | None:
    """The figures of the run's own screen; None when no process works on it, or it does not answer."""
    if not is_held(run_dir.lock):
        return None
    try:
        return state_of(run_dir)[0]
    except LunaError as error:
        if is_held(run_dir.lock):
            print(f"{error.message}; this is what it has saved", file=sys.stderr)
        return None


def _from_journal(run_dir: RunDir) -> RunState:
    state = RunState()
    read = read_each(run_dir.path, state.apply)
    if not state.seq:
        raise LunaError("nothing to show", f"the journal of {run_dir.run} is empty", code=ExitCode.USAGE)
    for damage in read.damaged:
        print(f"{damage.path}:{damage.line}: {damage.reason}", file=sys.stderr)
    return state


def config(args: argparse.Namespace) -> int:
    """Show, locate, check or begin a configuration."""
    path = config_dir() / "config.toml"
    if args.what == "path":
        print(path)
    elif args.what == "init":
        if path.exists():
            raise LunaError("config exists", f"{path} is there already", "edit it", ExitCode.USAGE)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(resource("config.example.toml").read_text(encoding="utf-8"), encoding="utf-8")
        print(path)
    else:
        loaded = config_of(args)
        checked_keys(loaded)
        print("the configuration is valid") if args.what == "check" else _show(loaded, origin=args.origin)
    return ExitCode.OK


def _show(config: Config, *, origin: bool) -> None:
    rows = {
        "run.provider": config.provider,
        "run.model": config.model,
        "run.max_tokens": config.max_tokens,
        "run.tier": config.tier,
        "run.mode": config.mode.value,
        "run.workers": config.workers,
        "run.timeout": config.timeout,
        "run.wave_timeout": config.wave_timeout,
        "run.retries": config.retries,
        "run.budget_usd": config.budget_usd,
        "ui.theme": config.theme,
        "ui.fps": config.fps or "auto",
        "ui.ascii": config.ascii,
        "ui.preflight": config.preflight,
        "ui.console": config.console,
        "ui.lang": config.lang,
        "ui.mouse": config.mouse,
        "notify.bell": config.bell,
        "notify.osc": config.osc,
        "notify.title": config.title,
        "notify.command": list(config.notify_command),
        "storage.keep_runs": config.keep.runs,
        "storage.keep_gb": config.keep.gigabytes,
        "storage.keep_days": config.keep.days,
        "sandbox.kind": config.sandbox.kind.value,
        "sandbox.network": config.sandbox.network,
        "sandbox.read": list(config.sandbox.read),
        "sandbox.deny": [rule.text for rule in config.sandbox.rules.deny],
        "sandbox.ask": [rule.text for rule in config.sandbox.rules.ask],
        "sandbox.allow": [rule.text for rule in config.sandbox.rules.allow],
    }
    for key, value in (*rows.items(), *_in_tables(config)):
        where = config.origins.get(key.replace('"', ""), "default")
        print(f"{key} = {json.dumps(value)}" + (f"   # {where}" if origin else ""))
    print(f"# prices of {AS_OF}, where [prices] has no other: USD for a million tokens, and for a search")
    for model, price in PRICES.items():
        if config.prices.get(model) is price:
            told = {key: usd for key, usd in asdict(price).items() if usd is not None}
            print(f'# prices."{model}" = {json.dumps(told)}')


def _in_tables(config: Config) -> Iterator[tuple[str, object]]:
    """What was set in the tables that have no keys of their own by default."""
    for name, tier in config.tiers.items():
        if tier != TIERS.get(name):
            for limit, value in asdict(tier.limits).items():
                yield f"limits.{name}.{limit}", value
    for server in config.mcp.values():
        for key in MCP_KEYS:
            value = getattr(server, key)
            if isinstance(value, Mapping):
                yield from ((f"mcp.{server.name}.{key}.{name}", text) for name, text in value.items())
            elif value:
                yield f"mcp.{server.name}.{key}", value
    for action, keys in config.keys.items():
        yield f'keys."{action}"', keys
    for model, price in config.prices.items():
        if price is PRICES.get(model):
            continue
        for what in ("input", "output", "cache_read", "cache_write", "search"):
            usd = getattr(price, what)
            yield f'prices."{model}".{what}', usd
