"""The parts of the simulator that need no socket: the model and the faults."""

from __future__ import annotations

import re
import statistics
import textwrap
from typing import Any

import pytest

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.simulator.checks import wrong_message
from luna_tui.simulator.faults import Fault, FaultKind, FaultSchedule, parse_fault
from luna_tui.simulator.model import answer, count_tokens, piece_tokens, request_text

SOURCE = textwrap.dedent(
    '''\
    """A module."""
    import os
    from json import loads

    class Shelf:
        def lift(
            self,
        ) -> None:
            """Documented."""
            for book in range(3):
                print(book)

    def _sort(books): return sorted(books)
    '''
)


def body(content: Any, **more: Any) -> dict[str, Any]:
    return {
        "model": "claude-haiku-5-5",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": content}],
        **more,
    }


def text_of(content: Any, **more: Any) -> str:
    return "".join(answer(body(content, **more), 7).pieces)


def test_the_answer_depends_on_request_and_seed_only() -> None:
    first = answer(body("Compare autumn and spring in the garden"), 7)
    assert answer(body("Compare autumn and spring in the garden"), 7) == first
    assert answer(body("Compare autumn and spring in the garden"), 8) != first
    assert answer(body("Compare autumn and spring in the park"), 7) != first


@pytest.mark.parametrize(
    "content",
    [
        f"Analyse shelf.py, please.\n\n{SOURCE}",
        f"Analyse shelf.py, please.\n```python\n{SOURCE}```\nBe short.",
        [
            {
                "type": "document",
                "title": "shelf.py",
                "source": {"type": "text", "media_type": "text/plain", "data": SOURCE},
            },
            {"type": "text", "text": "Analyse it; other.py is not attached."},
        ],
    ],
    ids=["inlined", "fenced", "attached"],
)
def test_python_source_is_described_as_it_is(content: Any) -> None:
    told = text_of(content)
    assert told.startswith("## Analysis of shelf.py\n")
    assert f"{len(SOURCE.splitlines())} lines, 1 classes, 2 functions (1 public)" in told
    assert "Imports json, os." in told
    assert "The longest function is `lift` with 7 lines" in told
    assert re.search(r"`lift\(?` \(line 6\) is documented", told)


def test_several_results_are_summed_up() -> None:
    one = text_of(f"Analyse shelf.py\n\n{SOURCE}")
    other = text_of(f"Analyse rack.py\n\n{SOURCE}\n\n\ndef more(): return 1\n")
    told = text_of(f"Sum up.\n\n{one}\n\n{other}")
    assert "2 modules" in told
    assert "rack.py (17)" in told
    assert f"Together {len(SOURCE.splitlines()) + 17} lines" in told


def test_every_token_line_is_echoed() -> None:
    assert text_of("token: A-1\nHello there").startswith("token: A-1\n")
    assert "token: A-1" in text_of(f"token: A-1\nshelf.py\n{SOURCE}")
    assert "token:" not in text_of("no token: here, it is inside of a line")


@pytest.mark.parametrize("limit", [1, 2, 7, 30, 100_000])
def test_an_answer_never_exceeds_max_tokens_and_says_when_it_was_cut(limit: int) -> None:
    reply = answer(body(f"shelf.py\n\n{SOURCE}", max_tokens=limit), 7)
    assert 1 <= reply.output_tokens <= limit
    assert reply.output_tokens == sum(map(piece_tokens, reply.pieces))
    assert "".join(reply.pieces)
    assert reply.stop_reason == ("end_turn" if limit == 100_000 else "max_tokens")


def test_latencies_are_those_of_a_real_model() -> None:
    replies = [answer(body(f"question {n}"), 7) for n in range(400)]
    first = sorted(r.first_token_s for r in replies)
    assert 0.6 < statistics.median(first) < 2.5
    assert first[0] > 0.1
    assert first[-1] <= 4.0
    assert first[360] > 1.3 * first[40]


