"""A plan that was changed on the screen is as valid as before: what is written of it loads as the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage.made_plans import plans
from storage.test_plan_writing import filled_folder, loaded

from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.plan_editing import (
    Edited,
    Editing,
    Edition,
    moved,
    next_model,
    switched,
    wave_moved,
    with_model,
    with_workers,
)
from luna_tui.core.rules import Rules
from luna_tui.core.words import Kind
from luna_tui.runners.tools.base import Place, ToolError
from luna_tui.session.tooling import make_toolbox
from luna_tui.storage.plan_writing import plan_toml
from luna_tui.storage.plans import load_plan
from luna_tui.storage.run_meta import Decided, meta_content

Edit = Callable[[Edition], Edited]


def ask(id: str, *needs: str, model: str = "m") -> Subtask:
    return Subtask(id=id, title=id, prompt="x", model=model, depends_on=needs)


def edition(*waves: tuple[Subtask, ...]) -> Edition:
    named = tuple(Wave(name=f"w{n}", subtasks=w) for n, w in enumerate(waves, 1))
    return Edition(Plan(name="p", waves=named, workspace="/"))


def done(edited: Edited) -> Edition:
    assert isinstance(edited, Edition), edited
    return edited


def ids(found: Edition) -> list[list[str]]:
    return [[s.id for s in w.subtasks] for w in found.plan.waves]


@st.composite
def an_edit(draw: st.DrawFn, now: Edition) -> Edited:
    """Any one change of any part."""
    subtasks = [s.id for s in now.plan.subtasks()]
    waves = [w.name for w in now.plan.waves]
    some = draw(st.lists(st.sampled_from(subtasks), min_size=1, unique=True))
    by = draw(st.sampled_from((-1, 1)))
    edits: list[Edit] = [
        lambda e: switched(e, some),
        lambda e: with_model(e, some, "claude-opus-5-5"),
        lambda e: with_workers(e, draw(st.sampled_from(waves)), draw(st.none() | st.integers(1, 10_000))),
        lambda e: moved(e, some[0], by),
        lambda e: wave_moved(e, draw(st.sampled_from(waves)), by),
    ]
    return draw(st.sampled_from(edits))(now)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_changed_loads_as_it_would_run(tmp_path: Path, data: st.DataObject) -> None:
    editing = Editing(data.draw(plans(filled_folder(tmp_path))))
    before, taken = editing.now, 0
    for _ in range(data.draw(st.integers(1, 6))):
        edited = data.draw(an_edit(editing.now))
        if isinstance(edited, str):
            assert edited
        else:
            taken += edited != editing.now
            editing.take(edited)
        left = editing.now.left()
        assert loaded(tmp_path / "plan.toml", plan_toml(left)) == left
        assert {s.id for s in editing.now.plan.subtasks()} == {s.id for s in before.plan.subtasks()}
    for _ in range(taken):
        assert editing.undo()
    assert not editing.undo()
    assert editing.now == before


def test_what_needs_a_subtask_goes_with_it_and_comes_back_with_it() -> None:
    chain = edition((ask("a"), ask("b")), (ask("c", "a"), ask("d", "b")), (ask("e", "c"),))
    out = done(switched(chain, ["a"]))
    assert out.off == {"a", "c", "e"}
    assert [s.id for s in out.left().subtasks()] == ["b", "d"]
    assert [w.name for w in out.left().waves] == ["w1", "w2"]
    assert done(switched(out, ["a"])).off == frozenset()


def test_what_it_needs_comes_back_too_and_nothing_that_lacks_something() -> None:
    joined = edition((ask("a"), ask("b")), (ask("c", "a", "b"), ask("d")))
    out = done(switched(joined, ["a", "b"]))
    assert out.off == {"a", "b", "c"}
    assert done(switched(out, ["a"])).off == {"b", "c"}
    assert done(switched(out, ["c"])).off == frozenset()


def test_a_plan_is_never_left_with_nothing_to_do() -> None:
    assert switched(edition((ask("a"),), (ask("b", "a"),)), ["a"]) == "Something has to be left to do."


def test_a_subtask_moves_within_its_wave_and_over_its_edge() -> None:
    two = edition((ask("a"), ask("b")), (ask("c"),))
    assert ids(done(moved(two, "a", 1))) == [["b", "a"], ["c"]]
    assert ids(done(moved(two, "b", 1))) == [["a"], ["b", "c"]]
    assert ids(done(moved(two, "c", -1))) == [["a", "b", "c"]]
    assert moved(two, "a", -1) == "It is the first already."
    assert moved(two, "c", 1) == "It is the last already."


def test_a_subtask_does_not_pass_what_it_needs_or_what_needs_it() -> None:
    needing = edition((ask("z"),), (ask("b", "a"), ask("a")), (ask("c"),))
    assert moved(needing, "b", -1) == "b needs a, so it cannot run in an earlier wave."
    assert moved(needing, "a", 1) == "b needs a, so it cannot run in a later wave."


def test_waves_change_places_unless_one_needs_the_other() -> None:
    free = edition((ask("a"),), (ask("b"),), (ask("c", "b"),))
    assert ids(done(wave_moved(free, "w1", 1))) == [["b"], ["a"], ["c"]]
    assert wave_moved(free, "w2", 1) == "c needs b, so its wave stays behind."
    assert wave_moved(free, "w3", -1) == "c needs b, so its wave stays behind."
    assert wave_moved(free, "w1", -1) == "It is the first already."


def test_only_what_asks_a_model_gets_another_one() -> None:
    mixed = edition((ask("a"), replace(ask("b"), kind=Kind.COMMAND, command=("true",))))
    changed = done(with_model(mixed, ["a", "b"], "n"))
    assert [s.model for s in changed.plan.subtasks()] == ["n", "m"]
    assert with_model(mixed, ["b"], "n") == "It asks no model."


@pytest.mark.parametrize(("now", "then"), [("a", "b"), ("c", "a"), ("other", "a")])
def test_models_come_one_after_the_other(now: str, then: str) -> None:
    assert next_model(("a", "b", "c"), now) == then
    assert next_model((), now) == now


def test_a_change_and_its_reverse_leave_the_plan_unchanged() -> None:
    editing = Editing(edition((ask("a"), ask("b"))).plan)
    editing.take(done(switched(editing.now, ["a"])))
    assert editing.changed
    editing.take(done(switched(editing.now, ["a"])))
    assert not editing.changed
    assert editing.undo()
    assert editing.now.off == {"a"}


def test_the_file_of_a_plan_that_was_changed_is_still_not_for_its_agents(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(
        '[plan]\nname = "p"\n[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "a"\nprompt = "x"\n'
        'tools = ["write_file"]\n'
    )
    changed = Edition(load_plan(file)).left()
    assert (changed.source, changed.files) == ("", (str(file),))
    kept = json.loads(meta_content("r", changed, b"", Decided(), version="0", started_at="now"))
    assert (kept["plan"], kept["changed_from"]) == ("", str(file))
    tool = make_toolbox(changed, Rules()).makes["write_file"]()
    place = Place(subtask="a", workspace=str(tmp_path), own=True, writable=True)
    with pytest.raises(ToolError, match="it belongs to the run"):
        tool.describe({"path": "plan.toml", "content": ""}, place)
