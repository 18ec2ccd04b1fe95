"""Every verb that an admission is told, with its instant and what it decided, as plain numbers and words.

`make recordings` writes `tests/engine/headers/*.json` anew, from runs against the simulated service.
Do so only when the limiter is meant to decide otherwise; what changed is then in the diff.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.virtual import Client, Scenario
from benchmarks.workloads import mixed
from luna_tui.core.limits import Limits
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.admission import Admission
from luna_tui.engine.limiter_books import Ticket
from luna_tui.engine.runner import Demand, Refusal, ServerLimit, ServerLimits, Usage
from luna_tui.simulator.settings import (
    Foreign,
    HeaderMode,
    HeaderMoment,
    LimitChange,
    OutputRule,
    SimulatorSettings,
)

FOLDER = Path(__file__).parent / "headers"
_LIMITS = Limits(rpm=120, itpm=60_000, otpm=12_000)

Decision = list[Any]
"""Number of a ticket, and None = admitted, else why it waits now."""
Line = list[Any]
"""Instant, verb, number of the ticket or None, arguments, decisions."""


@dataclass(frozen=True, slots=True)
class Recording:
    """All that one admission was told."""

    about: str
    limits: Limits
    mode: Mode
    begun_at: float
    lines: list[Line] = field(default_factory=list)

    @property
    def decisions(self) -> list[list[Decision]]:
        return [line[4] for line in self.lines]


class Recorder(Admission):
    """An admission that writes down what it is told and what it decides."""

    def __init__(self, limits: Limits, mode: Mode, now: float, about: str = "") -> None:
        super().__init__(limits, mode, now)
        self.recording = Recording(about, limits, mode, now)
        self._numbers: dict[Ticket, int] = {}

    def join(self, now: float, demand: Demand, *, again: Ticket | None = None) -> tuple[Ticket, list[Ticket]]:
        ticket, news = super().join(now, demand, again=again)
        before = None if again is None else self._numbers[again]
        self._numbers[ticket] = len(self._numbers)
        needs = [demand.input_tokens, demand.output_tokens, demand.max_output_tokens, demand.requests]
        self._write(now, "join", ticket, [needs, before], news)
        return ticket, news

    def leave(self, now: float, ticket: Ticket) -> list[Ticket]:
        return self._write(now, "leave", ticket, [], super().leave(now, ticket))

    def answered(self, now: float, ticket: Ticket, told: ServerLimits) -> list[Ticket]:
        return self._write(now, "answered", ticket, _words(told), super().answered(now, ticket, told))

    def observe(self, now: float, told: ServerLimits) -> list[Ticket]:
        return self._write(now, "observe", None, _words(told), super().observe(now, told))

    def correct(self, now: float, ticket: Ticket, usage: Usage) -> list[Ticket]:
        return self._write(now, "correct", ticket, _counts(usage), super().correct(now, ticket, usage))

    def settle(self, now: float, ticket: Ticket, usage: Usage) -> list[Ticket]:
        return self._write(now, "settle", ticket, _counts(usage), super().settle(now, ticket, usage))

    def refund(self, now: float, ticket: Ticket) -> list[Ticket]:
        return self._write(now, "refund", ticket, [], super().refund(now, ticket))

    def refused(self, now: float, ticket: Ticket | None, refusal: Refusal) -> list[Ticket]:
        named = None if refusal.dimension is None else refusal.dimension.value
        words = [refusal.retry_after_s, named, refusal.ramp]
        return self._write(now, "refused", ticket, words, super().refused(now, ticket, refusal))

    def overloaded(self, now: float, ticket: Ticket | None) -> list[Ticket]:
        return self._write(now, "overloaded", ticket, [], super().overloaded(now, ticket))

    def use(self, now: float, *, limits: Limits | None = None, mode: Mode | None = None) -> list[Ticket]:
        words = [None if limits is None else [limits.rpm, limits.itpm, limits.otpm], mode and mode.value]
        return self._write(now, "use", None, words, super().use(now, limits=limits, mode=mode))

    def advance(self, now: float) -> list[Ticket]:
        return self._write(now, "advance", None, [], super().advance(now))

    def _write(
        self, now: float, verb: str, ticket: Ticket | None, words: list[Any], news: list[Ticket]
    ) -> list[Ticket]:
        number = None if ticket is None else self._numbers[ticket]
        decided = [
            [self._numbers[t], None if t.admitted_at is not None or t.reason is None else t.reason.value]
            for t in news
        ]
        self.recording.lines.append([now, verb, number, words, decided])
        return news


def replay(recording: Recording) -> Recording:
    """Tell a fresh admission the same at the same instants; returns what it decided."""
    admission = Recorder(recording.limits, recording.mode, recording.begun_at, recording.about)
    tickets: list[Ticket] = []
    for now, verb, number, words, _ in recording.lines:
        _tell(admission, tickets, now, verb, number, words)
    return admission.recording


def _tell(
    admission: Admission, tickets: list[Ticket], now: float, verb: str, number: int | None, words: list[Any]
) -> None:
    ticket: Any = None if number is None or verb == "join" else tickets[number]
    match verb:
        case "join":
            again = None if words[1] is None else tickets[words[1]]
            tickets.append(admission.join(now, _demand(words[0]), again=again)[0])
        case "answered":
            admission.answered(now, ticket, _told(words))
        case "observe":
            admission.observe(now, _told(words))
        case "correct" | "settle":
            getattr(admission, verb)(now, ticket, _usage(words))
        case "refused":
            named = None if words[1] is None else WaitReason(words[1])
            refusal = Refusal(retry_after_s=words[0], dimension=named, ramp=words[2])
            admission.refused(now, ticket, refusal)
        case "use":
            limits = None if words[0] is None else Limits(*words[0])
            admission.use(now, limits=limits, mode=None if words[1] is None else Mode(words[1]))
        case "advance":
            admission.advance(now)
        case _:
            getattr(admission, verb)(now, ticket)


def _demand(words: list[int]) -> Demand:
    return Demand(
        input_tokens=words[0], output_tokens=words[1], max_output_tokens=words[2], requests=words[3]
    )


def _counts(usage: Usage) -> list[int]:
    return [usage.input_tokens, usage.output_tokens, usage.cache_write_tokens]


def _usage(words: list[int]) -> Usage:
    return Usage(model="m", input_tokens=words[0], output_tokens=words[1], cache_write_tokens=words[2])


def _words(told: ServerLimits) -> list[Any]:
    each = (told.rpm, told.itpm, told.otpm)
    return [None if word is None else [word.limit, word.remaining, word.reset_s] for word in each]


def _told(words: list[Any]) -> ServerLimits:
    rpm, itpm, otpm = (
        None if word is None else ServerLimit(limit=word[0], remaining=word[1], reset_s=word[2])
        for word in words
    )
    return ServerLimits(rpm=rpm, itpm=itpm, otpm=otpm)


def load(path: Path) -> Recording:
    """A recording from its file."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    limits, mode = Limits(*kept["limits"]), Mode(kept["mode"])
    return Recording(kept["about"], limits, mode, kept["begun_at"], kept["lines"])


