"""Judge the keys a user chose: unknown names and clashes are told with their place, the rest is used."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from luna_tui.core.errors import Problem
from luna_tui.core.tongue import _
from luna_tui.tui.views.keys import SCREEN_KEYS, KeyHelp, Keys

TABLES: tuple[Keys, ...] = tuple(SCREEN_KEYS.values())
_NAMES = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""Where Textual's name of a character is not Unicode's."""
_WRITTEN = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup", "space": "space"} | {
    "down": "↓", "up": "↑", "left": "←", "right": "→", "minus": "-",
}  # fmt: skip


def usable_keys(
    chosen: Mapping[str, str], origins: Mapping[str, str], tables: Sequence[Keys] = TABLES
) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """The choices that can be used, and a located problem for each that cannot.

    `origins` maps `keys.<binding id>` to the `file:line` it came from.
    """
    known = {k.id for table in tables for k in table}
    found = [
        _located(name, origins, _("no action is called {name!r}").format(name=name), _near(name, known))
        for name in chosen
        if name not in known
    ]
    good = {name: keys for name, keys in chosen.items() if name in known}
    for table in tables:
        for name, (key, owner) in _clashes(table, good).items():
            what = _("{name} = {keys!r} is not used: {key} is {owner}")
            said = what.format(name=name, keys=good.pop(name), key=key, owner=owner)
            found.append(
                _located(
                    name,
                    origins,
                    said,
                    _("take a key that is free, or move {owner} first").format(owner=owner),
                )
            )
    return good, tuple(found)


def keys_shown(about: Keys, chosen: Mapping[str, str]) -> dict[str, str]:
    """Binding id -> its key as a person writes it; where the user chose another one, that one."""
    return {k.id: written(chosen[k.id]) if k.id in chosen else k.shown for k in about}


def written(keys: str) -> str:
    """Keys as a person writes them."""
    return " ".join(_character(name) for name in names_of(keys))


def _character(name: str) -> str:
    if len(name) == 1 or name in _WRITTEN:
        return _WRITTEN.get(name, name)
    known = next((unicode for unicode, textual in _NAMES.items() if textual == name), name)
    try:
        return unicodedata.lookup(known.replace("_", " "))
    except KeyError:
        return name


def _located(name: str, origins: Mapping[str, str], what: str, fix: str) -> Problem:
    path, _colon, line = origins.get(f"keys.{name}", "keys").rpartition(":")
    return Problem(path, int(line), what, fix) if line.isdigit() else Problem(line or path, 0, what, fix)


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    if near:
        return _("did you mean {name}?").format(name=near[0])
    return _("the help screen (?) names them all")


def _clashes(table: Keys, good: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Id of a choice -> the key it cannot have and whose that is, for one screen."""
    owner: dict[str, str] = {}
    for k in table:
        if k.id not in good:
            owner.update(dict.fromkeys(names_of(k.keys), k.id))
    found: dict[str, tuple[str, str]] = {}
    for k in table:
        if k.id in good:
            taken = _taken(k, good, owner)
            if taken is not None:
                found[k.id] = taken
    return found


def _taken(k: KeyHelp, good: Mapping[str, str], owner: dict[str, str]) -> tuple[str, str] | None:
    """The first key of a choice that is somebody else's; else they are its own from now on."""
    mine = names_of(good[k.id])
    for name in mine:
        if owner.get(name, k.id) != k.id:
            return name, owner[name]
    owner.update(dict.fromkeys(mine, k.id))
    return None


def names_of(keys: str) -> list[str]:
    """Textual's names of the keys in a list separated by commas."""
    return [key_name(key.strip()) for key in keys.split(",") if key.strip()]


def key_name(key: str) -> str:
    """Textual's name of a key that was written as a character or as a name."""
    if len(key) != 1 or key.isalnum():
        return key
    name = unicodedata.name(key, key).lower().replace("-", "_").replace(" ", "_")
    return _NAMES.get(name, name)
