"""Plans load, or everything that is wrong with them is told at once, with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luna_tui.core.errors import InvalidInput
from luna_tui.core.plan import Plan
from luna_tui.core.words import Kind, OnFailure
from luna_tui.storage.plans import load_plan
from luna_tui.storage.resources import resource

HEAD = '[plan]\nname = "p"\n'
WAVE = HEAD + '[[wave]]\nname = "w"\n'


def load(folder: Path, text: str, name: str = "plan.toml") -> Plan:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_plan(path)


def problems(folder: Path, text: str, name: str = "plan.toml") -> list[tuple[int, str]]:
    with pytest.raises(InvalidInput) as caught:
        load(folder, text, name)
    return [(p.line, f"{p.what} — {p.fix}") for p in caught.value.problems]


def test_the_whole_format_loads(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/faq.md").write_text("faq")
    text = """
[plan]
name = "nightly"
goal = "check"
on_failure = "stop"
[defaults]
model = "claude-haiku-5-5"
timeout = 30
[[wave]]
name = "scan"
[[wave.subtask]]
id = "scan"
prompt = "look"
[[wave]]
name = "extract"
parallel = false
timeout = 90
max_workers = 3
[[wave.subtask]]
id = "faq"
title = "Check"
prompt = "{{ files.0 }} {{ results.scan }}"
files = ["docs/faq.md"]
priority = "critical"
expect = { json = true, contains = "x", max_chars = 10 }
estimate = { input_tokens = 900, output_tokens = 300, seconds = 8 }
[[wave.subtask]]
id = "unit"
kind = "command"
command = ["{{ python.executable }}", "-V"]
env = { CI = "1" }
ok_codes = [0, 5]
"""
    plan = load(tmp_path, text)
    faq, unit = plan.waves[1].subtasks
    assert plan.on_failure is OnFailure.STOP
    assert faq.depends_on == ("scan",)
    assert faq.timeout == 30
    assert faq.expect is not None
    assert unit.kind is Kind.COMMAND
    assert unit.ok_codes == (0, 5)
    assert "{{" not in unit.command[0]
    assert (plan.waves[1].parallel, plan.waves[1].max_workers) == (False, 3)


def test_a_plan_without_waves_gets_levels(tmp_path: Path) -> None:
    text = HEAD + "".join(
        f'[[subtask]]\nid = "{i}"\nprompt = "x"\ndepends_on = {json.dumps(needs)}\n'
        for i, needs in (("c", ["b"]), ("a", []), ("b", ["a"]), ("free", []))
    )
    waves = load(tmp_path, text).waves
    assert [[s.id for s in w.subtasks] for w in waves] == [["a", "free"], ["b"], ["c"]]


def headed(line: str) -> str:
    return f'{HEAD}{line}\n[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "a"\nprompt = "x"\n'


def sub(body: str) -> str:
    return WAVE + f'[[wave.subtask]]\nid = "a"\n{body}\n'


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 0, "nothing to do"),
        (HEAD, 0, "nothing to do"),
        ('[plan]\n[[wave]]\nname="w"\n[[wave.subtask]]\nid="a"\nprompt="x"', 1, "needs a name"),
        (WAVE, 3, "has no subtasks"),
        (sub('promt = "x"'), 7, "did you mean prompt?"),
        (sub(""), 5, "needs a prompt"),
        (sub('prompt = "x"\ntimeout = "60"'), 8, "must be a number"),
        (sub('prompt = "x"\ntimeout = -1'), 8, "out of range"),
        (sub('prompt = "x"\ntimeout = nan'), 8, "out of range"),
        (sub('prompt = "x"\nretries = 1.5'), 8, "whole number"),
        (sub('prompt = "x"\npriority = "urgent"'), 8, "one of: critical"),
        (sub('prompt = "x"\nkind = "comand"'), 8, "did you mean command?"),
        (sub('prompt = "x"\ndepends_on = ["b"]'), 8, "does not exist"),
        (sub('prompt = "x"\ndepends_on = ["a"]'), 8, "depends on itself"),
        (sub('prompt = "{{ results.nope }}"'), 7, "does not exist"),
        (sub('prompt = "{{ file.0 }}"'), 7, "not known here"),
        (sub('prompt = "{{ files.0 }}"'), 7, "has no file"),
        (sub('prompt = "x"\nfiles = ["../../etc/passwd"]'), 8, "outside the workspace"),
        (sub('prompt = "x"\nfiles = ["missing.md"]'), 8, "does not exist"),
        (sub('prompt = "x"\ntools = ["read_file"]'), 8, "later version"),
        (sub('kind = "python"\ncallable = "a:b"'), 7, "later version"),
        (sub('kind = "command"\ncommand = "ls -l"'), 8, "list of words"),
        (sub('kind = "command"\ncommand = ["ls"]\nprompt = "x"'), 9, "does not belong"),
        (WAVE + '[[wave.map]]\nid = "x"', 5, "later version"),
        (WAVE + '[[wave.subtask]]\nid = "../x"\nprompt = "x"', 6, "is no id"),
        (headed('workspce = "."'), 3, "did you mean workspace?"),
        (headed('workspace = "/"'), 3, "too wide"),
        ("[plan\n", 1, "column"),
        ("[plan]\nname = “p”\n", 2, "straight quotes"),
        ("a: 1\n", 1, "YAML"),
        ("a." * 20_000 + "b = 1\n", 1, "dotted parts"),
        ("a = " + "[" * 100_000, 1, "nested deeper"),
        ("a = " + "9" * 100_000, 1, "digits"),
    ],
)  # fmt: skip
def test_each_mistake_is_located(tmp_path: Path, text: str, line: int, words: str) -> None:
    found = problems(tmp_path, text)
    assert any(at == line and words in what for at, what in found), found


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    text = WAVE + (
        '[[wave.subtask]]\nid = "a"\nprompt = "x"\nretrys = 1\n'
        '[[wave.subtask]]\nid = "a"\nprompt = ""\n'
        '[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "z"\nprompt = "x"\ndepends_on = ["y"]\n'
    )
    found = problems(tmp_path, text)
    assert [line for line, _ in found] == [8, 10, 11, 13, 17]
    assert "already used in line 6" in found[1][1]


def test_a_cycle_is_shown_as_a_path(tmp_path: Path) -> None:
    text = WAVE + "".join(
        f'[[wave.subtask]]\nid = "{i}"\nprompt = "x"\ndepends_on = ["{d}"]\n'
        for i, d in (("a", "b"), ("b", "c"), ("c", "a"))
    )
    assert "a -> b -> c -> a" in problems(tmp_path, text)[0][1]


def test_a_dependency_on_a_later_wave_is_refused(tmp_path: Path) -> None:
    text = sub('prompt = "x"\ndepends_on = ["late"]') + (
        '[[wave]]\nname = "v"\n[[wave.subtask]]\nid = "late"\nprompt = "x"\n'
    )
    assert "runs in a later wave" in problems(tmp_path, text)[0][1]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\x1f\x8b\x08", "gzip"),
        ("name".encode("utf-16"), "UTF-16"),
        (b'[plan]\nname = "\xe7\xe3o"', "UTF-8"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_what_is_no_text_is_recognised(tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(raw)
    with pytest.raises(InvalidInput) as caught:
        load_plan(path)
    assert words in str(caught.value)


def test_lunas_own_plan_loads(tmp_path: Path) -> None:
    luna = {
        "tarefa_original": "Organizar",
        "ondas": [
            {
                "numero": 1,
                "descricao": "Ler",
                "pode_executar_paralelo": True,
                "subtarefas": [
                    {
                        "id": "1.1",
                        "titulo": "Ler A",
                        "descricao": "leia",
                        "prioridade": "critica",
                        "dependencias": [],
                    },
                    {"id": "1.2", "titulo": "Ler B", "descricao": "leia", "dependencias": []},
                ],
            },
            {
                "descricao": "Somar",
                "subtarefas": [{"id": "2.1", "titulo": "Somar", "descricao": "some", "dependencias": "1.1"}],
            },
        ],
    }
    plan = load(tmp_path, json.dumps(luna), "plano.json")
    assert [[s.id for s in w.subtasks] for w in plan.waves] == [["1.1", "1.2"], ["2.1"]]
    assert plan.waves[1].subtasks[0].depends_on == ("1.1",)
    assert [w.parallel for w in plan.waves] == [True, False]
    assert "is it complete?" in problems(tmp_path, json.dumps(luna)[:40], "plano.json")[0][1]
    luna["ondas"][0]["subtarefas"][0]["dependencias"] = ["9.9"]  # type: ignore[index]
    assert "does not exist" in problems(tmp_path, json.dumps(luna, indent=1), "plano.json")[0][1]


def test_the_demos_plan_is_valid_here() -> None:
    plan = load_plan(resource("examples/plans/demo.toml"))
    kinds = [s.kind for s in plan.subtasks()]
    assert (kinds.count(Kind.CLAUDE), kinds.count(Kind.COMMAND)) == (25, 15)


def test_ten_thousand_subtasks_load(tmp_path: Path) -> None:
    text = WAVE + "".join(f'[[wave.subtask]]\nid = "s{n}"\nprompt = "x"\n' for n in range(10_000))
    assert len(load(tmp_path, text).waves[0].subtasks) == 10_000


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300) | st.text(alphabet="[]{}=\"'.#\n ab1,\\", max_size=300))
def test_any_text_loads_or_is_refused_with_problems(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InvalidInput) as caught:
        load_plan(path)
    assert caught.value.problems


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda v: st.lists(v, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    [
        "id",
        "prompt",
        "kind",
        "command",
        "depends_on",
        "files",
        "expect",
        "estimate",
        "env",
        "timeout",
        "bogus",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=6), max_size=4))
def test_any_shape_loads_or_is_refused_with_problems(tmp_path: Path, shapes: list[dict[str, object]]) -> None:
    lines = [HEAD]
    for shape in shapes:
        lines.append("[[subtask]]")
        lines += [
            f"{k} = {json.dumps(v)}"
            for k, v in shape.items()
            if v is not None and "null" not in json.dumps(v)
        ]
    refused = None
    try:
        load(tmp_path, "\n".join(lines))
    except InvalidInput as error:
        refused = error
    assert refused is None or refused.problems


def test_attached_files_count_towards_the_size_of_a_subtask(tmp_path: Path) -> None:
    (tmp_path / "faq.md").write_text("12345")
    (tmp_path / "plan.toml").write_text(
        '[plan]\nname = "p"\n[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "a"\n'
        'prompt = "abc"\nsystem = "de"\nfiles = ["faq.md"]\n'
    )
    (only,) = load_plan(tmp_path / "plan.toml").subtasks()
    assert only.size_chars == 3 + 2 + 5


@pytest.mark.parametrize(("given", "schedule"), [("", "waves"), ('schedule = "dag"', "dag")])
def test_a_plan_says_whether_waves_are_barriers(tmp_path: Path, given: str, schedule: str) -> None:
    text = WAVE.replace("[[wave]]", f"{given}\n[[wave]]") + '[[wave.subtask]]\nid = "a"\nprompt = "x"\n'
    assert load(tmp_path, text).schedule == schedule


def test_a_schedule_that_does_not_exist_is_located(tmp_path: Path) -> None:
    text = HEAD + 'schedule = "dags"\n[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "a"\nprompt = "x"\n'
    assert problems(tmp_path, text) == [(3, "schedule = 'dags' is not known — did you mean dag?")]
