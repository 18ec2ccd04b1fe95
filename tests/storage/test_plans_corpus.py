"""Bad plans of every kind are refused with the right line and the right words; odd but good ones load."""

from __future__ import annotations

import json
import os
import socket
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from luna_tui.core.errors import ExitCode, InvalidInput, Problem
from luna_tui.core.words import Isolation, Kind, Priority
from luna_tui.storage import plan_graph, plans
from luna_tui.storage.plan_subtasks import PlanDefaults
from luna_tui.storage.plans import load_plan

HEAD = '[plan]\nname = "p"\n'
WAVE = HEAD + '[[wave]]\nname = "w"\n'
GOOD = '[[wave.subtask]]\nid = "a"\nprompt = "x"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str, **options: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        load_plan(write(folder, text), **options)
    return caught.value


def only(folder: Path, text: str, **options: Any) -> Problem:
    """The one problem of a plan that has exactly one."""
    found = refused(folder, text, **options).problems
    assert len(found) == 1, [str(p) for p in found]
    return found[0]


def sub(*lines: str) -> str:
    """A plan of one subtask; its own lines begin with line 7."""
    return WAVE + '[[wave.subtask]]\nid = "a"\n' + "".join(f"{line}\n" for line in lines)


def claude(*lines: str) -> str:
    """As `sub`, a claude subtask; the lines given begin with line 8."""
    return sub('prompt = "x"', *lines)


def command(*lines: str) -> str:
    """As `sub`, a command; the lines given begin with line 9."""
    return sub('kind = "command"', 'command = ["true"]', *lines)


def python(*lines: str) -> str:
    """As `sub`, a Python call; the lines given begin with line 9."""
    return sub('kind = "python"', 'callable = "m:f"', *lines)


def flat(**needs: str) -> str:
    """A plan without waves: id -> ids it depends on, separated by spaces; four lines each from line 3."""
    return HEAD + "".join(
        f'[[subtask]]\nid = "{i}"\nprompt = "x"\ndepends_on = {json.dumps(d.split())}\n'
        for i, d in needs.items()
    )


