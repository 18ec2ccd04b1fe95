"""Every key: its binding id, its default keys, and what it does in one sentence; a table a screen."""

from __future__ import annotations

from luna_tui.core.tongue import N_
from luna_tui.tui.views.key_help import KeyHelp as KeyHelp
from luna_tui.tui.views.key_help import Keys as Keys
from luna_tui.tui.views.keys_outside import BEFORE, DIFFERENCE, EDIT, HOME, KEPT_PAGE, PLANNING, TREE

MOVE: Keys = (
    KeyHelp("move.down", "j,down", "j ↓", N_("down"), N_("Move the cursor; looking never changes the run.")),
    KeyHelp("move.up", "k,up", "k ↑", N_("up"), N_("Move back.")),
    KeyHelp("move.page_down", "pagedown", "pgdn", N_("page down"), N_("Move a page down.")),
    KeyHelp("move.page_up", "pageup", "pgup", N_("page up"), N_("Move a page up.")),
    KeyHelp("move.first", "g,home,H", "g", N_("first"), N_("Move to the beginning.")),
    KeyHelp("move.last", "G,end", "G", N_("last"), N_("Move to the end.")),
)
ACROSS: Keys = (
    KeyHelp("move.left", "left", "←", N_("left"), N_("Move to the left.")),
    KeyHelp("move.right", "right", "→", N_("right"), N_("Move to the right.")),
)
GO: Keys = (
    KeyHelp("go.back", "escape", "esc", N_("back"), N_("Up one level; never stops work.")),
    KeyHelp("go.help", "question_mark", "?", N_("keys"), N_("Keys of this screen.")),
    KeyHelp(
        "go.palette", "colon", ":", N_("commands"), N_("Commands by name, the same as on the command line.")
    ),
    KeyHelp(
        "go.asks", "a", "a", N_("answer"), N_("Needs me: what agents ask for, with all there is to see.")
    ),
    KeyHelp("go.problems", "exclamation_mark", "!", N_("problems"), N_("Problems, grouped by cause.")),
    KeyHelp("go.next_problem", "right_square_bracket", "]", N_("next"), N_("Go to the next problem.")),
    KeyHelp(
        "go.previous_problem", "left_square_bracket", "[", N_("previous"), N_("Go to the previous problem.")
    ),
    KeyHelp("go.timeline", "t", "t", N_("time"), N_("Timeline: what every worker did, and why it waited.")),
    KeyHelp("go.limits", "l", "l", N_("limits"), N_("Limits: used, reserved, cap, and what if.")),
    KeyHelp("go.events", "v", "v", N_("events"), N_("Events: the journal as it is written.")),
    KeyHelp("go.plan", "L", "L", N_("plan"), N_("Plan: all waves and subtasks as a tree.")),
    KeyHelp(
        "go.changes",
        "A",
        "A",
        N_("changes"),
        N_("Changes of agents: look at the difference, accept or drop it."),
    ),
    KeyHelp("go.report", "R", "R", N_("report"), N_("Report: what the run came to so far.")),
)
RUN: Keys = (
    KeyHelp(
        "run.pause", "p", "p", N_("pause"), N_("Pause admission, or go on; what is in flight ends by itself.")
    ),
    KeyHelp(
        "run.mode",
        "m",
        "m",
        N_("mode"),
        N_("Mode: how much of the limits may be used; shows the effect first."),
    ),
    KeyHelp("run.workers", "w", "w", N_("workers"), N_("Number of workers; shows the effect first.")),
    KeyHelp("run.budget", "b", "b", N_("budget"), N_("Budget in USD; shows the forecast first.")),
    KeyHelp("run.stop", "x,ctrl+c", "x", N_("stop…"), N_("Stop menu; nothing is stopped by opening it.")),
    KeyHelp("run.undo", "u", "u", N_("undo"), N_("Take the last action back, where that is possible.")),
    KeyHelp(
        "run.detach",
        "d",
        "d",
        N_("leave it running"),
        N_("Leave; the run goes on, and luna-tui attach comes back."),
    ),
    KeyHelp("run.leave", "q", "q", N_("leave"), N_("Leave; asks first when the run would end.")),
)
SELECTION: Keys = (
    KeyHelp("do.open", "enter", "enter", N_("open"), N_("Open what is under the cursor.")),
    KeyHelp("do.retry", "r", "r", N_("retry"), N_("Retry: shows how many and the price, then enter.")),
    KeyHelp("do.skip", "i", "i", N_("skip"), N_("Skip: shows what depends on it first.")),
    KeyHelp("do.edit", "e", "e", N_("edit prompt"), N_("Edit the prompt and retry; the old try is kept.")),
    KeyHelp("do.not_a_problem", "z", "z", N_("not a problem"), N_("Not a problem, until it changes.")),
)
TAKE: Keys = (
    KeyHelp(
        "take.line",
        "y",
        "y",
        N_("copy"),
        N_("Send this line to the terminal's clipboard, and keep it in a file."),
    ),
    KeyHelp("take.all", "Y", "Y", N_("copy all"), N_("The same with everything on this screen.")),
    KeyHelp("take.file", "o", "o", N_("to file"), N_("Write it to a file and show the path.")),
)
SCREEN: Keys = (
    KeyHelp("screen.plain", "P", "P", N_("plain text"), N_("Plain lines instead of the screen, and back.")),
    KeyHelp("screen.mouse", "M", "M", N_("mouse"), N_("Mouse on or off; off lets the terminal select text.")),
    KeyHelp("screen.theme", "T", "T", N_("theme"), N_("Next colour theme.")),
)
LIST: Keys = (
    KeyHelp(
        "list.mark",
        "space",
        "space",
        N_("mark"),
        N_("Mark, or take the mark away; keys then act on all marked."),
    ),
    KeyHelp("list.sort", "s", "s", N_("sort"), N_("Next order.")),
    KeyHelp(
        "list.filter",
        "slash",
        "/",
        N_("filter"),
        N_("Filter: text, s:failed, wave:2, why:itpm, !x for not x."),
    ),
)
FIND: Keys = (
    KeyHelp("text.find", "backslash", "\\", N_("find"), N_("Find in the text.")),
    KeyHelp("text.next", "n", "n", N_("next"), N_("Next place found.")),
    KeyHelp("text.previous", "N", "N", N_("previous"), N_("Previous place found.")),
    KeyHelp("text.follow", "f", "f", N_("follow"), N_("Follow the end, or stay.")),
)
GRID: Keys = (
    KeyHelp("grid.peek", "space", "space", N_("peek"), N_("Show or hide the stream beside the grid.")),
    KeyHelp(
        "grid.richer", "plus,equals_sign", "+", N_("richer"), N_("Fewer, richer entries; kept for this size.")
    ),
    KeyHelp("grid.denser", "minus", "-", N_("denser"), N_("More, shorter entries; kept for this size.")),
    KeyHelp("list.sort", "s", "s", N_("sort"), N_("Next order: worker, needs me, longest.")),
    KeyHelp(
        "list.filter",
        "slash",
        "/",
        N_("filter"),
        N_("Filter: text, s:failed, wave:2, why:itpm, !x for not x."),
    ),
    KeyHelp(
        "move.panel", "tab", "tab", N_("next panel"), N_("To the next panel: workers, attention, timeline.")
    ),
)
HIDDEN: Keys = (KeyHelp("list.all", "c", "c", N_("all"), N_("Show or hide what was said to be no problem.")),)
READ: Keys = (
    *MOVE[:2],
    KeyHelp("move.page_down", "pagedown", "pgdn", N_("read on"), N_("Scroll what is shown of it down.")),
    KeyHelp("move.page_up", "pageup", "pgup", N_("read back"), N_("Scroll it up.")),
    KeyHelp("move.first", "g,home,H", "g", N_("first"), N_("To its beginning.")),
    KeyHelp("move.last", "G,end", "G", N_("last"), N_("To its end.")),
    KeyHelp("do.open", "enter", "enter", N_("open"), N_("Open the subtask.")),
)
CHOICES: Keys = tuple(
    KeyHelp(f"ask.choice_{n}", str(n), str(n), N_("choice"), N_("Answer with the choice of this number."))
    for n in range(1, 10)
)
ANSWER: Keys = (
    KeyHelp("ask.allow", "y", "y", N_("allow once"), N_("Allow this use; to a question: type the answer.")),
    KeyHelp(
        "ask.allow_subtask",
        "s",
        "s",
        N_("for the subtask"),
        N_("Allow what the rule covers for the rest of the subtask."),
    ),
    KeyHelp(
        "ask.allow_run", "r", "r", N_("for the run"), N_("Allow what the rule covers for all, in this run.")
    ),
    KeyHelp(
        "ask.deny", "n", "n", N_("deny"), N_("Deny: type a reason that the agent reads, or none, then enter.")
    ),
    *CHOICES,
    KeyHelp("asks.mark", "space", "space", N_("mark"), N_("Mark requests, to answer all of them at once.")),
)
SETTLE: Keys = (
    KeyHelp(
        "changes.accept", "A", "A", N_("accept"), N_("Take the changes over into the workspace of the plan.")
    ),
    KeyHelp("changes.drop", "D", "D", N_("drop…"), N_("Throw the changes away; asks first.")),
)
ZOOM: Keys = (
    KeyHelp("time.zoom_in", "plus,equals_sign", "+", N_("zoom in"), N_("Less time in a cell.")),
    KeyHelp("time.zoom_out", "minus", "-", N_("zoom out"), N_("More time in a cell.")),
    KeyHelp("time.critical", "c", "c", N_("critical path"), N_("Only the lanes of the critical path.")),
    KeyHelp("time.now", "f,end", "f", N_("now"), N_("Go to now, and follow it.")),
    KeyHelp("time.begin", "home", "home", N_("begin"), N_("Go to the start of the run.")),
    KeyHelp("list.sort", "s", "s", N_("sort"), N_("Next order: worker, longest wait, needs me.")),
)
LANES: Keys = (
    *MOVE[:4],
    KeyHelp("move.first", "g,H", "g", N_("first"), N_("To the first lane.")),
    KeyHelp("move.last", "G", "G", N_("last"), N_("To the last lane.")),
    KeyHelp("move.left", "left", "←", N_("left"), N_("To the bar before; at the edge the past scrolls in.")),
    KeyHelp("move.right", "right", "→", N_("right"), N_("To the next bar of the lane.")),
)
TABS: Keys = tuple(
    KeyHelp(f"tab.tab_{n}", str(n), str(n), name, does)
    for n, name, does in (
        (1, N_("stream"), N_("What it says, as it says it.")),
        (2, N_("prompt"), N_("What it was asked.")),
        (3, N_("result"), N_("What it answered.")),
        (4, N_("tries"), N_("Its attempts, with times and costs.")),
        (5, N_("events"), N_("Its events.")),
    )
)
TAB_MOVES: Keys = (
    KeyHelp(
        "tab.next_tab",
        "tab,right",
        "tab",
        N_("next tab"),
        N_("Next tab: stream, prompt, result, tries, events."),
    ),
    KeyHelp("tab.previous_tab", "shift+tab,left", "←", N_("previous tab"), N_("Previous tab.")),
    KeyHelp(
        "tab.open_try",
        "enter",
        "enter",
        N_("read the try"),
        N_("On tries: read what the try under the cursor said."),
    ),
)
REPLAY: Keys = (
    KeyHelp("replay.play", "space", "space", N_("play"), N_("Play, or pause; from the end it begins anew.")),
    KeyHelp("replay.next_event", "full_stop", ".", N_("event"), N_("One event on; the replay pauses there.")),
    KeyHelp("replay.previous_event", "comma", ",", N_("event before"), N_("One event back.")),
    KeyHelp("replay.forward", "greater_than_sign", ">", "10 s", N_("10 seconds on.")),
    KeyHelp("replay.backward", "less_than_sign", "<", N_("10 s back"), N_("10 seconds back.")),
    KeyHelp(
        "replay.to_problem",
        "right_square_bracket",
        "]",
        N_("problem"),
        N_("To the next instant at which something went wrong or was held; pauses there."),
    ),
    KeyHelp(
        "replay.to_problem_before",
        "left_square_bracket",
        "[",
        N_("problem before"),
        N_("To the instant before at which something went wrong or was held."),
    ),
    KeyHelp(
        "replay.go_to",
        "g",
        "g",
        N_("go to"),
        N_("Go to a time: 1:23, 83, 50 %, or #812 for an event."),
    ),
    KeyHelp(
        "replay.faster", "right_curly_bracket", "}", N_("speed up"), N_("Twice as fast, up to 64 times.")
    ),
    KeyHelp("replay.slower", "left_curly_bracket", "{", N_("slow down"), N_("Half as fast.")),
    KeyHelp("replay.to_begin", "home", "home", N_("begin"), N_("To the beginning of the run.")),
    KeyHelp("replay.to_end", "end", "end", N_("end"), N_("To its end.")),
)
"""In force on every screen of a replay, before the keys of the screen."""
REPLAN: Keys = (
    KeyHelp(
        "do.replan", "N", "N", N_("plan anew"), N_("Plan anew what a run left undone: shows the price first.")
    ),
)
COMMON: Keys = GO + RUN + SCREEN + TAKE
ENDED: Keys = (
    KeyHelp(
        "go.replay", "R", "R", N_("replay"), N_("Play the run again from its beginning, when it is over.")
    ),
)

