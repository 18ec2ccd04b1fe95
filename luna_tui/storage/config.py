"""Read the layers of configuration into one frozen value, with the origin of every key."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from luna_tui.core.errors import InvalidInput, Problem
from luna_tui.core.limits import DEFAULT_MODE, DEFAULT_TIER, TIERS, Limits, TierLimits
from luna_tui.core.mcp_servers import McpServer
from luna_tui.core.price_table import PRICES
from luna_tui.core.prices import Price
from luna_tui.core.retention import KeepLimits
from luna_tui.core.sandbox import SandboxSettings
from luna_tui.core.words import MODE_ALIASES, Mode, Staffing
from luna_tui.storage.config_mcp import apply_mcp, is_reference
from luna_tui.storage.config_sandbox import ADDING_KEYS, SANDBOX_KEYS, apply_sandbox
from luna_tui.storage.config_storage import STORAGE_KEYS, apply_storage
from luna_tui.storage.config_ui import LATER_UI_KEYS, NOTIFY_KEYS, UI_KEYS, apply_notify, apply_ui, refuse
from luna_tui.storage.fields import Problems, Table, nearest
from luna_tui.storage.paths import config_dir
from luna_tui.storage.toml_source import TomlSource, read_toml

TITLE = "the configuration cannot be used"
MAX_BYTES = 1024 * 1024
FILE_NAME = "luna-tui.toml"
PROVIDERS = ("anthropic", "simulator")
_SECTIONS = ("run", "limits", "ui", "keys", "notify", "storage", "sandbox", "mcp", "prices")
RUN_KEYS = (
    "provider", "model", "max_tokens", "tier", "mode", "workers", "timeout", "wave_timeout", "retries",
    "budget_usd",
)  # fmt: skip
_LATER_RUN_KEYS = ("pool",)
_SETTABLE = (
    ("run", RUN_KEYS + _LATER_RUN_KEYS),
    ("ui", UI_KEYS + LATER_UI_KEYS),
    ("notify", NOTIFY_KEYS),
    ("storage", STORAGE_KEYS),
    ("sandbox", SANDBOX_KEYS),
)
"""What the environment may set, by table."""
_SECRET = re.compile(r"api_?key|secret|password|token$", re.IGNORECASE)
_ENVIRON = "LUNA_TUI_"
_HIGHEST_PRICE = 100_000
_SEARCH_USD = 0.01
_CACHE_READ, _CACHE_WRITE = 0.1, 1.25
"""What cached input costs relative to other input where a price leaves it out: Anthropic's own ratios."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting, checked."""

    provider: str = "anthropic"
    """anthropic or simulator."""
    model: str = "claude-haiku-5-5"
    """For claude subtasks whose plan names none."""
    max_tokens: int = 1024
    """Longest answer where the plan is silent."""
    tier: str = DEFAULT_TIER
    """Row of the tier table."""
    mode: Mode = DEFAULT_MODE
    """Share of the limits."""
    workers: int | Staffing = Staffing.TABLE
    """A number, what the table gives the tier in the mode, or as many as the limits can use."""
    timeout: float = 60.0
    """Seconds, one subtask."""
    wave_timeout: float = 120.0
    """Seconds, a wave."""
    retries: int = 2
    """Attempts after the first."""
    budget_usd: float = 0.0
    """The most a run may spend; 0 = no cap."""
    theme: str = "dark"
    fps: int = 0
    """Frames of data per second, 1 to 30; 0 = what suits the kind of terminal."""
    ascii: bool = False
    """Draw with ASCII only."""
    preflight: str = "paid"
    """Look at the plan before it starts: when it costs money, always, or never."""
    console: str = "auto"
    """screen, plain (sentences, for screen readers), or auto: a screen where one is possible."""
    lang: str = "auto"
    """Language of the interface: auto (what LC_ALL, LC_MESSAGES or LANG say), en, pt_BR."""
    mouse: bool = True
    """Clicks select; off leaves the mouse to the terminal."""
    bell: bool = True
    """Ring for a notice."""
    osc: str = "9"
    """Desktop notification by OSC 9 or OSC 777; off = none."""
    title: bool = True
    """Progress in the window's title."""
    notify_command: tuple[str, ...] = ()
    """Program and arguments that get each notice as JSON on standard input; empty = none."""
    keep: KeepLimits = field(default_factory=KeepLimits)
    """How many runs that are over are kept, and for how long."""
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    """What agents may do, and what holds their commands."""
    mcp: Mapping[str, McpServer] = field(default_factory=dict)
    """Servers of tools, by name."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Binding id -> keys, separated by commas."""
    tiers: Mapping[str, TierLimits] = field(default_factory=lambda: TIERS)
    prices: Mapping[str, Price] = field(default_factory=lambda: PRICES)
    """By model; the package's table where the configuration does not say."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """`run.mode` -> where its value came from; a key that is missing has its default."""


def load_config(
    *, explicit: Path | None, cwd: Path, environ: Mapping[str, str], flags: Mapping[str, Any]
) -> Config:
    """Defaults < site < user < nearest `luna-tui.toml` upwards < `explicit` < environment < flags.

    `flags` maps dotted keys to values. Raises InvalidInput with every problem of every layer.
    """
    problems: list[Problem] = []
    config = Config()
    for path, project in _files(explicit, cwd):
        try:
            source = read_toml(path, TITLE, max_bytes=MAX_BYTES)
        except InvalidInput as error:
            problems.extend(error.problems)
            continue
        config = _apply(config, source, problems, project=project)
    from_environ = _from_environ(environ, problems)
    for name, layer in (("environment", from_environ), ("command line", _nested(flags))):
        config = _apply(config, TomlSource(name, layer, {}), problems)
    _check_tier(config, problems)
    if problems:
        raise InvalidInput(TITLE, tuple(problems))
    return config


def _files(explicit: Path | None, cwd: Path) -> list[tuple[Path, bool]]:
    """Every file that is there, and whether it is a project's; reading one that cannot be used says why."""
    candidates = [Path("/etc/luna-tui/config.toml"), config_dir() / "config.toml"]
    found = [(path, False) for path in candidates if os.path.lexists(path)]
    nearest_file = next((d / FILE_NAME for d in (cwd, *cwd.parents) if os.path.lexists(d / FILE_NAME)), None)
    # Whoever names a project's file on the command line has made it their own.
    own = explicit is not None and nearest_file is not None and _same(explicit, nearest_file)
    if nearest_file is not None and not own:
        found.append((nearest_file, True))
    return [*found, (explicit, False)] if explicit else found


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _from_environ(environ: Mapping[str, str], problems: list[Problem]) -> dict[str, Any]:
    """`LUNA_TUI_RUN_MODE=aggressive` sets run.mode; an empty value counts as not set."""
    known = {
        f"{_ENVIRON}{section}_{key}".upper(): f"{section}.{key}"
        for section, keys in _SETTABLE
        for key in keys
    }
    flat: dict[str, Any] = {}
    for name, text in environ.items():
        if not name.startswith(_ENVIRON) or not text:
            continue
        if name in known:
            flat[known[name]] = typed(text)
        else:
            problems.append(Problem("environment", 0, f"{name} is not known", nearest(name, known)))
    return _nested(flat)


