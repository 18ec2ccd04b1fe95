"""The process in which outputs meet expressions and schemas that a plan gives: it may hang or die there.

Started with this file alone: it imports nothing of ours. The first line says where modules are found;
each further one asks, and is answered in one line: what was missed, or null.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from collections.abc import Iterable
from itertools import islice
from typing import Any, BinaryIO

_MEMORY_BYTES = 2 * 1024**3
_SHOWN_CHARS = 80
_CPU_S = 30
"""For one answer, should nobody be there any more who ends the process."""
_LOOKED_AT = 100
"""Mistakes of one output that are looked at, to tell the first of them."""


def missed(asked: dict[str, Any]) -> str | None:
    """Why the output is not as expected, in one sentence; None when it is."""
    if asked["regex"] is not None and not re.search(asked["regex"], asked["output"], re.MULTILINE):
        return f"expected a match of {asked['regex']}, got {_short(asked['output'])}"
    if asked["schema"] is None:
        return None
    return _against_schema(json.loads(asked["schema"]), json.loads(asked["value"]))


def _against_schema(schema: Any, value: Any) -> str | None:
    from jsonschema import validators
    from referencing import Registry

    kind = validators.validator_for(schema, default=validators.validator_for({}))
    # A registry of its own is empty: nothing that a schema names is ever fetched.
    validator = kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)
    found = sorted(islice(validator.iter_errors(value), _LOOKED_AT), key=lambda e: len(e.absolute_path))
    if not found:
        return None
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return _sentence(found[0]) + more


def _sentence(error: Any) -> str:
    where, value, wanted = error.json_path, error.instance, error.validator_value
    match error.validator:
        case "type":
            kinds = wanted if isinstance(wanted, list) else [wanted]
            return f"expected {' or '.join(kinds)} at {where}, got {_short(value)}"
        case "enum":
            return f"expected one of {', '.join(map(_short, wanted))} at {where}, got {_short(value)}"
        case "const":
            return f"expected {_short(wanted)} at {where}, got {_short(value)}"
        case "required":
            lacking = [key for key in wanted if key not in value]
            return f"expected {_listed(lacking)} in {where}, got {_listed(value) or 'no key at all'}"
        case "additionalProperties" | "unevaluatedProperties":
            return f"expected no other keys in {where}, got {_listed(value)}: {_cut(error.message)}"
    return f"expected {error.validator} = {_short(wanted)} at {where}, got {_short(value)}"


def _listed(keys: Iterable[str]) -> str:
    return _cut(", ".join(keys))


def _short(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer every question until there is none."""
    sys.path[:] = json.loads(source.readline())
    for line in iter(source.readline, b""):
        _allow_cpu(_CPU_S)
        try:
            answer = {"missed": missed(json.loads(line))}
        except Exception as error:  # noqa: BLE001 - whatever it is, the question has no answer
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        sink.write(json.dumps(answer).encode() + b"\n")
        sink.flush()


def _allow_cpu(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    serve(sys.stdin.buffer, sys.stdout.buffer)
