"""TOML from anywhere: bounded before it is parsed, every key with its line, every mistake with a way out."""

from __future__ import annotations

import contextlib
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luna_tui.core.errors import InvalidInput, Problem
from luna_tui.storage import toml_scan
from luna_tui.storage.toml_source import TomlSource, read_toml

TITLE = "cannot be used"
EVERY_KIND = '''\
# a comment with [brackets] and "quotes
top = 1
dotted . "quoted.key" = "x # not a comment"

[plan]   # comment
name = "p"
text = """
[not.a.header]
key = "no key \\""" either"
"""
raw = \'\'\'it's
"""\'\'\'
list = [
  "a", # ] comment
  [1, 2],
  { deep = "}" },
]
after = true

[[wave]]
name = "one"
[[wave.subtask]]
id = "a"
[[wave.subtask]]
id = "b"
env = { A = "1", "B.C" = "2" }
when = 2026-01-01T00:00:00.5Z
[[wave]]
name = "two"
[[wave.subtask]]
id = "c"
timeout = 1_000.5e1
'''
EXPECTED_LINES: dict[toml_scan.Path, int] = {
    ("top",): 2,
    ("dotted",): 3,
    ("dotted", "quoted.key"): 3,
    ("plan",): 5,
    ("plan", "name"): 6,
    ("plan", "text"): 7,
    ("plan", "raw"): 11,
    ("plan", "list"): 13,
    ("plan", "after"): 18,
    ("wave",): 20,
    ("wave", 0): 20,
    ("wave", 0, "name"): 21,
    ("wave", 0, "subtask"): 22,
    ("wave", 0, "subtask", 0): 22,
    ("wave", 0, "subtask", 0, "id"): 23,
    ("wave", 0, "subtask", 1): 24,
    ("wave", 0, "subtask", 1, "id"): 25,
    ("wave", 0, "subtask", 1, "env"): 26,
    ("wave", 0, "subtask", 1, "when"): 27,
    ("wave", 1): 28,
    ("wave", 1, "name"): 29,
    ("wave", 1, "subtask"): 30,
    ("wave", 1, "subtask", 0): 30,
    ("wave", 1, "subtask", 0, "id"): 31,
    ("wave", 1, "subtask", 0, "timeout"): 32,
}


def short(value: str) -> str:
    return ascii(value[:16])


def read(folder: Path, content: str | bytes, *, max_bytes: int = 1 << 20) -> TomlSource:
    path = folder / "file.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_toml(path, TITLE, max_bytes=max_bytes)


def only_problem(folder: Path, content: str | bytes, *, max_bytes: int = 1 << 20) -> Problem:
    with pytest.raises(InvalidInput) as caught:
        read(folder, content, max_bytes=max_bytes)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_every_key_and_header_has_its_line(tmp_path: Path) -> None:
    source = read(tmp_path, EVERY_KIND)
    assert source.lines == EXPECTED_LINES
    assert source.data == tomllib.loads(EVERY_KIND)


def test_a_key_without_a_line_has_that_of_its_nearest_ancestor(tmp_path: Path) -> None:
    source = read(tmp_path, EVERY_KIND)
    assert source.line("wave", 0, "subtask", 1, "env", "A") == 26
    assert source.line("wave", 1, "subtask", 0, "missing", "deeper") == 30
    assert source.line("wave", 7) == 20
    assert source.line("nothing") == 0
    assert source.line() == 0


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks_make_no_difference(tmp_path: Path, end: str, mark: bytes) -> None:
    source = read(tmp_path, mark + EVERY_KIND.replace("\n", end).encode())
    assert source.lines == EXPECTED_LINES


def test_an_empty_file_is_an_empty_table(tmp_path: Path) -> None:
    assert read(tmp_path, "").data == {}


