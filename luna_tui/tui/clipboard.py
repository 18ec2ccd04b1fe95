"""Hand text to the terminal's clipboard (OSC 52), which the terminal may refuse without a word."""

from __future__ import annotations

import base64

from luna_tui.core.clean import clean

MOST_ENCODED = 100_000
"""Characters of base64 that terminals and tmux take."""
MOST_BYTES = MOST_ENCODED // 4 * 3


def clipboard_sequence(text: str, *, tmux: bool) -> tuple[str, int]:
    """What to write to the terminal, and how many bytes of the text are in it: at most MOST_BYTES.

    The text is cleaned first; the clipboard of a shell obeys an escape sequence as a screen does.
    """
    raw = clean(text).encode("utf-8", "replace")[:MOST_BYTES]
    raw = raw.decode("utf-8", "ignore").encode()
    sequence = f"\x1b]52;c;{base64.b64encode(raw).decode('ascii')}\x07"
    return (through_tmux(sequence) if tmux else sequence), len(raw)


def through_tmux(sequence: str) -> str:
    """What has tmux hand a sequence on to the terminal it is shown on."""
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
