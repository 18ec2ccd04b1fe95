"""Outputs are compared with expressions and schemas in a process that may hang or die."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import RecordingContext, subtask, work_of

from luna_tui.core.plan import Expectation
from luna_tui.core.words import ErrorKind, Kind
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.runner import AttemptError, MissedExpectation
from luna_tui.runners.examined import Examined
from luna_tui.runners.examining import Examiner

HANGS = Expectation(regex="^(a+)+$")
HANGING = "a" * 40 + "b"


@pytest.fixture
def examiner() -> Iterator[Examiner]:
    made = Examiner(limit_s=20)
    yield made
    made.close()


@pytest.fixture
def token() -> CancelToken:
    return CancelToken(SystemClock())


def missed(examiner: Examiner, token: CancelToken, output: str, **expect: Any) -> str | None:
    if isinstance(expect.get("schema"), dict):
        expect["schema"] = json.dumps(expect["schema"])
    return examiner.missed(work_of(subtask("a", expect=Expectation(**expect))), output, token)


@pytest.mark.parametrize(
    ("schema", "output", "why"),
    [
        ({"type": "object"}, "{}", None),
        ({"type": "object"}, "```json\n{}\n```", None),
        ({"type": "object"}, "[1]", "expected object at $, got [1]"),
        ({"type": ["string", "null"]}, "3", "expected string or null at $, got 3"),
        ({"required": ["a", "b"]}, '{"a": 1}', "expected b in $, got a"),
        ({"required": ["a"]}, "{}", "expected a in $, got no key at all"),
        ({"items": {"properties": {"n": {"type": "integer"}}}}, '[{"n": 1}, {"n": "x"}]',
         'expected integer at $[1].n, got "x"'),
        ({"enum": ["a", 1]}, '"b"', 'expected one of "a", 1 at $, got "b"'),
        ({"const": 1}, "2", "expected 1 at $, got 2"),
        ({"minimum": 5}, "2", "expected minimum = 5 at $, got 2"),
        ({"additionalProperties": False}, '{"z": 1}', "expected no other keys in $, got z: Additional"),
        ({"items": {"type": "string"}}, "[1, 2]", "expected string at $[0], got 1 (and 1 more)"),
        ({"$ref": "#/$defs/t", "$defs": {"t": {"type": "string"}}}, "1", "expected string at $, got 1"),
        ({"format": "date"}, '"tomorrow"', 'expected format = "date" at $, got "tomorrow"'),
        ({"pattern": "^a"}, '"b"', 'expected pattern = "^a" at $, got "b"'),
    ],
)  # fmt: skip
def test_a_schema_says_what_was_expected_and_where(
    examiner: Examiner, token: CancelToken, schema: dict[str, Any], output: str, why: str | None
) -> None:
    found = missed(examiner, token, output, schema=schema)
    assert found == why or (found is not None and why is not None and found.startswith(why))


def test_an_expression_may_match_anywhere(examiner: Examiner, token: CancelToken) -> None:
    assert missed(examiner, token, "one\ntwo: 7\n", regex=r"^two: \d$") is None
    assert missed(examiner, token, "none", regex=r"\d") == r'expected a match of \d, got "none"'


def test_nothing_is_started_for_what_needs_no_process(examiner: Examiner, token: CancelToken) -> None:
    assert missed(examiner, token, "x", json=True, contains="y") is None
    assert examiner.idle == 0


def test_one_process_serves_one_output_after_the_other(examiner: Examiner, token: CancelToken) -> None:
    for n in range(5):
        assert missed(examiner, token, f"{n}", regex=r"\d") is None
    assert examiner.idle == 1


def test_an_expression_that_never_ends_is_ended(token: CancelToken) -> None:
    examiner = Examiner(limit_s=0.5)
    with pytest.raises(AttemptError, match=r"could not be compared .* within 0\.5 s") as caught:
        examiner.missed(work_of(subtask("a", expect=HANGS)), HANGING, token)
    assert (caught.value.kind, caught.value.retryable) == (ErrorKind.EXPECTATION, False)
    assert examiner.idle == 0
    examiner.close()


def test_after_its_end_it_keeps_no_process(token: CancelToken) -> None:
    examiner = Examiner(limit_s=20)
    examiner.close()
    assert missed(examiner, token, "1", regex=r"\d") is None
    assert examiner.idle == 0


def test_a_cancellation_ends_the_comparison(examiner: Examiner, token: CancelToken) -> None:
    timer = threading.Timer(0.2, token.cancel, ["enough"])
    timer.start()
    with pytest.raises(Cancelled):
        examiner.missed(work_of(subtask("a", expect=HANGS)), HANGING, token)
    timer.join()


def test_a_value_too_deep_for_the_schema_is_told_and_harms_nothing(
    examiner: Examiner, token: CancelToken
) -> None:
    deep = "[" * 900 + "]" * 900
    schema = {"$ref": "#/$defs/t", "$defs": {"t": {"items": {"$ref": "#/$defs/t"}}}}
    with pytest.raises(AttemptError, match="cannot be compared with the schema: RecursionError"):
        missed(examiner, token, deep, schema=schema)
    assert missed(examiner, token, "[]", schema=schema) is None


class _Says:
    def __init__(self, output: str) -> None:
        self.output = output

    def demand(self, work: Any) -> None:
        return None

    def run(self, work: Any, context: Any) -> str:
        return self.output

    def close(self) -> None:
        raise AssertionError("its owner closes it")


def test_what_a_runner_says_is_examined_and_comes_with_the_reason(
    examiner: Examiner, token: CancelToken
) -> None:
    context = RecordingContext(token)
    runner = Examined({Kind.CLAUDE: _Says("none")}, examiner)[Kind.CLAUDE]
    runner.close()
    assert runner.run(work_of(subtask("a")), context) == "none"
    for expect in (Expectation(regex="x"), Expectation(json=True), Expectation(schema="{}")):
        with pytest.raises(MissedExpectation) as caught:
            runner.run(work_of(subtask("a", expect=expect)), context)
        assert (caught.value.output, caught.value.retryable) == ("none", True)


def check(tmp_path: Path, script: str) -> tuple[str, ...]:
    (tmp_path / "check.py").write_text(script, encoding="utf-8")
    return (sys.executable, "check.py")


def test_a_command_gets_the_output_and_its_last_line_is_the_reason(
    tmp_path: Path, token: CancelToken
) -> None:
    examiner = Examiner({"ANTHROPIC_API_KEY": "canary"})
    command = check(
        tmp_path,
        "import os, sys\ntext = sys.stdin.read()\nprint('so')\n"
        "print(text + str('ANTHROPIC_API_KEY' in os.environ))\nsys.exit(text != 'good')\n",
    )
    work = work_of(subtask("a", expect=Expectation(command=command)), workspace=str(tmp_path))
    assert examiner.missed(work, "good", token) is None
    missed = examiner.missed(work, "bad é", token)
    assert missed is not None
    assert missed.endswith("check.py to accept the output, got: bad éFalse")


def test_a_command_without_a_word_is_told_by_its_end(tmp_path: Path, token: CancelToken) -> None:
    command = check(tmp_path, "raise SystemExit(7)\n")
    work = work_of(subtask("a", expect=Expectation(command=command)), workspace=str(tmp_path))
    assert str(Examiner().missed(work, "x", token)).endswith("got: exited with 7")


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path, token: CancelToken) -> None:
    command = check(tmp_path, "import time\ntime.sleep(60)\n")
    work = work_of(subtask("a", expect=Expectation(command=command)), workspace=str(tmp_path))
    with pytest.raises(AttemptError, match=r"did not say within 0\.3 s") as caught:
        Examiner(command_s=0.3).missed(work, "x", token)
    assert caught.value.retryable is False


def test_a_command_that_is_not_there_is_told(tmp_path: Path, token: CancelToken) -> None:
    work = work_of(subtask("a", expect=Expectation(command=("no-such-checker",))), workspace=str(tmp_path))
    with pytest.raises(AttemptError, match="command not found: no-such-checker"):
        Examiner().missed(work, "x", token)
