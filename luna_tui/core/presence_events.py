"""Facts about who watches a run, and about what keeps it: none of them changes what the run does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalLost:
    """The terminal of the run's own screen went away; the run goes on without it."""

    how: str
    """`SIGHUP`, or `closed` when the terminal was gone without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """Another program began to watch the run."""

    by: str
    """Who, as in `by` of a command."""
    read_only: bool
    viewers: int
    """Programs that watch now, this one included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detached:
    """Whoever watched has left on purpose or was lost; the run goes on."""

    by: str
    viewers: int = 0
    """Programs that still watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRepaired:
    """What an earlier process left torn was moved aside before the run went on."""

    lines: int
    """Lines that could not be used."""
    where: str
    """The file that holds them now, relative to the run directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSaved:
    """The disk takes events again after `journal_failed`, and what was kept in memory is saved."""

    after_s: float
    """Seconds during which nothing was saved."""
    lost: int = 0
    """Events that were too many to keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSlowed:
    """The disk took unusually long to save events; told now and then while it does."""

    sync_s: float
    """Seconds that one commit took."""
