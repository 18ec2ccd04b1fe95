"""Plans of every shape that a file can have, for hypothesis."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from luna_tui.core.clean import clean_line
from luna_tui.core.plan import Estimate, Expectation, Plan, Subtask, Wave
from luna_tui.core.templates import literal
from luna_tui.core.tools import TOOLS
from luna_tui.core.words import Isolation, Kind, OnFailure, Priority, Schedule

FILES = {"one.md": "1", "two three.md": "22", 'q"uote.md': "", "é.md": "é"}
"""Name -> text of the files that the plans attach."""
SECONDS = st.floats(0, 604_800, allow_nan=False) | st.sampled_from([0.0, 60.0, 120.0])
TEXTS = st.text(max_size=30).map(literal) | st.sampled_from(
    ["x", "a\nb\n", "\r\n", "tail\\", '"""', "'''\n", "\x00\x1b", "{{ nothing", "é\u2028ç", "a\r", "\n"]
)
SCHEMAS = (
    '{"type": "object", "required": ["a b"], "properties": {"a b": {"enum": [1, 2.5, true, "x\\ny"]}}}',
    '{"enum": [null]}',
    '{"type":"string"}',
    "{}",
)
LABELS = TEXTS.map(clean_line).filter(bool)
WORDS = TEXTS.map(lambda text: text.replace("\0", "")).filter(lambda text: bool(text.strip()))
NAMES = st.text(max_size=8).filter(lambda n: bool(n) and not set(n) & {"=", "\0"})


def expectations() -> st.SearchStrategy[Expectation]:
    return st.builds(
        Expectation,
        json=st.booleans(),
        contains=st.none() | TEXTS.filter(lambda text: bool(text.strip())),
        max_chars=st.none() | st.integers(1, 1_000_000_000),
        schema=st.none() | st.sampled_from(SCHEMAS),
        regex=st.none() | st.sampled_from([r"^\d+$", "é\n", r"\\", "'\""]),
        command=st.lists(WORDS, max_size=3).map(tuple),
    )


def estimates() -> st.SearchStrategy[Estimate]:
    tokens = st.none() | st.integers(1, 10_000_000)
    return st.builds(Estimate, input_tokens=tokens, output_tokens=tokens, seconds=st.none() | SECONDS)


@st.composite
def subtasks(draw: st.DrawFn, subtask_id: str, before: list[str]) -> Subtask:
    """A subtask that may depend on those before it."""
    needs = tuple(draw(st.lists(st.sampled_from(before), unique=True))) if before else ()
    kind = draw(st.sampled_from(Kind))
    made = {Kind.CLAUDE: _asked, Kind.COMMAND: _run, Kind.PYTHON: _called}[kind]
    own = draw(made(needs))
    return Subtask(
        id=subtask_id,
        title=draw(LABELS),
        kind=kind,
        timeout=draw(SECONDS),
        retries=draw(st.integers(0, 100)),
        depends_on=needs,
        priority=draw(st.sampled_from(Priority)),
        expect=draw(st.none() | expectations()),
        estimate=draw(estimates()),
        isolate=draw(st.none() | st.sampled_from(Isolation)),
        **({"model": "claude-haiku-5-5"} | own),
    )


@st.composite
def _asked(draw: st.DrawFn, needs: tuple[str, ...]) -> dict[str, Any]:
    files = tuple(draw(st.lists(st.sampled_from(sorted(FILES)), max_size=4)))
    used = "".join(f" {{{{ results.{i} }}}}" for i in needs)
    return {
        "prompt": draw(WORDS.map(literal)) + draw(st.sampled_from(["", used])),
        "messages": draw(st.sampled_from([(), (("user", "a\n{{ results.z }}"), ("assistant", "b"))])),
        "system": draw(TEXTS),
        "files": files,
        "files_chars": sum(len(FILES[name].encode()) for name in files),
        "model": draw(st.sampled_from(["claude-haiku-5-5", "claude-sonnet-5"])),
        "max_tokens": draw(st.integers(1, 1_000_000)),
        "tools": tuple(draw(st.lists(st.sampled_from([*TOOLS, "mcp.git", "mcp.git.log"]), unique=True))),
        "max_turns": draw(st.integers(1, 200)),
    }


@st.composite
def _run(draw: st.DrawFn, needs: tuple[str, ...]) -> dict[str, Any]:
    shell = draw(st.booleans())
    return draw(_process()) | {
        "command": tuple(draw(st.lists(WORDS, min_size=1, max_size=1 if shell else 4))),
        "shell": shell,
        "ok_codes": tuple(draw(st.lists(st.integers(0, 255), min_size=1, max_size=3))),
    }


@st.composite
def _called(draw: st.DrawFn, needs: tuple[str, ...]) -> dict[str, Any]:
    used = st.sampled_from([f"{{{{ results.{i} }}}}" for i in needs] or ["x"])
    leaves = TEXTS | used | st.integers(-(10**9), 10**9) | st.booleans() | st.floats(-1e9, 1e9)
    values = st.recursive(
        leaves,
        lambda v: st.lists(v, max_size=2) | st.dictionaries(st.text(max_size=5), v, max_size=2),
        max_leaves=5,
    )
    return draw(_process()) | {
        "callable": draw(st.sampled_from(["mine:run", "a.b_1.c:D.e", "é:é"])),
        "args": json.dumps(draw(st.lists(values, max_size=2)), ensure_ascii=False),
        "kwargs": json.dumps(
            draw(st.dictionaries(st.text(max_size=5), values, max_size=2)), ensure_ascii=False
        ),
    }


@st.composite
def _process(draw: st.DrawFn) -> dict[str, Any]:
    env = draw(st.dictionaries(NAMES, WORDS, max_size=3))
    return {"env": tuple(env.items()), "cwd": draw(st.sampled_from([".", "deeper/folder", "é"]))}


@st.composite
def plans(draw: st.DrawFn, folder: Path) -> Plan:
    """A plan in `folder`, which holds FILES."""
    waves: list[Wave] = []
    ids: list[str] = []
    for number in range(draw(st.integers(1, 3))):
        made = []
        for place in range(draw(st.integers(1, 3))):
            made.append(draw(subtasks(f"s-{number}.{place}", ids)))
            ids.append(made[-1].id)
        name = f"{number} {draw(LABELS)}".strip()
        waves.append(
            Wave(
                name=clean_line(name),
                subtasks=tuple(made),
                parallel=draw(st.booleans()),
                timeout=draw(SECONDS),
                max_workers=draw(st.none() | st.integers(1, 10_000)),
            )
        )
    return Plan(
        name=draw(LABELS.filter(lambda n: bool(n.strip()))),
        waves=tuple(waves),
        workspace=str(folder),
        goal=draw(TEXTS),
        on_failure=draw(st.sampled_from(OnFailure)),
        schedule=draw(st.sampled_from(Schedule)),
    )
