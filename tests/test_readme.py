"""The picture in the README is what the program shows of the recorded demo."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tui.pictures import FOLDER, SHOTS, drawn
from tui.scenes import demo

from luna_tui.core.state import fold
from luna_tui.tui.views.run import run_view
from luna_tui.tui.views.spans import Looks

README = Path(__file__).parent.parent / "README.md"
AT_S = 6.0


def picture() -> str:
    """The run screen of the recorded demo at 80 columns, without empty lines at its end."""
    view = run_view(fold(demo(AT_S)), AT_S, Looks(width=80, height=24))
    parts = (view.header, view.gauges, view.waiting, view.strip, view.grid, view.attention, view.keys)
    lines = ["".join(s.text for s in line).rstrip() for part in parts for line in part.lines]
    return "\n".join(line for line in lines if line)


def test_the_picture_is_true() -> None:
    shown = re.search(r"```text\n(.*?)\n```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    assert shown[1] == picture()


@pytest.mark.parametrize("name", [shot[0] for shot in SHOTS])
def test_the_drawn_pictures_are_true(name: str) -> None:
    kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert kept == drawn(name), "run `make pictures` and look at each"


def test_every_picture_of_the_readme_is_there() -> None:
    named = re.findall(r"docs/pictures/([a-z0-9-]+)\.svg", README.read_text(encoding="utf-8"))
    assert named
    assert set(named) <= {shot[0] for shot in SHOTS}


def test_the_changelog_says_nothing_twice() -> None:
    lines = README.with_name("CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line.startswith("- ")]
    assert len(entries) == len(set(entries))
