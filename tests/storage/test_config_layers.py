"""Config: every file that is there is read or refused, secrets are never repeated, layers meet once."""

from __future__ import annotations

import itertools
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from luna_tui.core.errors import InvalidInput
from luna_tui.core.limits import TIERS, Limits
from luna_tui.core.prices import Price, cost_usd
from luna_tui.core.retention import KeepLimits
from luna_tui.core.words import Mode, Staffing
from luna_tui.storage.config import Config, load_config
from luna_tui.storage.resources import resource


def load(
    folder: Path,
    text: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    explicit = None
    if text is not None:
        explicit = folder / "given.toml"
        explicit.write_text(text)
    return load_config(explicit=explicit, cwd=folder, environ=environ or {}, flags=flags or {})


def problems_of(folder: Path, text: str | None = None, **more: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load(folder, text, **more)
    return [str(p) for p in caught.value.problems]


def test_no_file_at_all_means_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Config()


def test_the_nearest_file_upwards_is_used(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "luna-tui.toml").write_text("[ui]\nfps = 7\n")
    (tmp_path / "a" / "luna-tui.toml").write_text("[ui]\nascii = true\n")
    config = load(below)
    assert (config.fps, config.ascii) == (0, True)


def test_project_beats_user_and_explicit_beats_project(tmp_path: Path) -> None:
    user = Path(os.environ["XDG_CONFIG_HOME"]) / "luna-tui"
    user.mkdir(parents=True)
    (user / "config.toml").write_text("[run]\nretries = 1\ntimeout = 1\nwave_timeout = 1\n")
    (tmp_path / "luna-tui.toml").write_text("[run]\nretries = 3\ntimeout = 3\n")
    config = load(tmp_path, "[run]\nretries = 5\n")
    assert (config.retries, config.timeout, config.wave_timeout) == (5, 3.0, 1.0)
    assert config.origins["run.wave_timeout"] == f"{user / 'config.toml'}:4"


def test_problems_of_all_layers_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "luna-tui.toml").write_text("[run]\nworkers = 0\n[ui]\nascii = 1\n")
    found = problems_of(
        tmp_path, "[run]\nretries = -1\n", environ={"LUNA_TUI_UI_FPS": "99"}, flags={"run.tier": "tier9"}
    )
    assert [p.split(": ")[0].rsplit("/", 1)[-1] for p in found] == [
        "luna-tui.toml:2", "luna-tui.toml:4", "given.toml:2", "environment", "command line",
    ]  # fmt: skip


def test_a_pipe_in_the_place_of_a_config_is_told_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "luna-tui.toml")
    assert "is not a regular file" in problems_of(tmp_path)[0]


def test_a_link_to_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "luna-tui.toml").symlink_to(tmp_path / "gone")
    assert "no such file" in problems_of(tmp_path)[0]


def test_an_explicit_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.toml: no such file"):
        load_config(explicit=tmp_path / "none.toml", cwd=tmp_path, environ={}, flags={})


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "sk-canary"',
        '[run]\nAPI_KEY = "canary"',
        '[run]\nmode = "sk-canary"',
        '[run]\nmodel = "sk-canary"',
        '[anthropic]\napi_key = "canary"',
        '[ui]\npassword = "canary"',
        '[prices.m]\ninput = 1\noutput = 1\nauth_token = "canary"',
    ],
)
def test_a_secret_is_refused_and_never_repeated(tmp_path: Path, text: str) -> None:
    found = problems_of(tmp_path, text)
    assert any("ANTHROPIC_API_KEY" in p for p in found)
    assert not any("canary" in p for p in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('mode = "aggressive"', "put it under [run]"),
        ("fps = 4", "put it under [ui]"),
        ("run = 4", "run must be a table"),
        ("[prices.m]\ninput = -1\noutput = 1", "USD per million tokens"),
        ("[prices.m]\ninput = nan\noutput = 1", "from 0 to 100,000"),
        ("[prices.m]\ninput = true\noutput = 1", "must be a number"),
        ("[limits.mine]\nrpm = 1", "needs rpm, itpm and otpm"),
        ("[limits.tier1]\nrpms = 1", "did you mean rpm?"),
        ("[keys]\nrun.pause = 3", "must be a list of texts"),
        ("[run]\nworkers = 1.5", "whole number"),
        ("[run]\ntimeout = inf", "out of range"),
        ("[run]\nretries = true", "whole number"),
        ("[run]\nmodel = 2026-01-01", "put it in quotes"),
        ("[storage]\nkeep_runs = -1", "between 0 and 1,000,000"),
        ("[storage]\nkeep_gb = nan", "gigabytes between 0 (no limit) and 1,000,000"),
        ("[storage]\nkeep_days = '30'", "a number of days, without quotes"),
        ("[storage]\nkeep_days = true", "must be a number"),
        ("[storage]\nkeep_run = 3", "did you mean keep_runs?"),
        ("keep_runs = 3", "put it under [storage]"),
    ],
)
def test_each_mistake_has_words(tmp_path: Path, text: str, said: str) -> None:
    found = problems_of(tmp_path, text)
    assert len(found) == 1
    assert said in found[0]
    assert re.search(r"given\.toml:\d: ", found[0])