def save(path: Path, recording: Recording) -> None:
    """One verb a line."""
    head = {
        "about": recording.about,
        "limits": [recording.limits.rpm, recording.limits.itpm, recording.limits.otpm],
        "mode": recording.mode.value,
        "begun_at": recording.begun_at,
    }
    lines = ",\n".join(json.dumps(line, separators=(",", ":")) for line in recording.lines)
    path.write_text(f'{json.dumps(head)[:-1]}, "lines": [\n{lines}\n]}}\n', encoding="utf-8")


def record(name: str, scenario: Scenario) -> Recording:
    """Run a scenario and keep what its limiter was told."""
    recorders: list[Recorder] = []

    class RecordedClient(Client):
        def limiter(self, limits: Limits, mode: Mode) -> Admission:
            recorders.append(Recorder(limits, mode, 0.0, name))
            return recorders[0]

    RecordedClient(scenario).run()
    return recorders[0].recording


def scenarios() -> dict[str, Scenario]:
    """What is recorded, by the name of its file; a service with a small account, so that few verbs do."""
    normal = SimulatorSettings(limits=_LIMITS)
    small = tuple(replace(w, output_tokens=min(w.output_tokens, 500)) for w in mixed(24, 1, tight=True))
    services = {
        "normal": normal,
        "early": replace(normal, header_moment=HeaderMoment.EARLY),
        "foreign": replace(normal, foreign=(Foreign(0.6, 5.0, 60.0),)),
        "halved": replace(normal, limit_changes=(LimitChange(20.0, 0.5),)),
        "gateway": replace(normal, headers=HeaderMode.GATEWAY, foreign=(Foreign(0.6, 5.0, 60.0),)),
        "stale": replace(normal, headers=HeaderMode.STALE),
        "skewed": replace(normal, headers=HeaderMode.SKEWED),
        "reserved": replace(normal, output_rule=OutputRule.RESERVED, limits=replace(_LIMITS, otpm=60_000)),
        "other_limits": replace(normal, limits=Limits(rpm=60, itpm=90_000, otpm=6_000)),
    }
    return {
        name: Scenario(work=small, service=service, table=_LIMITS, estimates=name != "early", seed=3)
        for name, service in services.items()
    }


def write_all(names: Sequence[str] = ()) -> None:
    """Record the scenarios anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, scenario in scenarios().items():
        if not names or name in names:
            save(FOLDER / f"{name}.json", record(name, scenario))


if __name__ == "__main__":
    write_all()