ONE_PROBLEM = [
    # the plan as a whole
    ("wave as a number", "wave = 5\n" + HEAD, 1, "waves are tables", "[[wave]]"),
    ("wave as a table", HEAD + '[wave]\nname = "w"\n', 3, "waves are tables", "two brackets"),
    ("waves that are no tables", "wave = [1]\n" + HEAD, 1, "waves are tables", "two brackets"),
    ("subtask as a table", HEAD + '[subtask]\nid = "a"\n', 3, "subtasks are tables", "[[subtask]]"),
    ("wave.subtask as a table", WAVE + '[wave.subtask]\nid = "a"\n', 5, "tables", "[[wave.subtask]]"),
    ("both shapes", WAVE + GOOD + '[[subtask]]\nid = "b"\n',
     8, "either [[wave]] or top-level", "into a wave"),
    ("unknown table", WAVE + GOOD + "[default]\n", 8, "unknown key default", "did you mean defaults?"),
    ("unknown key in plan", "[plan]\nname='p'\ngaol='x'\n" + "[[wave]]\nname='w'\n" + GOOD,
     3, "gaol", "goal?"),
    ("name of the wrong type", "[plan]\nname = 1\n[[subtask]]\nid='a'\nprompt='x'\n",
     2, "must be text", "quotes"),
    ("empty name", "[plan]\nname = ' '\n[[subtask]]\nid='a'\nprompt='x'\n", 2, "name is empty", ""),
    ("plan as text", "plan = 'p'\n[[subtask]]\nid='a'\nprompt='x'\n", 1, "plan must be a table", ""),
    ("on_failure", HEAD + 'on_failure = "halt"\n[[wave]]\nname="w"\n' + GOOD, 3, "'halt'", "continue, stop"),
    ("map at the top", HEAD + '[[map]]\nid = "x"\n', 3, "a map needs items", "glob"),
    ("map as a table", WAVE + '[wave.map]\nid = "x"\n', 5, "maps are tables", "[[wave.map]]"),
    ("map beside waves", WAVE + GOOD + '[[map]]\nid = "b"\n', 8, "top-level [[map]]", "move the maps"),
    # waves
    ("empty wave", HEAD + '[[wave]]\nname = "w"\n', 3, "wave w has no subtasks", "[[wave.subtask]]"),
    ("no name", HEAD + "[[wave]]\n" + GOOD, 3, "a wave needs a name", 'name = "extract"'),
    ("same name", WAVE + GOOD + '[[wave]]\nname="w"\n[[wave.subtask]]\nid="b"\nprompt="x"\n',
     9, "line 4", "rename"),
    ("parallel as text", WAVE + 'parallel = "yes"\n' + GOOD, 5, "must be true or false, not text", ""),
    ("wave timeout", WAVE + 'timeout = "2m"\n' + GOOD, 5, "timeout must be a number", "without quotes"),
    ("negative timeout", WAVE + "timeout = -0.1\n" + GOOD, 5, "-0.1 is out of range", "seconds between 0"),
    ("no workers", WAVE + "max_workers = 0\n" + GOOD, 5, "max_workers = 0 is out of range", "between 1"),
    ("quoted workers", WAVE + 'max_workers = "8"\n' + GOOD, 5, "whole number", "remove the quotes"),
    ("half a worker", WAVE + "max_workers = 1.5\n" + GOOD, 5, "whole number", ""),
    ("true workers", WAVE + "max_workers = true\n" + GOOD, 5, "not true/false", ""),
    ("unknown key", WAVE + "max_worker = 3\n" + GOOD, 5, "max_worker", "did you mean max_workers?"),
    # ids
    ("no id", WAVE + '[[wave.subtask]]\nprompt = "x"\n', 5, "a subtask needs an id", 'id = "docs-faq"'),
    ("empty id", WAVE + '[[wave.subtask]]\nid = ""\nprompt = "x"\n', 6, "'' is no id", "1 to 64"),
    ("dot", WAVE + '[[wave.subtask]]\nid = "."\nprompt = "x"\n', 6, "'.' is no id", "1 to 64"),
    ("dots", WAVE + '[[wave.subtask]]\nid = ".."\nprompt = "x"\n', 6, "'..' is no id", "1 to 64"),
    ("slash", WAVE + '[[wave.subtask]]\nid = "a/b"\nprompt = "x"\n', 6, "'a/b' is no id", "1 to 64"),
    ("option", WAVE + '[[wave.subtask]]\nid = "-rf"\nprompt = "x"\n', 6, "'-rf' is no id", "starting with -"),
    ("65 characters", WAVE + f'[[wave.subtask]]\nid = "{"i" * 65}"\nprompt = "x"\n', 6, "is no id", "64"),
    ("bidi", WAVE + '[[wave.subtask]]\nid = "a\\u202eb"\nprompt = "x"\n',
     6, "'a\ufffdb' is no id", "1 to 64"),
    ("newline", WAVE + '[[wave.subtask]]\nid = "a\\n"\nprompt = "x"\n', 6, "is no id", "1 to 64"),
    ("number", WAVE + '[[wave.subtask]]\nid = 1\nprompt = "x"\n', 6, "id must be text", "quotes"),
    ("same id", WAVE + GOOD + GOOD, 9, "id a is already used in line 6", "rename one"),
    ("id by case", WAVE + GOOD + GOOD.replace('"a"', '"A"'),
     9, "differs only by case from a in line 6", "rename"),
    # values of a subtask
    ("date", sub("prompt = 2026-01-01"), 7, "must be text, not a date or time", "quotes"),
    ("list prompt", sub('prompt = ["x"]'), 7, "must be text, not a list", "quotes"),
    ("blank prompt", sub('prompt = " \\n\\t"'), 7, "needs a prompt", "prompt ="),
    ("no prompt", sub(), 5, "needs a prompt", "prompt ="),
    ("infinite", claude("timeout = inf"), 8, "timeout = inf is out of range", "between 0"),
    ("1e400", claude("timeout = 1e400"), 8, "is out of range", "between 0"),
    ("nan", claude("timeout = nan"), 8, "timeout = nan is out of range", "between 0"),
    ("2^63", claude("retries = 9223372036854775808"), 8, "out of range", "between 0 and 100"),
    ("39 digits", claude("timeout = " + "9" * 39), 8, "more than 20 digits is out of range", "seconds"),
    ("no tokens", claude("max_tokens = 0"), 8, "max_tokens = 0", "between 1"),
    ("hour", claude('timeout = "1 hour"'), 8, "must be a number, not text", "number of seconds"),
    ("unknown key", claude("time_out = 3"), 8, "unknown key time_out", "did you mean timeout?"),
    ("title", claude("title = []"), 8, "title must be text", ""),
    ("empty model", claude('model = ""'), 8, "model is empty", ""),
    ("expect", claude('expect = "json"'), 8, "expect must be a table", ""),
    ("expect key", claude("expect = { contain = 'x' }"), 8, "contain", "did you mean contains?"),
    ("regex", claude("expect = { regex = '(a' }"), 8, "regex is no expression: missing )", "backslashes"),
    ("long regex", claude(f"expect = {{ regex = '{'a' * 2001}' }}"), 8, "2,001 characters", ""),
    ("huge regex", claude("expect = { regex = 'a{9999999999999}' }"), 8, "it is too large", ""),
    ("schema", claude("expect = { schema = { type = 'strin' } }"), 8, "schema is none at $.type", ""),
    ("schema as number", claude("expect = { schema = 1 }"), 8, "schema must be a table", "schema ="),
    ("schema as date", claude("expect = { schema = { const = 2026-01-01 } }"), 8, "JSON has no word", ""),
    ("schema text", claude("expect = { schema = '{' }"), 8, "the schema is no JSON", "schema ="),
    ("schema list", claude("expect = { schema = '[]' }"), 8, "a schema is an object, not a list", ""),
    ("schema file", claude("expect = { schema = { file = 'paln.toml' } }"),
     8, "no such file", "did you mean plan.toml?"),
    ("no schema", claude("expect = { schema = { file = 'plan.toml' } }"), 8, "the schema is no JSON", ""),
    ("far schema", claude("expect = { schema = { '$ref' = 'http://localhost/x' } }"),
     8, "refers to http://localhost/x, which is not in it", "nothing is ever fetched"),
    ("lost schema", claude("expect = { schema = { '$ref' = '#/$defs/a' } }"), 8, "refers to #/$defs/a", ""),
    ("schema pattern", claude("expect = { schema = { pattern = '(' } }"), 8, "none at $.pattern: '('", ""),
    ("schema keys", claude("expect = { schema = { patternProperties = { '(' = {} } } }"), 8, "'(' is", ""),
    ("wide pattern", claude("expect = { schema = { pattern = 'a{9999999999999}' } }"), 8, "too large", ""),
    ("expect command", claude("expect = { command = [] }"), 8, "command is empty", "check.py"),
    ("expect text", claude("expect = { command = 'a' }"), 8, "command must be a list of texts", ""),
    ("estimate", claude("estimate = { seconds = -1 }"), 8, "seconds = -1", "between 0"),
    ("priority", claude('priority = "importnat"'), 8, "'importnat'", "did you mean important?"),
    ("kind", sub('kind = "comand"', 'command = ["x"]'), 7, "'comand'", "did you mean command?"),
    ("kind as number", sub("kind = 3", 'prompt = "x"'), 7, "kind = a number", "claude, command, python"),
    ("no callable", sub('kind = "python"'), 5, "a python subtask needs a callable", "mypkg.score:run"),
    ("callable", sub('kind = "python"', 'callable = "m.f"'), 8, "'m.f' names no module", "mypkg.score:run"),
    ("callable number", sub('kind = "python"', "callable = 1"), 8, "callable must be text", ""),
    ("args", python("args = 1"), 9, "args must be a list, not a number", "args = ["),
    ("kwargs", python("kwargs = [1]"), 9, "kwargs must be a table, not a list", "kwargs ="),
    ("date", python("args = [[2026-01-01]]"), 9, "args holds what JSON has no word for", "texts"),
    ("nan", python("kwargs = { a = nan }"), 9, "kwargs holds what JSON has no word for", "texts"),
    ("in kwargs", python("kwargs = { a = ['{{ zz }}'] }"), 9, "{{ zz }} is not known here", ""),
    ("needs in args", python("args = ['{{ results.b }}']"), 9, "a depends on b, which does not exist", ""),
    ("prompt of a call", python('prompt = "x"'), 9, "prompt does not belong to a python subtask", "kind"),
    ("callable elsewhere", claude('callable = "m:f"'), 8, "callable does not belong to a claude", "remove"),
    ("tool", claude('tools = ["read_file", "serch_files"]'),
     8, "there is no tool serch_files", "did you mean search_files?"),
    ("tool as text", claude('tools = "read_file"'), 8, "tools must be a list of texts", "tools = ["),
    ("server", claude('tools = ["mcp."]'), 8, "mcp. names no server", "mcp.SERVER"),
    ("many tools", claude(f"tools = {[f'mcp.s.t{n}' for n in range(201)]}"), 8, "201 tools", "at most 200"),
    ("tools of a command", command('tools = ["read_file"]'),
     9, "tools does not belong to a command subtask", "remove tools"),
    ("no turns", claude("max_turns = 0"), 8, "max_turns = 0 is out of range", "between 1 and 200"),
    ("turns", claude("max_turns = 201"), 8, "max_turns = 201 is out of range", "between 1 and 200"),
    ("isolate", claude('isolate = "worktree"'), 8, "isolate = 'worktree'", "did you mean git-worktree?"),
    ("foreign key", command('system = "x"'),
     9, "system does not belong to a command subtask", "remove system"),
    ("shell for claude", claude("shell = true"), 8, "shell does not belong to a claude subtask", ""),
    # commands
    ("no command", sub('kind = "command"'), 5, "needs a command", "command = ["),
    ("empty command", sub('kind = "command"', "command = []"), 8, "needs a command", "command = ["),
    ("blank command", sub('kind = "command"', 'command = [" "]'), 8, "needs a command", "command = ["),
    ("text", sub('kind = "command"', 'command = "ls; rm -rf /"'),
     8, "list of words", "['ls;', 'rm', '-rf', '/']"),
    ("numbers", sub('kind = "command"', "command = ['sleep', 1]"), 8, "must hold texts only", "quotes"),
    ("shell list", command("shell = true").replace('["true"]', '["a", "b"]'), 8, "one text", "command ="),
    ("nul", command().replace('["true"]', '["a\\u0000"]'), 8, "NUL", ""),
    ("env number", command("env = { A = 1 }"), 9, "A must be text", "quotes"),
    ("env name", command('env = { "A=B" = "1" }'), 9, "cannot be a variable", ""),
    ("env list", command("env = ['A=1']"), 9, "env must be a table", ""),
    ("codes", command("ok_codes = [256]"), 9, "0 to 255", "ok_codes = [0, 1]"),
    ("no codes", command("ok_codes = []"), 9, "list of exit codes", ""),
    ("true codes", command("ok_codes = [true]"), 9, "list of exit codes", ""),
    ("cwd above", command('cwd = "../.."'), 9, "outside the workspace", "relative"),
    ("cwd absolute", command('cwd = "/etc"'), 9, "cwd /etc lies outside", ""),
    ("cwd file", command('cwd = "plan.toml"'), 9, "plan.toml is not a folder", ""),
    ("cwd template", command('cwd = "{{ run.dir }}"'), 9, "{{ run.dir }} cannot be used", "plan.dir"),
    # templates
    ("unknown name", sub('prompt = "{{ result.a }}"'), 7, "{{ result.a }} is not known here", "results.ID?"),
    ("index", sub('prompt = "{{ files[0] }}"'), 7, "{{ files[0] }} is no reference", "files.0"),
    ("filter", sub('prompt = "{{ results.a | upper }}"'), 7, "is no reference", "results.ID"),
    ("item", sub('prompt = "{{ item }}"'), 7, "{{ item }} is not known", ""),
    ("no such file", sub('prompt = "{{ files.1 }}"', 'files = ["plan.toml"]'), 7, "has no file", "1 entry"),
    ("huge index", sub('prompt = "{{ files.' + "9" * 5_000 + ' }}"'), 7, "has no file", "0 entries"),
    ("files in a command", command().replace("true", "{{ files.0 }}"),
     8, "not known here", "claude subtasks"),
    ("in env", command('env = { A = "{{ bogus }}" }'), 9, "{{ bogus }} is not known here", ""),
    ("in system", claude('system = "{{ results.a }}"'), 8, "system is sent as it stands", "prompt"),
    ("workspace", "[plan]\nname='p'\nworkspace='{{ x }}'\n[[subtask]]\nid='a'\nprompt='x'\n",
     3, "{{ x }}", "plan.dir"),
    # files
    ("above", claude('files = ["../../etc/shadow"]'), 8, "outside the workspace", "widen"),
    ("absolute", claude('files = ["/etc/passwd"]'), 8, "/etc/passwd lies outside", "widen"),
    ("windows", claude("files = ['C:\\x']"), 8, "does not exist", "check the path"),
    ("missing", claude('files = ["paln.toml"]'), 8, "does not exist", "did you mean plan.toml?"),
    ("folder", claude('files = ["."]'), 8, "is a folder", "name the files"),
    ("long", claude(f'files = ["{"n" * 300}/x"]'), 8, "does not exist", ""),
    ("nul", claude('files = ["a\\u0000b"]'), 8, "a\ufffdb lies outside", ""),
    ("text", claude('files = "plan.toml"'), 8, "must be a list of texts", "files = ["),
    ("many", claude(f"files = {['plan.toml'] * 101}"), 8, "101 files", "at most 100"),
    # dependencies
    ("letters", claude("depends_on = [1.1]"), 8, "must hold texts only, not a number", "quotes"),
    ("unknown", claude('depends_on = ["b"]'), 8, "a depends on b, which does not exist", "one of: a"),
    ("itself", claude('depends_on = ["a"]'), 8, "a depends on itself", "remove"),
    ("used", sub('prompt = "{{ results.b }}"'), 7, "a depends on b, which does not exist", ""),
    ("used itself", sub('prompt = "{{ results.a }}"'), 7, "a depends on itself", ""),
    ("used in env", command('env = { A = "{{ results.b }}" }'), 9, "a depends on b", ""),
    ("near", flat(extract="", load="extrcat"), 10, "extrcat, which does not exist", "did you mean extract?"),
    ("cycle of two", flat(a="b", b="a"), 6, "a -> b -> a", "lines 6, 10"),
    ("cycle of three", flat(x="", a="b", b="c", c="a"), 10, "a -> b -> c -> a", "lines 10, 14, 18"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "what", "fix"), [row[1:] for row in ONE_PROBLEM], ids=[row[0] for row in ONE_PROBLEM]
)
def test_one_mistake_gives_one_problem(tmp_path: Path, text: str, line: int, what: str, fix: str) -> None:
    problem = only(tmp_path, text)
    assert problem.line == line
    assert what in problem.what
    assert fix in problem.fix
    assert problem.path == str(tmp_path / "plan.toml")


