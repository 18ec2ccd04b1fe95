"""What a viewer has to do with the run it shows, in one word beside the state of the run."""

from __future__ import annotations

from luna_tui.core.tongue import N_, _
from luna_tui.core.words import Watching
from luna_tui.tui.views.fitting import Steps, said
from luna_tui.tui.views.spans import Line, Role, Span

_WORDS = {
    Watching.ATTACHED: (N_("ATTACHED"), N_("ATT")),
    Watching.READ_ONLY: (N_("READ-ONLY"), N_("R-O")),
    Watching.RECONNECTING: (N_("RECONNECTING"), N_("RECONN")),
    Watching.LOST: (N_("PROCESS GONE"), N_("GONE")),
    Watching.REPLAY: (N_("REPLAY"), N_("RPL")),
}
_NO_COMMANDS = {
    Watching.READ_ONLY: N_("Read-only: attach without --read-only to change the run."),
    Watching.LOST: N_("The run's process is gone: nothing can be changed."),
    Watching.REPLAY: N_("A replay takes no commands."),
}


def banner(watching: Watching) -> Steps:
    """The word, and a shorter one; nothing for who shows a run of its own."""
    return said(Role.BANNER, *(_(word) for word in _WORDS.get(watching, ())))


def banner_before(rest: Line, watching: Watching) -> Line:
    """A title's first words with the banner before its others."""
    words = _WORDS.get(watching)
    return (Span(_(words[0]), Role.BANNER), Span("  "), *rest) if words else rest


def no_commands(watching: Watching) -> str:
    """Why nothing can be changed."""
    return _(_NO_COMMANDS.get(watching, N_("This run takes no commands any more.")))
