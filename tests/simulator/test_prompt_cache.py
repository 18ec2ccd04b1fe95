"""What the prompt cache holds, from when on, for how long, and what that costs."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from simulator_support import Connect, Serve, ask
from tool_client import READ, converse

from luna_tui.core.limits import Limits
from luna_tui.simulator.caching import CacheUse, PromptCache, least_tokens

MARK: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
LONG = "Some words of a system prompt. " * 400
KEPT = 3_101
"""Tokens of `LONG` and of one more character."""
MODEL = "claude-sonnet-5-5"


def body(*texts: str, system: str = LONG, **more: Any) -> dict[str, Any]:
    """A request whose system and last text carry breakpoints."""
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text} for text in texts]
    blocks[-1] |= MARK
    given = {"model": MODEL, "system": [{"type": "text", "text": system} | MARK]}
    return given | {"messages": [{"role": "user", "content": blocks}]} | more


def look(cache: PromptCache, request: dict[str, Any], at: float, tokens: int = 4_000) -> CacheUse:
    use = cache.look(request, tokens, at)
    cache.begun(use, at)
    return use


def test_the_first_request_writes_and_the_next_reads_while_it_is_fresh() -> None:
    cache = PromptCache()
    assert (look(cache, body("a"), 0.0).read, look(cache, body("a"), 299.0).written) == (0, 0)
    assert look(cache, body("a"), 598.0).read == KEPT
    assert look(cache, body("a"), 900.0).read == 0


def test_a_longer_conversation_reads_what_it_has_in_common_and_writes_the_rest() -> None:
    cache = PromptCache()
    short = look(cache, body("a" * 4_000), 0.0, 5_000)
    longer = look(cache, body("a" * 4_000, "b" * 4_000), 1.0, 6_000)
    assert short.written == longer.read == 4_100
    assert longer.written == 1_000


def test_what_differs_earlier_shares_only_what_is_before_it() -> None:
    cache = PromptCache()
    look(cache, body("a" * 4_000), 0.0)
    assert 2_800 < look(cache, body("b" * 4_000), 1.0).read < 3_200
    assert look(cache, body("a" * 4_000, system="x" + LONG), 2.0).read == 0
    assert look(cache, body("a" * 4_000, model="claude-opus-5-5"), 3.0).read == 0
    assert look(cache, body("a" * 4_000, tools=[READ]), 4.0).read == 0
    assert 2_800 < look(cache, body("a" * 4_000, tool_choice={"type": "none"}), 5.0).read < 3_200


def test_nothing_is_kept_that_is_short_or_not_marked() -> None:
    cache = PromptCache()
    assert look(cache, body("a"), 0.0, tokens=1_023) == CacheUse()
    assert look(cache, body("a", model="claude-haiku-5-5"), 0.0, tokens=2_047) == CacheUse()
    assert look(cache, {"model": MODEL, "messages": [{"role": "user", "content": LONG}]}, 0.0) == CacheUse()
    assert (least_tokens("claude-haiku-5-5"), least_tokens("claude-opus-5-5")) == (2_048, 1_024)


def test_an_hour_is_kept_apart() -> None:
    cache = PromptCache()
    request = body("a" * 4_000)
    request["system"][0]["cache_control"] = {"type": "ephemeral", "ttl": "1h"}
    use = look(cache, request, 0.0, 5_000)
    assert 2_800 < use.written_1h < 3_200
    assert use.written == 4_100
    assert 2_800 < look(cache, request, 3_000.0).read < 3_200


def test_an_entry_is_there_only_once_an_answer_has_begun() -> None:
    cache = PromptCache()
    first = cache.look(body("a"), 4_000, 0.0)
    assert cache.look(body("a"), 4_000, 1.0).read == 0
    cache.begun(first, 2.0)
    assert cache.look(body("a"), 4_000, 3.0).read == KEPT


@pytest.mark.parametrize(("count", "found"), [(25, True), (26, False)])
def test_an_earlier_entry_is_found_within_twenty_blocks(count: int, found: bool) -> None:
    cache = PromptCache()
    texts = [f"{n:04}" * 1_000 for n in range(count)]
    wrote = look(cache, body(*texts[:5]), 0.0, 100_000)
    assert wrote.written == 3_100 + 5 * 1_000
    assert look(cache, body(*texts), 1.0, 100_000).read == (wrote.written if found else 3_100)


def test_usage_tells_reads_and_writes_and_reads_are_not_charged(serve: Serve, connect: Connect) -> None:
    server = serve(limits=Limits(rpm=100, itpm=10_000, otpm=100_000))
    client = connect(server)
    system: Any = [{"type": "text", "text": LONG} | MARK]
    first = ask(client, "One.", model=MODEL, system=system).usage
    assert first.cache_creation_input_tokens > 2_900
    assert first.cache_creation.ephemeral_5m_input_tokens == first.cache_creation_input_tokens
    charged = server.stats().charges.input_tokens
    assert charged == first.input_tokens + first.cache_creation_input_tokens
    second = ask(client, "Two.", model=MODEL, system=system).usage
    assert second.cache_read_input_tokens == pytest.approx(first.cache_creation_input_tokens, abs=2)
    assert second.cache_creation_input_tokens == 0
    assert server.stats().charges.input_tokens == charged + second.input_tokens
    assert second.input_tokens < 30


def test_an_agent_with_a_moving_breakpoint_pays_for_every_token_once(serve: Serve, connect: Connect) -> None:
    server = serve()
    system: Any = [{"type": "text", "text": LONG} | MARK]

    class Marking:
        """Marks the last block of every request."""

        def __call__(self, name: str, given: Any) -> Any:
            return [{"type": "text", "text": f"{name} {given} " * 200} | MARK]

    answers, _ = converse(connect(server), "simulate: turns=3", model=MODEL, system=system, use=Marking())
    reads = [a.usage.cache_read_input_tokens for a in answers]
    assert reads[0] == 0
    assert reads == sorted(reads)
    for before, after in itertools.pairwise(answers):
        held = before.usage.cache_read_input_tokens + before.usage.cache_creation_input_tokens
        assert after.usage.cache_read_input_tokens == pytest.approx(held, rel=0.02)