def test_an_environment_name_that_sets_nothing_is_told(tmp_path: Path) -> None:
    assert problems_of(tmp_path, environ={"LUNA_TUI_MODE": "balanced"}) == [
        "environment: LUNA_TUI_MODE is not known — did you mean LUNA_TUI_RUN_MODE?"
    ]


def test_an_empty_environment_value_is_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, environ={"LUNA_TUI_RUN_MODE": "", "OTHER": "x"}) == Config()


@pytest.mark.parametrize("text", ["9" * 100_000, "[" * 100_000, "x\ny = 1", '"', "2026-01-01", "nan"])
def test_any_environment_value_is_accepted_or_refused_in_words(tmp_path: Path, text: str) -> None:
    assert problems_of(tmp_path, environ={"LUNA_TUI_RUN_WORKERS": text})


def test_how_much_is_kept_comes_from_any_layer(tmp_path: Path) -> None:
    (tmp_path / "luna-tui.toml").write_text("[storage]\nkeep_runs = 7\nkeep_gb = 2\n")
    config = load(tmp_path, environ={"LUNA_TUI_STORAGE_KEEP_GB": "0.5"}, flags={"storage.keep_days": 0})
    assert config.keep == KeepLimits(runs=7, gigabytes=0.5, days=0.0)
    assert config.origins["storage.keep_gb"] == "environment"


def test_a_tier_and_its_table_may_come_from_different_files(tmp_path: Path) -> None:
    (tmp_path / "luna-tui.toml").write_text('[run]\ntier = "mine"\n')
    config = load(tmp_path, "[limits.mine]\nrpm = 1\nitpm = 2\notpm = 3\nworkers = 4\n")
    assert config.tiers["mine"].limits == Limits(1, 2, 3)
    assert set(config.tiers["mine"].workers.values()) == {4}


def test_one_number_of_a_tier_can_be_replaced(tmp_path: Path) -> None:
    config = load(tmp_path, flags={"limits.tier1.rpm": 7})
    assert config.tiers["tier1"].limits == Limits(7, 30_000, 8_000)
    assert config.tiers["tier1"].workers == TIERS["tier1"].workers
    assert TIERS["tier1"].limits.rpm == 50


def test_workers_are_a_number_the_table_or_the_limits(tmp_path: Path) -> None:
    (tmp_path / "luna-tui.toml").write_text('[run]\nworkers = "auto"\n')
    assert load(tmp_path).workers is Staffing.AUTO
    assert load(tmp_path, "[run]\nretries = 1\n").workers is Staffing.AUTO
    assert load(tmp_path, flags={"run.workers": "table"}).workers is Staffing.TABLE
    assert load(tmp_path, environ={"LUNA_TUI_RUN_WORKERS": "40"}).workers == 40
    assert "did you mean auto?" in problems_of(tmp_path, '[run]\nworkers = "automatic"\n')[0]


def test_keys_need_no_quotes_around_their_names(tmp_path: Path) -> None:
    config = load(tmp_path, '[keys]\nrun.pause = ["p", "space"]\n"run.stop" = "x"\n')
    assert config.keys == {"run.pause": "p,space", "run.stop": "x"}


def test_later_flags_win_even_over_a_table_of_the_same_name(tmp_path: Path) -> None:
    assert problems_of(tmp_path, flags={"run.mode": "balanced", "run.mode.x": 1})


def test_cached_input_has_a_price_even_when_none_is_given(tmp_path: Path) -> None:
    config = load(tmp_path, '[prices."m.5"]\ninput = 2\noutput = 10\n')
    found = config.prices["m.5"]
    assert found == Price(input=2.0, output=10.0, cache_read=0.2, cache_write=2.5, search=0.01)
    assert cost_usd(config.prices["m.5"], 1_000_000, 100_000, 500_000, 200_000) == pytest.approx(3.6)


def test_what_the_example_suggests_can_be_used(tmp_path: Path) -> None:
    text = resource("config.example.toml").read_text()
    tables = re.sub(r"(?m)^# (\[[^\]]+\]).*$", r"\1", text)
    value = r"(?:[\d.\"a-z]+|\[.*\]|\".*\"|\{.*\})"
    settings = re.sub(rf"(?m)^# ((?:run\.)?[a-z_]+ = {value})$", r"\1", tables)
    assert {"keys", "limits", "prices"} < set(tomllib.loads(settings))
    config = load(tmp_path, settings)
    assert config.keys == {"run.pause": "p"}
    assert config.tiers["tier2"].limits == TIERS["tier2"].limits
    assert config.tiers["tier2"].workers[Mode.BALANCED] == 15
    assert config.prices["claude-haiku-5-5"].cache_write == 1.25
    assert config.mcp["time"].command == ("uvx", "mcp-server-time")
    assert config.mcp["time"].env == {"GITHUB_TOKEN": "${GITHUB_TOKEN}"}
    assert config.mcp["issues"].url == "https://example.org/mcp"


def test_every_key_of_the_example_has_a_comment_above_it() -> None:
    lines = resource("config.example.toml").read_text().splitlines()
    for above, line in itertools.pairwise(lines):
        if re.match(r"[a-z_]+ = ", line):
            assert above.startswith("# "), line