SCREEN_KEYS: dict[str, Keys] = {
    "run": MOVE + ACROSS + SELECTION + GRID + REPLAN + COMMON,
    "subtask": MOVE + TABS + TAB_MOVES + SELECTION[1:] + FIND + COMMON,
    "problems": MOVE + SELECTION + LIST + HIDDEN + COMMON,
    "timeline": LANES + SELECTION + ZOOM + COMMON,
    "asks": READ + ANSWER + tuple(k for k in COMMON if k.id != "take.line"),
    "changes": READ + SETTLE + tuple(k for k in COMMON if k.id != "go.changes"),
    "limits": MOVE + COMMON,
    "events": MOVE + SELECTION + LIST + FIND + COMMON,
    "plan": MOVE + TREE + SELECTION + LIST + COMMON,
    "preflight": MOVE + BEFORE + EDIT,
    "planning": PLANNING,
    "difference": MOVE + DIFFERENCE,
    "home": MOVE + HOME,
    "kept": MOVE + KEPT_PAGE,
    "report": MOVE + ENDED + REPLAN + tuple(k for k in COMMON if k.id != "go.report"),
    "help": MOVE + COMMON,
    "replay": REPLAY + tuple(k for k in COMMON if k.id in ("go.back", "go.help", "run.leave")),
}
"""Keys that are in force at the same time, a table a screen."""
ACTING = frozenset(
    {
        "run.pause", "run.mode", "run.workers", "run.budget", "run.stop", "run.undo", "run.detach",
        "do.retry", "do.skip", "do.edit",
    }
)  # fmt: skip
"""Actions that change a run, or leave one that goes on."""
MODE_ORDER = ("conservative", "balanced", "aggressive")