def test_a_refused_plan_has_the_exit_code_for_invalid_input(tmp_path: Path) -> None:
    assert refused(tmp_path, "").code is ExitCode.INVALID


def test_a_mistake_in_defaults_is_told_once_and_there(tmp_path: Path) -> None:
    text = HEAD + '[defaults]\ntimeout = "60"\nexpect = { jsno = true }\nbogus = 1\n[[wave]]\nname = "w"\n'
    found = refused(tmp_path, text + "".join(GOOD.replace('"a"', f'"s{n}"') for n in range(5))).problems
    assert [p.line for p in found] == [4, 5, 6]
    assert "did you mean json?" in found[1].fix


def test_defaults_cannot_give_an_id(tmp_path: Path) -> None:
    found = refused(tmp_path, HEAD + '[defaults]\nid = "q"\n[[subtask]]\nprompt = "x"\n').problems
    assert [(p.line, "an id" in p.what) for p in found] == [(4, True), (5, True)]


def test_an_own_key_hides_what_is_wrong_with_nothing_but_itself(tmp_path: Path) -> None:
    text = HEAD + "[defaults]\nretries = 3\n[[subtask]]\nid = 'a'\nprompt = 'x'\nretries = 'z'\n"
    assert only(tmp_path, text).line == 8


def test_keys_of_the_other_kind_may_stand_in_defaults(tmp_path: Path) -> None:
    text = (
        HEAD
        + '[defaults]\nkind = "command"\ncwd = "."\nprompt = "x"\nok_codes = [3]\n'
        + ('[[subtask]]\nid = "c"\ncommand = ["true"]\n[[subtask]]\nid = "m"\nkind = "claude"\n')
    )
    c, m = load_plan(write(tmp_path, text)).waves[0].subtasks
    assert (c.kind, c.ok_codes, c.prompt) == (Kind.COMMAND, (3,), "")
    assert (m.kind, m.prompt) == (Kind.CLAUDE, "x")


