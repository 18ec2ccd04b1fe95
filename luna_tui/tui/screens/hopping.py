"""Keys about problems that every screen of a run has: the next, the previous, and not a problem."""

from __future__ import annotations

from luna_tui.core.problem_facts import Problem
from luna_tui.core.problems import next_problem, of_subtask, problems, shown
from luna_tui.core.tongue import _
from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.views.trouble import in_one_line


class ProblemSteps(LunaScreen):
    """A screen that knows which subtasks are under its cursor."""

    _hopped: str | None = None
    """Key of the problem gone to last: where it is not in sight, the next step begins there."""

    def under_cursor(self) -> tuple[str, ...]:
        """Ids of the subtasks under the cursor; several when it is on a group."""
        return ()

    def found_problems(self) -> tuple[Problem, ...]:
        """Those that were not said to be none, the most urgent first."""
        return shown(problems(*self.luna.state_now()), self.luna.viewing.dismissed)

    def go_to_problem(self, problem: Problem) -> None:
        """Put the cursor on it."""
        self.picked(problem.subtasks[0])

    def problem_here(self) -> Problem | None:
        """The problem that the cursor is on; None when it is on none."""
        found = self.found_problems()
        for subtask in self.under_cursor():
            if problem := of_subtask(found, subtask):
                return problem
        return None

    def action_next_problem(self) -> None:
        """To the next problem."""
        self._hop(1)

    def action_previous_problem(self) -> None:
        """To the problem before."""
        self._hop(-1)

    def action_not_a_problem(self) -> None:
        """Do not show it as a problem until it changes."""
        problem = self.problem_here()
        if problem is None:
            self.luna.say(_("There is no problem under the cursor."))
            return
        self.luna.viewing.dismissed[problem.key] = problem.fingerprint
        self.luna.say(_("Not a problem, until it changes. The list of problems (!) shows it with c."))

    def _hop(self, step: int) -> None:
        found = tuple(p for p in self.found_problems() if p.subtasks)
        here = self.problem_here()
        problem = next_problem(found, here.key if here is not None else self._hopped, step)
        if problem is None:
            self.luna.say(_("No subtask has a problem."))
            return
        self._hopped = problem.key
        self.go_to_problem(problem)
        state, now_s = self.luna.state_now()
        self.luna.say(in_one_line(state, problem, now_s, self.app.size.width, self.glyphs))
