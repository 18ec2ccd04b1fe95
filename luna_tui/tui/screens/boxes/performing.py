"""Do what a typed command says: the same as its key, with its arguments already filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luna_tui.core.state import RunState
from luna_tui.core.tongue import _
from luna_tui.core.words import Mode, Staffing
from luna_tui.tui.screens.boxes.opening import (
    open_budget,
    open_edit,
    open_mode,
    open_retry,
    open_skip,
    open_stop,
    open_workers,
)
from luna_tui.tui.views.boxes.budget import amount
from luna_tui.tui.views.boxes.effects import in_plan_order
from luna_tui.tui.views.boxes.palette import Command

if TYPE_CHECKING:
    from luna_tui.tui.screens.acting import ActingScreen


def perform(below: ActingScreen, command: Command) -> None:
    """Do it on the screen it was typed over."""
    verb, _space, what = command.name.partition(" ")
    match verb:
        case "mode" | "workers" | "budget" | "pause" | "resume":
            _change(below, verb, what, command.argument)
        case "retry" | "skip" | "edit" | "open":
            _act(below, verb, what, command.argument)
        case "cancel":
            _cancel(below, what, command.argument)
        case "show":
            below.luna.open(what)
        case "theme":
            _theme(below, command.argument)
        case "mouse":
            if below.luna.viewing.mouse is not (what == "on"):
                _run(below, "mouse")
        case "quit":
            _run(below, "leave")
        case _:
            _run(below, verb)


def _change(below: ActingScreen, verb: str, what: str, argument: str) -> None:
    luna = below.luna
    if verb in ("pause", "resume"):
        if luna.state_now()[0].paused is (verb == "resume"):
            below.action_pause()
        else:
            luna.say(_("It is paused already.") if verb == "pause" else _("It is not paused."))
    elif verb == "mode":
        open_mode(luna, Mode(what) if what else None)
    elif verb == "workers":
        wanted = Staffing(what) if what else None
        if argument and not (argument.isascii() and argument.isdigit()):
            luna.say(_("{text} is no number of workers: a number, auto or table.").format(text=argument))
            return
        open_workers(luna, int(argument[:4]) if argument else wanted)
    elif argument and not _is_amount(argument):
        luna.say(_("{text} is no amount in USD.").format(text=argument))
    else:
        open_budget(luna, "" if what else argument.removeprefix("$") or None)


def _is_amount(text: str) -> bool:
    try:
        return (amount(text.removeprefix("$")) or 0.0) >= 0.0 and text.removeprefix("$").replace(
            ".", ""
        ).isdigit()
    except ValueError:
        return False


def _act(below: ActingScreen, verb: str, what: str, argument: str) -> None:
    luna = below.luna
    state = luna.state_now()[0]
    if what == "failed":
        troubled = state.troubled
        ids = in_plan_order(state, (*troubled.failed, *troubled.timed_out))
        if not ids:
            luna.say(_("Nothing failed or timed out."))
            return
    elif argument:
        found = _subtasks(state, argument)
        if isinstance(found, str):
            luna.say(found)
            return
        ids = found
    else:
        ids = below.selection()
    if verb == "open":
        luna.open_subtask(ids[0]) if ids else luna.say(_("There is no subtask under the cursor."))
    else:
        {"retry": open_retry, "skip": open_skip, "edit": open_edit}[verb](luna, ids)


def _cancel(below: ActingScreen, what: str, argument: str) -> None:
    luna = below.luna
    state = luna.state_now()[0]
    if what == "run":
        open_stop(luna, (), cursor="a")
    elif what == "wave":
        wave = next((w for w in state.waves.values() if argument in (str(w.number), w.name)), None)
        if argument and wave is None:
            luna.say(_("There is no wave {text}.").format(text=argument))
        else:
            open_stop(luna, (), wave=wave.name if wave else None, cursor="w")
    else:
        found = _subtasks(state, argument) if argument else below.selection()
        if isinstance(found, str):
            luna.say(found)
        else:
            open_stop(luna, found, cursor="s")


def _subtasks(state: RunState, names: str) -> tuple[str, ...] | str:
    """Ids of labels or ids, separated by spaces; a sentence when one of them is not known."""
    labels = {s.label: s.id for s in state.subtasks.values()}
    found: list[str] = []
    for name in names.replace(",", " ").split():
        subtask = name if name in state.subtasks else labels.get(name)
        if subtask is None:
            return _("There is no subtask {text}.").format(text=name)
        found.append(subtask)
    return tuple(found)


def _theme(below: ActingScreen, name: str) -> None:
    luna = below.luna
    known = next((theme for theme in luna.palettes.names if theme.startswith(name)), "")
    if not name:
        luna.say(luna.palettes.next())
    elif luna.palettes.use(known):
        luna.say(_("theme {name}").format(name=known))
    else:
        names = ", ".join(luna.palettes.names)
        luna.say(_("There is no theme {text}: {names}.").format(text=name, names=names))


def _run(below: ActingScreen, action: str) -> None:
    """What the key of this action does there."""
    if hasattr(below, f"action_{action}"):
        below.call_later(below.run_action, action)
    else:
        below.luna.say(_("That is not possible here."))
