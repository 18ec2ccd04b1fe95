"""What holds the commands of agents, as the configuration says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from luna_tui.core.rules import Rules


class SandboxKind(StrEnum):
    """What a configuration may ask for."""

    AUTO = "auto"
    """bubblewrap where it runs, else Landlock, else commands are refused."""
    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    NONE = "none"
    """Commands run as the user, held by nothing."""


REFUSED = "refused"
"""In place of a kind: nothing can hold commands, so agents run none."""
STRICTNESS = (SandboxKind.NONE, SandboxKind.LANDLOCK, SandboxKind.AUTO, SandboxKind.BUBBLEWRAP)
"""From the loosest to the strictest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """`[sandbox]`, checked."""

    kind: SandboxKind = SandboxKind.AUTO
    network: bool = False
    """Commands reach the network."""
    read: tuple[str, ...] = ()
    """Absolute paths that commands may read besides the system, their programs and the workspace."""
    rules: Rules = field(default_factory=Rules)
    """For every tool, not only for commands."""
