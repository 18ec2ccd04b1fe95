"""Keys of the screens around a run: home, the plan before it starts, what is kept of it."""

from __future__ import annotations

from luna_tui.core.tongue import N_
from luna_tui.tui.views.key_help import KeyHelp, Keys

TREE: Keys = (
    KeyHelp("tree.close", "left", "←", N_("close"), N_("Close the wave; on a subtask, go to its wave.")),
    KeyHelp("tree.expand", "right", "→", N_("expand"), N_("Show the subtasks of the wave.")),
)
EDIT: Keys = (
    KeyHelp(
        "do.skip",
        "i",
        "i",
        N_("off/on"),
        N_("Leave out of the run, or take in again; what depends on it goes with it."),
    ),
    KeyHelp("plan.model", "c", "c", N_("model"), N_("Next known model, for the subtask or for the wave.")),
    KeyHelp("plan.model_all", "C", "C", N_("model of all"), N_("Next known model, for all of the plan.")),
    KeyHelp(
        "plan.wave_workers",
        "W",
        "W",
        N_("workers of the wave"),
        N_("Workers of this wave at most: type a number, or nothing for as many as the run has."),
    ),
    KeyHelp("plan.later", "J", "J", N_("later"), N_("Move the subtask or the wave to a later place.")),
    KeyHelp("plan.earlier", "K", "K", N_("earlier"), N_("Move it to an earlier place.")),
    KeyHelp("run.undo", "u", "u", N_("undo"), N_("Take the last change of the plan back.")),
    KeyHelp("take.file", "o", "o", N_("to file"), N_("Write the plan as it is now to a new file.")),
)
BEFORE: Keys = (
    KeyHelp(
        "plan.start",
        "enter",
        "enter",
        N_("start"),
        N_("Start the run on these terms; on a subtask, read all of it."),
    ),
    KeyHelp("run.mode", "m", "m", N_("mode"), N_("Next mode: how much of the limits may be used.")),
    KeyHelp(
        "plan.staffing", "w", "w", N_("workers"), N_("Workers: as the table gives, or as the limits can use.")
    ),
    KeyHelp("plan.more", "plus,equals_sign", "+", N_("more"), N_("One worker more.")),
    KeyHelp("plan.fewer", "minus", "-", N_("fewer"), N_("One worker fewer.")),
    KeyHelp("run.budget", "b", "b", N_("budget"), N_("Budget in USD: type a number, then enter.")),
    KeyHelp(
        "plan.dry_run",
        "D",
        "D",
        N_("dry run"),
        N_("Dry run: the same plan, answered by the simulator for $0."),
    ),
    KeyHelp("tree.fold", "space", "space", N_("subtasks"), N_("Show or hide the subtasks of the wave.")),
    *TREE,
    KeyHelp("go.back", "escape", "esc", N_("back"), N_("Leave; nothing was started.")),
    KeyHelp("go.help", "question_mark", "?", N_("keys"), N_("Keys of this screen.")),
    KeyHelp("screen.theme", "T", "T", N_("theme"), N_("Next colour theme.")),
    KeyHelp("run.leave", "q,ctrl+c", "q", N_("leave"), N_("Leave; nothing was started.")),
)
PLANNING: Keys = (
    KeyHelp("do.retry", "r", "r", N_("try again"), N_("Ask once more, where there is no plan.")),
    KeyHelp("go.back", "escape", "esc", N_("cancel"), N_("End the planning; nothing is started.")),
    KeyHelp("screen.theme", "T", "T", N_("theme"), N_("Next colour theme.")),
    KeyHelp("run.leave", "q,ctrl+c", "q", N_("leave"), N_("End the planning; nothing is started.")),
)
DIFFERENCE: Keys = (
    KeyHelp("plan.look", "enter,escape", "enter", N_("see the plan"), N_("To the plan with its costs.")),
    KeyHelp("run.leave", "q,ctrl+c", "q", N_("back"), N_("To the plan, from where you can leave.")),
)
HOME: Keys = (
    KeyHelp(
        "do.open",
        "enter",
        "enter",
        N_("open"),
        N_("Open: watch what runs, choose how to go on, read a report, look at a plan and start it."),
    ),
    KeyHelp(
        "home.goal",
        "n",
        "n",
        N_("new goal"),
        N_("New goal: a model writes a plan for it, which you look at, change and start."),
    ),
    KeyHelp("home.attach", "a", "a", N_("watch"), N_("Watch a run that is on, and act on it.")),
    KeyHelp(
        "home.resume",
        "r",
        "r",
        N_("go on"),
        N_("Go on with a run, or retry what failed; says first what it does."),
    ),
    KeyHelp("home.replay", "R", "R", N_("replay"), N_("Replay: what happened, as it happened.")),
    KeyHelp(
        "home.compare",
        "c",
        "c",
        N_("compare"),
        N_("Compare the two marked runs: slower, dearer, failed anew, fixed."),
    ),
    KeyHelp("home.stop", "x", "x", N_("stop…"), N_("Stop a run that is on; asks first.")),
    KeyHelp("list.mark", "space", "space", N_("mark"), N_("Mark a run, or take the mark away.")),
    KeyHelp(
        "list.sort", "s", "s", N_("sort"), N_("Next order: running first, newest, longest, dearest, largest.")
    ),
    KeyHelp(
        "list.filter",
        "slash",
        "/",
        N_("filter"),
        N_("Filter: text of a plan, folder or id, s:failed, !x for not x."),
    ),
    KeyHelp("move.panel", "tab", "tab", N_("next list"), N_("To the other list: runs, plans.")),
    KeyHelp("go.back", "escape", "esc", N_("back"), N_("Take the filter away.")),
    KeyHelp("go.help", "question_mark", "?", N_("keys"), N_("Keys of this screen.")),
    KeyHelp("screen.theme", "T", "T", N_("theme"), N_("Next colour theme.")),
    KeyHelp("run.leave", "q,ctrl+c", "q", N_("leave"), N_("Leave; what runs goes on.")),
)
KEPT_PAGE: Keys = (
    KeyHelp("go.back", "escape", "esc", N_("back"), N_("Up one level.")),
    KeyHelp("home.resume", "r", "r", N_("go on"), HOME[3].does),
    KeyHelp("home.replay", "R", "R", N_("replay"), HOME[4].does),
    KeyHelp("go.help", "question_mark", "?", N_("keys"), N_("Keys of this screen.")),
    KeyHelp("run.leave", "q,ctrl+c", "q", N_("leave"), N_("Up one level.")),
)
