"""Remember what every conversation was sent, and see whether what comes back is that, and only that."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from luna_tui.simulator.answers import Answer
from luna_tui.simulator.conversation import MODEL_IDS, blocks_of, conversation_of, messages_of

_KEPT = 200_000
"""Ids that are remembered; older ones count as unknown."""
_TOKEN = re.compile(r"\btoken: *([^\s\\\"']+)")
_PREFILL = (
    "This model does not support assistant message prefill. The conversation must end with a user message."
)


class Violation(StrEnum):
    """What must not be found in a conversation that comes back."""

    ALTERED = "altered"
    """An answer is not word for word what was sent."""
    CROSSED = "crossed"
    """Answers of several conversations stand in one."""
    REWRITTEN = "rewritten"
    """An answer stands after other messages than those it was given to."""
    FOREIGN = "foreign"
    """A tool has brought the token, or the id of a use, of another conversation."""
    UNKNOWN = "unknown"
    """An answer has ids that this server never sent."""


_IGNORED = ("cache_control", "citations", "caller")
_REFUSED = {
    Violation.ALTERED: "this is not word for word the answer that was sent",
    Violation.CROSSED: "this is an answer to another conversation",
    Violation.REWRITTEN: "the messages before this answer are not those that it answered",
}
"""What is refused, and how; the rest is counted only: the real service would not notice it either."""


@dataclass(frozen=True, slots=True)
class ConversationCounts:
    """What was seen of conversations that use tools or pause."""

    conversations: int
    """Begun; a first request that is sent again begins another one."""
    turns: int
    """Answers in them."""
    violations: Mapping[str, int]
    """By kind; kinds that did not occur are not there."""


@dataclass(frozen=True, slots=True)
class _Sent:
    conversation: int
    content: str
    """Digest of the answer."""
    history: str
    """Digest of the messages it answers."""
    stop_reason: str
    cut: str
    """Id of the use whose input max_tokens has cut, which comes back as the client could read it."""


class Ledger:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Protects everything below."""
        self._sent: dict[str, _Sent] = {}
        self._owners: dict[str, int] = {}
        """The conversation that said a token first."""
        self._conversations = self._turns = 0
        self._violations: Counter[Violation] = Counter()

    def refusal(self, body: dict[str, Any]) -> str | None:
        """Count what is wrong with the conversation of a request; the message when it is refused."""
        messages = messages_of(body)
        refused: str | None = None
        with self._lock:
            for place, wrong in self._wrong(messages):
                self._violations[wrong] += 1
                if wrong in _REFUSED and refused is None:
                    refused = f"messages.{place}: {_REFUSED[wrong]}"
            self._violations[Violation.FOREIGN] += self._foreign(body)
            if refused is None and messages[-1]["role"] == "assistant" and not self._paused(messages[-1]):
                return _PREFILL
        return refused

    def sending(self, body: dict[str, Any], answer: Answer) -> None:
        """Remember an answer before its first byte is sent."""
        content = answer.content()
        keys = _keys(content)
        if not body.get("tools") and not keys and answer.stop_reason != "pause_turn":
            return
        tool_ends = bool(content) and content[-1]["type"] == "tool_use" and answer.stop_reason == "max_tokens"
        cut = content[-1]["id"] if tool_ends else ""
        messages = messages_of(body)
        with self._lock:
            number = self._number(body, messages)
            sent = _Sent(number, _digest(content, cut), _histories(messages)[-1], answer.stop_reason, cut)
            self._turns += 1
            for key in keys or [sent.content]:
                self._sent[key] = sent
            while len(self._sent) > _KEPT:
                del self._sent[next(iter(self._sent))]

    def counts(self) -> ConversationCounts:
        """What was seen so far."""
        with self._lock:
            violations = {str(kind): count for kind, count in self._violations.items() if count}
            return ConversationCounts(self._conversations, self._turns, violations)

    def _wrong(self, messages: list[dict[str, Any]]) -> Iterator[tuple[int, Violation]]:
        first: _Sent | None = None
        histories = _histories(messages)
        for place, message in enumerate(messages):
            keys = _keys(blocks_of(message)) if message["role"] == "assistant" else []
            if not keys:
                continue
            sents = [self._sent.get(key) for key in keys]
            sent = sents[0]
            if sent is None or None in sents:
                yield place, Violation.UNKNOWN
                continue
            first = first or sent
            if any(one is not None and one.conversation != first.conversation for one in sents):
                yield place, Violation.CROSSED
            elif _digest(blocks_of(message), sent.cut) != sent.content:
                yield place, Violation.ALTERED
            elif histories[place] != sent.history:
                yield place, Violation.REWRITTEN

    def _foreign(self, body: dict[str, Any]) -> int:
        """Results of tools that hold what belongs to another conversation."""
        talk = conversation_of(body)
        if not talk.brought:
            return 0
        own = set(_TOKEN.findall(talk.asked))
        mine = {key for message in messages_of(body) for key in _keys(blocks_of(message))}
        return sum(
            any(token in self._owners for token in set(_TOKEN.findall(one.text)) - own)
            or any(found in self._sent for found in set(MODEL_IDS.findall(one.text)) - mine)
            for one in talk.brought
        )

    def _paused(self, message: dict[str, Any]) -> bool:
        content = blocks_of(message)
        keys = _keys(content) or [_digest(content, "")]
        return any((sent := self._sent.get(key)) and sent.stop_reason == "pause_turn" for key in keys)

    def _number(self, body: dict[str, Any], messages: list[dict[str, Any]]) -> int:
        """The conversation of a request that was not refused; a new one when nothing was sent in it."""
        for message in messages:
            content = blocks_of(message)
            for key in (_keys(content) or [_digest(content, "")]) if message["role"] == "assistant" else ():
                if key in self._sent:
                    return self._sent[key].conversation
        self._conversations += 1
        for token in _TOKEN.findall(conversation_of(body).asked):
            self._owners.setdefault(token, self._conversations)
        return self._conversations


def _keys(content: list[dict[str, Any]]) -> list[str]:
    """What no other answer has: ids of uses and signatures."""
    ids = [block["id"] for block in content if block.get("type") in ("tool_use", "server_tool_use")]
    return ids + [str(block["signature"]) for block in content if block.get("type") == "thinking"]


def _histories(messages: list[dict[str, Any]]) -> list[str]:
    """For each message the digest of all before it, and at the end that of them all."""
    digests = [""]
    for message in messages:
        told = [message["role"], [_plain(block, "") for block in blocks_of(message)]]
        digests.append(_hash([digests[-1], told]))
    return digests


def _digest(content: list[dict[str, Any]], cut: str) -> str:
    return _hash([_plain(block, cut) for block in content])


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _plain(block: dict[str, Any], cut: str) -> dict[str, Any]:
    """A block without what a client may leave out, add or not know."""
    kept = {k: _present(v) for k, v in block.items() if v is not None and k not in _IGNORED}
    if cut and kept.get("id") == cut:
        kept["input"] = {}
    return kept


def _present(value: Any) -> Any:
    """Without fields that are null."""
    if isinstance(value, dict):
        return {key: _present(each) for key, each in value.items() if each is not None}
    return [_present(each) for each in value] if isinstance(value, list) else value