def test_what_a_subtask_is_granted_is_read(tmp_path: Path) -> None:
    tools = '["read_file", "mcp.git", "mcp.git.log", "read_file"]'
    text = claude(f"tools = {tools}", "max_turns = 30", 'isolate = "git-worktree"')
    text += '[[wave.subtask]]\nid = "c"\nkind = "command"\ncommand = ["true"]\nisolate = "copy"\n'
    agent, made = load_plan(write(tmp_path, text)).waves[0].subtasks
    assert agent.tools == ("read_file", "mcp.git", "mcp.git.log")
    assert (agent.max_turns, agent.isolate) == (30, Isolation.GIT_WORKTREE)
    assert (made.tools, made.max_turns, made.isolate) == ((), 15, Isolation.COPY)


def test_twenty_problems_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    error = refused(tmp_path, flat(**{f"s{n}": "nowhere" for n in range(35)}))
    assert len(error.problems) == 20
    assert "15 more" in error.hint
    assert [p.line for p in error.problems] == sorted(p.line for p in error.problems)


def test_two_cycles_are_both_told(tmp_path: Path) -> None:
    found = refused(tmp_path, flat(a="b", b="a", c="d", d="c")).problems
    assert [p.what for p in found] == ["circular dependency: a -> b -> a", "circular dependency: c -> d -> c"]


