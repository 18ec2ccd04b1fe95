"""The structure holds: who may import whom, how large things may be, what a quick command may load."""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "luna_tui"
MODULES = sorted(PACKAGE.rglob("*.py"))
ALLOWED: dict[str, set[str]] = {
    "core": {"core"},
    "engine": {"engine", "core"},
    "runners": {"runners", "engine", "core"},
    "simulator": {"simulator", "core"},
    "storage": {"storage", "core"},
    "headless": {"headless", "core", "session"},
    "tui/views": {"tui/views", "core"},
    "tui": {"tui", "tui/views", "core", "session", "engine/control"},
    "wire": {"wire", "engine", "core"},
    "session": {"session", "runners", "storage", "wire", "simulator", "engine", "core"},
    "commands": {
        "commands",
        "tui",
        "tui/views",
        "headless",
        "session",
        "storage",
        "simulator",
        "engine",
        "core",
    },
    "cli": {"cli", "commands", "core"},
}
"""Folder -> folders it may import; `tui` knows the commands a run takes, and nothing else of the engine."""
THIRD_PARTY: dict[str, set[str]] = {
    "textual": {"tui"},
    "rich": {"tui", "tui/views"},
    "anthropic": {"runners"},
    "httpx2": {"runners"},
    "httpcore2": {"runners"},
    "platformdirs": {"storage"},
    "mcp": {"runners"},
    "mcp_types": {"runners"},
    "anyio": {"runners"},
    "tomli_w": {"storage"},
    "jsonschema": {"storage", "runners"},
    "referencing": {"runners"},
}
"""Package -> the only folders that may import it."""


def folder_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts[:2] == ("tui", "views"):
        return "tui/views"
    return parts[0]


def imports(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found.append((node.lineno, node.module))
    return found


def test_imports_point_down_only() -> None:
    wrong = []
    for path in MODULES:
        here = folder_of(path)
        if here in ("__init__", "__main__"):
            continue
        for line, name in imports(path):
            parts = name.split(".")
            if parts[0] == "luna_tui" and len(parts) > 1:
                there = "tui/views" if parts[1:3] == ["tui", "views"] else parts[1]
                exact = "/".join(parts[1:3])
                if there not in ALLOWED[here] and exact not in ALLOWED[here]:
                    wrong.append(f"{path.relative_to(PACKAGE)}:{line}: {here} imports {name}")
            elif parts[0] in THIRD_PARTY and here not in THIRD_PARTY[parts[0]]:
                wrong.append(f"{path.relative_to(PACKAGE)}:{line}: {here} imports {name}")
    assert wrong == []


def test_files_and_functions_stay_small() -> None:
    lengths: list[int] = []
    too_large = []
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > 400:
            too_large.append(f"{path.name}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                lengths.append(length)
                if length > 60:
                    too_large.append(f"{path.name}:{node.lineno} {node.name}: {length} lines")
            if isinstance(node, ast.ClassDef) and folder_of(path) == "tui":
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                most = 200 if "widgets" in path.parts else 250
                if length > most:
                    too_large.append(f"{path.name} {node.name}: {length} lines")
    assert too_large == []
    assert statistics.median(lengths) <= 10
    assert statistics.quantiles(lengths, n=10)[-1] <= 30


def test_every_module_says_what_it_is_for() -> None:
    assert [p.name for p in MODULES if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))] == []


LOADED = """
import sys, json
from luna_tui.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as error:
    code = error.code
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "argv",
    [["--version"], ["--help"], ["config", "show"], ["runs"], ["check", "examples/plans/demo.toml"]],
    ids=lambda argv: " ".join(argv),
)
def test_quick_commands_load_neither_the_sdk_nor_the_screen(argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *argv], capture_output=True, text=True, cwd=PACKAGE.parent, check=False
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code in (0, None)
    assert not {"anthropic", "textual", "httpx2", "pydantic", "mcp"} & set(modules)


def test_the_dashboard_is_built_without_the_sdk() -> None:
    code = "import sys, luna_tui.tui.app, luna_tui.commands.runs; sys.exit('anthropic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
