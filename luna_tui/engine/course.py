"""The waves of a run on their way: opened in turn or together, begun, counted, ended once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from luna_tui.core.events import Event, WaveFinished, WaveStarted
from luna_tui.core.limits import WorkerRule
from luna_tui.core.past import Past
from luna_tui.core.plan import Plan, Wave
from luna_tui.core.words import GOOD, OnFailure, RunStatus, Schedule, Status
from luna_tui.engine.board import PlanBoard
from luna_tui.engine.clock import Clock
from luna_tui.engine.deadlines import Deadline, DeadlineThread
from luna_tui.engine.flight import Ending, Flight
from luna_tui.engine.tally import wave_status


@dataclass(slots=True, eq=False)
class WaveInProgress:
    """One wave of the run; protected by the desk's lock."""

    wave: Wave
    number: int
    """From 0."""
    counts: Counter[Status] = field(default_factory=Counter)
    began_at: float | None = None
    """When something of it was first handed out."""
    deadline: Deadline | None = None
    """Armed at its first start."""
    asking: set[Flight] = field(default_factory=set)
    """Those that wait for a person; while there are any, its clock stands."""
    left_s: float | None = None
    """Of its time, while its clock stands."""
    ended_by: Ending | None = None
    """The timeout or cancellation that ended it early."""
    opened: bool = False
    finished: bool = False
    told: bool = False
    """An earlier process told its end, or that it will not begin; nothing of it came back since."""

    def ends(self, ending: Ending) -> None:
        """Start nothing more of it; the first reason counts."""
        self.ended_by = self.ended_by or ending