def test_a_long_cycle_is_shortened(tmp_path: Path) -> None:
    problem = only(tmp_path, flat(**{f"s{n}": f"s{(n + 1) % 500}" for n in range(500)}))
    assert "s3 -> … 492 more … -> s496" in problem.what
    assert len(str(problem)) < 400


def test_an_unknown_dependency_in_a_large_plan_is_still_matched(tmp_path: Path) -> None:
    needs = {f"subtask-{n:05}": "" for n in range(3_000)} | {"last": "subtsk-00007"}
    assert "subtask-0" in only(tmp_path, flat(**needs)).fix


def test_a_later_wave_cannot_be_needed_and_the_fix_names_its_line(tmp_path: Path) -> None:
    text = claude('depends_on = ["late"]') + '[[wave]]\nname = "v"\n' + GOOD.replace('"a"', '"late"')
    problem = only(tmp_path, text)
    assert problem.line == 8
    assert "runs in a later wave" in problem.what
    assert "line 11" in problem.fix


def test_the_same_wave_and_an_earlier_one_can_be_needed(tmp_path: Path) -> None:
    text = (
        WAVE
        + GOOD
        + '[[wave.subtask]]\nid = "b"\nprompt = "{{ results.a }}"\n'
        + ('[[wave]]\nname = "v"\n[[wave.subtask]]\nid = "c"\nprompt = "x"\ndepends_on = "a"\n')
    )
    plan = load_plan(write(tmp_path, text))
    assert [s.depends_on for s in plan.subtasks()] == [(), ("a",), ("a",)]


