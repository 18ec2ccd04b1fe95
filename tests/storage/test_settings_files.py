"""Config layers and themes: defaults are what the example says, mistakes are located."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from luna_tui.core.errors import InvalidInput
from luna_tui.core.words import Mode
from luna_tui.storage.config import Config, load_config
from luna_tui.storage.resources import resource
from luna_tui.storage.themes import discover_themes, load_theme
from luna_tui.tui.views.spans import Role

ROLES = [r.value for r in Role]


def load(text: str, folder: Path) -> Config:
    path = folder / "given.toml"
    path.write_text(text)
    return load_config(explicit=path, cwd=folder, environ={}, flags={})


def test_the_example_holds_exactly_the_defaults(tmp_path: Path) -> None:
    config = load(resource("config.example.toml").read_text(), tmp_path)
    assert replace(config, origins={}) == Config()
    example = tomllib.loads(resource("config.example.toml").read_text())
    assert {*example["run"], *example["ui"]} == {
        "provider", "model", "max_tokens", "tier", "mode", "workers", "timeout", "wave_timeout", "retries",
        "budget_usd", "theme", "fps", "ascii", "preflight", "lang", "mouse", "console",
    }  # fmt: skip


def test_flags_beat_environment_beats_files(tmp_path: Path) -> None:
    (tmp_path / "luna-tui.toml").write_text('[run]\nmode = "conservador"\ntier = "tier3"\nworkers = 3\n')
    config = load_config(
        explicit=None,
        cwd=tmp_path,
        environ={"LUNA_TUI_RUN_TIER": "tier4", "LUNA_TUI_RUN_WORKERS": "7"},
        flags={"run.workers": 9},
    )
    assert (config.mode, config.tier, config.workers) == (Mode.CONSERVATIVE, "tier4", 9)
    assert config.origins["run.workers"] == "command line"
    assert config.origins["run.mode"].endswith("luna-tui.toml:2")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[run]\nmodee = 'x'", 2, "did you mean mode?"),
        ("[run]\nmode = 'agressive'", 2, "did you mean aggressive?"),
        ("[run]\ntier = 'tier5'", 2, "did you mean tier"),
        ("[run]\nworkers = '15'", 2, "remove the quotes"),
        ("[run]\nworkers = 0", 2, "out of range"),
        ("[run]\napi_key = 'sk-secret'", 2, "ANTHROPIC_API_KEY"),
        ("[run]\npool = 'processes'", 2, "later version"),
        ("[run]\nbudget_usd = -1", 2, "USD for the whole run; 0 = no cap"),
        ("[runn]\nx = 1", 1, "did you mean run?"),
        ("[mcp]\nkind = 'x'", 2, "kind must be a table"),
        ("[mcp.git]\ntimeout = 5", 1, "neither a command nor a url"),
        ("[mcp.git]\ncommand = ['x']\nurl = 'http://x'", 2, "both a command and a url"),
        ("[mcp.git]\ncomand = ['x']", 2, "did you mean command?"),
        ("[mcp.git]\ncommand = 'x'", 2, "must be a list of texts"),
        ("[mcp.git]\nurl = 'file:///x'", 2, "is no address"),
        ("[mcp.git]\ncommand = ['x']\nheaders = { A = 'b' }", 3, "headers are for a url"),
        ("[mcp.git]\ncommand = ['x']\nenv = { GIT_TOKEN = 'hunter2' }", 3, "${GIT_TOKEN}"),
        ("[mcp.'a b']\ncommand = ['x']", 1, "cannot name a server"),
        ("[mcp.git]\ncommand = ['x']\ntimeout = 0", 3, "more than 0"),
        ("[sandbox]\nkind = 'bubblewarp'", 2, "did you mean bubblewrap?"),
        ("[sandbox]\ndeny = ['run_comand(rm *)']", 2, "did you mean run_command?"),
        ("[sandbox]\nallow = 'read_file'", 2, "must be a list of texts"),
        ("[sandbox]\nread = ['tools']", 2, "no absolute path"),
        ("[sandbox]\nread = ['/']", 2, "name the folders"),
        ("[ui]\nfps = 100", 2, "between 1 and 30"),
        ("[ui]\nfps = false", 2, "must be a whole number"),
        ("[ui]\nfps = 'fast'", 2, "must be a whole number"),
        ("[prices.m]\ninput = 1", 1, "needs input and output"),
    ],
)
def test_each_mistake_is_located(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(text, tmp_path)
    problem = caught.value.problems[0]
    assert problem.line == line
    assert words in str(problem)
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(("given", "fps"), [("'auto'", 0), ("0", 0), ("1", 1), ("30", 30)])
def test_frames_a_second_are_a_number_or_what_suits_the_terminal(
    tmp_path: Path, given: str, fps: int
) -> None:
    assert load(f"[ui]\nfps = {given}", tmp_path).fps == fps


def test_all_bundled_themes_style_every_role() -> None:
    for path in sorted(resource("themes").glob("*.toml")):
        assert load_theme(path, ROLES).styles.keys() == set(ROLES)
        assert set(tomllib.loads(path.read_text())["styles"]) == set(ROLES), path.name


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", ["light", "high-contrast"])
def test_every_colour_can_be_read(name: str) -> None:
    theme = load_theme(resource("themes") / f"{name}.toml", ROLES)
    for role, style in theme.styles.items():
        assert style.fg != "default", f"{name}: {role}: a theme with a background names every colour"
        back = theme.background if style.bg == "default" else style.bg
        light, dark = sorted((_luminance(style.fg), _luminance(back)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{name}: {role}"


def test_a_broken_theme_is_a_problem_and_not_an_end(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\n[styles]\ngood = { fg = "gren" }\nbadd = {}\n')
    themes = discover_themes([resource("themes"), tmp_path], ROLES)
    assert {p.stem for p in resource("themes").glob("*.toml")} == set(themes.found)
    assert [(p.line, "did you mean" in p.fix) for p in themes.problems] == [(3, True), (4, True)]