class Course:
    """Which waves are open, and their events; every method is called under the desk's lock."""

    def __init__(
        self,
        plan: Plan,
        board: PlanBoard,
        clock: Clock,
        deadlines: DeadlineThread,
        *,
        rule: WorkerRule,
        publish: Callable[[Event], object],
        expire: Callable[[WaveInProgress], None],
    ) -> None:
        self._board = board
        self._clock = clock
        self._deadlines = deadlines
        self._publish = publish
        self._expire = expire
        """Called without the lock when a wave's time is over."""
        self._rule = rule
        self._together = plan.schedule is Schedule.DAG
        self._strict = plan.on_failure is OnFailure.STOP
        self.waves = [WaveInProgress(wave, number) for number, wave in enumerate(plan.waves)]
        self._by_name = {w.wave.name: w for w in self.waves}
        self._over: deque[WaveInProgress] = deque()
        """Nothing is left of them, and that was not told yet."""
        self._opened = 0
        self._restored_at = clock.now()
        self.stopped: Ending | None = None
        """Why waves after a failed one start nothing more."""

    def named(self, name: str) -> WaveInProgress | None:
        """The wave with this name."""
        return self._by_name.get(name)

    def of(self, subtask_id: str) -> WaveInProgress:
        """The wave of a subtask."""
        return self.waves[self._board.wave_of(subtask_id)]

    def restore(self, past: Past) -> None:
        """Take over what earlier processes told, with the board restored; waves that had begun are open."""
        self._restored_at = self._clock.now()
        for subtask_id, status in past.ends.items():
            if self._board.knows(subtask_id):
                self.of(subtask_id).counts[status] += 1
        last = 0
        for wave in self.waves:
            name = wave.wave.name
            if name in past.begun:
                last = wave.number + 1
                wave.began_at = self._restored_at - past.begun[name]
            wave.told = name in past.over or (wave.began_at is None and wave.counts[Status.CANCELLED] > 0)
        while self._opened < last:
            self._open_next()

    def take_up(self) -> WaveInProgress | None:
        """Work goes on from now on; returns the wave of a strict plan that went wrong earlier."""
        idle_s = self._clock.now() - self._restored_at
        for wave in self.waves:
            if wave.began_at is not None:
                wave.began_at += idle_s
        if not self._strict or self.stopped is not None:
            return None
        bad = (w for w in self.waves if any(n and s not in GOOD for s, n in w.counts.items()))
        wrong = next(bad, None)
        if wrong is not None:
            self._stop_after(wrong)
        return wrong

    def advance(self) -> None:
        """Tell of waves that are over, and open what may begin now."""
        if self._opened == 0:
            self._open_next()
        while self._over:
            wave = self._over.popleft()
            if wave.opened and not wave.finished and self._board.left_of(wave.number) == 0:
                self._finish(wave)
                if wave.number + 1 == self._opened:
                    self._open_next()

    def begin(self, wave: WaveInProgress) -> None:
        """Something of the wave is handed out; the first time, that is its start."""
        if wave.began_at is not None:
            return
        wave.began_at = self._clock.now()
        workers = allowed(self._rule, wave.wave)
        parallel, reason = manner(self._rule, wave.wave)
        self._publish(WaveStarted(wave=wave.wave.name, parallel=parallel, reason=reason, workers=workers))

    def start_clock(self, wave: WaveInProgress) -> None:
        """The first attempt of a wave starts its timeout."""
        if wave.deadline is None and wave.wave.timeout > 0:
            at = self._clock.now() + wave.wave.timeout
            wave.deadline = self._deadlines.arm(at, lambda: self._expire(wave))

    def stand(self, wave: WaveInProgress, flight: Flight) -> None:
        """One of its subtasks waits for a person: that takes nothing of the wave's time."""
        wave.asking.add(flight)
        deadline = wave.deadline
        if deadline is not None and not deadline.disarmed:
            wave.left_s = max(0.0, deadline.at - self._clock.now())
            deadline.disarm()

    def still(self, wave: WaveInProgress) -> bool:
        """Its time is over, unless its clock stands: then what was left of it was less than a moment."""
        if wave.asking:
            wave.left_s = 0.0
        return bool(wave.asking)

    def go_on(self, wave: WaveInProgress, flight: Flight) -> None:
        """It waits no longer; said again it changes nothing."""
        wave.asking.discard(flight)
        if wave.left_s is None or wave.asking:
            return
        left_s, wave.left_s = wave.left_s, None
        if not wave.finished and wave.ended_by is None:
            at = self._clock.now() + left_s
            wave.deadline = self._deadlines.arm(at, lambda: self._expire(wave))

    def count(self, wave: WaveInProgress, status: Status) -> bool:
        """Book an end of one of its subtasks; True when later waves must start nothing more."""
        wave.counts[status] += 1
        if self._board.left_of(wave.number) == 0:
            self._over.append(wave)
        if status in GOOD or not self._strict or self.stopped is not None:
            return False
        self._stop_after(wave)
        return True

    def take_back(self, wave: WaveInProgress, status: Status) -> None:
        """The end of one of its subtasks is undone; a wave that was over ends once more, in its own time."""
        wave.counts[status] -= 1
        wave.told = False
        if wave.finished:
            wave.finished, wave.ended_by = False, None

    def use(self, rule: WorkerRule) -> None:
        """Another number of workers, for what waves say when they begin."""
        self._rule = rule

    def _stop_after(self, wrong: WaveInProgress) -> None:
        self.stopped = Ending(
            Status.SKIPPED, f"wave {wrong.wave.name} did not succeed and the plan says stop"
        )
        for later in self.waves[wrong.number + 1 :]:
            later.ends(self.stopped)

    def _open_next(self) -> None:
        """The next wave, or all of them where waves are only labels."""
        last = len(self.waves) if self._together else min(self._opened + 1, len(self.waves))
        opening = self.waves[self._opened : last]
        self._board.open(range(self._opened, last))
        self._opened = last
        for wave in opening:
            wave.opened = True
            if self._board.left_of(wave.number) == 0:
                self._over.append(wave)

    def _finish(self, wave: WaveInProgress) -> None:
        wave.finished = True
        if wave.deadline is not None:
            wave.deadline.disarm()
        if wave.told or (wave.began_at is None and wave.ended_by is not None):
            return
        self.begin(wave)
        assert wave.began_at is not None
        status = wave_status(wave.counts)
        self._publish(
            WaveFinished(
                wave=wave.wave.name,
                status=status,
                counts={str(s): n for s, n in sorted(wave.counts.items()) if n},
                wall_s=self._clock.now() - wave.began_at,
                reason=wave.ended_by.reason if wave.ended_by and status is not RunStatus.SUCCEEDED else "",
            )
        )


def allowed(rule: WorkerRule, wave: Wave) -> int:
    """Workers that a wave may use."""
    return min(rule.most, wave.max_workers or rule.most) if wave.parallel else 1


def manner(rule: WorkerRule, wave: Wave) -> tuple[bool, str]:
    """Whether a wave runs in parallel, and the reason in words."""
    count = len(wave.subtasks)
    workers = allowed(rule, wave)
    if not wave.parallel:
        return False, "sequential: the plan says parallel = false"
    if count == 1:
        return False, "sequential: one subtask"
    if workers == 1:
        return False, "sequential: one worker"
    if rule.automatic and workers == rule.most:
        return True, f"parallel: {count} subtasks, as many at once as the limits can use"
    return True, f"parallel: {count} subtasks on {min(workers, count)} workers"
