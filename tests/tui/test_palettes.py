"""Theme files may change while they are in use."""

from __future__ import annotations

import os
from pathlib import Path

from luna_tui.storage.resources import resource
from luna_tui.storage.themes import ThemeFiles
from luna_tui.tui.palettes import Palettes
from luna_tui.tui.views.spans import Role

MINE = 'name = "mine"\n[styles]\ntitle = { fg = "#ff00ff" }\n'


class Files:
    """A folder with a theme of one's own, and what uses it."""

    def __init__(self, folder: Path, text: str) -> None:
        self.path = folder / "mine.toml"
        self._second = 0
        self.write(text)
        files = ThemeFiles((resource("themes"), folder), [r.value for r in Role])
        self.palettes = Palettes(files.read().found, "mine", files.changed)

    def write(self, text: str) -> None:
        """Save it, a second after the last time."""
        self.path.write_text(text)
        self._second += 1
        os.utime(self.path, (self._second, self._second))


def test_a_theme_that_is_edited_is_used_as_it_is_now(tmp_path: Path) -> None:
    files = Files(tmp_path, MINE)
    assert files.palettes.refresh() is None
    files.write(MINE.replace("#ff00ff", "#00ff00"))
    assert files.palettes.refresh() == "themes read again; theme mine"
    assert files.palettes.current.name == "mine"


def test_a_theme_that_is_gone_for_a_while_is_used_again_when_it_is_back(tmp_path: Path) -> None:
    files = Files(tmp_path, MINE)
    files.write("[broken")
    assert "theme not used: " in str(files.palettes.refresh())
    assert files.palettes.current.name == "mine"
    files.write(MINE)
    files.palettes.refresh()
    assert files.palettes.current.name == "mine"
    files.path.unlink()
    assert files.palettes.refresh() == "themes read again; theme dark"
    files.write(MINE)
    files.palettes.refresh()
    assert files.palettes.current.name == "mine"


def test_another_theme_that_was_chosen_meanwhile_stays(tmp_path: Path) -> None:
    files = Files(tmp_path, MINE)
    files.write("[broken")
    files.palettes.refresh()
    assert files.palettes.use("light")
    files.write(MINE)
    files.palettes.refresh()
    assert files.palettes.current.name == "light"