def test_a_written_and_a_used_dependency_are_one(tmp_path: Path) -> None:
    text = (
        WAVE
        + GOOD
        + ('[[wave.subtask]]\nid = "b"\nprompt = "{{ results.a }}{{ results.a }}"\ndepends_on = ["a", "a"]\n')
    )
    assert load_plan(write(tmp_path, text)).waves[0].subtasks[1].depends_on == ("a",)


def test_what_the_file_says_cannot_reach_the_terminal_raw(tmp_path: Path) -> None:
    text = WAVE + (
        '[[wave.subtask]]\nid = "\\u001b]0;x\\u0007"\nkind = "\\u001b[2J"\n"\\u001b[31mred\\u202e" = 1\n'
        'depends_on = ["\\u009b31m"]\nfiles = ["\\u001b]52;c;QQ==\\u0007"]\nprompt = "{{ \\u001b }}"\n'
    )
    shown = str(refused(tmp_path, text)) + repr(refused(tmp_path, text).problems)
    assert not set(shown) & set("\x1b\x07\x9b\u202e")


def test_an_escape_in_a_title_is_cleaned_not_refused(tmp_path: Path) -> None:
    text = claude('title = "\\u001b]0;x\\u0007 Check\\n the\\tFAQ "')
    assert load_plan(write(tmp_path, text)).waves[0].subtasks[0].title == "Check the FAQ"


