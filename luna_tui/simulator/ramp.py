"""The limit on growth: input tokens of the last seconds against those of the seconds before."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 10.0


class Ramp:
    """Refuses input that grows too fast. Not thread-safe; instants never fall."""

    def __init__(self, factor: float, floor: float) -> None:
        self._factor = factor
        self._floor = floor
        self._recent: deque[tuple[float, int]] = deque()
        """(instant, tokens) of the last window."""
        self._older: deque[tuple[float, int]] = deque()
        """The same of the window before."""
        self._recent_sum = self._older_sum = 0

    def wait_s(self, at: float, tokens: int) -> float:
        """0 when the tokens may come now, else seconds until something changes for the better."""
        self._slide(at)
        if not self._recent or self._recent_sum + tokens <= self._factor * self._older_sum + self._floor:
            return 0.0
        return self._recent[0][0] + _WINDOW_S - at

    def admitted(self, at: float, tokens: int) -> None:
        """The tokens came in."""
        self._recent.append((at, tokens))
        self._recent_sum += tokens

    def _slide(self, at: float) -> None:
        while self._recent and self._recent[0][0] <= at - _WINDOW_S:
            moved = self._recent.popleft()
            self._older.append(moved)
            self._recent_sum -= moved[1]
            self._older_sum += moved[1]
        while self._older and self._older[0][0] <= at - 2 * _WINDOW_S:
            self._older_sum -= self._older.popleft()[1]