def typed(text: str) -> Any:
    """A value from the command line or the environment: TOML where it parses, else the text itself."""
    import tomllib

    if "\n" in text:
        return text
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return text


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for dotted, value in flat.items():
        if value is None:
            continue
        *parents, last = dotted.split(".")
        table = result
        for parent in parents:
            inner = table.get(parent)
            table[parent] = inner if isinstance(inner, dict) else {}
            table = table[parent]
        table[last] = value
    return result


def _apply(config: Config, source: TomlSource, problems: list[Problem], *, project: bool = False) -> Config:
    noted = Problems(source)
    source = replace(source, data=_without_secrets(source.data, (), noted))
    root = Table(noted, (), source.data)
    for key, value in source.data.items():
        if not isinstance(value, dict) and key not in _SECTIONS:
            noted.add((key,), f"{key} stands outside of a table", _home_of(key))
        elif key not in _SECTIONS:
            noted.add((key,), f"unknown table [{key}]", nearest(key, _SECTIONS))
    config = _apply_run(config, root.table("run"))
    config = apply_ui(config, root.table("ui"))
    config = apply_notify(config, root.table("notify"), project=project)
    config = apply_storage(config, root.table("storage"))
    config = apply_sandbox(config, root.table("sandbox"), project=project)
    config = apply_mcp(config, root.table("mcp"), project=project)
    tiers = {**config.tiers, **_tiers(root.table("limits"), config.tiers)}
    config = replace(
        config,
        tiers=tiers,
        keys={**config.keys, **_bindings(root.table("keys"))},
        prices={**config.prices, **_prices(root.table("prices"))},
        origins=_origins(source, config.origins),
    )
    problems.extend(sorted(noted.found, key=lambda p: p.line))
    return config