def test_input_is_counted_from_all_text_whatever_its_shape() -> None:
    plain = count_tokens(request_text(body("x" * 4000)))
    assert 950 < plain < 1100
    blocks = [{"type": "text", "text": "x" * 2000}, {"type": "text", "text": "x" * 2000}]
    assert abs(count_tokens(request_text(body(blocks))) - plain) < 5
    assert count_tokens(request_text(body("x" * 4000, system="y" * 400))) - plain in range(95, 106)
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert request_text(body(deep)) == ""
    assert request_text({"messages": 5, "system": 7}) == ""


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": None}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": 5}, "messages"),
        ({"messages": ["hello"]}, "messages.0.role"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "document"}]}]},
            "messages.0.content.0.document",
        ),
        ({"system": 5}, "system"),
        ({"stream": "yes"}, "stream"),
        ({"temperature": 0.5}, "temperature"),
        ({"top_k": 5}, "top_k"),
    ],
)
def test_a_mistake_in_a_request_is_named(change: dict[str, Any], named: str) -> None:
    assert wrong_message(body("x")) is None
    wrong = wrong_message(body("x") | change)
    assert wrong is not None
    assert wrong[0] == "invalid_request_error"
    assert wrong[1].startswith(f"{named}")


def test_documents_belong_to_the_user_only() -> None:
    block = {"type": "document", "source": {"type": "text", "data": "x"}}
    turns = [{"role": "user", "content": [block]}, {"role": "assistant", "content": [block]}]
    assert wrong_message(body("x", messages=turns[:1])) is None
    assert wrong_message(body("x", messages=turns)) is not None


def test_an_unknown_model_is_not_found() -> None:
    assert wrong_message(body("x", model="claude-haiku-9")) == ("not_found_error", "model: claude-haiku-9")


def hits(fault: Fault, *asked: tuple[int, str, float]) -> list[bool]:
    schedule = FaultSchedule((fault,))
    return [schedule.hit(*one) is not None for one in asked]


def test_a_fault_matches_text_for_a_number_of_times() -> None:
    fault = Fault(kind=FaultKind.CUT, match="csv.py", times=2)
    asked = [(1, "gzip.py", 0.0), (2, "csv.py", 0.0), (3, "a csv.py", 0.0), (4, "csv.py", 0.0)]
    assert hits(fault, *asked) == [False, True, True, False]


def test_a_fault_hits_a_request_by_its_number() -> None:
    fault = Fault(kind=FaultKind.OVERLOADED, at=2)
    assert hits(fault, (1, "", 0.0), (2, "", 0.0), (3, "", 0.0)) == [False, True, False]


def test_a_burst_hits_every_request_in_its_window() -> None:
    fault = parse_fault("overloaded:from=10,for=20")
    asked = [(n, "x", at) for n, at in enumerate((9.9, 10.1, 15.0, 29.9, 30.1), 1)]
    assert hits(fault, *asked) == [False, True, True, True, False]


def test_a_fault_that_was_given_back_hits_a_later_request() -> None:
    schedule = FaultSchedule((Fault(kind=FaultKind.CUT),))
    fault = schedule.hit(1, "", 0.0)
    assert fault is not None
    assert schedule.hit(2, "", 0.0) is None
    schedule.give_back(fault)
    assert schedule.hit(3, "", 0.0) is fault
    assert schedule.hit(4, "", 0.0) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("stall", Fault(kind=FaultKind.STALL)),
        ("cut:match=csv.py,after=12,times=1", Fault(kind=FaultKind.CUT, match="csv.py", after=12)),
        ("overloaded:at=5", Fault(kind=FaultKind.OVERLOADED, at=5)),
        (
            "rate_limit:match=a=b,retry_after=3",
            Fault(kind=FaultKind.RATE_LIMIT, match="a=b", retry_after=3.0),
        ),
        (
            "overloaded:since=1.5,lasts=2,times=4",
            Fault(kind=FaultKind.OVERLOADED, since=1.5, lasts=2.0, times=4),
        ),
    ],
)
def test_a_fault_is_read_from_the_command_line(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "named", "hint"),
    [
        ("overload", "'overload'", "did you mean overloaded?"),
        ("zzz", "'zzz'", "one of: rate_limit, overloaded"),
        ("cut:mach=x", "'mach'", "did you mean match?"),
        ("cut:frm=3", "'frm'", "did you mean from?"),
        ("cut:after=soon", "after='soon'", ""),
        ("cut:after", "after=''", ""),
        ("cut:after=-1", "after='-1'", ""),
        ("rate_limit:retry_after=nan", "retry_after='nan'", ""),
        ("rate_limit:retry_after=inf", "retry_after='inf'", ""),
    ],
)
def test_a_fault_that_cannot_be_read_names_the_nearest_word(text: str, named: str, hint: str) -> None:
    with pytest.raises(LunaError) as caught:
        parse_fault(text)
    assert named in caught.value.message
    assert caught.value.hint.startswith(hint)
    assert caught.value.code is ExitCode.USAGE
