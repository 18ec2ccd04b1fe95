"""What holds requests back besides the limits: refusals, overload, and growing into the unknown slowly."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
_SLACK_S = 1e-6
"""Float rounding of an instant, so that a wait for the end of a pause never ends just before it."""
_OVERLOADS = 3
"""529 answers in a row, with no other answer between, before everybody pauses."""


@dataclass(slots=True)
class Pause:
    """Nobody is admitted until an instant; pauses in a row double where the server names none."""

    until: float = -math.inf
    in_a_row: int = 0
    """Pauses of which none was followed by a request that went through."""

    def holds(self, now: float) -> bool:
        """Whether nobody is admitted now."""
        return now < self.until

    def left_s(self, now: float) -> float:
        """Seconds until the end of the pause, and never just before it."""
        return max(0.0, self.until - now) + _SLACK_S

    def begin(self, now: float, retry_after_s: float | None) -> float:
        """Pause for as long as the server says, else 1 s and doubling up to 30 s; returns the seconds."""
        if not self.holds(now):
            self.in_a_row += 1
        pause_s = retry_after_s
        if pause_s is None or not math.isfinite(pause_s) or pause_s < 0:
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(max(0, self.in_a_row - 1), 8))
        self.until = max(self.until, now + pause_s)
        return pause_s

    def passed(self, admitted_at: float) -> None:
        """A request that was admitted at this instant went through."""
        if admitted_at >= self.until:
            self.in_a_row = 0


@dataclass(slots=True)
class Overload:
    """Answers with 529: one says nothing, several in a row make everybody pause for a moment."""

    pause: Pause = field(default_factory=Pause)
    in_a_row: int = 0

    def came(self, now: float) -> None:
        """An answer was 529."""
        self.in_a_row += 1
        if self.in_a_row >= _OVERLOADS and not self.pause.holds(now):
            self.pause.begin(now, None)

    def passed(self) -> None:
        """Another answer came."""
        self.in_a_row = 0
        self.pause.in_a_row = 0


@dataclass(slots=True)
class SlowStart:
    """Bounds what is sent without any answer yet, and so the damage that a wrong table can do.

    What is small beside the limits needs no such care: `light` is the share of the tokens per
    minute that may be under way unanswered however many requests that is; half of it as long as no
    answer has told the limits, since the table may be wrong by far.
    """

    window: float = 4.0
    """Requests that may be unanswered; one more with each answer, half of it after a refusal."""
    light: float = 0.2
    unanswered: int = 0
    tokens: float = 0.0
    """Input tokens of the unanswered."""

    def admits(self, need: float, limit: float, rpm: float, *, told: bool) -> bool:
        """Whether one more request of `need` input tokens may be sent unanswered."""
        if self.unanswered < max(1.0, self.window):
            return True
        light = self.light if told else self.light / 2.0
        return self.tokens + need <= light * limit and self.unanswered < light * rpm

    def sent(self, need: float) -> None:
        """A request is under way."""
        self.unanswered += 1
        self.tokens += need

    def ended(self, need: float, *, answered: bool) -> None:
        """The request was answered, or ended without an answer."""
        self.unanswered -= 1
        self.tokens = max(0.0, self.tokens - need) if self.unanswered else 0.0
        if answered:
            self.window += 1.0
            self.light = min(0.2, self.light * 1.1)

    def refused(self) -> None:
        """A refusal came that the books did not foresee."""
        self.window = max(2.0, self.window / 2.0)
        self.light /= 2.0


@dataclass(slots=True)
class Ramp:
    """The pace after the server said that use grew too fast: slower than lately, then faster step by step."""

    sent: deque[tuple[float, float]] = field(default_factory=deque)
    """(instant, input tokens) of the last `_LOOK_S` seconds."""
    pace: float = math.inf
    """Input tokens a second; infinite = no bound."""
    since: float = 0.0
    heard_at: float = -math.inf
    """Instant of the last refusal that lowered the pace."""
    next_at: float = -math.inf

    def count(self, now: float, tokens: float) -> None:
        """A request was admitted."""
        self.sent.append((now, tokens))
        while self.sent[0][0] < now - _LOOK_S:
            self.sent.popleft()
        if self.pace < math.inf:
            self.next_at = max(now, self.next_at) + tokens / self.pace

    def refused(self, now: float, sent_at: float, limit: float) -> None:
        """Go on with 0.8 of the pace of the last ten seconds, at least a tenth of the limit.

        Once for all requests that were sent before the last such refusal was heard.
        """
        if sent_at <= self.heard_at:
            return
        lately = sum(tokens for at, tokens in self.sent if at >= now - _LOOK_S) / _LOOK_S
        self.pace = max(_LEAST_PACE * limit, min(lately, self.pace) * 0.8)
        self.heard_at = self.since = self.next_at = now

    def wait_s(self, now: float, limit: float) -> float:
        """Seconds until the next request may go, given the limit in input tokens a second.

        The bound goes when it would let a whole full bucket through at once; at the limit's own pace
        that bucket is still full, and would be sent as one more burst.
        """
        steps = int((now - self.since) / _STEP_S) if self.pace < math.inf else 0
        if steps > 0:
            self.pace *= 1.25 ** min(steps, _MOST_STEPS)
            self.since += steps * _STEP_S
        if self.pace * _LOOK_S >= limit * 60.0:
            self.pace = math.inf
            return 0.0
        return max(0.0, self.next_at - now)


_LOOK_S = 10.0
_STEP_S = 5.0
_MOST_STEPS = 64
_LEAST_PACE = 0.1
