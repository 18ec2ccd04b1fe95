"""Every theme can be read: contrast of each role, on the backgrounds it is made for."""

from __future__ import annotations

from pathlib import Path

import pytest

from luna_tui.storage.resources import resource
from luna_tui.storage.themes import StyleSpec, Theme, ThemeFiles, discover_themes
from luna_tui.tui.palettes import Palettes
from luna_tui.tui.views.glyphs import ASCII, UNICODE
from luna_tui.tui.views.spans import Role

ROLES = [r.value for r in Role]
THEMES = discover_themes([resource("themes")], ROLES).found
LEAST = 4.5
"""WCAG 2.1, level AA, text of normal size."""
PALETTES = {
    "xterm": {"red": "#cd0000", "green": "#00cd00", "yellow": "#cdcd00", "blue": "#0000ee",
              "magenta": "#cd00cd", "cyan": "#00cdcd", "bright_red": "#ff0000", "bright_green": "#00ff00",
              "bright_yellow": "#ffff00", "bright_cyan": "#00ffff", "default": "#e5e5e5"},
    "VGA": {"red": "#aa0000", "green": "#00aa00", "yellow": "#aa5500", "blue": "#0000aa",
            "magenta": "#aa00aa", "cyan": "#00aaaa", "bright_red": "#ff5555", "bright_green": "#55ff55",
            "bright_yellow": "#ffff55", "bright_cyan": "#55ffff", "default": "#aaaaaa"},
    "Tango": {"red": "#cc0000", "green": "#4e9a06", "yellow": "#c4a000", "blue": "#3465a4",
              "magenta": "#75507b", "cyan": "#06989a", "bright_red": "#ef2929", "bright_green": "#8ae234",
              "bright_yellow": "#fce94f", "bright_cyan": "#34e2e2", "default": "#d3d7cf"},
    "Campbell": {"red": "#c50f1f", "green": "#13a10e", "yellow": "#c19c00", "blue": "#0037da",
                 "magenta": "#881798", "cyan": "#3a96dd", "bright_red": "#e74856", "bright_green": "#16c60c",
                 "bright_yellow": "#f9f1a5", "bright_cyan": "#61d6d6", "default": "#cccccc"},
}  # fmt: skip
"""What the sixteen colours are on the terminals people use, all on black."""


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def pair(style: StyleSpec, theme: Theme, palette: dict[str, str], ground: str) -> tuple[str, str]:
    fg = palette.get(style.fg, style.fg)
    bg = ground if style.bg == "default" else palette.get(style.bg, style.bg)
    return fg, bg


def test_there_are_six_themes() -> None:
    assert sorted(THEMES) == ["colour-blind", "dark", "high-contrast", "light", "mono", "solarized"]


@pytest.mark.parametrize("name", sorted(n for n in THEMES if THEMES[n].background != "default"))
def test_every_role_of_a_theme_with_a_ground_of_its_own_can_be_read(name: str) -> None:
    theme = THEMES[name]
    low = {}
    for role, style in theme.styles.items():
        assert not style.dim, f"{role}: how dim dim is depends on the terminal"
        found = contrast(*pair(style, theme, {"default": theme.styles["text"].fg}, theme.background))
        if found < LEAST:
            low[role] = round(found, 2)
    assert low == {}


@pytest.mark.parametrize("palette", sorted(PALETTES))
@pytest.mark.parametrize("name", ["dark", "mono"])
def test_the_sixteen_colours_can_be_read_on_black(name: str, palette: str) -> None:
    theme = THEMES[name]
    low = {}
    for role, style in theme.styles.items():
        found = contrast(*pair(style, theme, PALETTES[palette], "#000000"))
        if found < LEAST:
            low[role] = round(found, 2)
    assert low == {}


def test_mono_has_no_colour_at_all() -> None:
    assert {s.fg for s in THEMES["mono"].styles.values()} == {"default"}
    assert {s.bg for s in THEMES["mono"].styles.values()} == {"default"}


def test_without_colour_every_state_still_has_a_shape_of_its_own() -> None:
    for glyphs in (UNICODE, ASCII):
        assert len(set(glyphs.states.values())) == len(glyphs.states)


def test_states_that_a_colour_blind_person_must_tell_apart_differ_in_brightness_or_hue() -> None:
    styles = THEMES["colour-blind"].styles
    good, warn, bad = (styles[r].fg for r in ("good", "warn", "bad"))
    assert len({good, warn, bad}) == 3
    # Red and green look alike to most who see colours otherwise: blue tells them apart.
    assert abs(int(good[5:7], 16) - int(bad[5:7], 16)) >= 0x40


def test_a_theme_of_ones_own_replaces_one_that_came_with_the_program(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\n[styles]\ntitle = { fg = "#ff00ff" }\n')
    found = discover_themes([resource("themes"), tmp_path], ROLES)
    assert found.found["mine"].styles["title"].fg == "#ff00ff"
    assert found.found["mine"].styles["warn"] == THEMES["dark"].styles["warn"]


def test_a_theme_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('name = "mine"\n[styles]\ntitle = { fg = "#ff00ff" }\n')
    files = ThemeFiles((resource("themes"), tmp_path), ROLES)
    palettes = Palettes(files.read().found, "mine", files.changed)
    before = palettes.current.style(Role.TITLE)
    assert palettes.refresh() is None
    mine.write_text('name = "mine"\n[styles]\ntitle = { fg = "#00ff00", bold = true }\n')
    assert palettes.refresh() == "themes read again; theme mine"
    assert palettes.current.style(Role.TITLE) != before
    mine.write_text('name = "mine"\n[styles]\ntitle = { fg = "gren" }\n')
    said = palettes.refresh()
    assert said is not None
    assert "mine.toml:3" in said
    assert palettes.current.style(Role.TITLE).bold, "the last one that could be used stays in use"
    mine.unlink()
    assert palettes.refresh() is not None
    assert "mine" not in palettes.names
    assert palettes.current.name == "dark"
