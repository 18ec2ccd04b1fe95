"""A plan that is written loads as the same plan, whatever it holds."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage.made_plans import FILES, plans

from luna_tui.core.plan import Expectation, Plan, Subtask, Wave
from luna_tui.storage.plan_writing import plan_toml
from luna_tui.storage.plans import load_plan


def filled_folder(tmp_path: Path) -> Path:
    folder = (tmp_path / "work").resolve()
    folder.mkdir(exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def loaded(path: Path, text: str) -> Plan:
    path.write_text(text, encoding="utf-8", newline="")
    return replace(load_plan(path), source="")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_written_loads_as_the_same(tmp_path: Path, data: st.DataObject) -> None:
    plan = data.draw(plans(filled_folder(tmp_path)))
    assert loaded(tmp_path / "plan.toml", plan_toml(plan)) == plan


def test_every_field_of_a_subtask_has_another_value_in_some_plan(tmp_path: Path) -> None:
    """So that the property above speaks of them all."""
    names = {kind.__name__: [f.name for f in fields(kind)] for kind in (Subtask, Expectation)}
    seen: dict[str, set[object]] = {name: set() for each in names.values() for name in each}

    @settings(max_examples=80, deadline=None, database=None, derandomize=True)
    @given(plans(filled_folder(tmp_path)))
    def look(plan: Plan) -> None:
        for subtask in plan.subtasks():
            for part in filter(None, (subtask, subtask.expect)):
                for name in names[type(part).__name__]:
                    seen[name].add(getattr(part, name))

    look()
    assert [name for name, values in seen.items() if len(values) < 2] == []


def test_what_all_share_is_written_once(tmp_path: Path) -> None:
    subtasks = tuple(Subtask(id=f"s{n}", title=f"s{n}", prompt="x", model="m") for n in range(3))
    plan = Plan(name="p", waves=(Wave(name="w", subtasks=subtasks),), workspace=str(tmp_path))
    text = plan_toml(plan, workspace=".")
    assert text == (
        '[plan]\nname = "p"\nworkspace = "."\n\n'
        '[defaults]\ntimeout = 60.0\nretries = 2\nmodel = "m"\nmax_tokens = 1024\n\n'
        '[[wave]]\nname = "w"\ntimeout = 120.0\n\n'
        + "\n".join(f'[[wave.subtask]]\nid = "s{n}"\nprompt = "x"\n' for n in range(3))
    )
    assert loaded(tmp_path / "plan.toml", text) == plan


def test_a_long_prompt_stands_in_lines_and_line_ends_are_kept(tmp_path: Path) -> None:
    for prompt in ("first\nsecond\n", "first\r\nsecond\r"):
        subtask = Subtask(id="a", title="a", prompt=prompt, model="m")
        plan = Plan(name="p", waves=(Wave(name="w", subtasks=(subtask,)),), workspace=str(tmp_path))
        text = plan_toml(plan)
        assert ("first\nsecond\n" in text) is ("\r" not in prompt)
        assert loaded(tmp_path / "plan.toml", text) == plan
