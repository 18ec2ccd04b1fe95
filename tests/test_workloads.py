"""The work of the benchmarks has the sums and the shape that it claims."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import pytest

from benchmarks.workloads import TELLING, UNTELLING, mixed, plan_toml, prompt_of
from luna_tui.core.plan import Estimate
from luna_tui.simulator.model import answer, count_tokens
from luna_tui.storage.plans import load_plan


def test_two_hundred_requests_have_the_sums_of_the_measured_table() -> None:
    work = mixed(200, 1)
    assert sum(w.input_tokens for w in work) == pytest.approx(1_260_000, rel=0.01)
    assert sum(w.output_tokens for w in work) == pytest.approx(222_000, rel=0.01)
    assert statistics.mean(w.seconds for w in work) == pytest.approx(18.0, abs=0.01)
    assert mixed(200, 1) == work
    assert mixed(200, 2) != work


def test_sizes_are_mixed_and_outputs_go_along_with_inputs() -> None:
    work = mixed(200, 1)
    inputs = sorted(w.input_tokens for w in work)
    outputs = sorted(w.output_tokens for w in work)
    assert sum(size > 15_000 for size in inputs) == 14
    assert inputs[-1] < 45_000
    assert sum(1_800 <= size <= 8_500 for size in inputs) > 160
    assert 700 < statistics.median(outputs) < 1_100
    assert 2_500 < outputs[-1] <= 4_096


@pytest.mark.parametrize("asked", [TELLING, UNTELLING])
def test_prompts_tell_as_much_of_their_answers_as_is_asked(asked: float) -> None:
    work = mixed(400, 1, correlation=asked)
    sizes = [(math.log(w.input_tokens), math.log(w.output_tokens)) for w in work]
    assert statistics.correlation(*zip(*sizes, strict=True)) == pytest.approx(asked, abs=0.1)
    pace = [w.output_tokens / (w.seconds - w.first_s) for w in work]
    assert 49 < min(pace) < max(pace) < 91
    assert min(w.first_s for w in work) > 0.2


def test_max_tokens_hold_every_output() -> None:
    assert all(w.max_tokens == 4_096 for w in mixed(200, 1))
    assert all(0 < w.max_tokens - w.output_tokens <= 256 for w in mixed(200, 1, tight=True))


def test_a_prompt_orders_its_own_answer_and_has_its_length() -> None:
    for number, one in enumerate(mixed(40, 3)):
        prompt = prompt_of(number, one)
        body: dict[str, Any] = {
            "max_tokens": one.max_tokens,
            "messages": [{"role": "user", "content": prompt}],
        }
        reply = answer(body, 7)
        assert reply.input_tokens == count_tokens(prompt) == one.input_tokens
        assert reply.output_tokens == one.output_tokens
        assert reply.due_s(0) == pytest.approx(one.first_s)
        assert reply.due_s(len(reply.pieces)) == pytest.approx(one.seconds, rel=1e-4)


@pytest.mark.parametrize("estimates", [False, True])
def test_the_plan_of_a_workload_loads(tmp_path: Path, estimates: bool) -> None:
    path = tmp_path / "plan.toml"
    work = mixed(5, 1)
    path.write_text(plan_toml(work, estimates=estimates), encoding="utf-8")
    subtasks = list(load_plan(path).subtasks())
    assert [s.prompt for s in subtasks] == [prompt_of(n, w) for n, w in enumerate(work)]
    assert [s.max_tokens for s in subtasks] == [w.max_tokens for w in work]
    assert {s.estimate == Estimate() for s in subtasks} == {not estimates}
