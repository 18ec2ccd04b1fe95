"""Output tokens in the limiter's books: charged while they are produced, so what runs must be foreseen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from luna_tui.core.bucket import ROUNDING_S, Bucket
from luna_tui.engine.limiter_page import GRAIN, Page, Sight

_UNREPORTED = 32.0
"""Tokens of a running answer that were produced and not yet told, on average."""
_DOUBT = 96.0
"""The most of them that an answer is believed to hold back."""
_GUESS_ERROR = 0.2
"""Part by which tokens counted from the length of a text may be off."""
_PROOFS = 2
"""Answers in a row that must fit the older rule before it is believed."""


@dataclass(slots=True)
class OutputPage(Page):
    """The page of output tokens, and what the running answers will still produce.

    Where the server reserves `max_tokens` when it admits a request, which the first answers show,
    this page does the same and gives the rest back when the answer ends.
    """

    running: int = 0
    expected: float = 0.0
    """Tokens that running answers will still produce."""
    speed: float = 0.0
    """Tokens a second that they produce together."""
    promised: float = 0.0
    """Sum of their `max_tokens`."""
    certain: float = 0.0
    """That of those whose answers have begun, so that the server had surely admitted them."""
    produced: float = 0.0
    """Tokens they have produced so far."""
    reserving: bool = False
    """The server takes `max_tokens` at admission and gives the rest back at the end."""
    proofs: int = 0
    settled: bool = False
    """An answer showed that it does not; a server keeps its rule."""

    def fits_answer(self, need: float, most: float, speed: float) -> bool:
        """Whether an answer of about `need` tokens, at most `most`, at `speed` a second may begin now."""
        if self.reserving:
            return self.fits(most)
        return self._short(self.policy, need, speed, 0.0) <= 0.0 and (
            self._short(self.truth, need, speed, self._truth_margin()) <= 0.0
        )

    def answer_wait_s(self, need: float, most: float, speed: float) -> float | None:
        """Seconds until it fits by draining alone, if the running answers report nothing meanwhile."""
        if self.reserving:
            return self.wait_s(most)
        ours, theirs = (
            self._short(self.policy, need, speed, 0.0),
            self._short(self.truth, need, speed, self._truth_margin()),
        )
        if self.running == 0:
            # Who finds a bucket unused goes alone, however much it needs.
            ours, theirs = min(ours, self.policy.used), min(theirs, self.truth.used)
        wait_s = max(ours / self.policy.rate, self._refill_s(theirs))
        return wait_s + ROUNDING_S if wait_s > 0.0 else 0.0

    def begin(self, need: float, most: float, speed: float) -> None:
        """An answer begins."""
        self.running += 1
        self.expected += need
        self.promised += most
        self.speed += speed
        if self.reserving:
            self._charge(most)

    def end(self, left: float, most: float, speed: float, produced: float, *, answered: bool) -> None:
        """An answer ended that was still expected to produce `left` tokens."""
        self.running -= 1
        if self.running == 0:
            self.expected = self.promised = self.certain = self.speed = self.produced = 0.0
        else:
            self.expected = max(0.0, self.expected - left)
            self.promised -= most
            self.certain -= most if answered else 0.0
            self.speed -= speed
            self.produced -= produced
        if self.reserving:
            self._charge(produced - most)

    def produce(self, tokens: float, less_expected: float) -> None:
        """A running answer produced tokens (or fewer than it seemed), some of which were foreseen."""
        if not self.reserving:
            self._charge(tokens)
        self.produced += tokens
        self.expected = max(0.0, self.expected - less_expected)

    def doubt(self) -> float:
        """Tokens by which the running answers may differ from what they told."""
        return self.running * _DOUBT + _GUESS_ERROR * self.produced

    def sight_of(self, most: float) -> Sight:
        """The books as they are, and what a server that reserves had surely taken with this request."""
        return replace(self.sight(0.0), promised=self.certain + most)

    def judge(self, sight: Sight, remaining: float) -> bool:
        """Whether an answer's word fits a server that reserves; True once, when enough of them did."""
        if self.reserving or self.settled:
            return False
        gone = self.truth.size - self.truth.used + self.booked - remaining
        least, most = sorted((sight.promised - self.produced, self.promised - self.produced))
        if least < 4.0 * self.doubt() + 2.0 * GRAIN:
            return False
        fits = 0.8 * least - GRAIN <= gone <= 1.1 * most + GRAIN
        self.proofs = self.proofs + 1 if fits else 0
        self.settled = gone < 0.5 * least
        if self.proofs < _PROOFS:
            return False
        self.reserving = True
        self._charge(self.promised - self.produced)
        self.truth.used -= min(self.booked, self.truth.used)
        self.booked = self.foreign_rate = 0.0
        return True

    def _charge(self, tokens: float) -> None:
        """Charged here and now on both ledgers, as the server does; so is what it gives back."""
        self.truth.used = max(0.0, self.truth.used + tokens)
        self.policy.used = max(0.0, self.policy.used + tokens)
        self.added += tokens

    def _truth_margin(self) -> float:
        return self.margin + self.running * _UNREPORTED + 1.0

    def _short(self, bucket: Bucket, need: float, speed: float, margin: float) -> float:
        """Units missing so that the level stays above the margin while everything runs; <= 0: none."""
        if self.running == 0 and bucket.used <= 0.0:
            return 0.0
        rate = bucket.rate if bucket is self.policy else self._net_rate
        total = self.expected + bucket.clamp(need)
        drop = total * max(0.0, 1.0 - rate / (self.speed + speed))
        return margin + drop - (bucket.size - bucket.used)
