"""What a key line says of an action: the key that does it for this user, and one word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from luna_tui.core.tongue import _
from luna_tui.tui.views.keymap import keys_shown
from luna_tui.tui.views.keys import Keys


@dataclass(frozen=True, slots=True)
class Hint:
    """One key with its word, ready to show."""

    id: str
    key: str
    word: str


def hints(table: Keys, keymap: Mapping[str, str], *ids: str) -> tuple[Hint, ...]:
    """These actions, in this order; `keymap` holds the keys that the user chose."""
    found = {k.id: k for k in table}
    chosen = tuple(found[i] for i in ids)
    shown = keys_shown(chosen, keymap)
    return tuple(Hint(k.id, shown[k.id].split()[0], _(k.short)) for k in chosen)
