"""The plan before any money is spent: look, change the terms, start it or leave."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from textual.app import ComposeResult

from luna_tui.core.limits import caps, worker_rule
from luna_tui.core.preflight import Preflight, Terms, preflight
from luna_tui.core.tongue import _
from luna_tui.core.words import Mode, Staffing
from luna_tui.tui.screens.asking import Asking, Question
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.pages import PageScreen
from luna_tui.tui.screens.plan_edits import PlanEdits
from luna_tui.tui.screens.subtask_text import SubtaskText
from luna_tui.tui.views.asking import Said
from luna_tui.tui.views.frame import first_shown
from luna_tui.tui.views.help import help_lines
from luna_tui.tui.views.keymap import keys_shown
from luna_tui.tui.views.keys import MODE_ORDER, SCREEN_KEYS
from luna_tui.tui.views.plan_edition import WAVE, waves_tree
from luna_tui.tui.views.preflight import Scene, preflight_view, room
from luna_tui.tui.views.spans import Line
from luna_tui.tui.views.text import money
from luna_tui.tui.views.tree import Tree
from luna_tui.tui.widgets.lines_panel import LinesPanel

MOST_WORKERS = 10_000
MOST_USD = 100_000.0


class PreflightScreen(PlanEdits):
    """Waves with what they will take; nothing is created before enter."""

    KEYS = SCREEN_KEYS["preflight"]
    BINDINGS = bindings(KEYS)

    def __init__(self) -> None:
        super().__init__()
        self._body = LinesPanel("preflight")
        self._opened: set[str] = set()
        self._tree: Tree | None = None
        self._found: Preflight | None = None
        self._at = 0
        self._first = 0

    def compose(self) -> ComposeResult:
        """One panel."""
        yield self._body

    def scene(self) -> Scene:
        """What is looked at; worked out again only when the terms changed."""
        about = self.about
        if self._found is None:
            self._found = preflight(about.survey, self.terms())
        if self._tree is None:
            self._tree = waves_tree(about.editing.now.plan, frozenset(self._opened))
        return Scene(
            edition=about.editing.now,
            changed=about.editing.changed,
            done=about.anew.done if about.anew is not None else frozenset(),
            survey=about.survey,
            found=self._found,
            tree=self._tree,
            missing=about.missing,
            provider=about.provider,
            sandbox=about.sandbox,
        )

    def terms(self) -> Terms:
        """The terms as they are chosen now."""
        about, choice = self.about, self.about.choice
        return Terms(
            tier=about.tier,
            mode=choice.mode,
            caps=caps(about.tiers[about.tier].limits, choice.mode),
            rule=worker_rule(choice.workers, about.tier, choice.mode, about.tiers),
            budget_usd=choice.budget_usd,
        )

    def draw(self) -> None:
        """Show the plan on these terms."""
        scene = self.scene()
        shown = room(scene, self.looks())
        self._at = max(0, min(len(scene.tree) - 1, self._at))
        self._first = first_shown(len(scene.tree), self._at, self._first, shown)
        selected = scene.tree[self._at] if len(scene.tree) else None
        self._body.show(
            preflight_view(scene, self.looks(selected=selected, scroll=self._first)), self.luna.palette
        )

    def picked(self, key: str) -> None:
        """Clicking only selects."""
        self._at = self.scene().tree.index(key)
        self.draw()

    def under_cursor(self) -> str:
        """Key of the wave or subtask under the cursor."""
        tree = self.scene().tree
        return tree[max(0, min(len(tree) - 1, self._at))]

    def show_edited(self, key: str) -> None:
        """Show it as it is now; a subtask that went into a closed wave opens it."""
        self._found = self._tree = None
        if not key.startswith(WAVE):
            waves = self.about.editing.now.plan.waves
            self._opened.add(next(w.name for w in waves if any(s.id == key for s in w.subtasks)))
        with suppress(ValueError):
            self._at = self.scene().tree.index(key)
        self.draw()

    def action_start(self) -> None:
        """Start on these terms, where that is possible; a subtask is opened."""
        key = self.under_cursor()
        if not key.startswith(WAVE):
            found = next(s for s in self.about.editing.now.plan.subtasks() if s.id == key)
            self.app.push_screen(SubtaskText(found))
        elif self.about.missing:
            self.about.say(self.about.missing)
        else:
            self.about.decide(self.about.choice)

    def action_dry_run(self) -> None:
        """The same plan, answered by the simulator."""
        self.about.decide(replace(self.about.choice, dry_run=True))

    def action_back(self) -> None:
        """Leave; nothing was started."""
        self.about.leave()

    def action_leave(self) -> None:
        """Leave; nothing was started."""
        self.about.leave()

    def action_mode(self) -> None:
        """Next mode."""
        mode = self.about.choice.mode
        following = MODE_ORDER[(MODE_ORDER.index(mode.value) + 1) % len(MODE_ORDER)]
        self._choose(mode=Mode(following))

    def action_staffing(self) -> None:
        """As the table gives, or as many as the limits can use."""
        table = self.about.choice.workers is Staffing.TABLE
        self._choose(workers=Staffing.AUTO if table else Staffing.TABLE)

    def action_more(self) -> None:
        """One worker more."""
        self._workers(1)

    def action_fewer(self) -> None:
        """One worker fewer."""
        self._workers(-1)

    def action_budget(self) -> None:
        """Let a number be typed."""
        now = self.about.choice.budget_usd
        question = Question("budget", "$", "" if now is None else f"{now:g}", _judged)
        self.app.push_screen(Asking(question), self._budgeted)

    def action_fold(self) -> None:
        """Show or hide the subtasks of the wave; on a subtask, hide its wave's."""
        name = self._wave().name
        self._open(name, name not in self._opened)

    def action_expand(self) -> None:
        """Show the subtasks of the wave."""
        self._open(self._wave().name, True)

    def action_close(self) -> None:
        """Hide the subtasks of the wave; the cursor goes to the wave."""
        self._open(self._wave().name, False)

    def action_down(self) -> None:
        """Cursor down."""
        self._move(1)

    def action_up(self) -> None:
        """Cursor up."""
        self._move(-1)

    def action_page_down(self) -> None:
        """A page down."""
        self._move(max(1, room(self.scene(), self.looks()) - 1))

    def action_page_up(self) -> None:
        """A page up."""
        self._move(-max(1, room(self.scene(), self.looks()) - 1))

    def action_first(self) -> None:
        """To the first wave."""
        self._move(-self._at)

    def action_last(self) -> None:
        """To the end."""
        self._move(len(self.scene().tree))

    def action_help(self) -> None:
        """Keys of this screen."""
        self.app.push_screen(PreflightHelp())

    def action_theme(self) -> None:
        """Next theme."""
        self.about.say(self.about.palettes.next())

    def _choose(self, *, mode: Mode | None = None, workers: int | Staffing | None = None) -> None:
        choice = self.about.choice
        self.about.choice = replace(
            choice,
            mode=choice.mode if mode is None else mode,
            workers=choice.workers if workers is None else workers,
        )
        self._found = None
        self.draw()

    def _workers(self, by: int) -> None:
        """Count from what is in force: the limits' number is what they can use."""
        scene = self.scene()
        rule = scene.found.terms.rule
        now = scene.found.total.useful if rule.automatic else rule.most
        self._choose(workers=max(1, min(MOST_WORKERS, now + by)))

    def _budgeted(self, typed: str | None) -> None:
        if typed is None:
            return
        self.about.choice = replace(self.about.choice, budget_usd=float(typed) if typed else None)
        self._found = None
        self.draw()

    def _open(self, name: str, opened: bool) -> None:
        if opened:
            self._opened.add(name)
        else:
            self._opened.discard(name)
        self._tree = None
        if not opened:
            self._at = self.scene().tree.index(WAVE + name)
        self.draw()

    def _move(self, by: int) -> None:
        self._at += by
        self.draw()


class PreflightHelp(PageScreen):
    """Keys of the preflight, and states."""

    KEYS = tuple(
        k
        for k in SCREEN_KEYS["help"]
        if k.id.startswith("move.") or k.id in ("go.back", "go.help", "run.leave")
    )
    BINDINGS = bindings(KEYS)

    def lines(self) -> list[Line]:
        """Keys, then states."""
        about = SCREEN_KEYS["preflight"]
        return help_lines(about, self.looks(), keys_shown(about, self.luna.settings.keymap))

    def action_help(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()

    def action_leave(self) -> None:
        """Up one level."""
        self.dismiss()


def _judged(text: str) -> Said:
    """What a budget as typed would mean."""
    if not text.strip():
        return Said(_("no budget"))
    try:
        usd = float(text)
    except ValueError:
        usd = -1.0
    if not 0.0 < usd <= MOST_USD:
        return Said(_("a number of USD above 0, at most 100,000"), wrong=True)
    return Said(money(usd))