def test_messages_stay_short_however_long_the_values(tmp_path: Path) -> None:
    found = refused(tmp_path, sub(f'kind = "{"k" * 100_000}"', f'"{"y" * 120}" = 1')).problems
    assert max(len(p.what) + len(p.fix) for p in found) < 900


@pytest.mark.parametrize(
    ("workspace", "words"),
    [
        ("/", "too wide"),
        ("missing", "does not exist"),
        ("plan.toml", "is not a folder"),
        ("loop", "cannot be used"),
        ("w" * 5_000, "cannot be used"),
        ("a\\u0000b", "NUL"),
        ("~", "your whole home folder"),
    ],
)
def test_a_workspace_that_cannot_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: str, words: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "loop").symlink_to("loop")
    text = (
        f'[plan]\nname = "p"\nworkspace = "{workspace}"\n[[subtask]]\nid = "a"\nprompt = "x"\nfiles = ["b"]\n'
    )
    problem = only(tmp_path, text)
    assert problem.line == 3
    assert words in problem.what


def test_a_workspace_given_from_outside_wins_and_its_faults_are_not_the_files(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    path = write(tmp_path, claude().replace(HEAD, HEAD + 'workspace = "missing"\n'))
    assert load_plan(path, workspace=tmp_path / "real").workspace == str(tmp_path / "real")
    with pytest.raises(InvalidInput) as caught:
        load_plan(path, workspace=tmp_path / "gone")
    (problem,) = caught.value.problems
    assert problem.line == 0
    assert "--workspace" in problem.fix


def test_a_linked_workspace_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    text = claude().replace(HEAD, HEAD + 'workspace = "link"\n')
    assert load_plan(write(tmp_path, text)).workspace == str(tmp_path / "real")


def test_files_that_are_not_plain_or_too_large_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "in").symlink_to("plan.toml")
    os.truncate(os.open(tmp_path / "sparse", os.O_CREAT | os.O_WRONLY), 10 * 1024**3)
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(tmp_path)
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
        text = claude('files = ["in", "pipe", "out", "sparse", "socket", "/dev/null"]')
        found = [p.what for p in refused(tmp_path, text).problems]
    assert [w.split()[0] for w in found] == ["pipe", "out", "sparse", "socket", "/dev/null"]
    assert "10,737,418,240 bytes" in found[2]


