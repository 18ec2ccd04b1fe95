"""Read the layers of configuration into one frozen value, with the origin of every key."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from luna_tui.core.errors import InvalidInput, Problem
from luna_tui.core.limits import DEFAULT_MODE, DEFAULT_TIER, TIERS, Limits, TierLimits
from luna_tui.core.prices import Price
from luna_tui.core.words import MODE_ALIASES, Mode
from luna_tui.storage.fields import Problems, Table, nearest
from luna_tui.storage.paths import config_dir
from luna_tui.storage.toml_source import TomlSource, read_toml

TITLE = "the configuration cannot be used"
MAX_BYTES = 1024 * 1024
FILE_NAME = "luna-tui.toml"
PROVIDERS = ("anthropic", "simulator")
_SECTIONS = ("run", "limits", "ui", "keys", "prices")
_LATER_SECTIONS = ("sandbox", "notify", "storage", "mcp")
_RUN_KEYS = (
    "provider", "model", "max_tokens", "tier", "mode", "workers", "timeout", "wave_timeout", "retries",
)  # fmt: skip
_LATER_RUN_KEYS = ("budget_usd", "pool")
_UI_KEYS = ("theme", "fps", "ascii")
_LATER_UI_KEYS = ("lang", "mouse", "animations", "console")


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
    workers: int | None = None
    """None = `auto`, what the table gives the tier in the mode."""
    timeout: float = 60.0
    """Seconds, one subtask."""
    wave_timeout: float = 120.0
    """Seconds, a wave."""
    retries: int = 2
    """Attempts after the first."""
    theme: str = "dark"
    fps: int = 4
    """Frames of data per second, 1 to 30."""
    ascii: bool = False
    """Draw with ASCII only."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Binding id -> keys, separated by commas."""
    tiers: Mapping[str, TierLimits] = field(default_factory=lambda: TIERS)
    prices: Mapping[str, Price] = field(default_factory=dict)
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
    for path in _files(explicit, cwd):
        try:
            source = read_toml(path, TITLE, max_bytes=MAX_BYTES)
        except InvalidInput as error:
            problems.extend(error.problems)
            continue
        config = _apply(config, source, problems)
    for name, layer in (("environment", _from_environ(environ)), ("command line", _nested(flags))):
        config = _apply(config, TomlSource(name, layer, {}), problems)
    if problems:
        raise InvalidInput(TITLE, tuple(problems))
    return config


def _files(explicit: Path | None, cwd: Path) -> list[Path]:
    candidates = [Path("/etc/luna-tui/config.toml"), config_dir() / "config.toml"]
    nearest_file = next((d / FILE_NAME for d in (cwd, *cwd.parents) if (d / FILE_NAME).is_file()), None)
    found = [p for p in candidates if p.is_file()] + ([nearest_file] if nearest_file else [])
    return found + ([explicit] if explicit else [])


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    """`LUNA_TUI_RUN_MODE=aggressive` sets run.mode."""
    flat: dict[str, Any] = {}
    for name, text in environ.items():
        section, _, key = name.removeprefix("LUNA_TUI_").lower().partition("_")
        if name.startswith("LUNA_TUI_") and section in ("run", "ui") and key:
            flat[f"{section}.{key}"] = typed(text)
    return _nested(flat)


def typed(text: str) -> Any:
    """A value from the command line or the environment: TOML where it parses, else the text itself."""
    import tomllib

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
            table = table.setdefault(parent, {})
        table[last] = value
    return result


def _apply(config: Config, source: TomlSource, problems: list[Problem]) -> Config:
    noted = Problems(source)
    root = Table(noted, (), source.data)
    for key in source.data:
        if key in _LATER_SECTIONS:
            noted.add((key,), f"[{key}] arrives in a later version", "remove it")
        elif key not in _SECTIONS:
            noted.add((key,), f"unknown table [{key}]", nearest(key, _SECTIONS))
    config = _apply_run(config, root.table("run"))
    config = _apply_ui(config, root.table("ui"))
    tiers = {**config.tiers, **_tiers(root.table("limits"), config.tiers)}
    keys = root.table("keys")
    bindings = {k: ",".join(keys.texts(k, single=True)) for k in keys.values}
    config = replace(
        config,
        tiers=tiers,
        keys={**config.keys, **bindings},
        prices={**config.prices, **_prices(root.table("prices"))},
        origins={**config.origins, **_origins(source)},
    )
    if config.tier not in config.tiers:
        noted.add(
            ("run", "tier"), f"tier {config.tier!r} is not in the table", nearest(config.tier, config.tiers)
        )
        config = replace(config, tier=DEFAULT_TIER)
    problems.extend(sorted(noted.found, key=lambda p: p.line))
    return config


def _refuse(table: Table, known: tuple[str, ...], later: tuple[str, ...], what: str) -> None:
    for key in table.values:
        if "api_key" in key or key == "token":
            table.wrong(
                key, "a key does not belong in a config file", "set ANTHROPIC_API_KEY in the environment"
            )
        elif key in later:
            table.wrong(key, f"{key} arrives in a later version", "remove it")
        elif key not in known:
            table.wrong(key, f"unknown key {key} in {what}", nearest(key, known))


def _apply_run(config: Config, run: Table) -> Config:
    _refuse(run, _RUN_KEYS, _LATER_RUN_KEYS, "[run]")
    values = dict(run.values)
    if isinstance(values.get("mode"), str):
        values["mode"] = str(MODE_ALIASES.get(values["mode"], values["mode"]))
    run = Table(run.problems, run.path, values)
    workers = None if values.get("workers") == "auto" else run.whole("workers", config.workers, 1, 10_000)
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
        workers=workers,
        timeout=run.seconds("timeout", config.timeout),
        wave_timeout=run.seconds("wave_timeout", config.wave_timeout),
        retries=run.whole("retries", config.retries, 0, 100),
    )


def _apply_ui(config: Config, ui: Table) -> Config:
    _refuse(ui, _UI_KEYS, _LATER_UI_KEYS, "[ui]")
    return replace(
        config,
        theme=ui.text("theme", config.theme, empty=False),
        fps=ui.whole("fps", config.fps, 1, 30),
        ascii=ui.flag("ascii", config.ascii),
    )


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
        names = ("input", "output", "cache_read", "cache_write")
        table.refuse_unknown(names, f"[prices.{model}]")
        if "input" not in table.values or "output" not in table.values:
            prices.wrong(model, f"[prices.{model}] needs input and output", "USD per million tokens")
            continue
        numbers = {n: table.seconds(n, 0.0, high=1_000_000.0) for n in names}
        found[model] = Price(**numbers)
    return found


def _origins(source: TomlSource) -> dict[str, str]:
    origins: dict[str, str] = {}
    for section, values in source.data.items():
        for key in values if isinstance(values, dict) else ():
            line = source.line(section, key)
            origins[f"{section}.{key}"] = f"{source.path}:{line}" if line else source.path
    return origins


def current_environ() -> dict[str, str]:
    """A copy of the process's environment."""
    return dict(os.environ)
