"""Commands by name, the same as on the command line: match, complete and understand what was typed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from luna_tui.core.tongue import N_, _
from luna_tui.tui.views.boxes.frame import Box, Choice
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Role, Span

MOST = 84
"""Cells of the box, where there is room."""
_LETTERS = 9
"""Rank of a command that has only the letters in this order; shown when there is no better one."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One command."""

    name: str
    """Its words, as they are typed."""
    takes: str
    """What may follow; empty = nothing."""
    id: str
    """Of the action in the keymap."""
    does: str


@dataclass(frozen=True, slots=True)
class Command:
    """What was typed, understood."""

    name: str
    argument: str = ""


VERBS: tuple[Verb, ...] = (
    Verb("pause", "", "run.pause", N_("Admit nothing more; what is in flight goes on.")),
    Verb("resume", "", "run.pause", N_("Admit again.")),
    Verb("mode", "", "run.mode", N_("How much of the limits may be used.")),
    Verb("mode conservative", "", "run.mode", N_("75 % of the limits.")),
    Verb("mode balanced", "", "run.mode", N_("85 % of the limits.")),
    Verb("mode aggressive", "", "run.mode", N_("95 % of the limits.")),
    Verb("workers", "N", "run.workers", N_("Another number of workers.")),
    Verb("workers auto", "", "run.workers", N_("As many as the limits can use.")),
    Verb("workers table", "", "run.workers", N_("As many as the table gives the tier and mode.")),
    Verb("budget", "USD", "run.budget", N_("Another cap; without a number the box.")),
    Verb("budget none", "", "run.budget", N_("No cap.")),
    Verb("retry", "ID", "do.retry", N_("Try again what is selected, or these.")),
    Verb("retry failed", "", "do.retry", N_("Try all again that failed or timed out.")),
    Verb("skip", "ID", "do.skip", N_("Skip what is selected, or these.")),
    Verb("edit", "ID", "do.edit", N_("Edit the prompt and try again.")),
    Verb("open", "ID", "do.open", N_("Open a subtask.")),
    Verb("cancel", "ID", "run.stop", N_("Stop a subtask; asks first.")),
    Verb("cancel wave", "N", "run.stop", N_("Stop a wave; asks first.")),
    Verb("cancel run", "", "run.stop", N_("Stop all; asks first.")),
    Verb("undo", "", "run.undo", N_("Take the last action back, where that is possible.")),
    Verb("show run", "", "go.back", N_("The workers.")),
    Verb("show asks", "", "go.asks", N_("What agents ask for.")),
    Verb("show changes", "", "go.changes", N_("What agents changed, to accept or drop.")),
    Verb("show problems", "", "go.problems", N_("Problems, grouped by cause.")),
    Verb("show timeline", "", "go.timeline", N_("What every worker did, and why it waited.")),
    Verb("show limits", "", "go.limits", N_("Used, reserved, cap, and what if.")),
    Verb("show events", "", "go.events", N_("The journal as it is written.")),
    Verb("show plan", "", "go.plan", N_("All waves and subtasks as a tree.")),
    Verb("show report", "", "go.report", N_("What the run came to so far.")),
    Verb("theme", "NAME", "screen.theme", N_("Other colours; without a name the next ones.")),
    Verb("mouse on", "", "screen.mouse", N_("Clicks select.")),
    Verb("mouse off", "", "screen.mouse", N_("The terminal selects text again.")),
    Verb("plain", "", "screen.plain", N_("Plain lines instead of the screen.")),
    Verb("detach", "", "run.detach", N_("Leave; the run goes on, and luna-tui attach comes back.")),
    Verb("quit", "", "run.leave", N_("Leave; asks first while the run is on.")),
    Verb("help", "", "go.help", N_("Keys of this screen.")),
)


def matches(typed: str) -> tuple[Verb, ...]:
    """Commands that could be meant, the likeliest first; all of them while nothing is typed."""
    words = " ".join(typed.lower().split())
    ranked = [
        (rank, -len(verb.name) if words.startswith(verb.name) else 0, n)
        for n, verb in enumerate(VERBS)
        if (rank := _rank(verb, words)) is not None
    ]
    best = [found for found in ranked if found[0] < _LETTERS] or ranked
    return tuple(VERBS[found[-1]] for found in sorted(best))


def _rank(verb: Verb, words: str) -> int | None:
    name = verb.name
    if words == name:
        return 0
    if verb.takes and words.startswith(f"{name} "):
        return 1 + sum(name != v.name and _begins(v, words) for v in VERBS)
    if name.startswith(words):
        return 1
    if all(any(part.startswith(w) for part in name.split()) for w in words.split()):
        return 2
    if len(words) > 1 and words in name:
        return 3
    return _LETTERS if _in_order(words.replace(" ", ""), name) else None


def _begins(verb: Verb, words: str) -> bool:
    """Whether a longer command is being typed."""
    return verb.name.startswith(words) or (bool(verb.takes) and words.startswith(f"{verb.name} "))


def _in_order(letters: str, name: str) -> bool:
    rest = iter(name)
    return len(letters) >= 2 and all(letter in rest for letter in letters)


def understood(typed: str, verb: Verb) -> Command:
    """The command under the cursor with what was typed after its name."""
    words = " ".join(typed.split())
    argument = words[len(verb.name) :].strip() if words.lower().startswith(f"{verb.name} ") else ""
    return Command(verb.name, argument if verb.takes else "")


def completed(typed: str, verb: Verb) -> str:
    """What tab makes of what was typed."""
    argument = understood(typed, verb).argument
    return f"{verb.name} {argument}" if argument or verb.takes else verb.name


def nearest(typed: str) -> str:
    """The command whose name is most like what was typed; empty when none is."""
    words = " ".join(typed.lower().split())
    found = difflib.get_close_matches(words, [v.name for v in VERBS], n=1, cutoff=0.4)
    return found[0] if found else ""


def palette_box(typed: str, found: tuple[Verb, ...], keys: Mapping[str, str], g: Glyphs) -> Box:
    """The line that is typed, and what it could mean; `keys` are binding ids with their keys as shown."""
    line: Line = (Span(": ", Role.KEY), Span(typed), Span(g.cursor, Role.ACCENT))
    facts: list[Line] = [line]
    if not found:
        said = _("No command is called that; an empty line lists all.")
        if near := nearest(typed):
            said = _("No command is called that; the nearest is {name}, tab takes it.").format(name=near)
        facts.append((Span(said, Role.WARN),))
    choices = tuple(
        Choice(
            f"{v.name} {v.takes}" if v.takes else v.name,
            _(v.does),
            keys.get(v.id, "") if v.id != "go.back" else "",
        )
        for v in found
    )
    return Box(_("Commands"), tuple(facts), choices, "")