def test_what_is_known_when_a_plan_is_loaded_is_filled_in(tmp_path: Path) -> None:
    text = command(
        'env = { A = "{{ plan.dir }}", B = "{{ run.dir }}/{{ results.b }}" }', 'cwd = "{{ plan.dir }}"'
    )
    text = text.replace('["true"]', '["{{ python.executable }}", "{{python.stdlib}}/x", "{{ run.dir }}"]')
    subtask = load_plan(write(tmp_path, text + GOOD.replace('"a"', '"b"'))).waves[0].subtasks[0]
    assert subtask.command == (sys.executable, f"{sysconfig.get_path('stdlib')}/x", "{{ run.dir }}")
    assert dict(subtask.env) == {"A": str(tmp_path), "B": "{{ run.dir }}/{{ results.b }}"}
    assert subtask.cwd == str(tmp_path)
    assert subtask.depends_on == ("b",)


def test_the_configs_defaults_fill_what_the_plan_leaves_open(tmp_path: Path) -> None:
    defaults = PlanDefaults(model="m", max_tokens=7, timeout=8.0, wave_timeout=9.0, retries=4)
    (wave,) = load_plan(write(tmp_path, claude()), defaults=defaults).waves
    (subtask,) = wave.subtasks
    assert (subtask.model, subtask.max_tokens, subtask.timeout, subtask.retries) == ("m", 7, 8.0, 4)
    assert (wave.timeout, wave.parallel, wave.max_workers) == (9.0, True, None)
    assert (subtask.title, subtask.priority) == ("a", Priority.IMPORTANT)
    text = claude("timeout = 0", "retries = 0").replace('"w"\n', '"w"\ntimeout = 0\n')
    (wave,) = load_plan(write(tmp_path, text), defaults=defaults).waves
    assert (wave.timeout, wave.subtasks[0].timeout, wave.subtasks[0].retries) == (0, 0, 0)


def test_too_many_subtasks_are_refused_before_any_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "MAX_SUBTASKS", 3)
    text = WAVE + '[[wave.subtask]]\nid = "/"\n' * 4
    assert only(tmp_path, text).what == "4 subtasks, more than 3"


def test_too_many_dependencies_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_graph, "MAX_EDGES", 3)
    problem = only(tmp_path, flat(a="w x y z"))
    assert problem.what == "4 dependencies, more than 3"


def test_a_hundred_thousand_subtasks_load(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    with path.open("w", encoding="utf-8") as file:
        file.write(WAVE)
        file.writelines(f'[[wave.subtask]]\nid = "s{n}"\nprompt = "do {n}"\n' for n in range(100_000))
    subtasks = load_plan(path).waves[0].subtasks
    assert len(subtasks) == 100_000
    assert subtasks[-1].prompt == "do 99999"


def test_a_chain_without_waves_gets_a_level_for_each(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path, flat(**{f"s{n}": f"s{n + 1}" if n < 999 else "" for n in range(1_000)})))
    assert [w.name for w in plan.waves][:2] == ["level-1", "level-2"]
    assert [w.subtasks[0].id for w in plan.waves] == [f"s{n}" for n in reversed(range(1_000))]
