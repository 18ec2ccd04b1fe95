"""What the environment says of the terminal: believed where it is right, and only there."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tui.test_terminal import Terminal, plan_of
from tui.test_terminal import _nothing_is_left as _nothing_is_left

from luna_tui.commands.screen import draws_boxes


def seen(folder: Path, *environ: str) -> Terminal:
    """A dashboard of a run in this environment, as it is seen."""
    plan = plan_of(folder, "sleep 100")
    terminal = Terminal("env", *environ, sys.executable, "-m", "luna_tui", "run", plan)
    terminal.read_until(b"Nothing needs you.")
    terminal.terminate()
    return terminal


def colours(terminal: Terminal) -> bool:
    return any(n in terminal.seen for n in (b"[32m", b"[36m", b";32m", b";36m", b"[32;", b"[36;"))


def test_the_terminal_knows_its_size_better_than_columns_and_lines(tmp_path: Path) -> None:
    terminal = seen(tmp_path, "COLUMNS=300", "LINES=6")
    assert b"\x1b[24;1H" in terminal.seen
    assert "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * 81 not in terminal.seen.decode("utf-8", "replace")


def test_an_empty_no_color_is_none(tmp_path: Path) -> None:
    assert colours(seen(tmp_path, "NO_COLOR="))


def test_no_color_takes_the_colours_away(tmp_path: Path) -> None:
    assert not colours(seen(tmp_path, "NO_COLOR=1"))


@pytest.mark.parametrize("lang", ["C", "ja_JP.UTF-8"])
def test_what_python_makes_of_the_locale_is_not_what_the_terminal_shows(tmp_path: Path, lang: str) -> None:
    said = seen(tmp_path, f"LANG={lang}").seen
    assert b"RPM" in said or b"speed-up" in said, "whichever screen there was time to draw"
    assert b"\xe2" not in said


@pytest.mark.parametrize(
    ("environ", "boxes"),
    [
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "ja_JP.UTF-8", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "ja_JP.UTF-8", "LC_CTYPE": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "UTF-8"}, True),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, True),
        ({"LC_ALL": "POSIX", "LC_CTYPE": "C.UTF-8", "LANG": "en_US.UTF-8"}, False),
        ({}, False),
    ],
)
def test_boxes_are_drawn_where_the_locale_that_was_chosen_has_them_one_cell_wide(
    environ: Mapping[str, str], boxes: bool
) -> None:
    assert draws_boxes(environ) is boxes
