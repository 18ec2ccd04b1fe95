"""Keys that change the plan before it starts; the file it came from stays as it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import LunaError
from luna_tui.core.plan import Wave
from luna_tui.core.plan_editing import (
    MOST_WORKERS,
    Edited,
    Edition,
    moved,
    next_model,
    switched,
    wave_moved,
    with_model,
    with_workers,
)
from luna_tui.core.prices import price_of
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import Kind
from luna_tui.tui.aside import aside
from luna_tui.tui.screens.asking import Asking, Question
from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.views.asking import Said
from luna_tui.tui.views.plan_edition import WAVE

if TYPE_CHECKING:
    from luna_tui.tui.preflight_app import PreflightApp

_MOST_NAMED = 5


class PlanEdits(LunaScreen):
    """Acts on the wave or the subtask under the cursor."""

    @property
    def about(self) -> PreflightApp:
        """The app, which knows the plan and the terms."""
        return cast("PreflightApp", self.app)

    def under_cursor(self) -> str:
        """Key of the entry under the cursor."""
        raise NotImplementedError

    def show_edited(self, key: str) -> None:
        """Show the plan as it is now, with the cursor on this entry."""
        raise NotImplementedError

    def action_skip(self) -> None:
        """Leave out, or take in again."""
        before, ids = self.about.editing.now, self._ids()
        if self._take(switched(before, ids)):
            self._say_switched(before, self.about.editing.now, ids)

    def action_model(self) -> None:
        """Next model of what is under the cursor."""
        self._next_model(self._ids())

    def action_model_all(self) -> None:
        """Next model of all."""
        self._next_model(tuple(s.id for s in self.about.editing.now.plan.subtasks()))

    def action_later(self) -> None:
        """Move it to a later place."""
        self._move_it(1)

    def action_earlier(self) -> None:
        """Move it to an earlier place."""
        self._move_it(-1)

    def action_undo(self) -> None:
        """Take the last change of the plan back."""
        if self.about.editing.undo():
            self.about.edited()
            self.show_edited(self.under_cursor())
        else:
            self.about.say(_("There is nothing to take back."))

    def action_wave_workers(self) -> None:
        """Let the number of workers of the wave be typed."""
        wave = self._wave()
        now = "" if wave.max_workers is None else str(wave.max_workers)
        label = _("workers of {wave}").format(wave=clean_line(wave.name))
        self.app.push_screen(Asking(Question("workers", label, now, _judged)), self._staff)

    def action_file(self) -> None:
        """Let a path be typed, and write the plan there."""
        keeper, plan = self.about.keeper, self.about.editing.now.left()
        if keeper is None:
            self.about.say(_("No file can be written from here."))
            return

        def ask(suggested: str) -> None:
            self.app.push_screen(Asking(Question("plan", _("write to"), suggested)), self._write)

        aside(self.about, partial(keeper.suggest, plan), ask, self._refused)

    def _write(self, path: str | None) -> None:
        keeper, now = self.about.keeper, self.about.editing.now
        if not path or keeper is None:
            return

        def written(where: str) -> None:
            self.about.kept = now
            self.about.say(_("The plan is in {path}.").format(path=clean_line(where)))

        aside(self.about, partial(keeper.write, path, now.left()), written, self._refused)

    def _refused(self, error: LunaError) -> None:
        why, hint = clean_line(error.message), clean_line(error.hint)
        self.about.say(_("Not written. {why}; {hint}.").format(why=why, hint=hint))

    def _staff(self, typed: str | None) -> None:
        if typed is not None:
            most = int(typed) if typed else None
            self._take(with_workers(self.about.editing.now, self._wave().name, most))

    def _next_model(self, ids: tuple[str, ...]) -> None:
        now, models = self.about.editing.now, self.about.models
        first = next((s for s in now.plan.subtasks() if s.id in ids and s.kind is Kind.CLAUDE), None)
        if first is None or not models:
            self.about.say(_("It asks no model.") if first is None else _("No price of a model is known."))
            return
        model = next_model(models, first.model)
        if self._take(with_model(now, ids, model)):
            price = price_of(self.about.survey.prices, model)
            text = _("{model}: the price is not known")
            if price is not None:
                text = _("{model}: ${taken:g} in, ${given:g} out, a million tokens")
            taken, given = (price.input, price.output) if price is not None else (0.0, 0.0)
            self.about.say(text.format(model=clean_line(model), taken=taken, given=given))

    def _move_it(self, by: int) -> None:
        now, key = self.about.editing.now, self.under_cursor()
        if key.startswith(WAVE):
            self._take(wave_moved(now, key.removeprefix(WAVE), by))
        else:
            self._take(moved(now, key, by))

    def _take(self, edited: Edited) -> bool:
        """Use a change, or say why it cannot be."""
        if isinstance(edited, str):
            self.about.say(edited)
            return False
        key = self.under_cursor()
        self.about.editing.take(edited)
        self.about.edited()
        self.show_edited(key)
        return True

    def _say_switched(self, before: Edition, now: Edition, asked: tuple[str, ...]) -> None:
        """What went with it."""
        out = len(now.off) > len(before.off)
        more = [s.id for s in now.plan.subtasks() if s.id in (before.off ^ now.off) and s.id not in asked]
        if not more:
            return
        names = ", ".join(more[:_MOST_NAMED])
        if len(more) > _MOST_NAMED:
            names += _(" and {n} more").format(n=len(more) - _MOST_NAMED)
        text = _n("taken in again with it: {names}", "taken in again with it: {names}", len(more))
        if out:
            text = _n(
                "left out with it, since it needs it: {names}",
                "left out with it, since they need it: {names}",
                len(more),
            )
        self.about.say(text.format(names=names))

    def _ids(self) -> tuple[str, ...]:
        key = self.under_cursor()
        return tuple(s.id for s in self._wave().subtasks) if key.startswith(WAVE) else (key,)

    def _wave(self) -> Wave:
        key = self.under_cursor()
        for wave in self.about.editing.now.plan.waves:
            if key == WAVE + wave.name or any(s.id == key for s in wave.subtasks):
                return wave
        raise LookupError(key)


def _judged(text: str) -> Said:
    """What a number of workers as typed would mean."""
    if not text.strip():
        return Said(_("as many as the run has"))
    if text.strip().isdecimal() and 1 <= int(text) <= MOST_WORKERS:
        return Said("")
    return Said(_("a number from 1 to {n}").format(n=f"{MOST_WORKERS:,}"), wrong=True)
