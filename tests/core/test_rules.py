"""Rules: which one decides, and what no rule that allows can be talked into."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules import parse_rules

from luna_tui.core.command_lines import read_command_line
from luna_tui.core.rules import (
    RuleError,
    Rules,
    Verdict,
    exact_pattern,
    host_of,
    parse_rule,
    path_matches,
)

ALLOW, ASK, DENY = Verdict.ALLOW, Verdict.ASK, Verdict.DENY


def verdict(rules: Rules, tool: str, subject: str, *, harmless: bool = False) -> Verdict:
    return rules.judge(tool, subject, harmless).verdict


def test_deny_comes_before_ask_and_ask_before_allow() -> None:
    rules = parse_rules(deny=["run_command(git push *)"], ask=["run_command(git *)"], allow=["run_command"])
    assert rules.judge("run_command", "git push origin", False).rule == "run_command(git push *)"
    assert verdict(rules, "run_command", "git push origin") is DENY
    assert verdict(rules, "run_command", "git status") is ASK
    assert verdict(rules, "run_command", "pytest -q") is ALLOW


def test_without_a_rule_only_what_is_harmless_is_allowed() -> None:
    assert Rules().judge("read_file", "a", True).verdict is ALLOW
    assert Rules().judge("write_file", "a", False).verdict is ASK
    assert Rules().judge("write_file", "a", False).rule == ""


@pytest.mark.parametrize(
    "command",
    [
        "pytest -q; rm -rf .",
        "pytest && rm x",
        "pytest || rm x",
        "pytest | sh",
        "pytest & rm x",
        "pytest\nrm x",
        "pytest $(rm x)",
        "pytest `rm x`",
        'pytest "$(rm x)"',
        'pytest "`rm x`"',
        "pytest > ../x",
        "pytest >x",
        "pytest <(rm x)",
        "pytest $HOME",
        "pytest *",
        "pytest {a,b}",
        "pytest ~/x",
        "pytest 'unfinished",
        'pytest "x',
        "pytest \\",
        "A=1 pytest",
        "pytest x 2>&1",
        "pytest <<X\nrm\nX",
        "(pytest x)",
        "{ pytest x; }",
        "pytest # x",
    ],
)
def test_a_command_that_is_more_than_it_says_is_never_allowed_by_a_pattern(command: str) -> None:
    for pattern in ("pytest *", "*", "pytest*", "* x"):
        assert verdict(parse_rules(allow=[f"run_command({pattern})"]), "run_command", command) is ASK
    if "*" not in command:
        exactly = parse_rules(allow=[f"run_command({command})"])
        assert verdict(exactly, "run_command", command) is ALLOW
    assert verdict(parse_rules(allow=["run_command"]), "run_command", command) is ALLOW


def test_a_shell_in_the_arguments_is_read_too() -> None:
    rules = parse_rules(deny=["run_command(rm *)"], allow=["run_command(bash *)", "run_command(env *)"])
    assert verdict(rules, "run_command", shlex.join(["bash", "-lc", "ls src"])) is ALLOW
    assert verdict(rules, "run_command", shlex.join(["bash", "-lc", "ls; pwd"])) is ASK
    assert verdict(rules, "run_command", shlex.join(["bash", "-c", "ls; rm -rf ."])) is DENY
    assert verdict(rules, "run_command", shlex.join(["env", "A=1", "sh", "-c", "sh -c 'rm x'"])) is DENY


@pytest.mark.parametrize(
    "command",
    [
        "rm x",
        "rm",
        "ls && rm x",
        "ls;rm x",
        "ls|rm x",
        "/bin/rm x",
        "A=1 rm x",
        "env A=1 rm x",
        "timeout 5 rm x",
        "sudo -n /bin/rm x",
        "r\\m x",
        "r''m x",
        '"rm" x',
        "ls\nrm x",
        "(rm x)",
        "xargs rm",
        "r\\\nm x",
        "find . -exec rm '{}' +",
        "ls >out rm x; rm x",
        "! rm x",
    ],
)
def test_a_denied_command_is_found_wherever_it_stands(command: str) -> None:
    rules = parse_rules(deny=["run_command(rm *)"], allow=["run_command"])
    assert verdict(rules, "run_command", command) is DENY


@pytest.mark.parametrize(
    "command",
    [
        "$X x",
        "`echo rm` x",
        "$(echo rm) x",
        "eval 'r'm",
        "r? x",
        "for f in a; do rm $f; done",
        "'rm x",
        "cat <<X\nX",
    ],
)
def test_a_command_too_involved_to_tell_is_denied_where_something_is_denied(command: str) -> None:
    rules = parse_rules(deny=["run_command(rm *)"], allow=["run_command"])
    found = rules.judge("run_command", command, False)
    assert found.verdict is DENY
    asked = parse_rules(ask=["run_command(rm *)"], allow=["run_command"]).judge("run_command", command, False)
    assert asked.verdict is ASK


def test_what_a_denied_command_is_not_is_not_denied() -> None:
    rules = parse_rules(deny=["run_command(rm *)"], allow=["run_command(ls *)"])
    assert verdict(rules, "run_command", "ls rm") is ALLOW
    assert verdict(rules, "run_command", "ls 'a; rm b'") is ALLOW
    assert verdict(rules, "run_command", "rmdir x") is ASK
    assert not rules.judge("run_command", "rmdir x", False).unclear


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=6))
def test_arguments_of_a_list_are_read_back_as_they_are(words: list[str]) -> None:
    line = read_command_line(shlex.join(words))
    assert line.commands[0] == tuple(words)


@given(st.text("abrm 'x\"\\$`;&|\n<>(){}*?#~=12", max_size=24))
def test_no_text_makes_the_reader_fail_and_an_operator_is_never_simple(text: str) -> None:
    line = read_command_line(text)
    if line.simple:
        assert line.commands[0] == tuple(shlex.split(text))


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("src/**", "src/a/b.py", True),
        ("src/**", "src", True),
        ("src/**", "srcs/a", False),
        ("src", "src/a/b.py", True),
        ("src/", "src/a", True),
        ("./src", "src/a", True),
        ("*.py", "a.py", True),
        ("*.py", "a/b.py", False),
        ("**/*.py", "a/b.py", True),
        ("**/*.py", "b.py", True),
        ("**/.env", "a/b/.env", True),
        (".env", "a/.env", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("**", "x/y", True),
        ("**", ".", True),
        ("[a]", "a", False),
        ("[a]", "[a]", True),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("a/**/z", "a/b/c", False),
        ("a/*/c", "a/b/b/c", False),
    ],
)
def test_patterns_of_paths(pattern: str, path: str, matches: bool) -> None:
    assert path_matches(pattern, path) is matches


def test_a_hostile_path_costs_no_time() -> None:
    assert not path_matches("**/a*a*a*a*a*b/**/a*a*a*b/**/x", "/".join(["a" * 60] * 60))


@pytest.mark.parametrize(
    ("address", "matches"),
    [
        ("https://example.org/x", True),
        ("https://docs.example.org", True),
        ("example.org", True),
        ("http://EXAMPLE.org:8080/a?b", True),
        ("https://example.org./", True),
        ("https://notexample.org/", False),
        ("https://example.org.evil.net/", False),
        ("https://example.org@evil.net/", False),
        ("https://evil.net/example.org", False),
        ("https://evil.net\\@example.org/", False),
        ("https://u:p@example.org/", True),
        ("example.org:443", True),
        ("", False),
    ],
)
def test_a_host_means_itself_and_its_subdomains(address: str, matches: bool) -> None:
    for pattern in ("example.org", "*.example.org"):
        rules = parse_rules(allow=[f"web_fetch({pattern})"])
        assert verdict(rules, "web_fetch", address) is (ALLOW if matches else ASK)
    assert host_of("https://a@B.c:1/d") == "b.c"


def test_a_rule_of_a_server_is_about_each_of_its_tools_and_no_other() -> None:
    rules = parse_rules(deny=["mcp.files.delete"], allow=["mcp.files"])
    assert verdict(rules, "mcp.files.delete", "x") is DENY
    assert verdict(rules, "mcp.files.read", "x") is ALLOW
    assert verdict(rules, "mcp.other.read", "x") is ASK
    dotted = parse_rules(deny=["mcp.files.disk.wipe"])
    assert verdict(dotted, "mcp.files.disk_wipe", "x") is DENY, "as models have to call it"
    assert verdict(parse_rules(deny=["mcp.files.disk_wipe"]), "mcp.files.disk.wipe", "x") is DENY
    assert verdict(parse_rules(allow=["run_command"]), "mcp.command.x", "x") is ASK


def test_files_that_a_reader_is_kept_from() -> None:
    rules = parse_rules(deny=["read_file(.env)"], ask=["search_files(private/**)"], allow=["read_file"])
    assert rules.keeps_from(("read_file", "search_files"), ".env")
    assert rules.keeps_from(("read_file", "search_files"), "private/a")
    assert not rules.keeps_from(("read_file",), "private/a")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no rule"),
        ("run_command(", "no rule"),
        ("read_fil(a)", "read_file"),
        ("rum_command", "run_command"),
        ("write_file()", "write_file for every use"),
        ("write_file(/etc/**)", "workspace"),
        ("x" * 2_000, "no rule"),
        ("read_file(../a)", "workspace"),
        ("web_fetch(https://a.org/b)", "host"),
        ("mcp.a b", "no rule"),
        ("mcp.", "not known"),
    ],
)
def test_what_is_no_rule_says_what_would_be(text: str, said: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_rule(text)
    assert said in f"{caught.value.what} {caught.value.fix}"


def test_an_allowance_for_later_is_exactly_what_was_allowed() -> None:
    command = "pytest -q && echo done"
    rules = parse_rules(allow=[f"run_command({exact_pattern(command)})"])
    assert verdict(rules, "run_command", command) is ALLOW
    assert verdict(rules, "run_command", command + " x") is ASK
    assert exact_pattern("rm *") == exact_pattern(" a") == exact_pattern("a" * 2_000) == ""