def _without_secrets(values: Mapping[str, Any], path: tuple[str, ...], noted: Problems) -> dict[str, Any]:
    """The values that may be looked at; a secret is a problem, and no message ever repeats it."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        here = (*path, key)
        if isinstance(value, dict):
            kept[key] = _without_secrets(value, here, noted)
        elif is_reference(here, value):
            kept[key] = value
        elif _SECRET.search(key) or (isinstance(value, str) and value.startswith("sk-")):
            what = "a secret does not belong in the configuration"
            fix = "set ANTHROPIC_API_KEY in the environment"
            if path[:1] == ("mcp",):
                fix = f'write {key} = "${{{key}}}" and set it in the environment'
            noted.add(here, f"{key}: {what}", fix)
        else:
            kept[key] = value
    return kept


def _home_of(key: str) -> str:
    """The table in which a key that stands outside of all would be right."""
    homes = {key: table for table, keys in reversed(_SETTABLE) for key in keys}
    return f"put it under [{homes[key]}]" if key in homes else nearest(key, _SECTIONS)


def _check_tier(config: Config, problems: list[Problem]) -> None:
    """A tier and its table may come from different layers, so this waits for the last one."""
    if config.tier in config.tiers:
        return
    origin = config.origins.get("run.tier", "")
    path, _, line = origin.rpartition(":")
    where, number = (path, int(line)) if line.isdigit() and path else (origin, 0)
    what = f"tier {config.tier!r} is not in the table"
    problems.append(Problem(where, number, what, nearest(config.tier, config.tiers)))


def _apply_run(config: Config, run: Table) -> Config:
    refuse(run, RUN_KEYS, _LATER_RUN_KEYS, "[run]")
    values = dict(run.values)
    if isinstance(values.get("mode"), str):
        values["mode"] = str(MODE_ALIASES.get(values["mode"], values["mode"]))
    run = Table(run.problems, run.path, values)
    provider = run.text("provider", config.provider)
    if provider not in PROVIDERS:
        run.wrong("provider", f"provider {provider!r} is not known", nearest(provider, PROVIDERS))
    return replace(
        config,
        provider=provider,
        model=run.text("model", config.model, empty=False),
        max_tokens=run.whole("max_tokens", config.max_tokens, 1, 1_000_000),
        tier=run.text("tier", config.tier),
        mode=run.choice("mode", Mode, config.mode),
        workers=_workers(run, config.workers),
        timeout=run.seconds("timeout", config.timeout),
        wave_timeout=run.seconds("wave_timeout", config.wave_timeout),
        retries=run.whole("retries", config.retries, 0, 100),
        budget_usd=_usd(run, "budget_usd", config.budget_usd, "USD for the whole run; 0 = no cap"),
    )


def _workers(run: Table, default: int | Staffing) -> int | Staffing:
    value = run.values.get("workers")
    if value is None:
        return default
    if isinstance(value, str) and not value.isdecimal():
        return run.choice("workers", Staffing, Staffing.TABLE)
    return int(run.whole("workers", 1, 1, 10_000))


def _bindings(keys: Table, prefix: str = "") -> dict[str, str]:
    """Binding ids hold a dot, so `run.pause = "p"` without quotes arrives as a table in a table."""
    found: dict[str, str] = {}
    for name, value in keys.values.items():
        if isinstance(value, dict):
            found |= _bindings(keys.table(name), f"{prefix}{name}.")
        else:
            found[prefix + name] = ",".join(keys.texts(name, single=True))
    return found


def _tiers(limits: Table, before: Mapping[str, TierLimits]) -> dict[str, TierLimits]:
    found: dict[str, TierLimits] = {}
    for name in limits.values:
        table = limits.table(name)
        table.refuse_unknown(("rpm", "itpm", "otpm", "workers"), f"[limits.{name}]")
        old = before.get(name)
        base = old.limits if old else Limits(0, 0, 0)
        numbers = [table.whole(k, getattr(base, k), 1, 1_000_000_000) for k in ("rpm", "itpm", "otpm")]
        if 0 in numbers:
            limits.wrong(name, f"the new tier {name} needs rpm, itpm and otpm")
            continue
        workers = table.whole("workers", None, 1, 10_000)
        given = {m: workers for m in Mode} if workers else (old.workers if old else {m: None for m in Mode})
        found[name] = TierLimits(Limits(*numbers), given)
    return found


def _prices(prices: Table) -> dict[str, Price]:
    found = {}
    for model in prices.values:
        table = prices.table(model)
        names = ("input", "output", "cache_read", "cache_write", "search")
        table.refuse_unknown(names, f"[prices.{model}]")
        if "input" not in table.values or "output" not in table.values:
            prices.wrong(model, f"[prices.{model}] needs input and output", "USD per million tokens")
            continue
        base = _usd(table, "input", 0.0)
        found[model] = Price(
            input=base,
            output=_usd(table, "output", 0.0),
            cache_read=_usd(table, "cache_read", base * _CACHE_READ),
            cache_write=_usd(table, "cache_write", base * _CACHE_WRITE),
            search=_usd(table, "search", _SEARCH_USD, "USD of one search"),
        )
    return found


def _usd(table: Table, key: str, default: float, of_what: str = "USD per million tokens") -> float:
    value = table.values.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _HIGHEST_PRICE:
        table.wrong(key, f"{key} must be a number from 0 to {_HIGHEST_PRICE:,}", of_what)
        return default
    return float(value)


def _origins(source: TomlSource, before: Mapping[str, str]) -> dict[str, str]:
    origins = dict(before)
    for section, values in source.data.items():
        for path in _paths(values) if isinstance(values, dict) else ():
            line = source.line(section, *path)
            key = ".".join((section, *path))
            here = f"{source.path}:{line}" if line else source.path
            adds = key in ADDING_KEYS and key in before
            origins[key] = f"{before[key]}, {here}" if adds else here
    return origins


def _paths(values: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Keys of a table, and of the tables in it."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from ((key, *rest) for rest in _paths(value))
        else:
            yield (key,)


def current_environ() -> dict[str, str]:
    """A copy of the process's environment."""
    return dict(os.environ)
