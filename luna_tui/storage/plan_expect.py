"""Read what a subtask's output is expected to be; expressions and schemas are checked when they are read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.core.plan import Expectation
from luna_tui.storage.fields import Table, kind_of, shortened
from luna_tui.storage.plan_inputs import InputError, Inputs

MAX_SCHEMA_CHARS = 256 * 1024
MAX_REGEX_CHARS = 2_000
_KEYS = ("json", "contains", "max_chars", "schema", "regex", "command")
_SCHEMA_FIX = 'schema = { type = "object", required = ["links"] }, or { file = "answer.schema.json" }'
_MAX_DEPTH = 64


class ExpectReader:
    """Reads the expectations of one plan; the same schema or expression is checked once."""

    def __init__(self, inputs: Inputs | None) -> None:
        self._inputs = inputs
        """None when the workspace itself cannot be used."""
        self._faults: dict[str, tuple[str, str] | None] = {}
        """Schema -> what is wrong with it and what to do."""

    def read(self, table: Table) -> Expectation | None:
        """The `expect` of a subtask."""
        if "expect" not in table.values:
            return None
        expect = table.table("expect")
        expect.refuse_unknown(_KEYS, "expect")
        return Expectation(
            json=expect.flag("json", False),
            contains=expect.text("contains", empty=False) if "contains" in expect.values else None,
            max_chars=expect.whole("max_chars", None, 1, 1_000_000_000),
            schema=self._schema(expect) if "schema" in expect.values else None,
            regex=_regex(expect) if "regex" in expect.values else None,
            command=_command(expect) if "command" in expect.values else (),
        )

    def _schema(self, expect: Table) -> str | None:
        try:
            text = self._schema_text(expect.values["schema"])
        except InputError as error:
            expect.wrong("schema", error.what, error.fix)
            return None
        if text not in self._faults:
            self._faults[text] = schema_fault(text)
        fault = self._faults[text]
        if fault is not None:
            expect.wrong("schema", *fault)
            return None
        return text

    def _schema_text(self, given: Any) -> str:
        if isinstance(given, dict) and given.keys() == {"file"}:
            if not isinstance(given["file"], str):
                raise InputError(f"file must be text, not {kind_of(given['file'])}", _SCHEMA_FIX)
            given = self._inputs.file(given["file"]) if self._inputs is not None else "{}"
        if isinstance(given, str):
            return given
        if not isinstance(given, dict):
            raise InputError(f"schema must be a table, not {kind_of(given)}", _SCHEMA_FIX)
        try:
            return json.dumps(given, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):
            raise InputError(
                "the schema holds what JSON has no word for", "no dates, no nan, no inf"
            ) from None


def schema_fault(text: str) -> tuple[str, str] | None:
    """What is wrong with a JSON schema, and what to do; None when outputs can be compared with it."""
    if len(text) > MAX_SCHEMA_CHARS:
        return f"the schema has {len(text):,} characters", f"at most {MAX_SCHEMA_CHARS:,}"
    try:
        schema = json.loads(text)
    except ValueError as error:
        return f"the schema is no JSON: {error}", _SCHEMA_FIX
    except RecursionError:
        return "the schema is nested too deep", "flatten it"
    if not isinstance(schema, dict):
        return f"a schema is an object, not {kind_of(schema)}", _SCHEMA_FIX
    from jsonschema import SchemaError, validators

    kind = validators.validator_for(schema, default=validators.validator_for({}))
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        return clean_line(f"the schema is none at {error.json_path}: {error.message}"), "see json-schema.org"
    except (RecursionError, OverflowError):
        return "the schema is nested too deep, or has too large a pattern", "simplify it"
    return next(_inner_faults(schema, schema, 0), None)


def _inner_faults(part: Any, whole: Any, depth: int) -> Iterator[tuple[str, str]]:
    """What the schema of schemas does not see: references that lead nowhere."""
    if depth > _MAX_DEPTH:
        yield "the schema is nested too deep", "flatten it"
        return
    if isinstance(part, dict):
        target = part.get("$ref")
        if isinstance(target, str) and not _leads(whole, target):
            yield f"the schema refers to {shortened(target)}, which is not in it", "nothing is ever fetched"
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _inner_faults(inner, whole, depth + 1)


def _leads(whole: Any, target: str) -> bool:
    """Whether a reference leads to something in the same schema; only anchors are not looked for."""
    if not target.startswith("#"):
        return False
    here = whole
    for part in target[1:].split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, list) and name.isdecimal() and int(name) < len(here):
            here = here[int(name)]
        elif isinstance(here, dict) and name in here:
            here = here[name]
        else:
            return False
    return True


def regex_fault(pattern: str) -> str | None:
    """Why a text is no regular expression; None when it is one."""
    if len(pattern) > MAX_REGEX_CHARS:
        return f"it has {len(pattern):,} characters, more than {MAX_REGEX_CHARS:,}"
    try:
        re.compile(pattern)
    except re.error as error:
        return clean_line(str(error))
    except (RecursionError, OverflowError):
        return "it is too large"
    return None


def _regex(expect: Table) -> str | None:
    pattern = expect.text("regex", empty=False)
    why = regex_fault(pattern)
    if why is not None:
        expect.wrong("regex", f"regex is no expression: {why}", "in '…' backslashes stand for themselves")
    return pattern


def _command(expect: Table) -> tuple[str, ...]:
    words = expect.texts("command")
    if isinstance(expect.values["command"], list) and (not words or not words[0].strip()):
        expect.wrong("command", "command is empty", 'command = ["python3", "check.py"]')
    elif any("\0" in word for word in words):
        expect.wrong("command", "a command cannot hold a NUL character", "remove it")
    return words