@pytest.mark.parametrize(
    ("content", "what", "fix"),
    [
        (b"\x1f\x8b\x08\x00", "gzip archive", "unpack"),
        (b"PK\x03\x04xx", "zip archive", "unpack"),
        (b"BZh91AY", "bzip2", "unpack"),
        (b"%PDF-1.7", "a PDF", "TOML or JSON"),
        (b"\x7fELF\x02", "a program", "TOML or JSON"),
        ("a = 1\n".encode("utf-16"), "UTF-16", "UTF-8"),
        ("a = 1\n".encode("utf-16-le"), "UTF-16", "UTF-8"),
        ("a = 1\n".encode("utf-16-be"), "UTF-16", "UTF-8"),
        ("a = 1\n".encode("utf-32"), "UTF-32", "UTF-8"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes, what: str, fix: str) -> None:
    problem = only_problem(tmp_path, content)
    assert what in problem.what
    assert fix in problem.fix


@pytest.mark.parametrize(
    ("content", "line", "what", "fix"),
    [
        (b'a = 1\nb = "\xe7\xe3o"\n', 2, "byte 11 is no UTF-8", "UTF-8"),
        ("a = “x”\n", 1, "Invalid value", "straight quotes"),
        ("a = 1\nb = ‘x’\n", 2, "Invalid value", "straight quotes"),
        ("plan:\n  name: x\n", 1, "", "YAML"),
        ("---\na = 1\n", 1, "", "YAML"),
        ("- one\n- two\n", 1, "", "YAML"),
        ('{"a": 1}\n', 1, "", "JSON"),
        ("a = 1\nb = \x00\n", 2, "", "UTF-8"),
        ("a = 1\rb = 2\r", 1, "", ""),
        ("a = 1\n\nb = [1,\n", 3, "Invalid value", "complete"),
        ('a = """\ntext\n', 2, "nterminated string", "complete"),
        ("a = 1\nb = 2\na = 3\nc = 4\n", 3, "a is already there in line 1", "remove one"),
        ("[t]\nx = 1\n[u]\n[t]\n", 4, "t is already there in line 1", "remove one"),
        ("[[w]]\nn = 1\n[[w]]\nn = 1\nn = 2\n", 5, "w.n is already there in line 4", "remove one"),
        ("a.b = 1\na = 2\n", 2, "a is already there in line 1", "remove one"),
        ("a = 2026-02-31\n", 1, "Invalid date", ""),
        ('a = "\x1b[2J"\n', 1, "Illegal character", ""),
        ("a = 1 b = 2\n", 1, "Expected newline", ""),
    ],
)
def test_a_syntax_mistake_has_its_line_and_a_fix(
    tmp_path: Path, content: str | bytes, line: int, what: str, fix: str
) -> None:
    problem = only_problem(tmp_path, content)
    assert problem.line == line
    assert what in problem.what
    assert fix in problem.fix
    assert "\x1b" not in str(problem)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a." * 16_000 + "b = 1", "dotted parts"),
        ('"a".' * 8_000 + "b = 1", "dotted parts"),
        ("a . " * 8_000 + "b = 1", "dotted parts"),
        ("[" + "a." * 16_000 + "b]", "dotted parts"),
        ("[[" + "a." * 16_000 + "b]]", "dotted parts"),
        ("x = {" + "a." * 16_000 + "b = 1}", "dotted parts"),
        ("x = [{ y = 1," + '"a".' * 16_000 + "b = 1}]", "dotted parts"),
        ("a" * 129 + " = 1", "128 characters"),
        ('"' + "a" * 200 + '" = 1', "128 characters"),
        ("a = " + "[" * 100_000, "nested deeper"),
        ("a = " + "{a = " * 5_000, "nested deeper"),
        ("a = " + "[{a = " * 5_000, "nested deeper"),
        ("a = " + "9" * 100_000, "digits"),
        ("a = -" + "9" * 100_000, "digits"),
        ("a = 0x" + "f" * 100_000, "digits"),
        ("a = 0b" + "1" * 100_000, "digits"),
        ("a = 1." + "9" * 100_000, "digits"),
        ("a = 1e" + "9" * 100_000, "digits"),
    ],
    ids=short,
)
def test_a_bomb_never_reaches_the_parser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, words: str
) -> None:
    def parsed(_text: str) -> dict[str, Any]:
        raise AssertionError("parsed")

    monkeypatch.setattr(tomllib, "loads", parsed)
    problem = only_problem(tmp_path, "ok = 1\n" + content + "\n")
    assert words in problem.what
    assert problem.line == 2


def test_there_is_a_bound_on_how_many_things_a_file_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toml_scan, "MAX_ITEMS", 1_000)
    assert "1,000 keys and values" in only_problem(tmp_path, "x = [" + "[]," * 1_000 + "]").what
    assert (
        "1,000 keys and values" in only_problem(tmp_path, "".join(f"a{n} = 1\n" for n in range(1_001))).what
    )
    read(tmp_path, "".join(f"a{n} = 1\n" for n in range(1_000)))


@pytest.mark.parametrize(
    "content",
    [
        "\n" * 300_000,
        "# comment\n" * 100_000,
        'x = """' + 'a"b\\"""\n' * 50_000,
        'x=\\"""\n' * 50_000,
        "x = '''" + "''\n" * 50_000,
        "x = [" + '"",' * 100_000,
        "[" * 200_000,
        '"' * 200_000,
        "= = = " * 50_000,
        "x = " + "." * 200_000,
        'x = "' + "\\\\" * 100_000,
    ],
    ids=short,
)
def test_hostile_text_is_walked_in_linear_time(content: str) -> None:
    with contextlib.suppress(toml_scan.ShapeError):
        assert set(toml_scan.scan(content).lines) <= {("x",)}


