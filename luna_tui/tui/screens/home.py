"""The home screen: what was run, what can be, and the way to each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from luna_tui.core.clean import clean_line
from luna_tui.core.comparison import Comparison
from luna_tui.core.errors import LunaError
from luna_tui.core.home import PlanningPrice, Verb, Wish
from luna_tui.core.run_summary import KeptStatus, PlanSummary, RunSummary, short_names
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _
from luna_tui.tui.aside import aside
from luna_tui.tui.screens.asking import Asking, Question
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.boxes.ask import AskBox as AskBox
from luna_tui.tui.screens.compare import ComparePage
from luna_tui.tui.screens.kept_report import KeptReport
from luna_tui.tui.screens.listing import ListScreen
from luna_tui.tui.views.asking import Said
from luna_tui.tui.views.frame import first_shown
from luna_tui.tui.views.home import DEMO, PLAN, RUN, HomeLook, home_view, passes, rooms, usable
from luna_tui.tui.views.home_detail import can_replay, go_on_box, goal_said, goes_on, stop_run_box
from luna_tui.tui.views.keys import SCREEN_KEYS

if TYPE_CHECKING:
    from luna_tui.tui.home_app import HomeApp


class HomeScreen(ListScreen):
    """Runs above, plans below; rows keep their place while one looks."""

    KEYS = SCREEN_KEYS["home"]
    BINDINGS = bindings(KEYS)

    def __init__(self) -> None:
        super().__init__()
        self._firsts = (0, 0)

    @property
    def about(self) -> HomeApp:
        """The app."""
        return cast("HomeApp", self.app)

    def entries(self) -> list[str]:
        """Keys of runs, plans and the demo."""
        return self._look().keys()

    def draw(self) -> None:
        """The cursor stays on its entry, and what is above and below it in its place."""
        about, look = self.about, self._look()
        self.selected = about.place.selected
        entries = look.keys()
        at = self._place(entries)
        self.selected = about.place.selected = entries[at]
        looks = self.looks(selected=self.selected, order=about.place.order)
        upper, lower = rooms(look, looks)
        count = len(look.runs)
        runs, plans = self._firsts
        runs = first_shown(count, at if at < count else runs, runs, upper)
        plans = first_shown(len(entries) - count, max(0, at - count), plans, lower)
        self._firsts = (runs, plans)
        keys = usable(self.KEYS, about.source.offered)
        self._body.show(home_view(look, looks, self._firsts, keys), about.palette)

    def picked(self, key: str) -> None:
        """Clicking only selects."""
        self.about.place.selected = key
        self.draw()

    def room(self) -> int:
        """Runs that fit."""
        return rooms(self._look(), self.looks())[0]

    def action_open(self) -> None:
        """What suits what is under the cursor."""
        run, plan = self._run(), self._plan()
        if plan is not None:
            self._start(plan)
        elif run is None:
            self.about.wish(Wish(Verb.DEMO)) if self.selected == DEMO else None
        elif run.status is KeptStatus.RUNNING and Verb.ATTACH in self.about.source.offered:
            self.action_attach()
        elif run.resumable:
            self._ask(run, pages=True)
        else:
            self._report(run)

    def action_goal(self) -> None:
        """Let a goal be typed; says what it may cost to have it planned."""
        if Verb.PLAN not in self.about.source.offered:
            return

        def ask(price: PlanningPrice) -> None:
            question = Question("goal", _("goal"), says=partial(goal_said, price))
            self.app.push_screen(Asking(question), self._plan_goal)

        self._aside(self.about.source.planning_price, ask)

    def _plan_goal(self, goal: str | None) -> None:
        if goal:
            self.about.wish(Wish(Verb.PLAN, goal))

    def action_attach(self) -> None:
        """Watch the run under the cursor."""
        run = self._run()
        if Verb.ATTACH not in self.about.source.offered:
            return
        if run is None or run.status is not KeptStatus.RUNNING:
            self.about.say(_("Only a run that is on can be watched."))
        else:
            self.about.wish(Wish(Verb.ATTACH, run.run))

    def action_resume(self) -> None:
        """Go on with the run under the cursor; asks first."""
        run = self._run()
        if run is None:
            self.about.say(_("There is no run under the cursor."))
        elif goes_on(run, self.about.source.offered) is not None:
            self._ask(run, pages=False)
        elif run.status is KeptStatus.RUNNING:
            self.about.say(_("It is running."))
        else:
            self.about.say(_("There is nothing left to do in this run."))

    def action_replay(self) -> None:
        """Replay the run under the cursor."""
        run = self._run()
        if run is not None and can_replay(run, self.about.source.offered):
            self.about.wish(Wish(Verb.REPLAY, run.run))

    def action_stop(self) -> None:
        """Stop the run under the cursor; asks first."""
        run = self._run()
        if Verb.CANCEL not in self.about.source.offered:
            return
        if run is None or run.status is not KeptStatus.RUNNING:
            self.about.say(_("Only a run that is on can be stopped."))
            return
        takes = {key: partial(self._stop, run.run, now=key == "X") for key in "xX"}
        self.app.push_screen(AskBox(stop_run_box(run, self._short(run)), takes))

    def action_compare(self) -> None:
        """Compare the two marked runs, or the marked one with that under the cursor; the older one first."""
        marked = [r for r in self._every() if r.run in self.luna.viewing.marked]
        under = self._run()
        if len(marked) == 1 and under is not None and under not in marked:
            marked.append(under)
        if len(marked) != 2:
            self.about.say(_("Mark two runs with space, then compare them."))
            return
        before, after = sorted(marked, key=lambda r: (r.began, r.run))
        names = short_names(r.run for r in self._every())
        shown = (names[before.run], names[after.run])

        def open_page(found: Comparison) -> None:
            self.app.push_screen(ComparePage(found, shown))

        self._aside(lambda: self.about.source.compare(before.run, after.run), open_page)

    def action_mark(self) -> None:
        """Mark the run under the cursor, or take its mark away; then go on to the next entry."""
        run = self._run()
        if run is not None:
            self.luna.viewing.mark(run.run)
        self._move(1)

    def action_sort(self) -> None:
        """Next order."""
        self.about.sort(self.about.place.order + 1)
        self.draw()

    def action_filter(self) -> None:
        """Let a filter be typed."""
        every = self._every()

        def says(text: str) -> Said:
            count = sum(passes(r, text) for r in every)
            return Said(_("{n} of {m} match").format(n=count, m=len(every)))

        self.app.push_screen(Asking(Question("runs", "/", self.luna.viewing.filter, says)), self._filter)

    def action_back(self) -> None:
        """Take the filter away."""
        self._filter("")

    def action_panel(self) -> None:
        """To the other list."""
        look = self._look()
        first_plan = look.keys()[len(look.runs)]
        on_runs = (self.selected or "").startswith(RUN)
        self.about.place.selected = (
            first_plan if on_runs or not look.runs else RUN + look.runs[self._firsts[0]].run
        )
        self.draw()

    def action_leave(self) -> None:
        """Leave the program."""
        self.about.exit(None)

    def _move(self, by: int) -> None:
        entries = self.entries()
        self.selected = self.about.place.selected
        at = max(0, min(len(entries) - 1, self._place(entries) + by))
        self._at = at
        self.about.place.selected = entries[at]
        self.draw()

    def _filter(self, text: str | None) -> None:
        if text is not None:
            self.luna.viewing.filter = text
            self.draw()

    def _look(self) -> HomeLook:
        about = self.about
        text = self.luna.viewing.filter
        return HomeLook(
            contents=about.place.contents,
            runs=tuple(r for r in about.runs() if passes(r, text)),
            now=about.source.now(),
            folder=about.source.folder,
            home=about.source.home,
            offered=about.source.offered,
        )

    def _every(self) -> tuple[RunSummary, ...]:
        contents = self.about.place.contents
        return contents.runs if contents is not None else ()

    def _run(self) -> RunSummary | None:
        return next((r for r in self._every() if RUN + r.run == self.selected), None)

    def _plan(self) -> PlanSummary | None:
        return next((p for p in self._look().plans if PLAN + p.path == self.selected), None)

    def _short(self, run: RunSummary) -> str:
        return short_names(r.run for r in self._every())[run.run]

    def _start(self, plan: PlanSummary) -> None:
        if plan.problems:
            self.about.say(_("It cannot be run: {why}").format(why=clean_line(plan.problems[0])))
        else:
            self.about.wish(Wish(Verb.RUN, plan.path))

    def _ask(self, run: RunSummary, *, pages: bool) -> None:
        """What to do with a run that is not on."""
        offered = self.about.source.offered
        verb = goes_on(run, offered)
        takes: dict[str, Callable[[], object]] = {"o": lambda: self._report(run)}
        if verb is not None:
            takes["r"] = lambda: self.about.wish(Wish(verb, run.run))
        if can_replay(run, offered):
            takes["R"] = lambda: self.about.wish(Wish(Verb.REPLAY, run.run))
        self.app.push_screen(AskBox(go_on_box(run, self._short(run), offered, pages=pages), takes))

    def _report(self, run: RunSummary) -> None:
        if run.status is KeptStatus.UNREADABLE:
            self.about.say(clean_line("; ".join(run.wrong)) or _("There is nothing to show."))
            return

        def open_page(state: RunState) -> None:
            self.app.push_screen(KeptReport(state, run))

        self._aside(lambda: self.about.source.state(run.run), open_page)

    def _stop(self, run: str, *, now: bool) -> None:
        self.about.say(_("Asked to stop."))
        stop = partial(self.about.source.stop, run, now=now)
        self._aside(stop, lambda said: self.about.say(clean_line(said)))

    def _aside(self, work: Callable[[], object], then: Callable[..., object]) -> None:
        def failed(error: LunaError) -> None:
            self.about.say(clean_line(f"{error.title}: {error.message}"))

        aside(self.about, work, then, failed)
