"""A map makes one subtask for each item: from files, rows, objects, lines or a list."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from luna_tui.core.errors import InvalidInput, Problem
from luna_tui.core.plan import Expectation, Plan, Subtask
from luna_tui.core.templates import render
from luna_tui.storage import plan_items, plans
from luna_tui.storage.globbing import matching
from luna_tui.storage.plan_inputs import kept_inputs
from luna_tui.storage.plan_writing import plan_toml
from luna_tui.storage.plans import load_plan

HEAD = '[plan]\nname = "p"\n[[wave]]\nname = "w"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mapped(*lines: str) -> str:
    """A plan of one map; its own lines begin with line 6."""
    return HEAD + "[[wave.map]]\n" + "".join(f"{line}\n" for line in lines)


def load(folder: Path, *lines: str) -> tuple[Subtask, ...]:
    return tuple(load_plan(written(folder, mapped(*lines))).subtasks())


def problems(folder: Path, *lines: str, text: str = "") -> tuple[Problem, ...]:
    with pytest.raises(InvalidInput) as caught:
        load_plan(written(folder, text or mapped(*lines)))
    return caught.value.problems


def only(folder: Path, *lines: str) -> Problem:
    found = problems(folder, *lines)
    assert len(found) == 1, [str(p) for p in found]
    return found[0]


def pages(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def test_one_subtask_for_each_file_in_order_of_their_names(tmp_path: Path) -> None:
    pages(tmp_path, "docs/b.md", "docs/a.md", "docs/deep/er/c.md", "docs/.hidden/d.md", "docs/e.txt")
    found = load(
        tmp_path, 'id = "{{ item }}"', 'title = "{{ index }}: {{ item }}"', 'files = ["{{ item }}"]',
        'items = { glob = "docs/**/*.md" }', 'prompt = "Sum up {{ item }}: {{ files.0 }}"',
    )  # fmt: skip
    assert [s.id for s in found] == ["docs-a.md", "docs-b.md", "docs-deep-er-c.md"]
    assert found[0].title == "0: docs/a.md"
    assert found[0].files == ("docs/a.md",)
    assert found[0].files_chars == len("docs/a.md")
    assert found[2].prompt == "Sum up docs/deep/er/c.md: {{ files.0 }}"


def test_columns_of_rows_and_a_row_as_json(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text('\ufeffurl,First Name\n"a,b",x\n\nc,"y\nz"\n', encoding="utf-8")
    found = load(
        tmp_path, 'id = "row-{{ index }}"', 'items = { csv = "f.csv" }',
        'prompt = "{{ item.url }} {{ item.First-Name }} {{ item }}"',
    )  # fmt: skip
    assert [s.prompt for s in found] == [
        'a,b x {"url": "a,b", "First-Name": "x"}',
        'c y\nz {"url": "c", "First-Name": "y\\nz"}',
    ]


def test_fields_of_objects_however_deep_and_of_tables_in_the_plan(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text('{"id": 7, "user": {"name": "é", "tags": [1]}}\n\n', encoding="utf-8")
    [found] = load(
        tmp_path, 'id = "x-{{ item.id }}"', 'items = { jsonl = "f.jsonl" }',
        'prompt = "{{ item.user.name }} {{ item.user.tags }}"',
    )  # fmt: skip
    assert (found.id, found.prompt) == ("x-7", "é [1]")
    [first, second] = load(
        tmp_path, 'id = "{{ item.n }}"', 'items = { list = [{ n = 1, ok = true }, { n = 2, ok = false }] }',
        'prompt = "{{ item.ok }}"',
    )  # fmt: skip
    assert (first.id, first.prompt, second.prompt) == ("1", "true", "false")


def test_lines_and_plain_lists(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("one\n \ntwo words\r\n", encoding="utf-8")
    lines = load(tmp_path, 'id = "l-{{ index }}"', 'items = { lines = "f.txt" }', 'prompt = "{{ item }}"')
    assert [s.prompt for s in lines] == ["one", "two words"]
    listed = load(tmp_path, 'id = "n-{{ item }}"', "items = { list = ['a', 2] }", 'prompt = "{{ item }}"')
    assert [s.id for s in listed] == ["n-a", "n-2"]


def test_every_key_that_may_use_the_item(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    before = '[[wave.subtask]]\nid = "get-a"\nprompt = "x"\n[[wave.subtask]]\nid = "also-a"\nprompt = "x"\n'
    text = HEAD + before + (
        "[[wave.map]]\nid = 'do-{{ item }}'\nitems = { list = ['a'] }\nkind = 'command'\n"
        "command = ['cat', '{{ item }}', '{{ results.also-{{ item }} }}']\nenv = { A = '{{ item }}' }\n"
        "cwd = '{{ item }}'\ndepends_on = ['get-{{ item }}']\n"
        "expect = { contains = 'of {{ item }}', max_chars = 9 }\n"
    )  # fmt: skip
    found = list(load_plan(written(tmp_path, text)).subtasks())[2]
    assert found.command == ("cat", "a", "{{ results.also-a }}")
    assert found.env == (("A", "a"),)
    assert found.cwd == "a"
    assert found.depends_on == ("get-a", "also-a")
    assert found.expect is not None
    assert (found.expect.contains, found.expect.max_chars) == ("of a", 9)


@pytest.mark.parametrize(
    "value", ["{{ results.x }}", "{{ files.0 }}", "{{ files[0] }}", "{{ braces }}", "{{ item }}", "{{"]
)
def test_an_item_is_data_and_never_becomes_a_template(tmp_path: Path, value: str) -> None:
    text = mapped(
        'id = "x"', f"items = {{ list = ['{value}'] }}", "prompt = 'a { {{ item }}{ item }} {{ run.dir }}'"
    )
    [found] = load_plan(written(tmp_path, text)).subtasks()
    assert render(found.prompt, {"run.dir": "R"}) == f"a {{ {value}{{ item }}}} R"


def test_an_item_in_a_shell_text_is_a_variable(tmp_path: Path) -> None:
    [found] = load(
        tmp_path, 'id = "x"', "items = { list = ['\"; rm -rf / #'] }", 'kind = "command"', "shell = true",
        "env = { A = '1' }", "command = 'echo \"{{ item }}\" {{ index }}'",
    )  # fmt: skip
    assert found.command == ('echo "${LUNA_ITEM_1}" ${LUNA_ITEM_2}',)
    assert dict(found.env) == {"A": "1", "LUNA_ITEM_1": '"; rm -rf / #', "LUNA_ITEM_2": "0"}


def test_results_of_all_that_match_under_their_ids(tmp_path: Path) -> None:
    text = mapped('id = "page-{{ index }}"', "items = { list = ['a', 'b'] }", 'prompt = "{{ item }}"') + (
        '[[wave]]\nname = "v"\n[[wave.subtask]]\nid = "page-sum"\nprompt = "All:\\n{{ results.page-* }}"\n'
        '[[wave.subtask]]\nid = "last"\nkind = "command"\ncommand = ["true"]\ndepends_on = ["page-*"]\n'
    )
    *_, total, last = load_plan(written(tmp_path, text)).subtasks()
    assert total.depends_on == ("page-0", "page-1")
    assert render(total.prompt, {"results.page-0": "A", "results.page-1": "{{ B"}) == (
        "All:\n## page-0\n\nA\n\n## page-1\n\n{{ B"
    )
    assert last.depends_on == ("page-0", "page-1", "page-sum")


def test_maps_and_subtasks_keep_the_order_of_the_file(tmp_path: Path) -> None:
    text = HEAD + (
        '[[wave.map]]\nid = "m-{{ index }}"\nitems = { list = [1, 2] }\nprompt = "{{ item }}"\n'
        '[[wave.subtask]]\nid = "s"\nprompt = "x"\n'
        '[[wave.map]]\nid = "n-{{ index }}"\nitems = { list = [1] }\nprompt = "{{ item }}"\n'
    )
    assert [s.id for s in load_plan(written(tmp_path, text)).subtasks()] == ["m-0", "m-1", "s", "n-0"]


def test_waves_are_computed_of_maps_too(tmp_path: Path) -> None:
    text = (
        '[plan]\nname = "p"\n[[map]]\nid = "a-{{ index }}"\nitems = { list = [1, 2] }\nprompt = "x"\n'
        '[[map]]\nid = "b-{{ index }}"\nitems = { list = [1, 2] }\nprompt = "{{ results.a-{{ index }} }}"\n'
    )
    waves = load_plan(written(tmp_path, text)).waves
    assert [[s.id for s in wave.subtasks] for wave in waves] == [["a-0", "a-1"], ["b-0", "b-1"]]
    assert waves[1].subtasks[1].depends_on == ("a-1",)


REFUSED = [
    ("no items", ['id = "x"', 'prompt = "x"'], 5, "a map needs items", "glob"),
    ("items as text", ['id = "x"', 'items = "*.md"', 'prompt = "x"'], 7, "items must be a table", ""),
    ("two sources", ['id = "x"', 'items = { glob = "*", list = [1] }'], 7, "one source, not 2", "glob"),
    ("no match", ['id = "x"', 'items = { glob = "docs/*.txt" }'], 7, "docs/*.txt matches no file in", "map"),
    ("outside", ['id = "x"', 'items = { glob = "../*" }'], 7, "stays in it", ""),
    ("absolute", ['id = "x"', 'items = { glob = "/etc/*" }'], 7, "relative to the workspace", ""),
    ("file outside", ['id = "x"', 'items = { csv = "../x.csv" }'], 7, "outside the workspace", "move"),
    ("no file", ['id = "x"', 'items = { csv = "itms.csv" }'], 7, "no such file", "did you mean items.csv?"),
    ("no row", ['id = "x"', 'items = { csv = "head.csv" }'], 7, "no row below its header", ""),
    ("short row", ['id = "x"', 'items = { csv = "short.csv" }'], 7, "short.csv, line 3: 1 values for 2", ""),
    ("same column", ['id = "x"', 'items = { csv = "same.csv" }'], 7, "line 1: two columns are named a", ""),
    ("bad csv", ['id = "x"', 'items = { csv = "bad.csv" }'], 7, "bad.csv, line 2:", "is it CSV?"),
    ("bad json", ['id = "x"', 'items = { jsonl = "bad.jsonl" }'], 7, "bad.jsonl, line 2: is no JSON", ""),
    ("empty list", ['id = "x"', "items = { list = [] }"], 7, "list is empty", ""),
    ("lists", ['id = "x"', "items = { list = [[1]] }"], 7, "list holds a list", ""),
    ("column", ['id = "x-{{ index }}"', 'items = { csv = "items.csv" }', 'prompt = "{{ item.ulr }}"'],
     8, "{{ item.ulr }} is no column", "did you mean item.url?"),
    ("no column", ['id = "x-{{ index }}"', 'items = { list = [1] }', 'prompt = "{{ item.a }}"'],
     8, "{{ item.a }} is no column", "item"),
    ("some lack it", ['id = "x-{{ index }}"', 'items = { list = [{ a = 1 }, { b = 2 }] }',
     'prompt = "{{ item.a }}"'], 8, '{{ item.a }} has no value for index 1: {"b": 2}', "every item"),
    ("no reference", ['id = "x-{{ index }}"', "items = { list = [1] }", 'prompt = "{{ item[0] }}"'],
     8, "{{ item[0] }} is no reference", "item.COLUMN"),
    ("other reference", ['id = "x-{{ index }}"', "items = { list = [1] }",
     'prompt = "{{ item }} {{ files[0] }}"'], 8, "{{ files[0] }} is no reference", ""),
    ("unknown name", ['id = "x-{{ index }}"', "items = { list = [1] }", 'prompt = "{{ item }} {{ zz }}"'],
     8, "{{ zz }} is not known here", ""),
    ("not here", ['id = "x-{{ index }}"', "items = { list = [1] }", 'prompt = "x"', 'system = "{{ item }}"'],
     9, "{{ item }} cannot be used in system", "prompt"),
    ("same id", ['id = "x"', "items = { list = [1, 2] }", 'prompt = "x"'],
     6, "id is the same for all 2 items", "page-{{ index }}"),
    ("no id", ['id = "{{ item }}"', "items = { list = ['a', 'b c'] }", 'prompt = "x"'],
     6, "'b c' is no id (index 1: b c)", "1 to 64"),
    ("unknown key", ['id = "x-{{ index }}"', "items = { list = [1, 2] }", 'prompt = "x"', "time_out = 1"],
     9, "unknown key time_out", "timeout?"),
    ("missing file", ['id = "x-{{ index }}"', "items = { list = ['plan.toml', 'b'] }", 'prompt = "x"',
     'files = ["{{ item }}"]'], 9, "b does not exist in the workspace", ""),
    ("nothing matches", ['id = "x-{{ index }}"', "items = { list = [1] }", 'prompt = "{{ results.pag-* }}"'],
     8, "pag-* matches no subtask", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "line", "what", "fix"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_one_mistake_gives_one_problem(
    tmp_path: Path, lines: list[str], line: int, what: str, fix: str
) -> None:
    for name, text in (
        ("items.csv", "url\na\n"), ("head.csv", "a,b\n"), ("short.csv", "a,b\n1,2\n3\n"),
        ("same.csv", "a,a\n1,2\n"), ("bad.csv", 'a\n"b" c\n'), ("bad.jsonl", "{}\n{,}\n"),
    ):  # fmt: skip
        (tmp_path / name).write_text(text, encoding="utf-8")
    problem = only(tmp_path, *lines)
    assert (problem.line, what in problem.what, fix in problem.fix) == (line, True, True), str(problem)


def test_two_items_that_get_the_same_id_are_both_named(tmp_path: Path) -> None:
    pages(tmp_path, "a/b.md", "a-b.md")
    problem = only(tmp_path, 'id = "{{ item }}"', 'items = { glob = "**/*.md" }', 'prompt = "x"')
    assert problem.what == (
        "id a-b.md (index 1: a/b.md) is already used by index 0: a-b.md in line 6"
    )  # fmt: skip


def test_items_are_counted_before_they_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MAX_SUBTASKS", 10)
    monkeypatch.setattr(plan_items, "MAX_SUBTASKS", 10)
    (tmp_path / "f.txt").write_text("x\n" * 11, encoding="utf-8")
    lines = ['id = "x-{{ index }}"', 'prompt = "x"']
    assert "items are more than 10" in only(tmp_path, *lines, 'items = { lines = "f.txt" }').what
    two = [*lines, "items = { list = [1, 2, 3, 4, 5, 6] }"]
    text = mapped(*two) + "[[wave.map]]\n" + "\n".join(two).replace("x-", "y-") + "\n"
    assert [p.what for p in problems(tmp_path, text=text)] == ["12 subtasks, more than 10"]


def test_a_map_that_cannot_be_read_hides_no_other_mistake_and_makes_none(tmp_path: Path) -> None:
    text = mapped('id = "x-{{ index }}"', 'items = { glob = "*.none" }', 'prompt = "x"') + (
        '[[wave.subtask]]\nid = "s"\nprompt = "{{ results.x-0 }}"\nretires = 1\n'
    )
    assert [(p.line, p.what.split()[0]) for p in problems(tmp_path, text=text)] == [
        (7, "glob"),
        (12, "unknown"),
    ]


def test_what_was_read_can_be_given_again(tmp_path: Path) -> None:
    pages(tmp_path, "a.md")
    (tmp_path / "f.csv").write_text("c\n1\n", encoding="utf-8")
    text = mapped('id = "m-{{ index }}"', 'items = { glob = "*.md" }', 'prompt = "{{ item }}"')
    text += '[[wave.map]]\nid = "n-{{ index }}"\nitems = { csv = "f.csv" }\nprompt = "{{ item.c }}"\n'
    path = written(tmp_path, text)
    before = load_plan(path)
    pages(tmp_path, "b.md")
    (tmp_path / "f.csv").unlink()
    assert load_plan(path, inputs=dict(before.inputs)) == before


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"a": 1}'])
def test_damaged_inputs_of_a_run_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "inputs.json").write_bytes(content)
    assert kept_inputs(tmp_path) == {}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.md", ["a.md"]),
        ("**/*.md", ["a.md", "d/b.md", "d/e/c.md"]),
        ("d/**", ["d/b.md", "d/e/c.md"]),
        ("**/**/c.md", ["d/e/c.md"]),
        ("?/b.[lm]d", ["d/b.md"]),
        (".h/*", [".h/x.md"]),
        ("inside/*", ["inside/c.md"]),
        ("outside/*", []),
        ("d", []),
    ],
)
def test_patterns(tmp_path: Path, pattern: str, found: list[str]) -> None:
    root = tmp_path / "root"
    pages(root, "a.md", "d/b.md", "d/e/c.md", ".h/x.md")
    pages(tmp_path, "other/secret.md")
    (root / "inside").symlink_to(root / "d/e")
    (root / "outside").symlink_to(tmp_path / "other")
    os.mkfifo(root / "pipe.md")
    assert matching(root, pattern, 100) == found


def test_a_plan_without_maps_reads_nothing_else(tmp_path: Path) -> None:
    plan: Plan = load_plan(written(tmp_path, HEAD + '[[wave.subtask]]\nid = "a"\nprompt = "x"\n'))
    assert plan.inputs == ()


def test_what_a_map_makes_is_what_would_be_written_out(tmp_path: Path) -> None:
    text = HEAD + (
        '[[wave.subtask]]\nid = "s-0"\nprompt = "x"\n[[wave.subtask]]\nid = "s-1"\nprompt = "x"\n'
        '[[wave.map]]\nid = "m-{{ index }}"\nitems = { list = ["{{ run.dir }}", "b"] }\nretries = 7\n'
        'depends_on = ["s-0"]\nfiles = ["plan.toml"]\nexpect = { json = true }\n'
        'prompt = "{{ item }} {{ results.s-{{ index }} }} {{ files.0 }}"\n'
    )
    plan = load_plan(written(tmp_path, text))
    made = list(plan.subtasks())[2:]
    assert [s.depends_on for s in made] == [("s-0",), ("s-0", "s-1")]
    assert [s.title for s in made] == ["m-0", "m-1"]
    path = tmp_path / "written.toml"
    path.write_text(plan_toml(plan), encoding="utf-8")
    assert load_plan(path).waves == plan.waves


def test_every_item_of_a_map_is_checked(tmp_path: Path) -> None:
    found = problems(
        tmp_path, 'id = "{{ item.i }}"', 'items = { list = [{i="a",p="x"}, {i="b c",p="x"}, {i="d",p=" "}] }',
        'prompt = "{{ item.p }}"',
    )  # fmt: skip
    assert [(p.line, "index 1" in p.what, "index 2" in p.what) for p in found] == [
        (6, True, False),
        (8, False, True),
    ]


def test_an_item_in_an_expression_is_found_as_it_is(tmp_path: Path) -> None:
    [found] = load(
        tmp_path, 'id = "x"', "items = { list = ['a.b(c'] }", 'prompt = "x"',
        "expect = { regex = '^{{ item }}$' }",
    )  # fmt: skip
    assert found.expect is not None
    assert found.expect.regex == r"^a\.b\(c$"


def test_a_schema_may_lie_in_a_file_and_is_kept_with_the_run(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"type": "object"}', encoding="utf-8")
    path = written(
        tmp_path,
        HEAD + '[[wave.subtask]]\nid = "a"\nprompt = "x"\nexpect = { schema = { file = "s.json" } }\n',
    )
    before = load_plan(path)
    assert next(iter(before.subtasks())).expect == Expectation(schema='{"type": "object"}')
    (tmp_path / "s.json").unlink()
    assert load_plan(path, inputs=dict(before.inputs)) == before
