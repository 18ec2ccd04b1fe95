"""Decide when the terminal may be sent more, and how much: by its own answers where it gives any.

Nothing below a terminal says how much of what was sent is still under way: a writer's queue, the kernel and
a remote shell's window take seconds of frames without complaint, and a key then waits behind them. So a
question (`ESC[6n`, where is the cursor?) goes after every frame, and the answer says that it was read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from luna_tui.core.tongue import N_
from luna_tui.tui.ladder import Ladder, Rung

QUEUE_S = 0.06
"""Queueing that is aimed at: what is under way keeps a key waiting for no longer."""
SILENCE_S = 2.0
"""A question that has had no answer for so long is not going to get one."""
LEAST_BYTES = 512
LEAST_LOCAL_BYTES = 2_048
MOST_BYTES = 65_536
FIRST_BYTES = 4_096
STEP_BYTES = 1_024
"""Added to the budget, at most, for an answer that came in time."""
PROBES = 16
"""Questions are numbered, so that a late answer is not taken for that to another question."""
_UNFOCUSED_FPS = 1


class Line(IntEnum):
    """What lies between this process and the eyes; the value is the frames of data a second that suit it."""

    LOCAL = 10
    SSH = 4
    MULTIPLEXER = 2

    @property
    def probes(self) -> bool:
        """tmux and screen answer for the terminal at once: asking them tells nothing."""
        return self is not Line.MULTIPLEXER


def line_of(environ: Mapping[str, str]) -> Line:
    """What the environment says of the terminal.

    TERM=screen over SSH is a multiplexer at the far end of the slow line: there its answers tell the truth.
    """
    if environ.get("TMUX") or environ.get("STY"):
        return Line.MULTIPLEXER
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return Line.SSH
    return Line.MULTIPLEXER if environ.get("TERM", "").startswith(("screen", "tmux")) else Line.LOCAL


WORDS: Mapping[Rung, str] = {
    Rung.FULL: "",
    Rung.NO_TEXT: N_("slow line: no stream text"),
    Rung.SUMMARY: N_("slow line: one frame a second, no stream text"),
}
"""What the status line says of each rung."""


@dataclass(slots=True)
class _Probe:
    number: int
    asked_at: float
    sent: int
    """All bytes handed over when it was asked."""
    size: int
    """Bytes that were under way with it."""


class Pacer:
    """Frames and bytes that a terminal may get. All instants are given, in seconds of one rising clock."""

    def __init__(self, line: Line, fps: int = 0) -> None:
        """`fps` 0 = what suits the line."""
        self._line = line
        self._fps = fps or int(line)
        self._ladder = Ladder()
        self._probing = line.probes
        self._known = False
        """It has answered before."""
        self._silent = False
        self._stopped = False
        self._number = 0
        self._probes: deque[_Probe] = deque()
        self._distance_s = float("inf")
        """A trip of what is small."""
        self._budget = FIRST_BYTES
        self._least = LEAST_BYTES if line is not Line.LOCAL else LEAST_LOCAL_BYTES
        self._late = False
        """The last answer was late."""
        self._sent = 0
        self._answered = 0
        self._untaken = 0
        self._sent_at = float("-inf")
        self._drawn_at = float("-inf")
        self._began_at: float | None = None
        self._trips_of_frame = 0
        self.held = False
        """Something is waiting to be sent; whoever holds it says so."""
        self.focused = True
        """Somebody looks, as far as the terminal says."""

    @property
    def rung(self) -> Rung:
        """How much is left out because the line is slow."""
        return self._ladder.rung

    @property
    def words(self) -> str:
        """What the status line says of it, untranslated; empty when nothing is left out."""
        return WORDS[self.rung]

    @property
    def fps(self) -> int:
        """Frames of data a second, at most, as things are."""
        slow = not self.focused or self.rung is Rung.SUMMARY
        return min(self._fps, _UNFOCUSED_FPS) if slow else self._fps

    @property
    def tick_s(self) -> float:
        """How often to ask `may_draw`: a whole part of a frame's time, and soon after an answer."""
        return 1 / (self._fps * -(-10 // self._fps))

    @property
    def budget(self) -> int:
        """Bytes that may be under way."""
        return self._budget

    @property
    def under_way(self) -> int:
        """Bytes sent that no answer has covered yet."""
        return self._sent - self._answered

    @property
    def asking(self) -> bool:
        """A question is out, and its answer may still come."""
        return bool(self._probes) and not self._silent

    def may_draw(self, now: float) -> bool:
        """Whether a frame of data is due and can be sent at once; a yes counts as the frame."""
        self._look(now)
        # A timer is late by a little as often as it is early.
        due = now - self._drawn_at >= 1 / self.fps - self.tick_s / 2
        if not due or self.held or self._untaken or not self._free(now):
            return False
        self._drawn_at = now
        return True

    def room(self, now: float, *, urgent: bool = False) -> int:
        """Bytes that may be handed over now; what answers a key may go behind a frame that is under way."""
        self._look(now)
        if not self._probing or not self._known:
            return 0 if self._untaken else MOST_BYTES
        if self._free(now):
            # Never nothing: no question may be out that would make more room.
            return max(self._least, self._budget - (0 if self._silent else self.under_way))
        return max(0, 2 * self._budget - self.under_way) if urgent and not self._silent else 0

    def next_question(self) -> int | None:
        """Number of the question to send with the next bytes; None = ask nothing now."""
        return None if not self._probing or self._stopped or self.asking else self._number % PROBES + 1

    def sent(self, size: int, now: float, question: int | None = None) -> None:
        """So many bytes are handed over, with this question after them."""
        self._sent += size
        self._untaken += size
        self._sent_at = now
        if self._began_at is None:
            self._began_at, self._trips_of_frame = now, 0
        if question is not None:
            self._number = question
            self._probes.append(_Probe(question, now, self._sent, self.under_way))
            while len(self._probes) >= PROBES:
                self._probes.popleft()

    def taken(self, left: int, now: float) -> None:
        """The kernel has taken all but so many bytes; a terminal that does not answer says no more."""
        self._untaken = left
        if not self._probing and not left:
            self._clear(now)

    def answered(self, now: float, number: int | None = None) -> bool:
        """An answer came, to this question or (None) to the latest one; False when none was open."""
        found = [n for n, p in enumerate(self._probes) if number in (None, p.number)]
        if not found:
            return False
        probe = self._probes[found[-1]]
        for _ in range(found[-1] + 1):
            self._probes.popleft()
        self._probing, self._known, self._silent = self._line.probes, True, False
        self._answered = max(self._answered, probe.sent)
        self._adjust(now - probe.asked_at, probe.size)
        self._trips_of_frame += 1
        if not self.held and not self._probes:
            self._clear(now)
        return True

    def stop(self) -> None:
        """Ask nothing any more."""
        self._stopped = True

    def restart(self) -> None:
        """After a stop: what was under way is settled, and whether it answers is found out again."""
        self._stopped = self._silent = self.held = False
        self._probes.clear()
        self._probing = self._line.probes
        self._answered, self._untaken = self._sent, 0
        self._began_at = None

    def _free(self, now: float) -> bool:
        """Nothing is under way that has to be waited for."""
        if not self._probing:
            return True
        if not self._known:
            return self.under_way < FIRST_BYTES
        if self._silent:
            return now - self._sent_at >= SILENCE_S
        return not self._probes

    def _look(self, now: float) -> None:
        """Notice that no answer comes, and that a frame has been long under way."""
        if self._probes and now - self._probes[-1].asked_at >= SILENCE_S:
            # One that has answered before is stuck, or an answer was lost: ask again, now and then.
            self._silent = True
            if not self._known:
                self._probing, self._began_at = False, None
        if self._began_at is not None and now - self._began_at >= SILENCE_S:
            self._ladder.frame(now - self._began_at, now)

    def _adjust(self, trip_s: float, size: int) -> None:
        """Additive increase while the queue stays short, multiplicative decrease when it does not."""
        if trip_s < self._distance_s:
            self._distance_s = trip_s
        elif size <= LEAST_BYTES:
            # Only what is small tells a line that got longer from one that is slow.
            self._distance_s += (trip_s - self._distance_s) / 16
        queued_s = trip_s - self._distance_s
        late, self._late = self._late, queued_s > QUEUE_S
        if self._late:
            # On this machine once may be its own load; a line is believed the first time.
            believed = late or self._line is not Line.LOCAL
            share = max(0.25, QUEUE_S / queued_s) if believed else 1.0
            self._budget = max(self._least, int(min(self._budget, max(size, self._least)) * share))
        elif size * 2 >= self._budget:
            self._budget = min(MOST_BYTES, self._budget + min(STEP_BYTES, self._budget // 8))

    def _clear(self, now: float) -> None:
        """The frame has arrived as a whole; what the distance alone takes is not the line's fault."""
        if self._began_at is not None:
            distance_s = self._trips_of_frame * self._distance_s if self._trips_of_frame else 0.0
            self._ladder.frame(max(0.0, now - self._began_at - distance_s), now)
        self._began_at = None
