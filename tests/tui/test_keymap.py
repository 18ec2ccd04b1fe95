"""Keys of one's own: what can be used is used, what cannot is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.keys import _character_to_key
from tui.stage import RecordingControl, drive, shown

from luna_tui.commands.settings import checked_keys
from luna_tui.core.errors import InvalidInput
from luna_tui.storage.config import load_config
from luna_tui.tui.app import LunaApp
from luna_tui.tui.views.keymap import key_name, usable_keys
from luna_tui.tui.views.keys import SCREEN_KEYS

ORIGINS = {"keys.run.pause": "luna-tui.toml:4", "keys.run.modes": "luna-tui.toml:5"}


def test_an_unknown_name_is_located_and_the_nearest_is_told() -> None:
    good, problems = usable_keys({"run.modes": "f6", "run.pause": "f5"}, ORIGINS)
    assert good == {"run.pause": "f5"}
    assert [str(p) for p in problems] == [
        "luna-tui.toml:5: no action is called 'run.modes' — did you mean run.mode?"
    ]


def test_a_clash_names_the_key_and_who_has_it() -> None:
    good, problems = usable_keys({"run.pause": "m,f5"}, ORIGINS)
    assert good == {}
    assert str(problems[0]).startswith("luna-tui.toml:4: run.pause = 'm,f5' is not used: m is run.mode")


def test_keys_may_change_places() -> None:
    chosen = {"run.pause": "m", "run.mode": "p"}
    assert usable_keys(chosen, {}) == (chosen, ())


def test_keys_are_named_as_the_screen_names_them() -> None:
    for character in "aZ5/\\?!:+-[]_@.,;'\"(){}<>=*&%$#~`|^ é":
        assert key_name(character) == _character_to_key(character)


def test_no_default_key_means_two_things_on_one_screen() -> None:
    for name, table in SCREEN_KEYS.items():
        keys = [key_name(key) for k in table for key in k.keys.split(",")]
        assert len(keys) == len(set(keys)), name
        ids = [k.id for k in table]
        assert len(ids) == len(set(ids)), name


def test_a_key_of_the_config_file_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "luna-tui.toml").write_text('[keys]\nrun.pause = "p"\nrun.mode = "p"\nrun.stopp = "x"\n')
    config = load_config(explicit=None, cwd=tmp_path, environ={}, flags={})
    with pytest.raises(InvalidInput) as caught:
        checked_keys(config)
    lines = [(p.line, p.what.partition(":")[0]) for p in caught.value.problems]
    assert (4, "no action is called 'run.stopp'") in lines
    assert any(line in (2, 3) and "is not used" in what for line, what in lines)


def test_a_chosen_key_works_and_its_old_one_does_not() -> None:
    async def steps(pilot: object, app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("p", "f5")  # type: ignore[attr-defined]
        assert control.calls == [("pause", "user")]

    drive(steps, keymap={"run.pause": "f5"})


def test_the_key_line_shows_the_key_that_was_chosen() -> None:
    async def steps(pilot: object, app: LunaApp, control: RecordingControl) -> None:
        line = shown(app).splitlines()[-1]
        assert "f5 pause" in line
        assert " p pause" not in line

    drive(steps, keymap={"run.pause": "f5"})
