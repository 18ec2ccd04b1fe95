"""Themes: one that styles little takes the rest from a bundled one, and no file stops the program."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from luna_tui.core.errors import InvalidInput
from luna_tui.storage.resources import resource
from luna_tui.storage.themes import COLOURS, StyleSpec, Theme, Themes, discover_themes, load_theme
from luna_tui.tui.views.spans import Role

ROLES = [r.value for r in Role]
STATES = [r for r in ROLES if r.startswith("state-")]


def with_file(folder: Path, text: str) -> Themes:
    (folder / "mine.toml").write_text(text)
    return discover_themes([resource("themes"), folder], ROLES)


@pytest.fixture(scope="module")
def bundled() -> dict[str, Theme]:
    themes = discover_themes([resource("themes")], ROLES)
    assert themes.problems == ()
    return dict(themes.found)


@pytest.mark.parametrize(("flag", "base"), [("true", "dark"), ("false", "light")])
def test_what_a_theme_leaves_out_comes_from_the_bundled_one_of_its_kind(
    tmp_path: Path, bundled: dict[str, Theme], flag: str, base: str
) -> None:
    themes = with_file(tmp_path, f'name = "mine"\ndark = {flag}\n[styles]\ngood = {{ fg = "#123456" }}\n')
    mine = themes.found["mine"]
    assert mine.styles["good"] == StyleSpec(fg="#123456")
    assert mine.background == bundled[base].background
    assert {r: s for r, s in mine.styles.items() if r != "good"} == {
        r: s for r, s in bundled[base].styles.items() if r != "good"
    }


def test_a_theme_may_replace_a_bundled_one(tmp_path: Path, bundled: dict[str, Theme]) -> None:
    themes = with_file(tmp_path, 'name = "dark"\n[styles]\nbad = { fg = "red" }\n')
    assert themes.found["dark"].styles["bad"] == StyleSpec(fg="red")
    assert themes.found["dark"].styles["good"] == bundled["dark"].styles["good"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name = 3", 1, "must be text"),
        ('nam = "x"', 1, "did you mean name?"),
        ('dark = "yes"', 1, "true or false"),
        ('background = "red"', 1, "#rrggbb or default"),
        ("[styles]\ngood = 3", 2, "must be a table"),
        ("[styles]\ngood = { fg = 3 }", 2, "must be text"),
        ('[styles]\ngood = { fg = "#12345" }', 2, "is no colour"),
        ('[styles]\ngood = { colour = "red" }', 2, "unknown key colour"),
        ("[styles]\ngood = { bold = 1 }", 2, "true or false"),
        ("[styles", 1, ""),
        ("", 0, None),
    ],
)
def test_a_mistake_in_a_theme_is_located_and_the_others_stay(
    tmp_path: Path, bundled: dict[str, Theme], text: str, line: int, said: str | None
) -> None:
    themes = with_file(tmp_path, text)
    if said is None:
        assert themes.problems == ()
        return
    assert set(themes.found) == set(bundled)
    assert [p.line for p in themes.problems] == [line]
    assert said in str(themes.problems[0])
    assert "mine.toml" in themes.problems[0].path


def test_files_that_are_no_text_are_problems(tmp_path: Path, bundled: dict[str, Theme]) -> None:
    os.mkfifo(tmp_path / "a.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe[\x00")
    (tmp_path / "c.toml").symlink_to(tmp_path / "gone")
    (tmp_path / "d.toml").write_text("# " + "x" * 70_000)
    (tmp_path / "e.txt").write_text("not a theme")
    themes = discover_themes([resource("themes"), tmp_path], ROLES)
    assert set(themes.found) == set(bundled)
    assert [Path(p.path).name for p in themes.problems] == ["a.toml", "b.toml", "c.toml", "d.toml"]


def test_a_file_in_the_place_of_the_themes_folder_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "themes").write_text("")
    themes = discover_themes([tmp_path / "themes", tmp_path / "none"], ROLES)
    assert [p.path for p in themes.problems] == [str(tmp_path / "themes")]


def test_a_theme_that_stands_alone_is_plain_where_it_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text('name = "t"\n')
    assert set(load_theme(path, ROLES).styles.values()) == {StyleSpec()}
    path.write_text("name = ''\n")
    with pytest.raises(InvalidInput, match="name is empty"):
        load_theme(path, ROLES)


def test_mono_has_no_colour_at_all(bundled: dict[str, Theme]) -> None:
    for style in bundled["mono"].styles.values():
        assert (style.fg, style.bg) == ("default", "default")


@pytest.mark.parametrize("name", ["dark", "light", "high-contrast"])
def test_trouble_health_and_waiting_never_look_alike(bundled: dict[str, Theme], name: str) -> None:
    styles = bundled[name].styles
    for bad in ("state-failed", "state-quiet", "state-ghost"):
        for other in STATES:
            if other not in ("state-failed", "state-quiet", "state-ghost"):
                assert styles[bad].fg != styles[other].fg, f"{bad} and {other}"
    assert len({styles[s].fg for s in ("state-running", "state-limit", "state-held", "state-failed")}) == 4


def test_no_theme_dims_a_colour(bundled: dict[str, Theme]) -> None:
    for theme in bundled.values():
        for role, style in theme.styles.items():
            assert not (style.dim and style.fg != "default"), f"{theme.name}: {role}"


def test_the_names_of_colours_are_those_the_screen_can_paint() -> None:
    from rich.color import Color

    assert len(COLOURS) == 17
    for name in COLOURS:
        Color.parse(name)