def test_a_file_is_read_up_to_its_bound_and_no_further(tmp_path: Path) -> None:
    assert read(tmp_path, "a = 1\n" + "#" * 1_018, max_bytes=1_024).data == {"a": 1}
    assert "larger than 1 KiB" in only_problem(tmp_path, "a = 1\n" + "#" * 1_019, max_bytes=1_024).what
    sparse = tmp_path / "sparse.toml"
    sparse.touch()
    os.truncate(sparse, 10 * 1024**3)
    with pytest.raises(InvalidInput, match="larger than"):
        read_toml(sparse, TITLE, max_bytes=1_024)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.toml", "no such file"),
        ("folder", "is a folder"),
        ("pipe", "not a regular file"),
        ("/dev/zero", "not a regular file"),
        ("loop", "cannot be opened"),
        ("folder/file.toml/x", "cannot be opened"),
        ("a" * 300, "cannot be opened"),
        ("nul\0l", "cannot be opened"),
    ],
)
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file.toml").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InvalidInput) as caught:
        read_toml(tmp_path / name, TITLE, max_bytes=1_024)
    assert words in caught.value.problems[0].what
    assert caught.value.problems[0].fix


def test_an_unreadable_file_says_how_to_make_it_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(InvalidInput, match=r"chmod u\+r"):
        read_toml(tmp_path / "a.toml", TITLE, max_bytes=1_024)


def test_the_name_of_a_file_cannot_reach_the_terminal_raw(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b]0;x\x07b\nc.toml"
    path.write_text("a = ", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        read_toml(path, TITLE, max_bytes=1_024)
    assert caught.value.problems[0].path.endswith("/ab c.toml")


STRINGS = st.text(alphabet="ab#[]{}=.,'\"\\\n é", max_size=12)
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
SCALARS = st.one_of(
    STRINGS.map(lambda s: f'"{s.translate(ESCAPES)}"'),
    STRINGS.map(lambda s: f'"""{s.translate({92: chr(92) * 2, 34: chr(92) + chr(34)})}"""'),
    st.text(alphabet='ab#[]{}=.,"\\ ', max_size=12).map(lambda s: f"'{s}'"),
    st.text(alphabet='ab#[]{}=.,"\\\n ', max_size=12).map(lambda s: f"'''{s}'''"),
    st.integers(-(10**17), 10**17).map(str),
    st.sampled_from(["true", "1.5", "-1e9", "0xff", "1_000", "nan", "2026-01-01", "07:32:00.999"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda v: st.one_of(
        st.lists(v, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.lists(v, min_size=1, max_size=3).map(lambda items: "[ # ]\n" + ",\n".join(items) + ",\n]"),
        st.lists(st.sampled_from(["[1]", '"x"', "2"]), max_size=2, unique=True).map(
            lambda items: "{" + ", ".join(f"k{n}.q = {i}" for n, i in enumerate(items)) + "}"
        ),
    ),
    max_leaves=4,
)
STATEMENTS = st.lists(
    st.one_of(st.just("[[list]]"), st.just("[[list.inner]]"), VALUES, st.just("# [[list]]"))
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STATEMENTS)
def test_the_lines_of_any_document_are_those_of_its_keys(statements: list[str]) -> None:
    text = ""
    expected: dict[str, int] = {}
    started = False
    for number, statement in enumerate(statements):
        line = text.count("\n") + 1
        if statement == "[[list.inner]]" and not started:
            continue
        started = started or statement == "[[list]]"
        if not statement.startswith(("[[list", "# [[")):
            expected[f"key{number}"] = line
            statement = f"key{number} = {statement}"
        text += statement + "\n"
    data = tomllib.loads(text)
    found = toml_scan.scan(text)
    assert found.repeat is None
    assert {str(p[-1]): n for p, n in found.lines.items() if str(p[-1]).startswith("key")} == expected
    assert all(_holds(data, path) for path in found.lines)


def _holds(data: Any, path: toml_scan.Path) -> bool:
    for part in path:
        data = data[part]
    return True


@settings(deadline=None)
@given(st.text(alphabet="[]{}=\"'.#,\n\\ ab1é", max_size=80))
def test_any_text_is_scanned_without_a_failure(text: str) -> None:
    lines = toml_scan.scan(text).lines
    assert all(1 <= n <= text.count("\n") + 1 for n in lines.values())
