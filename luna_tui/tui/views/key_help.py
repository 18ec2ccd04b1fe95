"""What is known of a key."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyHelp:
    """One action a key does."""

    id: str
    """Name in the keymap; its last part is the action of the screen."""
    keys: str
    """Textual's names, separated by commas."""
    shown: str
    """How the help and the key line write it."""
    short: str
    """One word for the key line and the palette."""
    does: str
    """One sentence for the help."""


Keys = tuple[KeyHelp, ...]
