"""Judge the keys a user chose: unknown names and clashes are told, the rest is used."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from textual.keys import _character_to_key, key_to_character

from luna_tui.tui.views.keys import SCREEN_KEYS, KeyHelp, Keys

TABLES: tuple[tuple[KeyHelp, ...], ...] = tuple(SCREEN_KEYS.values())
"""Keys that are in force at the same time, a table a screen."""
_WRITTEN = {
    "escape": "esc", "pagedown": "pgdn", "pageup": "pgup", "space": "space", "enter": "enter", "tab": "tab",
    "backspace": "backspace", "down": "↓", "up": "↑", "left": "←", "right": "→",
}  # fmt: skip


def usable_keys(
    chosen: Mapping[str, str], tables: Sequence[tuple[KeyHelp, ...]] = TABLES
) -> tuple[dict[str, str], list[str]]:
    """The choices that can be used, and a sentence for each that cannot."""
    known = {k.id for table in tables for k in table}
    problems = [_unknown(name, known) for name in chosen if name not in known]
    good = {name: keys for name, keys in chosen.items() if name in known}
    for table in tables:
        for name, clash in _clashes(table, good).items():
            problems.append(f"keys: {name} = {good.pop(name)!r} not used: {clash}")
    return good, problems


def keys_shown(about: Keys, chosen: Mapping[str, str]) -> dict[str, str]:
    """Binding id -> its key as a person writes it, where the user chose another one that one."""
    good = usable_keys(chosen)[0]
    return {k.id: _written(good[k.id]) if k.id in good else k.shown for k in about}


def _written(keys: str) -> str:
    return " ".join(_WRITTEN.get(name, key_to_character(name) or name) for name in _names(keys))


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"keys: no action is called {name!r}{hint}"


def _clashes(table: tuple[KeyHelp, ...], good: Mapping[str, str]) -> dict[str, str]:
    """Id of a choice -> why it cannot be, for one screen."""
    owner: dict[str, str] = {}
    for k in table:
        if k.id not in good:
            owner.update(dict.fromkeys(_names(k.keys), k.id))
    found: dict[str, str] = {}
    for k in table:
        if k.id in good:
            taken = [n for n in _names(good[k.id]) if n in owner]
            if taken:
                found[k.id] = f"{taken[0]} is {owner[taken[0]]}"
            else:
                owner.update(dict.fromkeys(_names(good[k.id]), k.id))
    return found


def _names(keys: str) -> list[str]:
    stripped = (key.strip() for key in keys.split(","))
    return [_character_to_key(key) if len(key) == 1 else key for key in stripped if key]
