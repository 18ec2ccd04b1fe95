"""Compare an output with what the plan expects of it, as far as that takes no process."""

from __future__ import annotations

import json

from luna_tui.core.clean import clean_line
from luna_tui.core.plan import Expectation

_SHOWN_CHARS = 60


def miss(expect: Expectation, output: str) -> str | None:
    """Why `output` is not what was expected, in one sentence; None when it is."""
    if expect.max_chars is not None and len(output) > expect.max_chars:
        return f"expected at most {expect.max_chars:,} characters, got {len(output):,}"
    if expect.contains is not None and expect.contains not in output:
        return f'expected the output to contain "{expect.contains}", got {_start(output)}'
    if expect.json or expect.schema is not None:
        return _json_miss(output)
    return None


def unfenced(output: str) -> str:
    """Models often wrap JSON in a code fence; the value inside is what counts."""
    text = output.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        return text[text.index("\n") + 1 : -3]
    return text


def _json_miss(output: str) -> str | None:
    try:
        json.loads(unfenced(output))
    except (ValueError, RecursionError) as error:
        detail = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deep"
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        return f"expected JSON, got {_start(output)}: {detail} in line {line} of the output"
    return None


def _start(output: str) -> str:
    text = clean_line(output[: 4 * _SHOWN_CHARS])
    return f'"{text}"' if len(text) <= _SHOWN_CHARS else f'"{text[:_SHOWN_CHARS]}…"'
