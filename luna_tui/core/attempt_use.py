"""What the requests of one attempt used together, as its result keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

from luna_tui.core.events import SubtaskFinished, Tokens, UsageRecorded


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptUse:
    """Sums of one attempt."""

    attempt: int
    model: str
    tokens: Tokens = field(default_factory=Tokens)
    searches: int = 0
    cost_usd: float | None = None
    """None = no price was known."""

    def plus(self, used: UsageRecorded) -> AttemptUse:
        """With one more request of the same attempt."""
        cost = self.cost_usd
        if used.cost_usd is not None:
            cost = round((cost or 0.0) + used.cost_usd, 6)
        return AttemptUse(
            attempt=self.attempt,
            model=used.model,
            tokens=self.tokens.plus(used),
            searches=self.searches + used.searches,
            cost_usd=cost,
        )


def with_request(before: AttemptUse | None, used: UsageRecorded) -> AttemptUse:
    """The sums after a request, of whichever attempt it was."""
    if before is None or before.attempt != used.attempt:
        before = AttemptUse(attempt=used.attempt, model=used.model)
    return before.plus(used)


def untold(kept: AttemptUse, told: AttemptUse | None, end: SubtaskFinished) -> UsageRecorded | None:
    """What of it no event tells, as one; `told` are the sums of the events there are. None = nothing."""
    if told is None or told.attempt != kept.attempt:
        told = AttemptUse(attempt=kept.attempt, model=kept.model)
    ours, theirs = kept.tokens, told.tokens
    left = (
        max(0, ours.input - theirs.input),
        max(0, ours.output - theirs.output),
        max(0, ours.cache_read - theirs.cache_read),
        max(0, ours.cache_write - theirs.cache_write),
    )
    if kept.attempt != end.attempt or not any(left):
        return None
    cost = None if kept.cost_usd is None else max(0.0, round(kept.cost_usd - (told.cost_usd or 0.0), 6))
    return UsageRecorded(
        wave=end.wave,
        subtask=end.subtask,
        attempt=kept.attempt,
        model=kept.model,
        input_tokens=left[0],
        output_tokens=left[1],
        cache_read_tokens=left[2],
        cache_write_tokens=left[3],
        searches=max(0, kept.searches - told.searches),
        cost_usd=cost,
    )
